// The rules of a server: the engine of src/rules between router, loop and files.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "clasp/error.hpp"
#include "core/paced_log.hpp"
#include "rules/managed_rules.hpp"
#include "rules/rule_source.hpp"
#include "server/webhooks.hpp"

namespace clasp::io {
class IoLoop;
}
namespace clasp::router {
class Router;
}

namespace clasp::server {

// What a run with rules has shown of them and the state has kept: a router without rules shows none.
void forget_shown_rules(router::Router& router, const Now& now);

class Rules {
 public:
  class Nobody;
  struct Logs {
    std::function<void(std::string_view)> warn;
    std::function<void(std::string_view)> debug;  // none: nothing is told of single firings
  };
  // Nothing is asked of the router before start(). Router and loop outlive it.
  Rules(router::Router& router, io::IoLoop& loop, bool at_run_time, std::string webhook_secret, Logs logs);
  ~Rules();
  Rules(const Rules&) = delete;

  // Whatever brings state back has done so. Takes up the rules it brought, then those of the files.
  Result<void> start(rules::CompiledRules compiled);
  void lenses(transform::LensLoader loader) { managed_.lenses(std::move(loader)); }  // of the modules that rules set at run time may use
  Result<void> use(rules::CompiledRules compiled);

  // What guards /clasp/rules, before everything else that changes values. Whoever gives it to the router takes it away again.
  router::Transform* in_front_of(router::Transform* next);
  std::size_t size() const { return engine_.size(); }
  void append_metrics(std::string& out) const;

 private:
  router::Router& router_;
  Logs logs_;
  PacedLog paced_;  // of what fails: a rule may do so with every value
  std::unique_ptr<Nobody> sink_;
  router::SessionId writer_ = router::nobody;   // of what rules write
  router::SessionId manager_ = router::nobody;  // of the params that show them
  Webhooks webhooks_;
  rules::RulesEngine engine_;
  rules::ManagedRules managed_;
};

}  // namespace clasp::server
