#include "bridge/socketio/server_port.hpp"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <utility>

#include "bridge/web/access_token.hpp"
#include "bridge/web/url_query.hpp"
#include "core/base64.hpp"
#include "core/check.hpp"
#include "core/json.hpp"
#include "net/message_link.hpp"
#include "net/websocket_handshake.hpp"

namespace clasp::bridge::socketio {

namespace {

constexpr std::string_view text_type = "text/plain; charset=UTF-8";
constexpr Micros sweep_soon{100'000};  // sessions are looked after at most ten times a second

// Twenty characters, as the official server makes them.
std::string random_sid() {
  std::array<std::byte, 15> random{};
  CLASP_CHECK(::getrandom(random.data(), random.size(), 0) == static_cast<ssize_t>(random.size()));
  std::string sid = base64_encode(random);
  std::ranges::replace(sid, '+', '-');
  std::ranges::replace(sid, '/', '_');
  return sid;
}

}  // namespace

struct ServerPort::Query {
  std::string version;
  std::string transport;
  std::optional<std::string> sid;
  std::string token;
};

// ---- a connection that polls, and a WebSocket ----

// Belongs to its connection; sessions know it only while it waits.
class ServerPort::PollPeer final : public net::HttpPeer, public Poll {
 public:
  PollPeer(ServerPort& port, net::HttpResponder& responder) : port_(port), responder_(responder) {}

  // The answer to the request under way will be this, with these fields.
  void begin(std::string sid, net::HttpResponse shape) {
    sid_ = std::move(sid);
    shape_ = std::move(shape);
    waits_ = true;
  }
  void forget() { waits_ = false; }
  bool waits() const { return waits_; }

  void answer(std::string_view payload) override {
    if (!std::exchange(waits_, false)) return;
    shape_.body = payload;
    responder_.answer(shape_);
  }
  void on_closed() override {
    if (!std::exchange(waits_, false)) return;
    if (EngineSession* session = port_.find(sid_)) session->poll_gone(*this);
    port_.touch();
  }

 private:
  ServerPort& port_;
  net::HttpResponder& responder_;
  std::string sid_;
  net::HttpResponse shape_;
  bool waits_ = false;
};

// Belongs to its link.
class ServerPort::SocketWire final : public net::MessageHandler, public Wire {
 public:
  SocketWire(ServerPort& port, net::MessageLink& link, std::string sid) : port_(port), link_(link), sid_(std::move(sid)) {}

  // Wire
  void send_text(std::string_view text) override { link_.send_text(text); }
  void send_binary(Bytes message) override { link_.send_binary(message); }
  std::size_t bytes_waiting() const override { return link_.bytes_waiting(); }
  void close(std::string_view reason) override { link_.close(1000, reason); }

  // net::MessageHandler
  void on_text(std::string_view text) override {
    if (EngineSession* session = port_.find(sid_)) session->wire_text(*this, text, link_.now().steady);
    port_.touch();
  }
  void on_binary(Bytes message) override {
    if (EngineSession* session = port_.find(sid_)) session->wire_binary(*this, message);
    port_.touch();
  }
  void on_sent() override {
    if (EngineSession* session = port_.find(sid_)) session->wire_sent(*this);
  }
  void on_closed(std::string_view reason) override {
    if (EngineSession* session = port_.find(sid_)) session->wire_gone(*this, reason);
    port_.touch();
  }

