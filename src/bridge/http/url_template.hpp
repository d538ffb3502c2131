// URLs and bodies with {placeholders} for a change.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "clasp/error.hpp"
#include "clasp/value.hpp"

namespace clasp::bridge::http {

// What the placeholders stand for.
struct ChangeText {
  std::string address;   // "/http/lamp/on"
  std::string name;      // "lamp/on": without the namespace
  std::string value;     // JSON
  std::string text;      // the value without quotation marks if it is a string
  std::string revision;  // "" if it has none
  std::string signal;    // "param", "event" …
};

// Placeholders stand behind the host only: nobody who writes a value chooses who is asked.
Result<void> check_template(const std::string& url);

// Nothing if the address cannot stand in a path: a segment "." or ".." would be taken for a step.
std::optional<std::string> fill_url(std::string_view url, const ChangeText& change);
// {value} as JSON, {text} and all others as they have to be inside a JSON string. What is no placeholder stays.
std::string fill_body(std::string_view body, const ChangeText& change);

}  // namespace clasp::bridge::http
