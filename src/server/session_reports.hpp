// Answers whoever asks over the router about its sessions: which are slow and what they have lost, and who wrote some params last. An event at
// ask_address, {"addresses": [...]}, is answered with an event at report_address. Nothing is sent unasked (`clasp monitor`).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "router/router.hpp"

namespace clasp::io {
class IoLoop;
}

namespace clasp::server {

inline constexpr std::string_view sessions_ask_address = "/clasp/sessions/ask";
inline constexpr std::string_view sessions_report_address = "/clasp/sessions/report";

class SessionReports final : private router::Sink {
 public:
  // Both outlive this. On the router's thread.
  SessionReports(router::Router& router, io::IoLoop& loop);
  ~SessionReports() override;

 private:
  std::size_t deliver(const router::Delivery& delivery) override;
  std::size_t reply(const router::Reply&) override { return 0; }
  void close(const router::CloseReason&) override { session_ = router::nobody; }
  void answer();
  Value describe(const Now& now) const;

  router::Router& router_;
  io::IoLoop& loop_;
  router::SessionId session_ = router::nobody;
  std::vector<std::string> asked_;  // addresses, of all questions since the last answer
  std::shared_ptr<const bool> due_; // an answer is posted
};

}  // namespace clasp::server
