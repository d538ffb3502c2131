// Shared subscriptions (MQTT 5, 4.8.2): of each message one member of a group gets a copy.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "mqtt/packet.hpp"
#include "router/types.hpp"

namespace clasp::mqtt {

class Session;

struct SharedGroup {
  struct Member {
    Session* session = nullptr;
    Qos qos{};
    std::uint32_t identifier = 0;
  };
  std::string key;           // group name, slash, filter
  std::uint32_t number = 0;  // never used again
  std::string filter;
  std::vector<Member> members;
  std::size_t next = 0;
  router::Seq decided = 0;  // commits up to here have had their member
};

class SharedGroups {
 public:
  SharedGroup& join(std::string_view name, std::string_view filter, Session& session);
  void set_terms(SharedGroup& group, const Session& session, Qos qos, std::uint32_t identifier);
  void leave(SharedGroup& group, const Session& session);  // the last one takes the group with it
  SharedGroup* find(std::uint32_t number);                 // nullptr: it has no members any more
  // In turn; members with a connection first. Nothing only if there are no members.
  static const SharedGroup::Member* choose(SharedGroup& group);
  std::size_t size() const { return groups_.size(); }

 private:
  std::unordered_map<std::string, std::unique_ptr<SharedGroup>> groups_;
  std::unordered_map<std::uint32_t, SharedGroup*> by_number_;
  std::uint32_t number_ = 0;
};

}  // namespace clasp::mqtt
