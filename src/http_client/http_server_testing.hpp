// An HTTP server that behaves as badly as a test wants: each request is handed to a function that writes whatever it likes to the socket.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace clasp::http_client::test {

// One connection being answered.
class Hand {
 public:
  explicit Hand(int socket, const std::atomic<bool>& ending) : socket_(socket), ending_(ending) {}
  void write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  void answer(std::string_view status, std::string_view fields, std::string_view body) const {
    write("HTTP/1.1 " + std::string(status) + "\r\n" + std::string(fields) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
          std::string(body));
  }
  void wait_for_end() const {  // until the peer has gone or the test is over
    char byte = 0;
    while (!ending_) {
      pollfd waiting{.fd = socket_, .events = POLLIN, .revents = 0};
      if (::poll(&waiting, 1, 20) > 0 && ::recv(socket_, &byte, 1, 0) <= 0) return;
    }
  }

 private:
  int socket_;
  const std::atomic<bool>& ending_;
};

class BadServer {
 public:
  using Behaviour = std::function<void(const std::string& request, const Hand& hand)>;

  explicit BadServer(Behaviour behaviour) : behaviour_(std::move(behaviour)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_, 16), 0);
    socklen_t length = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~BadServer() {
    ending_ = true;
    thread_.join();
    for (std::thread& each : connections_) each.join();
    ::close(listener_);
  }

  std::string url(std::string_view path = "/") const { return "http://127.0.0.1:" + std::to_string(port_) + std::string(path); }
  std::vector<std::string> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void serve() {
    while (!ending_) {
      pollfd waiting{.fd = listener_, .events = POLLIN, .revents = 0};
      if (::poll(&waiting, 1, 20) <= 0) continue;
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket >= 0) connections_.emplace_back([this, socket] { talk(socket); });
    }
  }
  void talk(int socket) {
    std::string text;
    const Hand hand(socket, ending_);
    while (read_request(socket, text)) {
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(text);
      }
      behaviour_(text, hand);
      if (text.find("\r\nX-Last:") != std::string::npos || closing_) break;
      text.clear();
    }
    ::close(socket);
  }
  // One request at a time, as long as the peer keeps the connection.
  bool read_request(int socket, std::string& text) {
    while (!ending_) {
      const std::size_t end = text.find("\r\n\r\n");
      if (end != std::string::npos && text.size() >= end + 4 + length_of(text)) return true;
      pollfd waiting{.fd = socket, .events = POLLIN, .revents = 0};
      if (::poll(&waiting, 1, 20) <= 0) continue;
      char buffer[4096];
      const ssize_t got = ::recv(socket, buffer, sizeof buffer, 0);
      if (got <= 0) return false;
      text.append(buffer, static_cast<std::size_t>(got));
    }
    return false;
  }
  static std::size_t length_of(const std::string& text) {
    const std::size_t at = text.find("Content-Length: ");
    return at == std::string::npos ? 0 : std::stoul(text.substr(at + 16));
  }

 public:
  std::atomic<bool> closing_{false};  // close after each answer

 private:
  Behaviour behaviour_;
  int listener_;
  int port_ = 0;
  std::atomic<bool> ending_{false};
  std::mutex mutex_;
  std::vector<std::string> requests_;
  std::vector<std::thread> connections_;
  std::thread thread_;
};

}  // namespace clasp::http_client::test
