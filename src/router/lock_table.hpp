// Who holds which lock. A row a lock, found by its entry and listed by its holder, so that the end of a session costs its own locks only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "router/types.hpp"

namespace clasp::router {

class LockTable {
 public:
  SessionId holder(std::uint32_t entry) const;       // nobody if it is free
  void lock(std::uint32_t entry, SessionId holder);  // takes it from whoever has it; never nobody
  void unlock(std::uint32_t entry);                  // harmless if it is free

  static constexpr std::uint32_t none = 0xffff'ffff;
  std::uint32_t first_of(SessionId holder) const;  // the entry it locked first, none if it holds no lock

  std::size_t size() const { return by_entry_.size(); }
  std::size_t memory_bytes() const;

 private:
  struct Row {
    SessionId holder = nobody;
    std::uint32_t entry = 0;
    std::uint32_t earlier = none;
    std::uint32_t later = none;  // or the next free row
  };
  struct List {
    std::uint32_t first = none;
    std::uint32_t last = none;
  };

  std::vector<Row> rows_;
  std::unordered_map<std::uint32_t, std::uint32_t> by_entry_;
  std::unordered_map<SessionId, List> by_holder_;
  std::uint32_t free_ = none;
};

}  // namespace clasp::router
