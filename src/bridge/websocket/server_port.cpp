#include "bridge/websocket/server_port.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "bridge/web/access_token.hpp"
#include "bridge/web/url_query.hpp"
#include "net/message_link.hpp"

namespace clasp::bridge::websocket {

// Belongs to its link.
class ServerPort::Client final : public net::MessageHandler, public Channel {
 public:
  Client(Hub& hub, net::MessageLink& link) : hub_(hub), link_(link) {}
  void open() { tag_ = hub_.opened(*this); }

  // Channel
  void send_text(std::string_view text) override { link_.send_text(text); }
  void send_binary(Bytes message) override { link_.send_binary(message); }
  void ping() override { link_.ping(); }
  std::size_t bytes_waiting() const override { return link_.bytes_waiting(); }
  void close(std::uint16_t code, std::string_view reason) override { link_.close(code, reason); }

  // net::MessageHandler
  void on_text(std::string_view text) override { hub_.on_text(tag_, text); }
  void on_binary(Bytes message) override { hub_.on_binary(tag_, message); }
  void on_pong() override { hub_.on_pong(tag_); }
  void on_sent() override { hub_.on_sent(tag_); }
  void on_closed(std::string_view) override { hub_.closed(tag_); }

 private:
  Hub& hub_;
  net::MessageLink& link_;
  PeerTag tag_ = PeerTag::none;
};

ServerPort::ServerPort(io::IoLoop& loop, RouterLink& router, HubConfig config, PortConfig port, std::function<void(std::string_view)> log)
    : config_(std::move(config)),
      port_config_(std::move(port)),
      http_(loop, *this, *this, log),
      hub_(router, config_, {.clock = [] { return io::read_clocks(); }, .log = std::move(log), .changed = [this] { http_.turn_soon(); }}) {}

ServerPort::~ServerPort() { stop(); }

Result<void> ServerPort::start() {
  if (auto opened = http_.open(port_config_.bind); !opened) return opened;
  hub_.start();
  return {};
}

void ServerPort::stop() {
  http_.close([this] { hub_.stop(); });
}

void ServerPort::advance(const Now& now) { hub_.advance(now.steady); }

// ---- the door ----

void ServerPort::handle(const net::HttpRequest&, net::HttpResponder& responder) {
  net::HttpResponse response = net::text_response(426, "WebSocket is spoken here.\n");
  response.fields.push_back({"Upgrade", "websocket"});
  responder.answer(response);
}

std::optional<net::HttpResponse> ServerPort::refuse_upgrade(const net::HttpRequest& request) {
  const auto refuse = [this](unsigned status, std::string_view text) {
    ++refused_;
    return net::text_response(status, text);
  };
  if (!port_config_.path.empty() && request.path() != port_config_.path) return refuse(404, fmt::format("The bridge is at {}.\n", port_config_.path));
  const std::string* origin = net::find_field(request.fields, "Origin");
  if (!port_config_.origins.empty() && origin != nullptr && std::ranges::find(port_config_.origins, *origin) == port_config_.origins.end())
    return refuse(403, "Pages of this origin may not connect.\n");
  if (!has_token(request)) {
    net::HttpResponse response = refuse(401, "The token is missing or wrong: ?token=… or Authorization: Bearer ….\n");
    response.fields.push_back({"WWW-Authenticate", "Bearer"});
    return response;
  }
  if (hub_.peers() >= config_.clients_max) return refuse(503, "Too many clients are connected.\n");
  return std::nullopt;
}

bool ServerPort::has_token(const net::HttpRequest& request) const {
  if (port_config_.token.empty()) return true;
  if (const auto token = web::find_query(request.query(), "token")) return web::same_token(*token, port_config_.token);
  const std::string* authorization = net::find_field(request.fields, "Authorization");
  return authorization != nullptr && web::same_token(web::bearer_token(*authorization), port_config_.token);
}

net::Upgrade ServerPort::find_upgrade(const net::HttpRequest&) {
  return {.make =
              [this](net::Stream& stream) {
                auto link = std::make_unique<net::MessageLink>(stream, config_.message_bytes_max);
                auto client = std::make_unique<Client>(hub_, *link);
                Client& opened = *client;
                link->set_handler(std::move(client));
                opened.open();
                return link;
              },
          .subprotocol = port_config_.subprotocol};
}

}  // namespace clasp::bridge::websocket
