// For the tests of this folder: a router without sockets, and connections that ask it over HTTP in one line.
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http_api/http_api.hpp"
#include "router/router_fixture.hpp"

namespace clasp::http_api {

using namespace std::chrono_literals;
using Fields = std::vector<net::HttpField>;

// One connection. A stalled one takes nothing until it is drained.
class Connection final : public net::HttpResponder {
 public:
  Connection(HttpApi& api, router::World& world) : api_(api), world_(world) {}
  ~Connection() override { leave(); }

  // "PUT /v1/state/a" → "200 {…}", or "" if the answer has not come. What is streamed is in `text`.
  std::string ask(std::string_view line, std::string body = "", Fields fields = {}) {
    EXPECT_FALSE(owed) << "asked before the answer to the last one";
    const std::size_t blank = line.find(' ');
    net::HttpRequest request{.method = std::string(line.substr(0, blank)),
                             .target = std::string(line.substr(blank + 1)),
                             .fields = std::move(fields),
                             .body = std::move(body)};
    owed = true;
    head_ = request.method == "HEAD";
    head = {.status = 0, .fields = {}, .body = {}};
    text.clear();
    api_.handle(request, *this);
    return answered();
  }
  std::string answered() const { return owed && head.status == 0 ? "" : fmt::format("{} {}", head.status, text); }
  std::string field(std::string_view name) const {
    const std::string* value = net::find_field(head.fields, name);
    return value == nullptr ? "" : *value;
  }
  std::string take() { return std::exchange(text, {}); }  // what has been streamed since the last call
  void drain(std::size_t bytes) {
    bytes = std::min(bytes, waiting);
    waiting -= bytes;
    if (peer_ && owed && bytes > 0) peer_->on_sent(bytes);
  }
  void drain() {
    while (waiting > 0 && !stalled) drain(waiting);
  }
  void end() { peer_->on_end(); }
  void leave() {
    if (const auto peer = std::move(peer_)) peer->on_closed();
  }

  // net::HttpResponder
  const Now& now() const override { return now_ = world_.now(); }
  void answer(const net::HttpResponse& response) override {
    ASSERT_TRUE(owed && head.status == 0) << "answered twice";
    owed = false;
    head = response;
    text = response.body;
  }
  void begin(const net::HttpResponse& response, net::Flow) override {
    ASSERT_TRUE(owed && head.status == 0) << "answered twice";
    head = response;
  }
  std::size_t send(std::string_view piece) override {
    EXPECT_TRUE(owed && head.status != 0) << "outside of an answer";
    if (head_) return 0;
    text += piece;
    waiting += piece.size() + 8;
    return piece.size() + 8;
  }
  void finish() override {
    EXPECT_TRUE(owed && head.status != 0);
    owed = false;
  }
  std::size_t bytes_waiting() const override { return waiting; }
  void abort() override {
    aborted = true;
    leave();
  }
  std::unique_ptr<net::HttpPeer>& peer() override { return peer_; }

  net::HttpResponse head{.status = 0, .fields = {}, .body = {}};
  std::string text;
  std::size_t waiting = 0;
  bool owed = false;
  bool stalled = false;
  bool aborted = false;

 private:
  HttpApi& api_;
  router::World& world_;
  std::unique_ptr<net::HttpPeer> peer_;
  mutable Now now_;
  bool head_ = false;
};

class HttpApiTest : public router::RouterTest {
 protected:
  HttpApi& api() {
    if (!api_) api_ = std::make_unique<HttpApi>(config, router());
    return *api_;
  }
  Connection& connection() {
    if (connections_.empty()) another();
    return *connections_.front();
  }
  Connection& another() { return *connections_.emplace_back(std::make_unique<Connection>(api(), world())); }
  std::string ask(std::string_view line, std::string body = "", Fields fields = {}) {
    const std::string answer = connection().ask(line, std::move(body), std::move(fields));
    return connection().answered();
  }
  void turn() {
    router().advance(world().now());
    api().advance(world().now());
    router().end_turn(world().now());
    api().end_turn(world().now());
    for (const auto& each : connections_) each->drain();
  }
  void pass(Micros time) {
    advance(time);
    turn();
  }
  std::string position() { return api().position_text(router().last_seq()); }

  HttpApiConfig config;  // change it before the first use

 private:
  std::unique_ptr<HttpApi> api_;
  std::vector<std::unique_ptr<Connection>> connections_;
};

}  // namespace clasp::http_api
