// What a session may do, as the engine asks: nothing without grants, and who may do everything is not asked about again.
#pragma once

#include <string_view>
#include <utility>

#include "router/hooks.hpp"

namespace clasp::router {

class Rights {
 public:
  Rights() = default;
  Rights(Grants grants)  // null: nothing is allowed
      : grants_(std::move(grants)), unrestricted_(grants_ && grants_->unrestricted()), filtered_(grants_ && grants_->filtered()) {}

  bool allows(Action action, std::string_view address) const { return unrestricted_ || (grants_ && grants_->allows(action, address)); }
  bool covers(Action action, const Pattern& pattern) const { return unrestricted_ || (grants_ && grants_->covers(action, pattern)); }
  bool filtered() const { return filtered_; }  // Gate::view() must be asked for each item that leaves
  bool unrestricted() const { return unrestricted_; }
  bool none() const { return grants_ == nullptr; }
  const Grants& grants() const { return grants_; }

 private:
  Grants grants_;
  bool unrestricted_ = false;
  bool filtered_ = false;
};

}  // namespace clasp::router
