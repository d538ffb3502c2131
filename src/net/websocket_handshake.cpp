#include "net/websocket_handshake.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <vector>

#include "core/check.hpp"
#include "net/http_request.hpp"
#include "net/websocket_deflate.hpp"
#include "url/url.hpp"

namespace clasp::net {

namespace {

constexpr std::string_view accept_guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr std::size_t key_chars = 24;  // 16 bytes as base64
constexpr std::size_t response_head_bytes_max = 16'384;

std::string to_base64(Bytes bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

bool is_key(std::string_view key) {
  const auto is_base64 = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/'; };
  return key.size() == key_chars && key.ends_with("==") && std::ranges::all_of(key.substr(0, key_chars - 2), is_base64);
}

std::size_t count_fields(const std::vector<HttpField>& fields, std::string_view name) {
  return static_cast<std::size_t>(std::ranges::count_if(fields, [&](const HttpField& field) { return same_ignoring_case(field.name, name); }));
}

HttpResponse refusal(unsigned status, std::string_view text, std::vector<HttpField> fields = {}) {
  HttpResponse response = text_response(status, text);
  std::ranges::move(fields, std::back_inserter(response.fields));
  response.close = true;
  return response;
}

Error failed(std::string message) { return {.code = ErrorCode::connection_failed, .message = std::move(message), .address = {}}; }

// No value writes a header of its own.
std::string one_line(std::string text) {
  std::ranges::replace_if(text, [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
  return text;
}

}  // namespace

std::string websocket_accept(std::string_view key) {
  std::string text{key};
  text += accept_guid;
  std::array<std::byte, EVP_MAX_MD_SIZE> digest;
  unsigned length = 0;
  const int done = EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(digest.data()), &length, EVP_sha1(), nullptr);
  CLASP_CHECK(done == 1);
  return to_base64(Bytes{digest}.first(length));
}

bool wants_websocket(const HttpRequest& request) { return has_token(request.fields, "Upgrade", "websocket"); }

HttpResponse answer_upgrade(const HttpRequest& request, std::string_view subprotocol) {
  const std::string* key = find_field(request.fields, "Sec-WebSocket-Key");
  if (request.method != "GET") return refusal(405, "A WebSocket upgrade is a GET request.\n", {{"Allow", "GET"}});
  if (request.version < 11) return refusal(400, "A WebSocket upgrade needs HTTP/1.1.\n");
  if (!has_token(request.fields, "Connection", "upgrade")) return refusal(400, "The Connection header lacks the token \"Upgrade\".\n");
  if (!has_token(request.fields, "Sec-WebSocket-Version", "13")) {
    return refusal(426, "Only WebSocket version 13 is spoken here.\n", {{"Sec-WebSocket-Version", "13"}, {"Upgrade", "websocket"}});
  }
  if (key == nullptr || !is_key(without_blanks(*key))) return refusal(400, "Sec-WebSocket-Key is not 16 bytes in base64.\n");
  if (count_fields(request.fields, "Sec-WebSocket-Key") > 1) return refusal(400, "More than one Sec-WebSocket-Key.\n");
  if (!parse_extensions(request.fields)) return refusal(400, "Sec-WebSocket-Extensions is malformed.\n");

  HttpResponse response{.status = 101, .fields = {{"Upgrade", "websocket"}, {"Connection", "Upgrade"}}, .body = {}};
  response.fields.push_back({"Sec-WebSocket-Accept", websocket_accept(without_blanks(*key))});
  if (!subprotocol.empty() && has_token(request.fields, "Sec-WebSocket-Protocol", subprotocol, true)) {
    response.fields.push_back({"Sec-WebSocket-Protocol", std::string{subprotocol}});
  }
  return response;
}

ClientHandshake::ClientHandshake(const WebSocketUrl& url, const WebSocketNonce& nonce, ClientOffer offer)
    : key_(to_base64(nonce)), offer_(std::move(offer)) {
  request_ = fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {}\r\n"
      "Sec-WebSocket-Version: 13\r\n",
      url.target, url::host_header(url.host, url.port, url.tls ? 443 : 80), key_);
  if (!offer_.subprotocols.empty()) request_ += fmt::format("Sec-WebSocket-Protocol: {}\r\n", fmt::join(offer_.subprotocols, ", "));
  for (const HttpField& field : offer_.fields) request_ += fmt::format("{}: {}\r\n", one_line(field.name), one_line(field.value));
  request_ += "\r\n";
}

std::optional<Result<void>> ClientHandshake::next(std::span<std::byte>& input) {
  const std::size_t before = head_.size();
  const std::size_t taken = std::min(input.size(), response_head_bytes_max - before);
  head_.append(input.first(taken));
  const std::string_view text = as_text(head_.view());
  const std::size_t end = text.find("\r\n\r\n", before < 4 ? 0 : before - 3);
  if (end == std::string_view::npos) {
    input = input.subspan(taken);
    if (head_.size() == response_head_bytes_max) return failed("server's answer to the upgrade has no end");
    if (!text.substr(0, 5).empty() && !std::string_view{"HTTP/"}.starts_with(text.substr(0, 5))) return failed("server's answer is no HTTP response");
    return std::nullopt;
  }
  input = input.subspan(end + 4 - before);
  head_.truncate(end + 4);
  const Result<void> result = check(as_text(head_.view()));
  head_.release();
  return result;
}

Result<void> ClientHandshake::check(std::string_view head) {
  const Result<HttpResponseHead> response = parse_response_head(head);
  if (!response) return response.error();
  if (response->status != 101) return failed(fmt::format("server answered {} {}, not 101", response->status, response->reason));
  if (!has_token(response->fields, "Upgrade", "websocket")) return failed("server's answer lacks Upgrade: websocket");
  if (!has_token(response->fields, "Connection", "upgrade")) return failed("server's answer lacks Connection: Upgrade");
  const std::string* accept = find_field(response->fields, "Sec-WebSocket-Accept");
  if (accept == nullptr || without_blanks(*accept) != websocket_accept(key_)) return failed("server's Sec-WebSocket-Accept does not fit the key");
  if (find_field(response->fields, "Sec-WebSocket-Extensions") != nullptr) return failed("server selected an extension that was not offered");
  const std::string* subprotocol = find_field(response->fields, "Sec-WebSocket-Protocol");
  if (subprotocol == nullptr) return {};
  subprotocol_ = without_blanks(*subprotocol);
  if (std::ranges::find(offer_.subprotocols, subprotocol_) == offer_.subprotocols.end()) {
    return failed(fmt::format("server selected the sub-protocol {}, which was not offered", subprotocol_));
  }
  return {};
}

}  // namespace clasp::net
