// The router behind the one whose state is shown, if that is only a copy (bridge/http): it is asked to write, and shows what came of it in the copy.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "clasp/error.hpp"
#include "core/message.hpp"
#include "http_api/router_answer.hpp"

namespace clasp::http_api {

class Upstream {
 public:
  virtual ~Upstream() = default;
  using Done = std::function<void(RouterAnswer)>;  // once; during write() or later. It only notes

  virtual std::optional<Error> unavailable() const = 0;                // why the copy says nothing about the router at the moment
  virtual std::uint64_t write(const Message& message, Done done) = 0;  // a PUBLISH is answered during write(); of a SET the copy shows it by then
  virtual void forget(std::uint64_t ticket) = 0;                       // nobody waits for that answer any more
};

}  // namespace clasp::http_api
