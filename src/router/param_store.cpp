#include "router/param_store.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/address.hpp"
#include "core/check.hpp"
#include "router/address_index.hpp"
#include "router/hash_index.hpp"
#include "router/seeded_hash.hpp"
#include "router/lifetimes.hpp"
#include "router/lock_table.hpp"
#include "router/param_table.hpp"
#include "router/pattern_walk.hpp"
#include "router/removed_revisions.hpp"

namespace clasp::router {
namespace {

constexpr std::int64_t us_per_second = 1'000'000;
constexpr std::int64_t default_ttl_us_max = std::int64_t{1} << 60;  // 36,000 years; keeps sums of times in range
constexpr std::size_t looks_per_expiry_call = 4'096;                // at lifetimes that were renewed: the rest waits for the next call

std::uint32_t index(EntryId entry) { return static_cast<std::uint32_t>(entry); }

Lifetime lifetime_of(Ttl::Mode mode) {
  switch (mode) {
    case Ttl::Mode::never: return Lifetime::never;
    case Ttl::Mode::sliding: return Lifetime::sliding;
    case Ttl::Mode::absolute: return Lifetime::absolute;
  }
  return Lifetime::never;
}

// The content of an i64 or f64.
std::int64_t integer_of(const ValueView& value) { return std::bit_cast<std::int64_t>(load_be<std::uint64_t>(value.data.data())); }
double floating_of(const ValueView& value) { return std::bit_cast<double>(load_be<std::uint64_t>(value.data.data())); }

// Wire format, section 13 step 4: strictly greater (or smaller) if both are integer or both floating; NaN never wins; all else is accepted.
template <typename Wins>
bool number_wins(const ValueView& value, const ValueView& stored, const Wins& wins) {
  const bool floating = value.tag == ValueTag::f64;
  if (floating && std::isnan(floating_of(value))) return false;
  if (value.tag != stored.tag) return true;
  if (value.tag == ValueTag::i64) return wins(integer_of(value), integer_of(stored));
  return !floating || std::isnan(floating_of(stored)) || wins(floating_of(value), floating_of(stored));
}

}  // namespace

class ParamStore::Impl {
 public:
  explicit Impl(const ParamLimits& given) : limits(given) {
    if (limits.params_max == 0 || limits.params_max > ParamTable::params_max) limits.params_max = ParamTable::params_max;
    limits.default_ttl_us = std::clamp<std::int64_t>(limits.default_ttl_us, 0, default_ttl_us_max);
  }

  std::uint32_t find(std::uint64_t hashed, std::string_view address) const {
    return entries.find(hashed, [this, address](std::uint32_t id) { return params.address(id) == address; });
  }
  std::uint32_t find(std::string_view address) const { return find(hash(address), address); }
  std::uint64_t hash(std::string_view address) const { return hash_text(address, limits.hash_seed); }

  Param& at(EntryId entry) {
    CLASP_CHECK(params.exists(index(entry)));
    return params[index(entry)];
  }
  const Param& at(EntryId entry) const {
    CLASP_CHECK(params.exists(index(entry)));
    return params[index(entry)];
  }

  bool full() const { return params.size() >= limits.params_max; }
  bool evicts() const { return limits.eviction != EvictionPolicy::refuse; }
  SessionId holder(std::uint32_t id) const { return params[id].locked ? locks.holder(id) : nobody; }
  Revision next_revision(const Param& param) const {
    return raised(raised(param.revision, removed.pending(static_cast<RemovedRevisions::Generation>(param.generation))), 1);
  }

  std::uint32_t create(std::uint64_t hashed, std::string_view address) {
    CLASP_CHECK(!full());
    const std::uint32_t id = params.create(address);
    entries.insert(hashed, id);
    order.insert(id);
    if (evicts()) params.append(id);
    return id;
  }

  void accessed(std::uint32_t id) {
    if (limits.eviction != EvictionPolicy::lru) return;
    params.unlink(id);
    params.append(id);
  }

  bool accepts(const Param& param, const ValueView& value) const {
    switch (param.strategy) {
      case ConflictStrategy::max: return number_wins(value, params.value(param), [](auto a, auto b) { return a > b; });
      case ConflictStrategy::min: return number_wins(value, params.value(param), [](auto a, auto b) { return a < b; });
      case ConflictStrategy::lww:    // order of arrival; wall clocks never decide (contract 21)
      case ConflictStrategy::lock:   // about the writer, not the value
      case ConflictStrategy::merge:  // replaces
        return true;
    }
    return true;
  }

