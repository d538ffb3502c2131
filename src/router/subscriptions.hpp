// Who wants what: the pattern trie, and interned match sets that make the usual message cost no trie walk (engine design, section 8).
//
// A match set lists, for one address, one row per session, whatever number of its subscriptions match (contract 3). Match sets belong to a
// generation: any change of the table starts a new one and drops the arena. Within a generation a set, once computed, is found again through
// the two words kept beside each param (ParamStore::match_slot), or for other addresses through a fixed cache of 65,536 slots.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/message.hpp"
#include "core/pattern.hpp"
#include "router/param_store.hpp"
#include "router/types.hpp"

namespace clasp::router {

enum class SubscriptionSlot : std::uint32_t {};  // dense index of a subscription; reused after removal
enum class SessionSlot : std::uint32_t {};       // dense index of a session, given by the session table

struct Subscription {
  SessionSlot session{};
  std::uint32_t id = 0;  // chosen by the client
  Pattern pattern;
  TypeMask types;
  SubscribeOptions options;
  Seq since = 0;  // what was committed later comes live
};

struct MatchRow {
  SessionSlot session{};
  std::uint32_t first = 0;       // into MatchSet::subscriptions
  std::uint16_t count = 0;       // saturates; `types` and `plain_types` are of all
  std::uint8_t types = 0;        // union of the masks (TypeMask bits)
  std::uint8_t plain_types = 0;  // union of the masks of those without thinning options (max_rate, epsilon)
  bool operator==(const MatchRow&) const = default;
};

struct MatchSet {
  std::span<const MatchRow> rows;                   // ascending by session slot
  std::span<const SubscriptionSlot> subscriptions;  // those of row r: [r.first, r.first + r.count)
};

class Subscriptions {
 public:
  explicit Subscriptions(std::size_t cache_bytes_max, std::uint64_t hash_seed);
  ~Subscriptions();
  Subscriptions(const Subscriptions&) = delete;

  std::size_t size() const;
  std::uint64_t cache_misses() const;    // match() had to walk the trie
  std::uint64_t cache_resets() const;    // generations whose sets were dropped
  std::uint64_t cache_refusals() const;  // sets not kept: the byte budget was used up
  std::size_t cache_bytes() const;       // of the sets kept now, at most the budget

  // Replaces a subscription of the same session and id. Costs the depth of the pattern, as does remove().
  SubscriptionSlot add(Subscription subscription);
  bool remove(SessionSlot session, std::uint32_t id);  // false: there was none
  void remove_session(SessionSlot session);            // costs its own subscriptions only
  std::size_t count(SessionSlot session) const;
  std::optional<SubscriptionSlot> find(SessionSlot session, std::uint32_t id) const;
  const Subscription& subscription(SubscriptionSlot slot) const;
  // In the order they were added. `visit` must not change the table.
  void for_each(SessionSlot session, const std::function<void(SubscriptionSlot, const Subscription&)>& visit) const;

  // Valid until the next add, remove or match call. `slot` is the param's, nullptr for an address that is no param. A slot of zeros is an
  // unused one; it has to be zeroed when its param becomes another address.
  MatchSet match(std::string_view address, ParamStore::MatchSlot* slot);

  // True if one of the session's subscriptions that want params matches and was there before `seq` was committed (its `since` < seq).
  bool gets_live(SessionSlot session, std::string_view address, Seq seq) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace clasp::router
