// Interned texts of who wrote a value: the wire shows a writer after its session ended (engine design, section 11).
//
// Counted: a text lives while a param, a waiting bundle or a session refers to it, and then until forget_unused(): commits of a turn name writers
// without counting, and are shown to observers at its end. Session ids are kept as 16 bytes, not as text, wherever they come from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "router/flat_index.hpp"
#include "router/stable_rows.hpp"
#include "router/types.hpp"

namespace clasp::router {

class Writers {
 public:
  static constexpr std::size_t uuid_text_bytes = 36;

  explicit Writers(std::uint64_t hash_seed = 0);
  Writers(const Writers&) = delete;

  WriterId intern(const Uuid& session);    // count + 1
  WriterId intern(std::string_view text);  // count + 1; "" is WriterId 0 and needs no release
  void retain(WriterId writer);
  void release(WriterId writer);
  // Nobody needs the texts any more that nothing refers to: their ids may be reused. Costs what was released since the last call.
  void forget_unused();
  // The text on the wire, built in the caller's buffer of at least uuid_text_bytes when it is a session id. Otherwise valid until it is
  // forgotten.
  std::string_view text(WriterId writer, char* uuid_buffer) const;
  std::size_t text_bytes(WriterId writer) const;
  std::size_t size() const { return index_.size(); }  // those that are unused but not forgotten included

 private:
  struct Row {
    std::uint32_t count = 0;
    bool used = false;
    bool is_uuid = false;
    bool in_unused = false;
    Uuid uuid;
    std::string text;
  };

  std::uint32_t add(std::uint64_t hash);
  const Row& used_row(WriterId writer) const;
  std::uint64_t hash_of(const Uuid& uuid) const;
  std::uint64_t hash_of(const Row& row) const;

  std::uint64_t seed_;
  StableRows<Row> rows_;  // row 0 is ""
  FlatIndex index_;
  std::vector<std::uint32_t> unused_;  // rows whose count fell to 0; some may be in use again
};

}  // namespace clasp::router