  // Matters for writes that do not go through check().
  bool lock_strategy_refuses(std::uint32_t id, SessionId writer) const {
    return params[id].strategy == ConflictStrategy::lock && params[id].locked && locks.holder(id) != writer;
  }

  // Unlock, then lock, so that both together keep the lock with its holder. Somebody else's lock is left alone.
  void apply_lock_flags(std::uint32_t id, const ParamWrite& write) {
    const SessionId held_by = holder(id);
    if (held_by != nobody && held_by != write.session) return;
    if (write.lock)
      set_lock(id, write.session);
    else if (write.unlock)
      set_lock(id, nobody);
  }

  void set_lock(std::uint32_t id, SessionId new_holder) {
    Param& param = params[id];
    if (holder(id) == new_holder) return;
    if (new_holder == nobody)
      locks.unlock(id);
    else
      locks.lock(id, new_holder);
    param.locked = new_holder != nobody;
  }

  // When a lifetime that counts from `renewed` ends; nothing if it never does.
  std::optional<SteadyTime> due(Lifetime lifetime, std::uint32_t seconds, SteadyTime renewed) const {
    switch (lifetime) {
      case Lifetime::never: return std::nullopt;
      case Lifetime::by_default:
        if (limits.default_ttl_us == 0) return std::nullopt;
        return renewed + Micros{limits.default_ttl_us};
      case Lifetime::sliding:
      case Lifetime::absolute: return renewed + Micros{seconds * us_per_second};
    }
    return std::nullopt;
  }
  SteadyTime due(const Param& mortal) const { return *due(mortal.lifetime, lifetimes.seconds(mortal.lifetime_row), mortal.renewed); }

  // Counts from `param.renewed`.
  void set_lifetime(std::uint32_t id, Lifetime lifetime, std::uint32_t seconds) {
    Param& param = params[id];
    param.lifetime = lifetime;
    const std::optional<SteadyTime> end = due(lifetime, seconds, param.renewed);
    if (!end) {
      lifetimes.remove(param.lifetime_row);
    } else if (param.lifetime_row == Lifetimes::Id::none) {
      param.lifetime_row = lifetimes.add(id, seconds, *end);
    } else {
      lifetimes.set_seconds(param.lifetime_row, seconds);
      lifetimes.not_after(param.lifetime_row, *end);
    }
  }

  ParamRecord record(std::uint32_t id) const {
    const Param& param = params[id];
    ParamRecord out{.entry = EntryId{id},
                    .address = params.address(id),
                    .value = params.value(param),
                    .revision = param.revision,
                    .last_seq = param.last_seq,
                    .writer = param.writer,
                    .time = param.time,
                    .strategy = param.strategy,
                    .lock_holder = holder(id),
                    .ttl = std::nullopt};
    switch (param.lifetime) {
      case Lifetime::by_default: break;
      case Lifetime::never: out.ttl = Ttl{Ttl::Mode::never, 0}; break;
      case Lifetime::sliding: out.ttl = Ttl{Ttl::Mode::sliding, lifetimes.seconds(param.lifetime_row)}; break;
      case Lifetime::absolute: out.ttl = Ttl{Ttl::Mode::absolute, lifetimes.seconds(param.lifetime_row)}; break;
    }
    return out;
  }

