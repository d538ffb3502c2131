// Recovery into a router: what a file knows becomes its state. Nobody is told, nothing is transformed, locked or checked against what is there.
#pragma once

#include "router/router.hpp"
#include "store/recovery.hpp"

namespace clasp::store {

class RouterRestore final : public RecoverySink {
 public:
  // `newer_only`: what is there already with an equal or higher revision stays, as something else was recovered before.
  RouterRestore(router::Router& router, const Now& now, bool newer_only = false) : router_(router), now_(now), newer_only_(newer_only) {}

  void param(const ParamImage& param) override;
  void entry(const Entry& entry) override;
  void removed_revisions_max(std::uint64_t revision) override { router_.restore_removed_revisions_max(revision); }

  std::uint64_t refused() const { return refused_; }  // that the router's limits have no room for
  const std::string& first_refusal() const { return first_refusal_; }

 private:
  bool is_older(std::string_view address, std::uint64_t revision) const;
  void put(std::string_view address, const ValueView& value, std::uint64_t revision, std::string_view writer, UnixTime time, std::optional<Ttl> ttl);

  router::Router& router_;
  Now now_;
  bool newer_only_;
  std::uint64_t refused_ = 0;
  std::string first_refusal_;
};

}  // namespace clasp::store
