// How often each address is heard: what `clasp monitor` shows.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "clasp/value.hpp"

namespace clasp::cli {

// Holds so many addresses; messages of further ones are counted together.
class RateTable {
 public:
  explicit RateTable(std::size_t addresses_max = 10'000) : addresses_max_(addresses_max) {}

  void heard(const std::string& address, const Value& value);
  void known(const std::string& address, const Value& value);  // there already, not a message

  struct Row {
    std::string address;
    double per_second = 0;  // since the last summary
    std::uint64_t total = 0;
    std::string value;  // JSON of the last one
  };
  struct Summary {
    double per_second = 0;
    std::uint64_t total = 0;
    std::uint64_t untracked = 0;  // messages of addresses that found no place, in all
    std::size_t addresses = 0;
    std::vector<Row> busiest;  // the first in order
  };
  enum class Order : std::uint8_t {
    rate,     // then by total, then by address
    total,    // then by address
    address,
    latest,   // the one heard last first
  };
  // What happened since the last call, which was `elapsed` ago. Begins the next interval.
  Summary summarize(std::chrono::duration<double> elapsed, std::size_t rows_max, Order order = Order::rate);

 private:
  struct Entry {
    std::uint64_t total = 0;
    std::uint64_t recent = 0;
    std::uint64_t heard_as = 0;  // the how manieth message it was
    Value value;
  };
  Entry* entry(const std::string& address);

  std::size_t addresses_max_;
  std::map<std::string, Entry> entries_;
  std::uint64_t total_ = 0;
  std::uint64_t recent_ = 0;
  std::uint64_t untracked_ = 0;
};

}  // namespace clasp::cli