 private:
  ServerPort& port_;
  net::MessageLink& link_;
  std::string sid_;
};

// ---- life ----

ServerPort::ServerPort(io::IoLoop& loop, RouterLink& router, ServerConfig config, PortConfig port, std::function<void(std::string_view)> log)
    : config_(std::move(config)),
      port_config_(std::move(port)),
      http_(loop, *this, *this, log),
      server_(router, config_,
              {.clock = [] { return io::read_clocks(); },
               .make_sid = random_sid,
               .log = std::move(log),
               .changed =
                   [this] {
                     touch();
                     http_.turn_soon();
                   }}) {}

ServerPort::~ServerPort() { stop(); }

Result<void> ServerPort::start() {
  if (auto opened = http_.open(port_config_.bind); !opened) return opened;
  server_.start();
  return {};
}

void ServerPort::stop() {
  http_.close([this] { server_.stop(); });
  sessions_.clear();
}

// ---- requests ----

bool ServerPort::owns(std::string_view path) const {
  const std::string_view own = port_config_.path;
  return path == own || (own.ends_with('/') && path == own.substr(0, own.size() - 1));
}

ServerPort::Query ServerPort::query_of(const net::HttpRequest& request) const {
  const std::string_view query = request.query();
  Query out{.version = web::find_query(query, "EIO").value_or(""),
            .transport = web::find_query(query, "transport").value_or(""),
            .sid = web::find_query(query, "sid"),
            .token = web::find_query(query, "token").value_or("")};
  if (const std::string* authorization = net::find_field(request.fields, "Authorization"); out.token.empty() && authorization != nullptr)
    out.token = web::bearer_token(*authorization);
  return out;
}

std::optional<EngineRefusal> ServerPort::check(const Query& query, std::string_view method) const {
  const bool known = (query.transport == "polling" && config_.polling) || (query.transport == "websocket" && config_.websocket);
  if (!known) return refusal::unknown_transport;
  if (query.version != "4") return refusal::unsupported_version;
  if (query.sid) return sessions_.contains(*query.sid) && sessions_.at(*query.sid)->is_open() ? std::nullopt : std::optional(refusal::unknown_sid);
  if (method != "GET") return refusal::bad_method;
  if (sessions_.size() >= config_.clients_max) return EngineRefusal{4, "Too many clients", 503};
  return std::nullopt;
}

void ServerPort::handle(const net::HttpRequest& request, net::HttpResponder& responder) {
  if (!owns(request.path())) return responder.answer(net::text_response(404, fmt::format("Socket.IO is at {}.\n", port_config_.path)));
  if (request.method == "OPTIONS" && !port_config_.cors_origins.empty()) return responder.answer(answer_of(request, 204, text_type, {}));
  const Query query = query_of(request);
  std::optional<EngineRefusal> refused = check(query, request.method);
  if (!refused && query.transport != "polling") refused = refusal::bad_request;
  if (refused) return responder.answer(answer_of(request, *refused));
  touch();

  if (request.method == "POST") {
    const auto why = find(*query.sid)->post(request.body, responder.now().steady);
    return responder.answer(why ? answer_of(request, *why) : answer_of(request, 200, "text/html", "ok"));
  }
  if (request.method != "GET") return responder.answer(answer_of(request, refusal::bad_method));
  if (!query.sid) return responder.answer(answer_of(request, 200, text_type, "0" + open_session(query).handshake()));
  if (!responder.peer()) responder.peer() = std::make_unique<PollPeer>(*this, responder);
  auto& peer = static_cast<PollPeer&>(*responder.peer());
  peer.begin(*query.sid, answer_of(request, 200, text_type, {}));
  if (const auto why = find(*query.sid)->poll(peer, responder.now().steady)) {
    peer.forget();
    responder.answer(answer_of(request, *why));
  }
}

net::HttpResponse ServerPort::answer_of(const net::HttpRequest& request, unsigned status, std::string_view type, std::string body) const {
  net::HttpResponse response{.status = status, .fields = {}, .body = std::move(body)};
  if (status != 204) response.fields.push_back({"Content-Type", std::string(type)});
  response.fields.push_back({"Cache-Control", "no-store"});
  add_cors(request, response.fields);
  return response;
}

net::HttpResponse ServerPort::answer_of(const net::HttpRequest& request, const EngineRefusal& refusal) const {
  std::string body = fmt::format(R"({{"code":{},"message":)", refusal.code);
  append_json_string(refusal.message, body);
  return answer_of(request, refusal.status, "application/json", body + "}");
}

// As the official server has it: an origin that may is named, or all are; what a page asks to send it may send.
void ServerPort::add_cors(const net::HttpRequest& request, std::vector<net::HttpField>& fields) const {
  const std::vector<std::string>& allowed = port_config_.cors_origins;
  if (allowed.empty()) return;
  const bool all = std::ranges::find(allowed, "*") != allowed.end();
  const std::string* origin = net::find_field(request.fields, "Origin");
  if (!all) fields.push_back({"Vary", "Origin"});
  if (all)
    fields.push_back({"Access-Control-Allow-Origin", "*"});
  else if (origin != nullptr && std::ranges::find(allowed, *origin) != allowed.end())
    fields.push_back({"Access-Control-Allow-Origin", *origin});
  else
    return;
  if (request.method != "OPTIONS") return;
  fields.push_back({"Access-Control-Allow-Methods", "GET,HEAD,PUT,PATCH,POST,DELETE"});
  if (const std::string* asked = net::find_field(request.fields, "Access-Control-Request-Headers"))
    fields.push_back({"Access-Control-Allow-Headers", *asked});
}

// ---- WebSockets ----

std::optional<net::HttpResponse> ServerPort::refuse_upgrade(const net::HttpRequest& request) {
  if (!owns(request.path())) return std::nullopt;  // find_upgrade() has nothing for it
  const Query query = query_of(request);
  std::optional<EngineRefusal> refused = check(query, request.method);
  if (!refused && query.transport != "websocket") refused = refusal::bad_request;
  if (!refused && query.sid && sessions_.at(*query.sid)->transport() != EngineSession::Transport::polling) refused = refusal::bad_request;
  if (!refused) return std::nullopt;
  return answer_of(request, *refused);
}

net::Upgrade ServerPort::find_upgrade(const net::HttpRequest& request) {
  if (!owns(request.path())) return {};
  return {.make = [this, query = query_of(request)](net::Stream& stream) { return open_link(stream, query); }};
}

std::unique_ptr<net::StreamHandler> ServerPort::open_link(net::Stream& stream, const Query& query) {
  auto link = std::make_unique<net::MessageLink>(stream, config_.engine.payload_bytes_max);
  EngineSession* session = query.sid ? find(*query.sid) : &open_session(query);
  auto wire = std::make_unique<SocketWire>(*this, *link, session != nullptr ? session->sid() : std::string{});
  SocketWire& opened = *wire;
  link->set_handler(std::move(wire));
  if (!query.sid)
    session->start_on(opened);
  else if (session == nullptr || !session->probe(opened, link->now().steady))
    opened.close("there is no session to upgrade");
  touch();
  return link;
}

// ---- sessions ----

EngineSession& ServerPort::open_session(const Query& query) {
  std::string sid = random_sid();
  auto session = std::make_unique<EngineSession>(sid, config_.engine, config_.websocket, server_, http_.now().steady);
  EngineSession& opened = *session;
  sessions_.emplace(std::move(sid), std::move(session));
  server_.opened(opened, query.token);
  return opened;
}

EngineSession* ServerPort::find(const std::string& sid) {
  const auto at = sessions_.find(sid);
  return at == sessions_.end() ? nullptr : at->second.get();
}

void ServerPort::touch() {
  const SteadyTime soon = http_.now().steady + sweep_soon;
  if (!sweep_at_ || *sweep_at_ > soon) sweep_at_ = soon;
}

void ServerPort::advance(const Now& now) {
  if (!sweep_at_ || now.steady < *sweep_at_) return;
  std::vector<EngineSession*> all;
  for (const auto& [sid, session] : sessions_) all.push_back(session.get());
  for (EngineSession* session : all) session->advance(now.steady);
  server_.advance(now.steady);
  std::erase_if(sessions_, [](const auto& row) { return !row.second->is_open(); });
  sweep_at_ = server_.next_deadline();
  for (const auto& [sid, session] : sessions_) {
    const std::optional<SteadyTime> at = session->next_deadline();
    if (at && (!sweep_at_ || *at < *sweep_at_)) sweep_at_ = at;
  }
  if (sweep_at_) sweep_at_ = std::max(*sweep_at_, now.steady + sweep_soon);
}

bool ServerPort::end_turn(const Now&) { return false; }

std::optional<SteadyTime> ServerPort::next_deadline() const { return sweep_at_; }

}  // namespace clasp::bridge::socketio
