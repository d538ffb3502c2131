#include "bridge/web/peer_side.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace clasp::bridge::web {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::array schemes{url::Scheme{"ws", 80, false, true}, url::Scheme{"wss", 443, true, true}};

class PeerSideRows : public testing::Test {
 protected:
  Result<void> apply(std::string_view name, std::string_view text) { return options::OptionSet(side.rows(fits)).apply_one(name, text, name); }

  PeerSide side{.url_form = "ws://HOST:PORT/PATH", .tls_scheme = "wss://", .schemes = schemes, .place = {.host = "0.0.0.0", .port = 8'080}};
  PeerSide::Fits fits;
};

TEST_F(PeerSideRows, AnAddressIsWhereItListens) {
  EXPECT_FALSE(side.connects());
  ASSERT_TRUE(apply("url", "127.0.0.1:9001"));
  EXPECT_FALSE(side.connects());
  EXPECT_EQ(side.bind(), (net::ListenAddress{"127.0.0.1", 9'001}));
  ASSERT_TRUE(apply("port", "9002"));
  ASSERT_TRUE(apply("bind", "[::1]"));
  EXPECT_EQ(side.bind(), (net::ListenAddress{"::1", 9'002}));
  EXPECT_TRUE(side.check());
}

TEST_F(PeerSideRows, AUrlIsAServerToConnectTo) {
  ASSERT_TRUE(apply("url", "wss://h/p?q=1"));
  ASSERT_TRUE(apply("header", "A: b"));
  ASSERT_TRUE(apply("ca", "authorities.pem"));
  ASSERT_TRUE(apply("insecure", "true"));
  EXPECT_TRUE(side.connects());
  EXPECT_TRUE(side.check());
  EXPECT_EQ(side.server->port, 443);
  EXPECT_EQ(side.server->target, "/p?q=1");
  EXPECT_EQ(side.headers, (std::vector<net::HttpField>{{"A", "b"}}));
  EXPECT_EQ(side.tls.ca_file, "authorities.pem");
  EXPECT_TRUE(side.tls.insecure);
  ASSERT_TRUE(apply("url", "9001")) << "the last one counts";
  EXPECT_FALSE(side.connects());
}

TEST_F(PeerSideRows, UserAndPasswordOfAUrlAreSentUnlessAHeaderSaysOtherwise) {
  ASSERT_TRUE(apply("url", "wss://Aladdin:open%20sesame@h"));
  EXPECT_EQ(side.request_fields(), (std::vector<net::HttpField>{{"Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}})) << "the example of RFC 7617";
  ASSERT_TRUE(apply("header", "authorization: Bearer x"));
  EXPECT_EQ(side.request_fields(), (std::vector<net::HttpField>{{"authorization", "Bearer x"}}));
  ASSERT_TRUE(apply("url", "wss://h"));
  EXPECT_EQ(side.request_fields(), side.headers);
}

TEST_F(PeerSideRows, SayWhatDoesNotGoTogether) {
  ASSERT_TRUE(apply("mode", "client"));
  const auto nowhere = side.check();
  ASSERT_FALSE(nowhere);
  EXPECT_THAT(nowhere.error().message, HasSubstr("--mode client needs --url ws://HOST:PORT/PATH"));
  ASSERT_TRUE(apply("url", "ws://h"));
  EXPECT_TRUE(side.check());
  ASSERT_TRUE(apply("mode", "server"));
  const auto elsewhere = side.check();
  ASSERT_FALSE(elsewhere);
  EXPECT_THAT(elsewhere.error().message, HasSubstr("--mode server does not connect to"));
}

TEST_F(PeerSideRows, RefuseWhatIsNeitherAnAddressNorAUrlOfTheirs) {
  for (const auto& [name, text, why] :
       {std::tuple{"mode", "both", "expected one of: server, client"}, std::tuple{"url", "http://h", "unknown scheme \"http\" (ws://, wss:// are supported)"},
        std::tuple{"url", "ws://h:0", "\"0\" is no port number"}, std::tuple{"url", "h:x", "expected HOST, PORT or HOST:PORT"},
        std::tuple{"port", "65536", "65536"}, std::tuple{"bind", "h:x", "expected HOST, PORT or HOST:PORT"}, std::tuple{"header", "x", "NAME: VALUE"}}) {
    const Result<void> done = apply(name, text);
    ASSERT_FALSE(done) << name << ' ' << text;
    EXPECT_THAT(done.error().message, HasSubstr(why));
    EXPECT_THAT(done.error().message, HasSubstr(name));
  }
  EXPECT_FALSE(side.connects());
}

TEST_F(PeerSideRows, ABridgeMayRefuseAUrlThatIsOne) {
  fits = [](const url::Url& url) { return url.target == "/" ? Result<void>{} : Result<void>(Error{ErrorCode::invalid_argument, "no path here", {}}); };
  EXPECT_TRUE(apply("url", "ws://h"));
  const Result<void> refused = apply("url", "ws://other/a");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("no path here"));
  EXPECT_EQ(side.server->host, "h");
}

TEST_F(PeerSideRows, NameTheirDefaults) {
  const std::string help = options::OptionSet(side.rows()).help();
  for (const char* text : {"0.0.0.0:8080", "ws://HOST:PORT/PATH", "for wss://"}) EXPECT_THAT(help, HasSubstr(text));
}

}  // namespace
}  // namespace clasp::bridge::web
