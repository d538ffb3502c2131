#include "router/subscriptions.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/check.hpp"
#include "router/flat_index.hpp"
#include "router/match_cache.hpp"
#include "router/pattern_trie.hpp"
#include "router/seeded_hash.hpp"
#include "router/stable_rows.hpp"

namespace clasp::router {
namespace {

constexpr std::uint32_t none = FlatIndex::none;

constexpr std::uint32_t number(SubscriptionSlot slot) { return static_cast<std::uint32_t>(slot); }
constexpr std::uint32_t number(SessionSlot slot) { return static_cast<std::uint32_t>(slot); }

}  // namespace

class Subscriptions::Impl {
 public:
  Impl(std::size_t cache_bytes_max, std::uint64_t hash_seed) : seed_(hash_seed), trie_(hash_seed), cache_(cache_bytes_max, hash_seed) {}

  SubscriptionSlot add(Subscription subscription);
  bool remove(SessionSlot session, std::uint32_t id);
  void remove_session(SessionSlot session);
  std::uint32_t find(SessionSlot session, std::uint32_t id) const;
  MatchSet compute(std::string_view address, ParamStore::MatchSlot* slot);

  struct Row {
    Subscription subscription;
    std::uint32_t previous = none;  // of the same session
    std::uint32_t next = none;
    bool used = false;
  };
  struct SessionList {
    std::uint32_t first = none;
    std::uint32_t last = none;
    std::uint32_t count = 0;
  };
  const SessionList* find_session(SessionSlot session) const { return number(session) < sessions_.size() ? &sessions_[number(session)] : nullptr; }
  const Row& row(std::uint32_t slot) const { return rows_[slot]; }
  bool used(std::uint32_t slot) const { return slot < rows_.extent() && rows_[slot].used; }
  std::size_t size() const { return rows_.size(); }
  std::uint64_t misses() const { return misses_; }
  const MatchCache& cache() const { return cache_; }
  MatchCache& cache() { return cache_; }

 private:
  // What merging rows needs of a subscription, side by side: a fan-out to many reads nothing else.
  struct Interest {
    SessionSlot session{};
    std::uint8_t types = 0;
    std::uint8_t plain_types = 0;
  };

  void remove_row(std::uint32_t slot);
  void collect(std::string_view address);
  std::uint64_t id_hash(SessionSlot session, std::uint32_t id) const { return hash_word(std::uint64_t{number(session)} << 32 | id, seed_); }

