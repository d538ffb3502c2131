// The store against a model of it that is too simple to be wrong: maps, and every question answered by looking at everything.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "core/address.hpp"
#include "router/param_store.hpp"
#include "router/param_values_testing.hpp"

namespace clasp::router {
namespace {

struct AddressLess {
  bool operator()(const std::string& a, const std::string& b) const { return compare_addresses(a, b) < 0; }
};

struct ModelParam {
  std::string value;
  std::optional<double> number;  // under max, which is the only strategy beside lww here
  Revision revision = 0;
  std::uint32_t writer = 0;
  SessionId holder = nobody;
  std::optional<Ttl> ttl;
  ConflictStrategy strategy = ConflictStrategy::lww;
  std::int64_t renewed_us = 0;
  std::uint64_t accessed = 0;
  std::uint64_t created = 0;
};

class Model {
 public:
  explicit Model(const ParamLimits& limits) : limits_(limits) {}

  std::optional<std::int64_t> due_us(const ModelParam& param) const {
    if (!param.ttl) return limits_.default_ttl_us == 0 ? std::nullopt : std::optional(param.renewed_us + limits_.default_ttl_us);
    if (param.ttl->mode == Ttl::Mode::never) return std::nullopt;
    return param.renewed_us + std::int64_t{param.ttl->seconds} * 1'000'000;
  }
  bool full() const { return params.size() >= limits_.params_max; }
  std::string victim() const {
    const auto age = [this](const auto& row) { return limits_.eviction == EvictionPolicy::lru ? row.second.accessed : row.second.created; };
    return std::ranges::min_element(params, {}, age)->first;
  }
  Revision next_revision(const std::string& address) {
    const auto last = last_revisions_.try_emplace(address, raised_).first;
    return last->second += 1;
  }
  void raise(Revision by) {
    raised_ += by;
    for (auto& [address, last] : last_revisions_) last += by;
  }

  std::map<std::string, ModelParam, AddressLess> params;
  std::uint64_t clock = 0;  // counts accesses

 private:
  ParamLimits limits_;
  std::map<std::string, Revision> last_revisions_;  // with all raises added
  Revision raised_ = 0;
};

class Comparison {
 public:
  Comparison(ParamLimits limits, std::uint64_t seed) : random_(seed), limits_(limits), store_(limits), model_(limits) {}

