#include "http_client/curl_sockets.hpp"

#include <unistd.h>

#include <utility>

namespace clasp::http_client {

// One socket of curl's. Watched under a descriptor of its own, because a watch owns its descriptor and this one is curl's.
struct CurlSockets::Socket final : io::WatchHandler {
  Socket(CurlSockets& owner, curl_socket_t of_curl, int copy) : sockets(owner), descriptor(of_curl), watch(owner.loop_, copy, *this) {}

  void on_readable() override { note(CURL_CSELECT_IN); }
  void on_writable() override { note(CURL_CSELECT_OUT); }
  void note(int event) {
    if (std::exchange(events, events | event) != 0) return;
    sockets.loop_.defer([owner = &sockets, alive = std::weak_ptr(sockets.alive_), of_curl = descriptor] {
      if (alive.expired()) return;
      const auto at = owner->sockets_.find(of_curl);
      if (at == owner->sockets_.end()) return;
      owner->act(of_curl, std::exchange(at->second->events, 0));
    });
  }

  CurlSockets& sockets;
  curl_socket_t descriptor;
  int events = 0;
  io::Watch watch;
};

CurlSockets::CurlSockets(io::IoLoop& loop, CURLM* multi, std::function<void()> acted)
    : loop_(loop), multi_(multi), acted_(std::move(acted)), timer_(loop, [this] { act(CURL_SOCKET_TIMEOUT, 0); }) {
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &CurlSockets::on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &CurlSockets::on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
}

CurlSockets::~CurlSockets() = default;

int CurlSockets::on_socket(CURL*, curl_socket_t descriptor, int what, void* self, void*) {
  static_cast<CurlSockets*>(self)->watch(descriptor, what);
  return 0;
}

int CurlSockets::on_timer(CURLM*, long milliseconds, void* self) {
  io::Timer& timer = static_cast<CurlSockets*>(self)->timer_;
  if (milliseconds < 0) {
    timer.cancel();
  } else {
    timer.set(io::steady_now() + Micros{std::int64_t{milliseconds} * 1'000});
  }
  return 0;
}

void CurlSockets::watch(curl_socket_t descriptor, int what) {
  if (what == CURL_POLL_REMOVE) {
    sockets_.erase(descriptor);
    return;
  }
  std::unique_ptr<Socket>& socket = sockets_[descriptor];
  if (!socket) {
    const int copy = ::dup(descriptor);
    if (copy < 0) {  // no descriptors left: this call is never told, and ends by its deadline
      sockets_.erase(descriptor);
      return;
    }
    socket = std::make_unique<Socket>(*this, descriptor, copy);
  }
  socket->watch.set_reading((what & CURL_POLL_IN) != 0);
  socket->watch.set_writing((what & CURL_POLL_OUT) != 0);
}

void CurlSockets::act(curl_socket_t descriptor, int events) {
  int running = 0;
  curl_multi_socket_action(multi_, descriptor, events, &running);
  acted_();
}

}  // namespace clasp::http_client