  std::uint64_t seed_;
  StableRows<Row> rows_;
  std::vector<Interest> interests_;  // by subscription slot
  std::vector<SessionList> sessions_;
  FlatIndex by_id_;
  PatternTrie trie_;
  MatchCache cache_;
  std::uint64_t misses_ = 0;
  // Scratch of the last computed match.
  std::vector<PatternTrie::Item> items_;
  std::vector<std::uint64_t> order_;
  std::vector<MatchRow> match_rows_;
  std::vector<SubscriptionSlot> match_subscriptions_;
};

SubscriptionSlot Subscriptions::Impl::add(Subscription subscription) {
  remove(subscription.session, subscription.id);
  cache_.next_generation();

  const std::uint32_t session = number(subscription.session);
  const std::uint32_t slot = rows_.take();
  if (session >= sessions_.size()) sessions_.resize(std::size_t{session} + 1);
  if (slot >= interests_.size()) interests_.resize(std::size_t{slot} + 1);

  Row& row = rows_[slot];
  row.subscription = std::move(subscription);
  row.used = true;
  SessionList& list = sessions_[session];
  row.previous = std::exchange(list.last, slot);
  (row.previous == none ? list.first : rows_[row.previous].next) = slot;
  ++list.count;

  const bool thinned = row.subscription.options.max_rate || row.subscription.options.epsilon;
  const std::uint8_t types = row.subscription.types.bits;
  interests_[slot] = {row.subscription.session, types, thinned ? std::uint8_t{0} : types};
  by_id_.insert(id_hash(row.subscription.session, row.subscription.id), slot);
  trie_.add(row.subscription.pattern, slot);
  return SubscriptionSlot{slot};
}

bool Subscriptions::Impl::remove(SessionSlot session, std::uint32_t id) {
  const std::uint32_t slot = find(session, id);
  if (slot == none) return false;
  cache_.next_generation();
  remove_row(slot);
  return true;
}

void Subscriptions::Impl::remove_session(SessionSlot session) {
  const SessionList* list = find_session(session);
  if (list == nullptr || list->count == 0) return;
  cache_.next_generation();
  while (list->first != none) remove_row(list->first);
}

void Subscriptions::Impl::remove_row(std::uint32_t slot) {
  const Row& row = rows_[slot];
  SessionList& list = sessions_[number(row.subscription.session)];
  (row.previous == none ? list.first : rows_[row.previous].next) = row.next;
  (row.next == none ? list.last : rows_[row.next].previous) = row.previous;
  --list.count;
  by_id_.erase(id_hash(row.subscription.session, row.subscription.id), slot);
  trie_.remove(slot);
  rows_.give_back(slot);
}

std::uint32_t Subscriptions::Impl::find(SessionSlot session, std::uint32_t id) const {
  return by_id_.find(id_hash(session, id), [&](std::uint32_t slot) {
    const Subscription& candidate = rows_[slot].subscription;
    return candidate.session == session && candidate.id == id;
  });
}

// `slot` is of no use yet.
MatchSet Subscriptions::Impl::compute(std::string_view address, ParamStore::MatchSlot* slot) {
  ++misses_;
  collect(address);
  if (slot != nullptr) {
    if (const auto kept = cache_.intern(match_rows_, match_subscriptions_)) {
      *slot = *kept;
      return *cache_.find(*kept);
    }
  }
  return {match_rows_, match_subscriptions_};
}

// Walks the trie and merges what it finds to one row per session.
void Subscriptions::Impl::collect(std::string_view address) {
  items_.clear();
  order_.clear();
  match_rows_.clear();
  match_subscriptions_.clear();
  trie_.match(address, items_);
  for (const PatternTrie::Item item : items_) order_.push_back(std::uint64_t{number(interests_[item].session)} << 32 | item);
  if (!std::ranges::is_sorted(order_)) std::ranges::sort(order_);

  for (const std::uint64_t key : order_) {
    const auto slot = static_cast<std::uint32_t>(key);
    const Interest& interest = interests_[slot];
    if (match_rows_.empty() || match_rows_.back().session != interest.session) {
      match_rows_.push_back({.session = interest.session, .first = static_cast<std::uint32_t>(match_subscriptions_.size())});
    }
    MatchRow& row = match_rows_.back();
    row.types |= interest.types;
    row.plain_types |= interest.plain_types;
    if (row.count == std::numeric_limits<std::uint16_t>::max()) continue;  // its types still count
    ++row.count;
    match_subscriptions_.push_back(SubscriptionSlot{slot});
  }
}

Subscriptions::Subscriptions(std::size_t cache_bytes_max, std::uint64_t hash_seed) : impl_(std::make_unique<Impl>(cache_bytes_max, hash_seed)) {}
Subscriptions::~Subscriptions() = default;

std::size_t Subscriptions::size() const { return impl_->size(); }
std::uint64_t Subscriptions::cache_misses() const { return impl_->misses(); }
std::uint64_t Subscriptions::cache_resets() const { return impl_->cache().generations_dropped(); }
std::uint64_t Subscriptions::cache_refusals() const { return impl_->cache().refused(); }
std::size_t Subscriptions::cache_bytes() const { return impl_->cache().bytes(); }

SubscriptionSlot Subscriptions::add(Subscription subscription) { return impl_->add(std::move(subscription)); }
bool Subscriptions::remove(SessionSlot session, std::uint32_t id) { return impl_->remove(session, id); }
void Subscriptions::remove_session(SessionSlot session) { impl_->remove_session(session); }
MatchSet Subscriptions::match(std::string_view address, ParamStore::MatchSlot* slot) {
  if (slot == nullptr) slot = impl_->cache().slot_for(address);
  if (slot != nullptr) {
    if (const MatchSet* known = impl_->cache().find(*slot)) return *known;
  }
  return impl_->compute(address, slot);
}

std::size_t Subscriptions::count(SessionSlot session) const {
  const auto* list = impl_->find_session(session);
  return list == nullptr ? 0 : list->count;
}

std::optional<SubscriptionSlot> Subscriptions::find(SessionSlot session, std::uint32_t id) const {
  const std::uint32_t slot = impl_->find(session, id);
  if (slot == none) return std::nullopt;
  return SubscriptionSlot{slot};
}

const Subscription& Subscriptions::subscription(SubscriptionSlot slot) const {
  CLASP_CHECK(impl_->used(number(slot)));
  return impl_->row(number(slot)).subscription;
}

void Subscriptions::for_each(SessionSlot session, const std::function<void(SubscriptionSlot, const Subscription&)>& visit) const {
  const auto* list = impl_->find_session(session);
  if (list == nullptr) return;
  for (std::uint32_t slot = list->first; slot != none; slot = impl_->row(slot).next) visit(SubscriptionSlot{slot}, impl_->row(slot).subscription);
}

bool Subscriptions::gets_live(SessionSlot session, std::string_view address, Seq seq) const {
  const auto* list = impl_->find_session(session);
  if (list == nullptr) return false;
  for (std::uint32_t slot = list->first; slot != none; slot = impl_->row(slot).next) {
    const Subscription& subscription = impl_->row(slot).subscription;
    if (subscription.since < seq && subscription.types.has(SignalType::param) && subscription.pattern.matches(address)) return true;
  }
  return false;
}

}  // namespace clasp::router
