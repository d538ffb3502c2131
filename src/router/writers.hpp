// Interned texts of who wrote a value: the wire shows a writer after its session ended (engine design, section 11).
//
// Counted: a text lives while a param, a waiting bundle or a session refers to it. Session ids are kept as 16 bytes, not as text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "router/types.hpp"

namespace clasp::router {

class Writers {
 public:
  Writers();
  WriterId intern(const Uuid& session);        // count + 1
  WriterId intern(std::string_view text);      // count + 1; "" is WriterId 0 and needs no release
  void retain(WriterId writer);
  void release(WriterId writer);               // at 0 the id may be reused
  // The text on the wire, built in the caller's buffer of at least 36 bytes when it is a session id.
  std::string_view text(WriterId writer, char* uuid_buffer) const;
  std::size_t text_bytes(WriterId writer) const;
  std::size_t size() const { return used_; }

 private:
  struct Row {
    std::uint32_t count = 0;
    std::uint32_t next_free = 0;
    bool is_uuid = false;
    Uuid uuid;
    std::string text;
  };
  std::vector<Row> rows_;
  std::unordered_map<std::string, std::uint32_t> texts_;
  std::uint32_t free_ = 0;
  std::size_t used_ = 0;
};

}  // namespace clasp::router
