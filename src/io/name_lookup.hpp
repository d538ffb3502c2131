// Host names without holding the loop.
#pragma once

#include <sys/socket.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace clasp::io {

class IoLoop;

struct LookupResult {
  std::vector<sockaddr_storage> addresses;  // IPv4 and IPv6, with the port; in the system's order of preference
  std::string error;                        // why there is none
};

// One look-up at a time. Each runs on a thread of its own, which a name server that does not answer may hold for a minute; nobody waits for it then.
class NameLookup {
 public:
  explicit NameLookup(IoLoop& loop) : loop_(loop) {}
  NameLookup(const NameLookup&) = delete;
  ~NameLookup() { cancel(); }

  void start(const std::string& host, const std::string& port, std::function<void(const LookupResult&)> done);  // a datagram service
  void cancel() { pending_.reset(); }

 private:
  struct Pending;
  IoLoop& loop_;
  std::shared_ptr<Pending> pending_;
};

}  // namespace clasp::io
