#include "net/websocket_handshake.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "net/http_request.hpp"

namespace clasp::net {
namespace {

using testing::HasSubstr;

constexpr std::string_view sample_key = "dGhlIHNhbXBsZSBub25jZQ==";  // RFC 6455, section 1.3
constexpr std::string_view sample_accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

HttpRequest parse(std::string text) {
  HttpRequestParser parser;
  std::span<std::byte> input{reinterpret_cast<std::byte*>(text.data()), text.size()};
  std::optional<HttpRequest> request = parser.next(input);
  EXPECT_TRUE(request) << text;
  return request ? *request : HttpRequest{};
}

struct Request {
  std::string line = "GET / HTTP/1.1";
  std::string connection = "Connection: Upgrade\r\n";
  std::string upgrade = "Upgrade: websocket\r\n";
  std::string version = "Sec-WebSocket-Version: 13\r\n";
  std::string key = "Sec-WebSocket-Key: " + std::string{sample_key} + "\r\n";
  std::string more{};

  std::string text() const { return line + "\r\nHost: h:7330\r\n" + upgrade + connection + key + version + more + "\r\n"; }
};

TEST(WebSocketAccept, IsTheOneOfTheStandard) { EXPECT_EQ(websocket_accept(sample_key), sample_accept); }

struct Row {
  std::string name;
  Request request;
  unsigned status = 101;
  std::string subprotocol;
};
class Upgrade : public testing::TestWithParam<Row> {};

TEST_P(Upgrade, IsAnsweredAsTheStandardSays) {
  const HttpRequest request = parse(GetParam().request.text());
  ASSERT_TRUE(wants_websocket(request));
  const HttpResponse response = answer_upgrade(request);
  EXPECT_EQ(response.status, GetParam().status) << response.body;
  EXPECT_EQ(find_field(response.fields, "Sec-WebSocket-Extensions"), nullptr);
  const std::string* accept = find_field(response.fields, "Sec-WebSocket-Accept");
  const std::string* subprotocol = find_field(response.fields, "Sec-WebSocket-Protocol");
  if (response.status == 101) {
    ASSERT_NE(accept, nullptr);
    EXPECT_EQ(*accept, sample_accept);
    EXPECT_EQ(subprotocol != nullptr ? *subprotocol : "", GetParam().subprotocol);
    EXPECT_TRUE(has_token(response.fields, "Upgrade", "websocket"));
    EXPECT_TRUE(has_token(response.fields, "Connection", "upgrade"));
  } else {
    EXPECT_EQ(accept, nullptr);
    EXPECT_FALSE(response.body.empty()) << "a refusal says why";
    EXPECT_TRUE(response.close);
  }
  if (response.status == 426) {
    EXPECT_EQ(*find_field(response.fields, "Sec-WebSocket-Version"), "13");
  }
}

// The first rows are the field case "upgrade headers in unusual but legal form".
INSTANTIATE_TEST_SUITE_P(
    Server, Upgrade,
    testing::Values(Row{"Plain", {}, 101, ""}, Row{"SeveralConnectionTokens", {.connection = "Connection: keep-alive, Upgrade\r\n"}, 101, ""},
                    Row{"OtherCase", {.connection = "connection: UPGRADE\r\n"}, 101, ""},
                    Row{"TwoConnectionLines", {.connection = "Connection: keep-alive\r\nConnection: Upgrade\r\n"}, 101, ""},
                    Row{"UpgradeInOtherCase", {.upgrade = "Upgrade: WebSocket\r\n"}, 101, ""},
                    Row{"UpgradeList", {.upgrade = "Upgrade: h2c, websocket\r\n"}, 101, ""},
                    Row{"TabsAndTrailingBlanks", {.connection = "Connection:\t\tUpgrade  \t\r\n", .upgrade = "Upgrade: \twebsocket \r\n"}, 101, ""},
                    Row{"UnknownExtension", {.more = "Sec-WebSocket-Extensions: x-foo\r\n"}, 101, ""},
                    Row{"MalformedExtensions", {.more = "Sec-WebSocket-Extensions: x-foo; =1\r\n"}, 400, ""},
                    Row{"DeflateIsNotSelected", {.more = "Sec-WebSocket-Extensions: permessage-deflate\r\n"}, 101, ""},
                    Row{"QueryInTarget", {.line = "GET /?token=x HTTP/1.1"}, 101, ""}, Row{"AnyPath", {.line = "GET /any/path HTTP/1.1"}, 101, ""},
                    Row{"ClaspOffered", {.more = "Sec-WebSocket-Protocol: clasp\r\n"}, 101, "clasp"},
                    Row{"ClaspAmongOthers", {.more = "Sec-WebSocket-Protocol: chat ,clasp, mqtt\r\n"}, 101, "clasp"},
                    Row{"ClaspOnASecondLine", {.more = "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: clasp\r\n"}, 101, "clasp"},
                    Row{"OtherProtocolOnly", {.more = "Sec-WebSocket-Protocol: mqtt\r\n"}, 101, ""},
                    Row{"ProtocolInOtherCase", {.more = "Sec-WebSocket-Protocol: CLASP\r\n"}, 101, ""},
                    Row{"ForeignOrigin", {.more = "Origin: http://elsewhere.example\r\n"}, 101, ""},
                    Row{"Version8", {.version = "Sec-WebSocket-Version: 8\r\n"}, 426, ""}, Row{"NoVersion", {.version = ""}, 426, ""},
                    Row{"KeyOf15Bytes", {.key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA\r\n"}, 400, ""},
                    Row{"KeyNotBase64", {.key = "Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!==\r\n"}, 400, ""}, Row{"NoKey", {.key = ""}, 400, ""},
                    Row{"TwoKeys", {.more = "Sec-WebSocket-Key: " + std::string{sample_key} + "\r\n"}, 400, ""},
                    Row{"Post", {.line = "POST / HTTP/1.1"}, 405, ""}, Row{"Http10", {.line = "GET / HTTP/1.0"}, 400, ""},
                    Row{"ConnectionWithoutUpgrade", {.connection = "Connection: keep-alive\r\n"}, 400, ""}),
    [](const auto& instance) { return instance.param.name; });

TEST(Upgrade, PlainRequestsAreNoUpgrade) {
  EXPECT_FALSE(wants_websocket(parse("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")));
  EXPECT_FALSE(wants_websocket(parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")));
}

class Client : public testing::Test {
 protected:
  static WebSocketNonce nonce() {
    WebSocketNonce bytes;
    const std::string_view text = "the sample nonce";
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(text[i]);
    return bytes;
  }
  static Result<void> answer(std::string text) {
    ClientHandshake handshake{WebSocketUrl{.tls = false, .host = "h", .port = 7330, .target = "/"}, nonce()};
    std::span<std::byte> input{reinterpret_cast<std::byte*>(text.data()), text.size()};
    const std::optional<Result<void>> result = handshake.next(input);
    EXPECT_TRUE(result) << "still waiting after: " << text;
    return result ? *result : Result<void>{};
  }
  static std::string good(const std::string& more = "") {
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + std::string{sample_accept} +
           "\r\n" + more + "\r\n";
  }
};

TEST_F(Client, RequestIsTheOneOfTheSpecification) {
  const ClientHandshake handshake{WebSocketUrl{.tls = false, .host = "192.168.1.42", .port = 7330, .target = "/clasp"}, nonce()};
  EXPECT_EQ(handshake.request(),
            "GET /clasp HTTP/1.1\r\nHost: 192.168.1.42:7330\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " +
                std::string{sample_key} + "\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: clasp\r\n\r\n");
  const ClientHandshake standard{WebSocketUrl{.tls = false, .host = "::1", .port = 80, .target = "/"}, nonce()};
  EXPECT_THAT(std::string{standard.request()}, HasSubstr("Host: [::1]\r\n"));
}

TEST_F(Client, AnswerIsTakenAndNothingBehindIt) {
  const std::string stream = good("Sec-WebSocket-Protocol: clasp\r\n") + "FRAMES";
  for (std::size_t read_bytes = 1; read_bytes <= stream.size(); ++read_bytes) {
    ClientHandshake handshake{WebSocketUrl{.tls = false, .host = "h", .port = 1, .target = "/"}, nonce()};
    std::string left;
    std::optional<Result<void>> result;
    for (std::size_t at = 0; at < stream.size(); at += read_bytes) {
      std::string read = stream.substr(at, read_bytes);
      std::span<std::byte> input{reinterpret_cast<std::byte*>(read.data()), read.size()};
      if (!result) result = handshake.next(input);
      left += as_text(input);
    }
    ASSERT_TRUE(result);
    EXPECT_TRUE(result->has_value()) << result->error().message;
    EXPECT_EQ(handshake.subprotocol(), "clasp");
    EXPECT_EQ(left, "FRAMES");
  }
}

TEST_F(Client, OffersWhatItIsToldToAndAcceptsNothingElse) {
  const WebSocketUrl url{.tls = true, .host = "h", .port = 443, .target = "/mqtt"};
  const ClientOffer offer{.subprotocols = {"mqtt", "mqttv3.1"}, .fields = {{"Authorization", "Bearer x"}, {"X-Note", "a\r\nX-Forged: b"}}};
  ClientHandshake handshake{url, nonce(), offer};
  const std::string request{handshake.request()};
  EXPECT_THAT(request, HasSubstr("Sec-WebSocket-Protocol: mqtt, mqttv3.1\r\n"));
  EXPECT_THAT(request, HasSubstr("Authorization: Bearer x\r\n"));
  EXPECT_THAT(request, HasSubstr("X-Note: a  X-Forged: b\r\n\r\n"));
  std::string text = good("Sec-WebSocket-Protocol: mqttv3.1\r\n");
  std::span<std::byte> input{reinterpret_cast<std::byte*>(text.data()), text.size()};
  const std::optional<Result<void>> result = handshake.next(input);
  ASSERT_TRUE(result && result->has_value());
  EXPECT_EQ(handshake.subprotocol(), "mqttv3.1");

  const ClientHandshake silent{url, nonce(), ClientOffer{.subprotocols = {}, .fields = {}}};
  EXPECT_THAT(std::string{silent.request()}, testing::Not(HasSubstr("Sec-WebSocket-Protocol")));
}

TEST_F(Client, AServerThatSelectsNoSubprotocolIsFine) { EXPECT_TRUE(answer(good())); }

TEST_F(Client, OtherAnswersAreErrorsThatSayWhatCame) {
  EXPECT_THAT(answer("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").error().message, HasSubstr("404 Not Found"));
  EXPECT_THAT(answer("SSH-2.0-OpenSSH_9.2p1\r\n").error().message, HasSubstr("no HTTP response"));
  EXPECT_THAT(answer("HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: wrong\r\n\r\n").error().message,
              HasSubstr("does not fit the key"));
  EXPECT_THAT(answer(good("Sec-WebSocket-Extensions: permessage-deflate\r\n")).error().message, HasSubstr("extension"));
  EXPECT_THAT(answer(good("Sec-WebSocket-Protocol: mqtt\r\n")).error().message, HasSubstr("mqtt"));
  EXPECT_THAT(answer("HTTP/1.1 200 OK\r\nX: " + std::string(20'000, 'x')).error().message, HasSubstr("no end"));
}

}  // namespace
}  // namespace clasp::net
