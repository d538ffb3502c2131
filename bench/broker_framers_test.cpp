#include "bench/broker_framers.hpp"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "bench/brokers.hpp"
#include "net/splitter.hpp"

namespace clasp::bench {
namespace {

using testing::ElementsAre;
using namespace std::string_literals;

// What comes out, as "kind:payload", when the stream arrives in pieces of `step` bytes.
template <typename F>
std::vector<std::string> pieces_of(const std::string& stream, std::size_t step) {
  net::Splitter<F> splitter;
  std::vector<std::string> out;
  for (std::size_t at = 0; at < stream.size(); at += step) {
    std::string part = stream.substr(at, step);
    std::span<std::byte> input(reinterpret_cast<std::byte*>(part.data()), part.size());
    while (const auto piece = splitter.next(input))
      out.push_back(std::to_string(static_cast<int>(piece->kind)) + ":" + std::string(as_text(piece->payload)));
  }
  if (const auto fault = splitter.fault()) out.push_back("fault " + std::string(fault->text));
  return out;
}

TEST(BrokerFramers, CutWhatTheBrokersSendWhereverItIsTorn) {
  for (const std::size_t step : {1U, 2U, 3U, 7U, 1'000U}) {
    EXPECT_THAT(pieces_of<NatsFramer>("INFO {}\r\nPING\r\nMSG a.b 1 5\r\n\r\nx\r\n\r\nPONG\r\n", step),
                ElementsAre("1:INFO {}", "2:PING", "0:\r\nx\r\n", "3:PONG"));
    EXPECT_THAT(pieces_of<RedisFramer>("+OK\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$4\r\n\r\n$1\r\n", step),
                ElementsAre("1:+OK", "1:*3", "0:\r\n$1"));
    EXPECT_THAT(pieces_of<MqttFramer>("\x20\x02\x00\x00\x30\x06\x00\x02/a42"s, step), ElementsAre("1:\0\0"s, "0:42"));
  }
}

TEST(BrokerFramers, CallABrokenStreamBroken) {
  EXPECT_THAT(pieces_of<NatsFramer>("-ERR 'no'\r\n", 100), ElementsAre("fault NATS: -ERR"));
  EXPECT_THAT(pieces_of<NatsFramer>("MSG a 1 x\r\n", 100), ElementsAre("fault NATS: a MSG without a length"));
  EXPECT_THAT(pieces_of<RedisFramer>("-ERR no\r\n", 100), ElementsAre("fault Redis: an error reply"));
  EXPECT_THAT(pieces_of<RedisFramer>("*1\r\nx\r\n", 100), ElementsAre("fault Redis: an item that is none"));
  EXPECT_THAT(pieces_of<MqttFramer>("\x30\x02\x00\x09"s, 100), ElementsAre("fault MQTT: a PUBLISH without a topic"));
}

TEST(Brokers, ArePublishedToInTheirOwnWords) {
  const auto words = [](Protocol protocol) {
    ByteBuffer out;
    append_broker_publish(out, protocol, "/a/b", 2);
    return std::string(as_text(out.view()));
  };
  EXPECT_EQ(words(Protocol::nats), "PUB a.b 2\r\n\0\0\r\n"s);
  EXPECT_EQ(words(Protocol::redis), "*3\r\n$7\r\nPUBLISH\r\n$3\r\na/b\r\n$2\r\n\0\0\r\n"s);
  EXPECT_EQ(words(Protocol::mqtt), "\x30\x07\x00\x03\x61/b\0\0"s);
  EXPECT_EQ(broker_topic(Protocol::mqtt, "/a/*"), "a/+");
  EXPECT_EQ(broker_topic(Protocol::nats, "/a/*"), "a.*");
}

}  // namespace
}  // namespace clasp::bench
