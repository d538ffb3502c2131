// What the client knows of the router's params.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/message.hpp"
#include "core/time.hpp"
#include "core/value_view.hpp"

namespace clasp::client {

// Lets maps with std::string keys be searched with views.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

struct CachedParam {
  std::string value;  // tag byte and data
  std::string writer;
  std::uint64_t revision = 0;
  std::optional<UnixTime> timestamp;
  SteadyTime heard;
  std::uint32_t connection = 0;  // in which it was heard
  std::uint32_t shown_to = 0;    // every subscription up to this serial number has had this revision

  ValueView view() const { return {static_cast<ValueTag>(value[0]), as_bytes(std::string_view(value).substr(1))}; }
};

// Newest value per address, from SET and SNAPSHOT. Bounded: when it is full, new addresses are not taken and counted.
//
// Revisions compare within one connection only (delivery contract, 30): begin_connection() makes everything held so far stale.
class ParamCache {
 public:
  explicit ParamCache(std::size_t entries_max) : entries_max_(entries_max) {}

  void begin_connection() { ++connection_; }
  bool is_stale(const CachedParam& param) const { return param.connection != connection_; }
  const CachedParam* find(std::string_view address) const;
  void each_stale(const std::function<void(std::string_view address, const CachedParam& param)>& visit) const;

  struct Update {
    std::uint32_t shown_to = 0;  // subscriptions up to this serial number have had this revision, or a newer one, before
    bool newer_known = false;    // the value is older than the one held: nothing was changed
  };
  // Takes over a value unless a newer revision of this connection is there. `serial` is the newest subscription: all have it from now on.
  Update update(std::string_view address, const ValueView& value, std::uint64_t revision, std::string_view writer, std::optional<UnixTime> timestamp,
                std::uint32_t serial, SteadyTime now);

  std::size_t size() const { return params_.size(); }
  std::uint64_t refused() const { return refused_; }

 private:
  std::size_t entries_max_;
  std::uint32_t connection_ = 0;
  std::uint64_t refused_ = 0;
  std::unordered_map<std::string, CachedParam, TextHash, std::equal_to<>> params_;
};

}  // namespace clasp::client
