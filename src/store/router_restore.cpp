#include "store/router_restore.hpp"

#include <algorithm>

namespace clasp::store {

void RouterRestore::param(const ParamImage& param) { put(param.address, param.value, param.revision, param.writer, param.time, param.ttl); }

void RouterRestore::entry(const Entry& entry) {
  if (entry.kind == EntryKind::removed) {
    if (!is_older(entry.address, entry.revision)) router_.restore_removal(entry.address, entry.revision);
    return;
  }
  std::uint64_t revision = entry.revision;
  std::optional<Ttl> ttl = entry.ttl;
  if (!ttl || entry.foreign) {
    if (const auto old = router_.find(entry.address)) {
      if (!ttl) ttl = old->ttl;  // a SET without a lifetime leaves the one there was
      if (entry.foreign) revision = std::max(revision, old->revision + 1);  // files of the reference begin again at 1 after each restart
    }
  }
  put(entry.address, entry.value.value_or(ValueView{}), revision, entry.author, entry.time, ttl);
}

bool RouterRestore::is_older(std::string_view address, std::uint64_t revision) const {
  if (!newer_only_) return false;
  const auto there = router_.find(address);
  return there && there->revision >= revision;
}

void RouterRestore::put(std::string_view address, const ValueView& value, std::uint64_t revision, std::string_view writer, UnixTime time,
                        std::optional<Ttl> ttl) {
  if (is_older(address, revision)) return;
  const auto restored = router_.restore(address, value, std::max<std::uint64_t>(revision, 1), writer, time, ttl, now_);
  if (restored) return;
  ++refused_;
  if (first_refusal_.empty()) first_refusal_ = restored.error().message;
}

}  // namespace clasp::store
