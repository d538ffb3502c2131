// A param store and what sessions do with it, for tests.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "router/param_store.hpp"
#include "router/param_values_testing.hpp"

namespace clasp::router {

inline constexpr SessionId desk{1};
inline constexpr SessionId phone{2};

inline constexpr Ttl never{Ttl::Mode::never, 0};
inline constexpr Ttl sliding(std::uint32_t seconds) { return {Ttl::Mode::sliding, seconds}; }
inline constexpr Ttl absolute(std::uint32_t seconds) { return {Ttl::Mode::absolute, seconds}; }
inline constexpr SteadyTime at_second(double seconds) { return {static_cast<std::int64_t>(seconds * 1e6)}; }

struct With {
  std::optional<Revision> revision{};
  std::optional<Ttl> ttl{};
  bool lock = false;
  bool unlock = false;
  ConflictStrategy strategy = ConflictStrategy::lww;
};

// A store and what sessions do with it, answered in words: "created 1", "2", "lost at 2", "conflict 9 is 1", "held by 1", "full".
class ParamStoreTest : public testing::Test {
 protected:
  ParamStore& start(ParamLimits limits = {}) {
    limits.hash_seed = 7;
    store_.emplace(limits);
    return *store_;
  }
  ParamStore& store() { return store_ ? *store_ : start(); }

  std::string set(std::string_view address, const TestValue& value, SessionId session = desk, const With& with = {}) {
    const ParamWrite write{.address = address,
                           .value = value.view(),
                           .expected = with.revision,
                           .ttl = with.ttl,
                           .lock = with.lock,
                           .unlock = with.unlock,
                           .session = session,
                           .writer = WriterId{static_cast<std::uint32_t>(session)}};
    if (const auto refused = store().check(write, store().place(write.address))) {
      switch (refused->why) {
        case Refusal::revision_conflict: return fmt::format("conflict {} is {}", refused->expected, refused->actual);
        case Refusal::lock_held: return fmt::format("held by {}", static_cast<std::uint64_t>(refused->holder));
        case Refusal::at_capacity: return "full";
      }
    }
    std::string evicted;
    if (!store().find(address)) {
      if (const auto victim = store().eviction_victim()) {
        evicted = fmt::format(" instead of {}", store().record(*victim).address);
        store().remove(*victim);
      }
    }
    ++seq_;
    const Written written = store().write(write, seq_, UnixTime{1'000 + seq_}, now_, with.strategy);
    if (written.lost) return fmt::format("lost at {}", written.revision);
    return fmt::format("{}{}{}", written.created ? "created " : "", written.revision, evicted);
  }
  // "value rev=2 by 1 locked by 1", "-" if it is missing.
  std::string get(std::string_view address) {
    const auto record = store().find_record(address);
    if (!record) return "-";
    EXPECT_EQ(record->address, address);
    std::string text = fmt::format("{} rev={} by {}", show(record->value), record->revision, static_cast<std::uint32_t>(record->writer));
    if (record->lock_holder != nobody) text += fmt::format(" locked by {}", static_cast<std::uint64_t>(record->lock_holder));
    return text;
  }
  Revision remove(std::string_view address) { return store().remove(store().find(address).value()); }
  void touch(std::string_view address) { store().touch(store().find(address).value(), now_); }
  void at(double second) { now_ = at_second(second); }
  std::vector<std::string> expire() {
    std::vector<EntryId> entries;
    store().expired(now_, 1'000, entries);
    std::vector<std::string> addresses;
    for (const EntryId entry : entries) {
      addresses.emplace_back(store().record(entry).address);
      store().remove(entry);
    }
    return addresses;
  }
  std::vector<std::string> matches(std::string_view pattern) {
    std::vector<std::string> found;
    const Pattern parsed = Pattern::parse(pattern).value();
    std::string after;
    while (const auto entry = store().next_match(parsed, after)) {
      after = store().record(*entry).address;
      found.push_back(after);
    }
    return found;
  }
  std::uint64_t visits_of(std::string_view pattern) {
    const std::uint64_t before = store().visited();
    matches(pattern);
    return store().visited() - before;
  }

  std::optional<ParamStore> store_;
  Seq seq_ = 0;
  SteadyTime now_;
};

}  // namespace clasp::router