  void steps(int count) {
    for (int i = 0; i < count && !testing::Test::HasFatalFailure() && !testing::Test::HasNonfatalFailure(); ++i) {
      SCOPED_TRACE(fmt::format("step {}", i));
      now_us_ += below(50'000);
      switch (below(40)) {
        case 0:
        case 1:
        case 2: remove(); break;
        case 3:
        case 4: touch(); break;
        case 5: release(); break;
        case 6:
        case 7:
        case 8: expire(); break;
        case 9: set_lock(); break;
        case 10:
        case 11:
        case 12: walk(); break;
        case 13:
          if (below(200) == 0) raise();
          break;
        case 14:
          if (below(100) == 0) remove_subtree();
          break;
        default: set(); break;
      }
      if (i % 500 == 0) compare_all();
    }
    compare_all();
  }

  std::uint64_t accepted = 0, lost = 0, refused = 0, evicted = 0, expired = 0, matched = 0;  // so that a test can see that all of it happened

 private:
  std::uint64_t below(std::uint64_t n) { return std::uniform_int_distribution<std::uint64_t>(0, n - 1)(random_); }
  template <typename T>
  T one_of(std::initializer_list<T> choices) {
    return choices.begin()[below(choices.size())];
  }

  std::string segment() { return one_of<std::string>({"a", "b", "c", "a!", "ab", "abc", "b-c", "zone1", "zone2"}); }
  std::string address() {
    std::string text;
    for (std::uint64_t depth = 1 + below(3); depth > 0; --depth) text += "/" + segment();
    return below(30) == 0 ? text + "/" : text;
  }
  std::string pattern() {
    std::string text;
    for (std::uint64_t depth = 1 + below(4); depth > 0; --depth) {
      text += "/" + (below(2) == 0 ? segment() : one_of<std::string>({"*", "**", "a*", "*b", "zone*", "*o*", "a*c"}));
    }
    return below(30) == 0 ? text + "/" : text;
  }
  SessionId session() { return SessionId{1 + below(4)}; }
  EntryId entry_of(const std::string& address) { return store_.find(address).value(); }
  SteadyTime now() const { return {static_cast<std::int64_t>(now_us_)}; }
  // Some param that exists; empty if there is none.
  std::string existing() {
    if (model_.params.empty()) return {};
    const auto at = model_.params.lower_bound(address());
    return at == model_.params.end() ? model_.params.begin()->first : at->first;
  }

  void set() {
    const std::string where = address();
    const auto number = static_cast<std::int64_t>(below(1'000));
    const bool text = below(4) == 0;
    const TestValue value = text ? TestValue(std::string(below(300), 'x')) : TestValue(number);
    ParamWrite write{.address = where,
                     .value = value.view(),
                     .lock = below(8) == 0,
                     .unlock = below(8) == 0,
                     .session = session(),
                     .writer = WriterId{static_cast<std::uint32_t>(1 + below(9))}};
    if (below(3) == 0)
      write.ttl = Ttl{one_of({Ttl::Mode::never, Ttl::Mode::sliding, Ttl::Mode::absolute}), static_cast<std::uint32_t>(1 + below(20))};
    auto known = model_.params.find(where);
    if (below(6) == 0) write.expected = known == model_.params.end() ? below(9) : known->second.revision + (below(2) == 0 ? 1 : 0);
    const std::optional<Refused> no = store_.check(write, store_.place(write.address));

    if (known == model_.params.end()) {
      if (model_.full()) {
        if (limits_.eviction == EvictionPolicy::refuse) {
          ASSERT_TRUE(no);
          EXPECT_EQ(no->why, Refusal::at_capacity);
          ++refused;
          return;
        }
        const std::string victim = model_.victim();
        ASSERT_EQ(store_.record(store_.eviction_victim().value()).address, victim);
        EXPECT_EQ(store_.remove(entry_of(victim)), model_.next_revision(victim));
        model_.params.erase(victim);
        ++evicted;
      }
    } else {
      const ModelParam& param = known->second;
      if (write.expected && *write.expected != param.revision) {
        ASSERT_TRUE(no);
        EXPECT_EQ(no->why, Refusal::revision_conflict);
        EXPECT_EQ(no->actual, param.revision);
        ++refused;
        return;
      }
      if (param.holder != nobody && param.holder != write.session) {
        ASSERT_TRUE(no);
        EXPECT_EQ(no->why, Refusal::lock_held);
        EXPECT_EQ(no->holder, param.holder);
        ++refused;
        return;
      }
    }
    ASSERT_FALSE(no);
    const ConflictStrategy strategy = below(4) == 0 ? ConflictStrategy::max : ConflictStrategy::lww;
    ++seq_;
    const Written written = store_.write(write, seq_, UnixTime{seq_}, now(), strategy);
    EXPECT_EQ(written.entry, entry_of(where));
    EXPECT_EQ(written.created, known == model_.params.end());
    if (known != model_.params.end() && known->second.strategy == ConflictStrategy::max && !text && known->second.number &&
        static_cast<double>(number) <= *known->second.number) {
      EXPECT_TRUE(written.lost);
      EXPECT_EQ(written.revision, known->second.revision);
      ++lost;
      return;
    }
    ASSERT_FALSE(written.lost);
    ++accepted;
    ModelParam& param = model_.params[where];
    EXPECT_EQ(static_cast<std::uint32_t>(written.replaced), param.writer);
    if (written.created) {
      param.strategy = strategy;
      param.created = ++model_.clock;
    }
    param.accessed = ++model_.clock;
    param.value = show(value.view());
    param.number = text ? std::nullopt : std::optional(static_cast<double>(number));
    param.writer = static_cast<std::uint32_t>(write.writer);
    param.renewed_us = now().us;
    if (write.ttl) param.ttl = write.ttl;
    if (write.lock)
      param.holder = write.session;
    else if (write.unlock)
      param.holder = nobody;
    param.revision = model_.next_revision(where);
    EXPECT_EQ(written.revision, param.revision) << where;
  }

  void remove(std::string where = {}) {
    if (where.empty()) where = existing();
    if (where.empty()) return;
    EXPECT_EQ(store_.remove(entry_of(where)), model_.next_revision(where));
    model_.params.erase(where);
    EXPECT_FALSE(store_.find(where));
  }

  void remove_subtree() {
    const std::string root = "/" + segment();
    std::vector<std::string> below_root;
    for (const auto& [where, param] : model_.params) {
      if (where == root || where.starts_with(root + "/")) below_root.push_back(where);
    }
    for (const std::string& where : below_root) remove(where);
  }

  void touch() {
    const std::string where = existing();
    if (where.empty()) return;
    store_.touch(entry_of(where), now());
    ModelParam& param = model_.params[where];
    param.accessed = ++model_.clock;
    if (!param.ttl || param.ttl->mode == Ttl::Mode::sliding) param.renewed_us = now().us;
  }

  void set_lock() {
    const std::string where = existing();
    if (where.empty()) return;
    const SessionId holder = below(3) == 0 ? nobody : session();
    store_.set_lock(entry_of(where), holder);
    model_.params[where].holder = holder;
  }

  void release() {
    const SessionId gone = session();
    std::set<std::string> released;
    store_.release_locks(gone, [&](EntryId entry) { EXPECT_TRUE(released.emplace(store_.record(entry).address).second); });
    std::set<std::string> held;
    for (auto& [where, param] : model_.params) {
      if (param.holder != gone) continue;
      held.insert(where);
      param.holder = nobody;
    }
    EXPECT_EQ(released, held);
  }

  void expire() {
    std::set<std::string> due;
    std::optional<std::int64_t> first;
    for (const auto& [where, param] : model_.params) {
      const auto end = model_.due_us(param);
      if (end && *end <= now().us) due.insert(where);
      if (end && (!first || *end < *first)) first = end;
    }
    const auto next = store_.next_expiry();
    ASSERT_EQ(next.has_value(), first.has_value());
    if (first) {
      EXPECT_LE(next->us, *first) << "would be late";
    }
    std::vector<EntryId> entries;
    const std::size_t portion = 1 + below(100);
    store_.expired(now(), portion, entries);
    EXPECT_EQ(entries.size(), std::min(portion, due.size()));
    for (const EntryId entry : entries) {
      const std::string where(store_.record(entry).address);
      EXPECT_TRUE(due.contains(where)) << where;
      remove(where);
      ++expired;
    }
    if (entries.size() < portion && store_.next_expiry()) {
      EXPECT_GT(*store_.next_expiry(), now());
    }
  }

  void raise() {
    const Revision by = 1 + below(1'000);
    store_.raise_revisions(by);
    model_.raise(by);
  }

  void walk() {
    const std::string text = pattern();
    const Pattern wanted = Pattern::parse(text).value();
    std::string after = below(2) == 0 ? std::string() : address();
    std::vector<std::string> expected;
    for (const auto& [where, param] : model_.params) {
      if ((after.empty() || compare_addresses(where, after) > 0) && wanted.matches(where)) expected.push_back(where);
    }
    std::vector<std::string> found;
    const std::string from = after;
    while (const auto entry = store_.next_match(wanted, after)) {
      after = store_.record(*entry).address;
      found.push_back(after);
      ASSERT_LE(found.size(), expected.size()) << text;
    }
    EXPECT_EQ(found, expected) << text << " after '" << from << "'";
    matched += found.size();
  }

  void compare_all() {
    ASSERT_EQ(store_.size(), model_.params.size());
    for (const auto& [where, param] : model_.params) {
      const auto record = store_.find_record(where);
      ASSERT_TRUE(record) << where;
      EXPECT_EQ(record->address, where);
      EXPECT_EQ(show(record->value), param.value);
      EXPECT_EQ(record->revision, param.revision);
      EXPECT_EQ(static_cast<std::uint32_t>(record->writer), param.writer);
      EXPECT_EQ(record->lock_holder, param.holder);
      EXPECT_EQ(record->strategy, param.strategy);
      ASSERT_EQ(record->ttl.has_value(), param.ttl.has_value());
      EXPECT_TRUE(!param.ttl || param.ttl->mode == record->ttl->mode);
      EXPECT_TRUE(!param.ttl || param.ttl->mode == Ttl::Mode::never || param.ttl->seconds == record->ttl->seconds);
    }
  }

  std::mt19937_64 random_;
  ParamLimits limits_;
  ParamStore store_;
  Model model_;
  std::uint64_t now_us_ = 0;
  Seq seq_ = 0;
};

class ParamStoreModel : public testing::TestWithParam<std::uint64_t> {};

TEST_P(ParamStoreModel, AndStoreAgreeWhenTheFullStoreRefuses) {
  Comparison run({.params_max = 300, .eviction = EvictionPolicy::refuse, .default_ttl_us = 0, .hash_seed = GetParam()}, GetParam());
  run.steps(40'000);
  EXPECT_GT(std::min({run.accepted, run.lost, run.refused, run.expired, run.matched}), 100u);
}

TEST_P(ParamStoreModel, AndStoreAgreeWhenTheLeastRecentlyUsedIsEvicted) {
  Comparison run({.params_max = 150, .eviction = EvictionPolicy::lru, .default_ttl_us = 7'000'000, .hash_seed = GetParam()}, GetParam() + 100);
  run.steps(40'000);
  EXPECT_GT(std::min({run.accepted, run.lost, run.refused, run.evicted, run.expired, run.matched}), 100u);
}

TEST_P(ParamStoreModel, AndStoreAgreeWhenTheOldestIsEvicted) {
  Comparison run({.params_max = 500, .eviction = EvictionPolicy::oldest_first, .default_ttl_us = 60'000'000, .hash_seed = GetParam()},
                 GetParam() + 200);
  run.steps(40'000);
  EXPECT_GT(std::min({run.accepted, run.lost, run.refused, run.matched}), 100u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ParamStoreModel, testing::Values(1, 2, 3));

}  // namespace
}  // namespace clasp::router