  ParamLimits limits;
  ParamTable params;
  HashIndex entries;
  AddressIndex order{params};
  RemovedRevisions removed;
  LockTable locks;
  Lifetimes lifetimes;
  PatternWalk walk{order, params};
  std::vector<Lifetimes::Id> taken;  // by expired(), for its memory
};

ParamStore::ParamStore(ParamLimits limits) : impl_(std::make_unique<Impl>(limits)) {}
ParamStore::~ParamStore() = default;

std::size_t ParamStore::size() const { return impl_->params.size(); }

std::size_t ParamStore::memory_bytes() const {
  const Impl& s = *impl_;
  return sizeof(Impl) + s.params.memory_bytes() + s.entries.memory_bytes() + s.order.memory_bytes() + s.removed.memory_bytes() +
         s.locks.memory_bytes() + s.lifetimes.memory_bytes() + s.taken.capacity() * sizeof(s.taken[0]);
}

std::optional<EntryId> ParamStore::find(std::string_view address) const {
  const std::uint32_t id = impl_->find(address);
  if (id == Param::none) return std::nullopt;
  return EntryId{id};
}

Place ParamStore::place(std::string_view address) const {
  const std::uint64_t hashed = impl_->hash(address);
  return {.hash = hashed, .entry = EntryId{impl_->find(hashed, address)}};
}

ParamRecord ParamStore::record(EntryId entry) const {
  CLASP_CHECK(impl_->params.exists(index(entry)));
  return impl_->record(index(entry));
}

std::optional<ParamRecord> ParamStore::find_record(std::string_view address) const {
  const std::uint32_t id = impl_->find(address);
  if (id == Param::none) return std::nullopt;
  return impl_->record(id);
}

std::optional<Refused> ParamStore::check(const ParamWrite& write, Place place) const {
  if (place.is_new()) {
    if (impl_->full() && !impl_->evicts()) return Refused{.why = Refusal::at_capacity};
    return std::nullopt;
  }
  const Param& param = impl_->params[index(place.entry)];
  if (write.expected && *write.expected != param.revision)
    return Refused{.why = Refusal::revision_conflict, .expected = *write.expected, .actual = param.revision};
  if (!param.locked) return std::nullopt;
  const SessionId holder = impl_->holder(index(place.entry));
  if (holder != nobody && holder != write.session) return Refused{.why = Refusal::lock_held, .holder = holder};
  return std::nullopt;
}

std::optional<EntryId> ParamStore::eviction_victim() const {
  if (!impl_->evicts() || !impl_->full() || impl_->params.first() == Param::none) return std::nullopt;
  return EntryId{impl_->params.first()};
}

Written ParamStore::write(const ParamWrite& write, Seq seq, UnixTime unix_time, SteadyTime now, ConflictStrategy strategy) {
  return this->write(write, place(write.address), seq, unix_time, now, strategy);
}

Written ParamStore::write(const ParamWrite& write, Place place, Seq seq, UnixTime unix_time, SteadyTime now, ConflictStrategy strategy) {
  Impl& s = *impl_;
  const std::uint64_t hashed = place.hash;
  std::uint32_t id = index(place.entry);
  const bool created = place.is_new();
  if (!created) {
    const Param& stored = s.params[id];
    if (!s.accepts(stored, write.value) || s.lock_strategy_refuses(id, write.session)) {
      return {.entry = EntryId{id}, .revision = stored.revision, .lost = true, .replaced = stored.writer};
    }
  } else {
    id = s.create(hashed, write.address);
    s.params[id].strategy = strategy;
  }

  Param& param = s.params[id];
  const Written written{.entry = EntryId{id},
                        .revision = created ? raised(s.removed.floor_of(hashed), 1) : s.next_revision(param),
                        .created = created,
                        .replaced = param.writer};
  if (created)
    s.removed.forget(hashed);
  else
    s.accessed(id);
  if (param.locked || write.lock) s.apply_lock_flags(id, write);
  s.params.set_value(param, write.value);
  param.revision = written.revision;
  param.generation = s.removed.generation();
  param.last_seq = seq;
  param.writer = write.writer;
  param.time = unix_time;
  param.renewed = now;
  if (write.ttl)
    s.set_lifetime(id, lifetime_of(write.ttl->mode), write.ttl->seconds);
  else if (created)
    s.set_lifetime(id, Lifetime::by_default, 0);
  return written;
}

bool ParamStore::strategy_accepts(EntryId entry, const ValueView& value) const { return impl_->accepts(impl_->at(entry), value); }

void ParamStore::set_strategy(EntryId entry, ConflictStrategy strategy) { impl_->at(entry).strategy = strategy; }

Revision ParamStore::remove(EntryId entry) {
  Impl& s = *impl_;
  const std::uint32_t id = index(entry);
  Param& param = s.at(entry);
  const std::uint64_t hashed = s.hash(s.params.address(id));
  const Revision revision = s.next_revision(param);
  s.removed.remember(hashed, revision);
  s.entries.erase(hashed, id);
  s.order.erase(id);
  s.set_lock(id, nobody);
  s.lifetimes.remove(param.lifetime_row);
  if (s.evicts()) s.params.unlink(id);
  s.params.destroy(id);
  return revision;
}

bool ParamStore::restore(std::string_view address, const ValueView& value, Revision revision, WriterId writer, UnixTime time, std::optional<Ttl> ttl,
                         Seq seq, SteadyTime now) {
  Impl& s = *impl_;
  const std::uint64_t hashed = s.hash(address);
  std::uint32_t id = s.find(hashed, address);
  if (id == Param::none) {
    if (s.full()) return false;
    id = s.create(hashed, address);  // of generation 0: its revision is from before this run, so every raise is still to come
    s.removed.forget(hashed);
  } else {
    s.accessed(id);
  }
  Param& param = s.params[id];
  s.params.set_value(param, value);
  param.revision = revision;
  param.last_seq = seq;
  param.writer = writer;
  param.time = time;
  param.renewed = now;
  s.set_lifetime(id, ttl ? lifetime_of(ttl->mode) : Lifetime::by_default, ttl ? ttl->seconds : 0);
  return true;
}

void ParamStore::restore_removal(std::string_view address, Revision last) { impl_->removed.remember(impl_->hash(address), last); }
Revision ParamStore::removed_revision(std::string_view address) const { return impl_->removed.floor_of(impl_->hash(address)); }
Revision ParamStore::removed_revisions_max() const { return impl_->removed.highest(); }
void ParamStore::raise_removed_revisions(Revision floor) { impl_->removed.raise_floor(floor); }

void ParamStore::raise_revisions(Revision by) { impl_->removed.raise(by); }

SessionId ParamStore::lock_holder(EntryId entry) const {
  CLASP_CHECK(impl_->params.exists(index(entry)));
  return impl_->holder(index(entry));
}

void ParamStore::set_lock(EntryId entry, SessionId holder) {
  CLASP_CHECK(impl_->params.exists(index(entry)));
  impl_->set_lock(index(entry), holder);
}

// One at a time from the front of the session's list, so that `released` may change the store.
void ParamStore::release_locks(SessionId holder, const std::function<void(EntryId)>& released) {
  for (std::uint32_t id; (id = impl_->locks.first_of(holder)) != LockTable::none;) {
    impl_->set_lock(id, nobody);
    if (released) released(EntryId{id});
  }
}

void ParamStore::touch(EntryId entry, SteadyTime now) {
  Param& param = impl_->at(entry);
  if (param.lifetime == Lifetime::sliding || param.lifetime == Lifetime::by_default) param.renewed = now;
  impl_->accessed(index(entry));
}

// Due ones are taken out of the heap to see what is behind them, and put back: they stay due until they are removed.
void ParamStore::expired(SteadyTime now, std::size_t max, std::vector<EntryId>& out) {
  Impl& s = *impl_;
  s.taken.clear();
  for (std::size_t renewed = 0; !s.lifetimes.empty() && s.lifetimes.first_due() <= now && s.taken.size() < max && renewed < looks_per_expiry_call;) {
    const std::uint32_t id = s.lifetimes.first_entry();
    const SteadyTime due = s.due(s.params[id]);
    if (due > now) {
      s.lifetimes.move(s.params[id].lifetime_row, due);
      ++renewed;
    } else {
      s.taken.push_back(s.lifetimes.take_first());
      out.push_back(EntryId{id});
    }
  }
  for (const Lifetimes::Id row : s.taken) s.lifetimes.put_back(row, s.due(s.params[s.lifetimes.entry(row)]));
}

std::optional<SteadyTime> ParamStore::next_expiry() const {
  if (impl_->lifetimes.empty()) return std::nullopt;
  return impl_->lifetimes.first_due();
}

ParamStore::MatchSlot& ParamStore::match_slot(EntryId entry) { return impl_->at(entry).match; }

std::optional<EntryId> ParamStore::next_match(const Pattern& pattern, std::string_view after) const {
  if (pattern.is_literal()) return !after.empty() && compare_addresses(pattern.text(), after) <= 0 ? std::nullopt : find(pattern.text());
  const std::uint32_t id = impl_->walk.next_match(pattern, after);
  if (id == AddressIndex::none) return std::nullopt;
  return EntryId{id};
}

std::uint64_t ParamStore::visited() const { return impl_->walk.visited(); }

}  // namespace clasp::router
