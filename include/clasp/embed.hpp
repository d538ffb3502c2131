// A router inside your program: listeners, bridges and state of `clasp server`, with direct access to the params.
//
//   auto router = clasp::EmbeddedRouter::start({"--listen", ":7330", "--osc", "9000"});
//   router->set("/lights/1/dim", 0.5);
//
// It runs on a thread of its own. Every method may be called from any thread; callbacks run on the router's thread and must return soon. From
// inside a callback everything may be called: writes then take effect right after it and answer with success at once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clasp/error.hpp"
#include "clasp/value.hpp"

namespace clasp {
inline namespace v0 {

// What decides between a stored and a new value of a param (wire format, section 13).
enum class Strategy : std::uint8_t { lww, max, min, lock, merge };

class EmbeddedRouter {
 public:
  // Options as on the command line of `clasp server`, and none from environment or file. The error is one line that names what was wrong.
  static Result<EmbeddedRouter> start(const std::vector<std::string>& options = {});
  EmbeddedRouter(EmbeddedRouter&&) noexcept;
  EmbeddedRouter& operator=(EmbeddedRouter&&) noexcept;
  ~EmbeddedRouter();  // stop()

  std::uint16_t port() const;      // of the first listener: useful with "--listen :0"
  std::uint16_t osc_port() const;  // of the first OSC bridge, 0 if there is none

  Result<std::uint64_t> set(std::string_view address, const Value& value);  // the new revision
  std::optional<Value> get(std::string_view address) const;
  Result<void> emit(std::string_view address, const Value& payload = {});
  // What matches from now on: SETs by anybody, publishes by others. Stays until stop().
  Result<void> on(std::string_view pattern, std::function<void(const Value& value, std::string_view address)> callback);
  Result<void> set_strategy(std::string_view pattern, Strategy strategy);

  void stop();  // tells everybody, then ends the thread; safe twice

 private:
  struct Impl;
  explicit EmbeddedRouter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace v0
}  // namespace clasp
