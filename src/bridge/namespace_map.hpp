// Where a protocol's names live in the router's address space, and how one becomes the other (bridges specification, section 2.3).
//
// A name is what the protocol calls a thing, without the leading slash OSC has: "mixer/1/gain", an MQTT topic, a MIDI path. The address is the
// bridge's namespace, a slash, and the name. Case and spaces stay. What an address cannot hold is percent-encoded: a slash that would make an
// empty segment (%2F), an asterisk (%2A), a control character (%0A), and % itself (%25), the last only in segments where something had to be
// encoded or that would be taken for encoded. to_name() undoes exactly that, so every name comes back as it was.
#pragma once

#include <string>
#include <string_view>

#include "clasp/error.hpp"

namespace clasp::bridge {

class NamespaceMap {
 public:
  NamespaceMap() = default;  // no prefix: the name "a/b" is the address "/a/b"

  // "/osc", "/stage/left/osc"; "" and "/" mean no prefix. The error says what is wrong: no leading slash, a trailing one, a wildcard …
  static Result<NamespaceMap> parse(std::string_view text);

  const std::string& prefix() const { return prefix_; }    // "" if there is none
  std::string pattern() const { return prefix_ + "/**"; }  // everything that can have a name here

  // One segment of an address, encoded where it has to be. A leading '/' stands for an empty level before it.
  static void append_encoded(std::string& out, std::string_view segment);

  // Writes the address of `name` to `address`. False if there is none: longer than an address may be, or not UTF-8.
  bool to_address(std::string_view name, std::string& address) const;

  // Writes the name of `address` to `name`. False if the address lies outside the namespace ("/oscillator" is not in "/osc", nor is "/osc").
  bool to_name(std::string_view address, std::string& name) const;

  bool operator==(const NamespaceMap&) const = default;

 private:
  std::string prefix_;
};

}  // namespace clasp::bridge
