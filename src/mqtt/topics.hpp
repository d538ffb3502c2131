// MQTT topics and filters, and what they are in the router's address space (bridges specification, sections 2.3 and 8.2).
//
// The topic "lights/1/dim" is the address "/lights/1/dim" (below the namespace, if there is one); odd topics are percent-encoded as NamespaceMap
// says, so that every topic comes back as it was.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/namespace_map.hpp"

namespace clasp::mqtt {

// May it be published to? Not empty, no wildcard. (The decoder has checked UTF-8 and zeros.)
bool is_topic_name(std::string_view topic);
bool is_topic_filter(std::string_view filter);  // '#' only at the end, wildcards only as whole levels

// "$share/group/filter": nothing if it is no such thing; `valid` false if it begins like one and is malformed.
struct SharedFilter {
  std::string_view group;
  std::string_view filter;
  bool valid = true;
};
std::optional<SharedFilter> parse_shared(std::string_view filter);

// MQTT 4.7: whole levels, "a/#" matches "a", a wildcard in front matches no topic that begins with '$'. Both are valid.
bool filter_matches(std::string_view filter, std::string_view topic);

// Can a match of its patterns be wrong? See patterns_of().
bool filter_needs_check(std::string_view filter);

class TopicMap {
 public:
  explicit TopicMap(bridge::NamespaceMap names) : names_(std::move(names)) {}

  // False: no address can hold it (too long).
  bool to_address(std::string_view topic, std::string& address) const;
  // Nothing: outside the namespace, or no topic. The view is into `address` or into `scratch`.
  std::optional<std::string_view> to_topic(std::string_view address, std::string& scratch) const;

  // Patterns that together match the address of every topic the filter matches. An empty level is no segment of its own in an address ("a//b" is
  // /a/%2Fb), so a '+' stands for more than one pattern, and a pattern may match a topic that the filter does not: filter_needs_check().
  std::vector<std::string> patterns_of(std::string_view filter) const;

 private:
  bridge::NamespaceMap names_;
};

}  // namespace clasp::mqtt
