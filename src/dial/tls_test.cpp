// TLS against OpenSSL's own server side, with authorities and certificates made for the test.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "dial/connection_testing.hpp"
#include "dial/tls_session.hpp"

namespace clasp::dial {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class TlsTest : public ConnectionTest {
 protected:
  Target secure(std::uint16_t port, const TlsOptions& options, std::string host = "127.0.0.1") {
    const auto context = TlsContext::load(options);
    EXPECT_TRUE(context) << context.error().message;
    Target target = plain(port, std::move(host));
    if (context) target.tls = *context;
    return target;
  }
  static void echo(ServerEnd& end) {
    for (std::string more = end.read_some(); !more.empty(); more = end.read_some()) end.write(more);
    end.shut_down();
  }

  TemporaryFolder folder;
  TestAuthority authority{folder};
};

TEST_F(TlsTest, CarriesBytesBothWaysAndChecksTheName) {
  ScriptServer server(echo, authority.issue("server", "DNS:localhost,IP:127.0.0.1"));
  for (const std::string host : {"127.0.0.1", "localhost"}) {
    dial(secure(server.port(), {.ca_file = authority.file()}, host));
    ASSERT_TRUE(until([this] { return opened || is_lost(); }));
    ASSERT_TRUE(opened) << lost.value_or("");
    const std::string text(300'000, 'x');
    EXPECT_TRUE(connection->send(as_bytes(text)));
    EXPECT_TRUE(until([&] { return input.size() == text.size(); })) << input.size();
    connection->finish(Micros{30'000'000});
    EXPECT_TRUE(until([this] { return is_lost(); }));
    EXPECT_EQ(*lost, "");
  }
}

TEST_F(TlsTest, CarriesAWebSocketInside) {
  net::HttpRequest request;
  ScriptServer server(
      [&request](ServerEnd& end) {
        request = accept_upgrade(end, "mqtt");
        end.write(frame(net::Opcode::binary, "one") + frame(net::Opcode::binary, "two"));
        while (!end.read_some().empty()) continue;
      },
      authority.issue("server", "IP:127.0.0.1"));
  Target target = secure(server.port(), {.ca_file = authority.file()});
  target.websocket = WebSocketTarget{.target = "/mqtt", .subprotocols = {"mqtt"}, .subprotocol_required = true, .fields = {}};
  dial(target);
  ASSERT_TRUE(until([this] { return messages.size() == 2 || is_lost(); }));
  EXPECT_THAT(messages, testing::ElementsAre("one", "two")) << lost.value_or("");
  EXPECT_EQ(request.target, "/mqtt");
}

TEST_F(TlsTest, ReadsNothingWhileReadingIsOff) {
  ScriptServer server(echo, authority.issue("server", "IP:127.0.0.1"));
  on_input = [this] { connection->set_reading(false); };
  dial(secure(server.port(), {.ca_file = authority.file()}));
  ASSERT_TRUE(until([this] { return opened; }));
  connection->send(as_bytes(std::string(50'000, 'x')));  // several records
  std::size_t seen = 0;
  while (seen < 50'000) {
    ASSERT_TRUE(until([&] { return input.size() > seen; }));
    seen = input.size();
    for (int i = 0; i < 5; ++i) loop.turn(Micros{1'000});
    EXPECT_EQ(input.size(), seen);
    connection->set_reading(true);
  }
  EXPECT_EQ(seen, 50'000U);
}

TEST_F(TlsTest, SaysWhatIsWrongWithACertificate) {
  const TlsOptions options{.ca_file = authority.file()};
  ScriptServer expired(echo, authority.issue("expired", "IP:127.0.0.1", -7'200, -3'600));
  EXPECT_THAT(reason_of(secure(expired.port(), options)), HasSubstr("TLS: its certificate expired on 20"));
  ScriptServer early(echo, authority.issue("early", "IP:127.0.0.1", 3'600, 7'200));
  EXPECT_THAT(reason_of(secure(early.port(), options)), HasSubstr("TLS: its certificate is not valid before 20"));
  ScriptServer elsewhere(echo, authority.issue("elsewhere", "DNS:a.example,DNS:b.example"));
  EXPECT_THAT(reason_of(secure(elsewhere.port(), options)), HasSubstr("TLS: its certificate is for a.example, b.example, not for 127.0.0.1"));
  const TestAuthority other{folder, "Other CA"};
  ScriptServer foreign(echo, other.issue("foreign", "IP:127.0.0.1"));
  EXPECT_THAT(reason_of(secure(foreign.port(), options)), HasSubstr("TLS: its certificate comes from an unknown issuer, \"Other CA\""));
  EXPECT_THAT(reason_of(secure(foreign.port(), {})), HasSubstr("unknown issuer")) << "nor does the system know it";
  ScriptServer open([](ServerEnd& end) { end.write("HTTP/1.1 400 Bad Request\r\n\r\n"); });
  EXPECT_THAT(reason_of(secure(open.port(), options)), HasSubstr("TLS: what answers there does not speak TLS"));
  ScriptServer hangs_up([](ServerEnd& end) { end.read_some(); });
  EXPECT_THAT(reason_of(secure(hangs_up.port(), options)), HasSubstr("closed the connection during the TLS handshake"));
}

TEST_F(TlsTest, AcceptsAnyCertificateOnlyWhenAskedTo) {
  ScriptServer server(echo, authority.issue("elsewhere", "DNS:a.example", -7'200, -3'600));
  EXPECT_EQ(reason_of(secure(server.port(), {.insecure = true})), "it was opened");
  ScriptServer named(echo, authority.issue("named", "DNS:a.example"));
  EXPECT_EQ(reason_of(secure(named.port(), {.ca_file = authority.file(), .server_name = "a.example"})), "it was opened");
}

TEST_F(TlsTest, ShowsAClientCertificate) {
  const CertificateFiles mine = authority.issue("client", "");
  ScriptServer server(echo, authority.issue("server", "IP:127.0.0.1"), authority.file());
  const TlsOptions with{.ca_file = authority.file(), .certificate_file = mine.certificate, .key_file = mine.key};
  dial(secure(server.port(), with));
  on_open = [this] { connection->send(as_bytes("it is me")); };
  EXPECT_TRUE(until([this] { return input == "it is me" || is_lost(); })) << lost.value_or("");
  EXPECT_EQ(input, "it is me");
  dial(secure(server.port(), {.ca_file = authority.file()}));
  EXPECT_TRUE(until([this] { return is_lost(); })) << "with TLS 1.3 it is opened before the server says no";
  EXPECT_THAT(*lost, AllOf(HasSubstr("TLS: "), HasSubstr("certificate required")));
}

TEST_F(TlsTest, AFileThatCannotBeUsedIsNamed) {
  const CertificateFiles mine = authority.issue("client", "");
  const std::string empty = folder.file("empty.pem");
  std::ofstream{empty} << "nothing";
  struct Row {
    TlsOptions options;
    std::string named;
  };
  const Row rows[] = {
      {{.ca_file = folder.file("missing.pem")}, "missing.pem: No such file"},
      {{.ca_file = empty}, "authorities in " + empty},
      {{.certificate_file = folder.file("gone.pem")}, "certificate " + folder.file("gone.pem") + ": No such file"},
      {{.certificate_file = mine.certificate, .key_file = empty}, "key " + empty},
      {{.certificate_file = mine.certificate, .key_file = authority.issue("another", "").key}, "key values mismatch"},
      {{.key_file = mine.key}, "a key without a certificate"},
  };
  for (const Row& row : rows) {
    const auto context = TlsContext::load(row.options);
    ASSERT_FALSE(context) << row.named;
    EXPECT_THAT(context.error().message, HasSubstr(row.named));
  }
}

}  // namespace
}  // namespace clasp::dial
