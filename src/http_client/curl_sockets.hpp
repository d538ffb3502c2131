// The descriptors libcurl works with, watched by our loop.
#pragma once

#include <curl/curl.h>

#include <functional>
#include <memory>
#include <unordered_map>

#include "io/io_loop.hpp"
#include "io/timer.hpp"
#include "io/watch.hpp"

namespace clasp::http_client {

// Between curl_multi_socket_action() and the loop. Handlers of the loop only note; curl is called in a task.
class CurlSockets {
 public:
  // `acted`: curl has done something, there may be messages of it.
  CurlSockets(io::IoLoop& loop, CURLM* multi, std::function<void()> acted);
  CurlSockets(const CurlSockets&) = delete;
  ~CurlSockets();

 private:
  struct Socket;

  static int on_socket(CURL* easy, curl_socket_t descriptor, int what, void* self, void* socket);
  static int on_timer(CURLM* multi, long milliseconds, void* self);
  void watch(curl_socket_t descriptor, int what);
  void act(curl_socket_t descriptor, int events);

  io::IoLoop& loop_;
  CURLM* multi_;
  std::function<void()> acted_;
  io::Timer timer_;
  std::unordered_map<curl_socket_t, std::unique_ptr<Socket>> sockets_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // deferred tasks look
};

}  // namespace clasp::http_client
