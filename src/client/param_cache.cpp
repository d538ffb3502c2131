#include "client/param_cache.hpp"

namespace clasp::client {

const CachedParam* ParamCache::find(std::string_view address) const {
  const auto found = params_.find(address);
  return found == params_.end() ? nullptr : &found->second;
}

void ParamCache::each_stale(const std::function<void(std::string_view address, const CachedParam& param)>& visit) const {
  for (const auto& [address, param] : params_) {
    if (is_stale(param)) visit(address, param);
  }
}

ParamCache::Update ParamCache::update(std::string_view address, const ValueView& value, std::uint64_t revision, std::string_view writer,
                                      std::optional<UnixTime> timestamp, std::uint32_t serial, SteadyTime now) {
  auto found = params_.find(address);
  if (found == params_.end()) {
    if (params_.size() >= entries_max_) {
      refused_ += entries_max_ == 0 ? 0 : 1;
      return {};
    }
    found = params_.emplace(std::string(address), CachedParam{}).first;
    found->second.connection = connection_ - 1;
  }
  CachedParam& param = found->second;
  const bool fresh = !is_stale(param);
  if (fresh && revision < param.revision)
    return {.shown_to = param.shown_to, .newer_known = true};  // history and REPLAY: the only places where older revisions arrive (contract 21)

  const Update update{.shown_to = fresh && revision == param.revision && revision != 0 ? param.shown_to : 0};
  param.value.assign(1, static_cast<char>(value.tag));
  param.value.append(as_text(value.data));
  param.writer = writer;
  param.revision = revision;
  param.timestamp = timestamp;
  param.heard = now;
  param.connection = connection_;
  param.shown_to = serial;
  return update;
}

}  // namespace clasp::client
