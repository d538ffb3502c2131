#include "io/name_lookup.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstring>
#include <mutex>
#include <system_error>
#include <thread>

#include "core/check.hpp"
#include "io/io_loop.hpp"
#include "io/watch.hpp"

namespace clasp::io {

namespace {

LookupResult look_up(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0) return {.addresses = {}, .error = ::gai_strerror(error)};
  LookupResult result;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    std::memcpy(&result.addresses.emplace_back(), entry->ai_addr, entry->ai_addrlen);
  }
  ::freeaddrinfo(found);
  return result;
}

// What the thread and the loop share; the thread keeps it alive if the loop's side has lost interest.
struct Answer {
  Answer() : ready(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) { CLASP_CHECK(ready >= 0); }
  ~Answer() { ::close(ready); }
  void give(LookupResult found) {
    {
      const std::lock_guard lock{mutex};
      result = std::move(found);
    }
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(ready, &one, sizeof one);
  }
  LookupResult take() {
    const std::lock_guard lock{mutex};
    return std::move(result);
  }

  int ready;
  std::mutex mutex;
  LookupResult result;  // under mutex
};

}  // namespace

struct NameLookup::Pending final : WatchHandler, std::enable_shared_from_this<Pending> {
  Pending(IoLoop& in, std::function<void(const LookupResult&)> call)
      : loop(in), done(std::move(call)), watch(in, ::fcntl(answer->ready, F_DUPFD_CLOEXEC, 0), *this) {}

  void on_readable() override {
    watch.set_reading(false);
    loop.defer([weak = weak_from_this()] {
      const std::shared_ptr<Pending> self = weak.lock();
      if (self) self->done(self->answer->take());
    });
  }
  void on_writable() override {}

  IoLoop& loop;
  std::function<void(const LookupResult&)> done;
  std::shared_ptr<Answer> answer = std::make_shared<Answer>();
  Watch watch;
};

void NameLookup::start(const std::string& host, const std::string& port, std::function<void(const LookupResult&)> done) {
  pending_ = std::make_shared<Pending>(loop_, std::move(done));
  const std::shared_ptr<Answer> answer = pending_->answer;
  try {
    std::thread([answer, host, port] { answer->give(look_up(host, port)); }).detach();
  } catch (const std::system_error& error) {
    answer->give({.addresses = {}, .error = error.what()});
  }
}

}  // namespace clasp::io
