// Server-sent events as the router's subscribers see them.
#include "http_api/http_api_testing.hpp"

namespace clasp::http_api {
namespace {

using router::Peer;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class EventStreamTest : public HttpApiTest {
 protected:
  // Opens a stream; what it says at first is dropped.
  Connection& open(std::string_view target = "/v1/subscribe/**", Fields fields = {}) {
    Connection& stream = another();
    stream.ask(fmt::format("GET {}", target), "", std::move(fields));
    stream.drain();
    stream.take();
    return stream;
  }
  std::string id(router::Seq seq) { return api().position_text(seq); }
  std::string value(std::string_view address, std::string_view json, int revision, router::Seq seq) {
    return fmt::format("event: value\nid: {}\ndata: {{\"address\":\"{}\",\"value\":{},\"revision\":{}}}\n\n", id(seq), address, json, revision);
  }
};

TEST_F(EventStreamTest, BringsTheStateThenEveryChange) {
  Peer& desk = connect("desk");
  desk.set("/a", 1);
  Connection& stream = another();
  stream.ask("GET /v1/subscribe/**");
  EXPECT_EQ(stream.field("Content-Type"), "text/event-stream");
  EXPECT_EQ(stream.take(),
            "retry: 3000\n\nevent: snapshot\ndata: {\"reason\":\"new\"}\n\nevent: value\ndata: {\"address\":\"/a\",\"value\":1,\"revision\":1}\n\n"
            "event: live\nid: " +
                id(1) + "\ndata: {\"position\":\"" + id(1) + "\"}\n\n");
  stream.drain();
  desk.set("/a", 2);
  desk.publish("/go", 7);
  desk.publish("/level", 0.5, SignalType::stream);
  EXPECT_EQ(stream.take(), value("/a", "2", 2, 2) + "event: event\nid: " + id(3) +
                               "\ndata: {\"address\":\"/go\",\"value\":7}\n\nevent: stream\nid: " + id(4) +
                               "\ndata: {\"address\":\"/level\",\"value\":0.5}\n\n");
}

TEST_F(EventStreamTest, APatternMayBeAParameterAndTheStateMayBeLeftOut) {
  Peer& desk = connect("desk");
  desk.set("/lights/1", 1);
  Connection& stream = another();
  stream.ask("GET /v1/stream?pattern=/lights/**&snapshot=0");
  EXPECT_THAT(stream.take(), AllOf(HasSubstr("event: live\nid: " + id(1)), Not(HasSubstr("/lights/1"))));
  desk.set("/sound/1", 1);
  desk.set("/lights/1", 2);
  EXPECT_EQ(stream.take(), value("/lights/1", "2", 2, 3));
}

TEST_F(EventStreamTest, LineBreaksInValuesAndAddressesStayInsideTheirLine) {
  router::Config router_config;
  router_config.strict_addresses = false;
  configure(router_config);
  Connection& stream = open();
  Peer& desk = connect("desk");
  desk.set("/x", "a\r\nid: 99\n\nevent: x\ndata: y\xe2\x80\xa8z");
  const std::string text = stream.take();
  EXPECT_THAT(text, EndsWith("data: {\"address\":\"/x\",\"value\":\"a\\r\\nid: 99\\n\\nevent: x\\ndata: y\xe2\x80\xa8z\",\"revision\":1}\n\n"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4) << "event, id, data and the empty line";
  desk.set("/a\nd", 1);
  EXPECT_THAT(stream.take(), HasSubstr(R"({"address":"/a\nd","value":1)"));
}

TEST_F(EventStreamTest, WhoComesBackGetsExactlyTheRest) {
  Peer& desk = connect("desk");
  desk.set("/a", 1);
  desk.set("/b", 1);
  desk.publish("/go", 1);
  desk.set("/a", 2);
  desk.publish("/go", 2);
  desk.set("/a", 3);
  Connection& stream = another();
  stream.ask("GET /v1/subscribe/**", "", {{"Last-Event-ID", id(2)}});
  EXPECT_EQ(stream.take(), "retry: 3000\n\nevent: resumed\ndata: {}\n\nevent: event\nid: " + id(3) + "\ndata: {\"address\":\"/go\",\"value\":1}\n\n" +
                               value("/a", "3", 3, 4) + "event: event\nid: " + id(5) + "\ndata: {\"address\":\"/go\",\"value\":2}\n\n");
  desk.set("/b", 2);
  EXPECT_EQ(stream.take(), value("/b", "2", 2, 7));
  EXPECT_EQ(api().counters().streams_resumed, 1U);
}

TEST_F(EventStreamTest, APositionThatIsGoneIsAnsweredWithTheStateAndSaysSo) {
  configure({.commit_log_bytes_max = 65'536});
  Peer& desk = connect("desk");
  desk.set("/a", 1);
  for (int i = 0; i < 2'000; ++i) desk.set("/b", std::string(100, 'x'));
  const std::string other_run = fmt::format("{:016x}-1", router().epoch() + 1);
  for (const std::string& gone : {id(1), other_run, id(1'000'000), std::string("nonsense"), std::string("99")}) {
    Connection& stream = another();
    stream.ask("GET /v1/subscribe/a", "", {{"Last-Event-ID", gone}});
    EXPECT_THAT(stream.take(), AllOf(HasSubstr("event: snapshot\ndata: {\"reason\":\"the router has no longer"), HasSubstr("\"/a\",\"value\":1"),
                                     HasSubstr("event: live\nid: " + id(2'001))))
        << gone;
  }
  EXPECT_EQ(api().counters().streams_reset, 5U);
}

TEST_F(EventStreamTest, NoIdIsGivenBeforeTheSnapshotIsComplete) {
  configure({.window_bytes = 4'096});
  Peer& desk = connect("desk");
  for (int i = 0; i < 3'000; ++i) desk.set(fmt::format("/a/{:04}", i), i);
  Connection& stream = another();
  stream.stalled = true;
  stream.ask("GET /v1/subscribe/**");
  desk.set("/a/2999", "changed");  // before its turn in the snapshot has come
  std::string text;
  for (int i = 0; i < 1'000 && !text.ends_with("\"}\n\n"); ++i) {
    stream.drain(8'192);
    turn();
    text += stream.take();
  }
  EXPECT_THAT(text, EndsWith("event: live\nid: " + id(3'000) + "\ndata: {\"position\":\"" + id(3'000) + "\"}\n\n"))
      << "what waited has no place, so the snapshot's is the last that is sure";
  EXPECT_EQ(text.find("\nid: "), text.rfind("\nid: ")) << "the only id";
  EXPECT_THAT(text, HasSubstr("\"/a/2999\",\"value\":\"changed\""));
}

TEST_F(EventStreamTest, AReaderThatStopsReadingGetsTheNewestLaterAndCostsNobody) {
  Peer& desk = connect("desk");
  Peer& watcher = connect("watcher");
  watcher.subscribe("/**");
  Connection& slow = open();
  slow.stalled = true;
  for (int i = 0; i < 5'000; ++i) {
    desk.set("/a", i);
    desk.set("/b", std::string(1'000, 'x'));
    watcher.forget();
    if (i % 100 == 0) pass(10ms);
  }
  EXPECT_LT(slow.waiting, 200'000U);
  EXPECT_LT(router().gauges().outbox_bytes, 2'000'000U);
  desk.set("/a", "last");
  EXPECT_THAT(watcher.received(), testing::ElementsAre("SET /a \"last\" rev=5001"));
  slow.stalled = false;
  slow.drain();
  turn();
  EXPECT_THAT(slow.text, HasSubstr("\"/a\",\"value\":\"last\""));
  EXPECT_THAT(slow.text, HasSubstr("event: notice\ndata: {\"error\":\"Buffer overflow: messages being dropped"));
  slow.take();
  desk.set("/a", "live");
  EXPECT_THAT(slow.take(), HasSubstr("\nid: " + id(router().last_seq()))) << "it keeps up again and has a place";
}

TEST_F(EventStreamTest, SilenceIsFilledWithCommentsAndARefusalToReadEndsIt) {
  Connection& quiet = open();
  Connection& dead = open();
  dead.stalled = true;
  Peer& desk = connect("desk");
  desk.set("/a", 1);
  turn();
  pass(15s);
  quiet.take();
  pass(15s);
  EXPECT_EQ(quiet.take(), ": ping\n\n");
  EXPECT_TRUE(dead.aborted) << "nothing was taken for an interval";
  EXPECT_FALSE(quiet.aborted);
  EXPECT_EQ(api().counters().streams_stalled, 1U);
  EXPECT_EQ(api().counters().streams_open, 1U);
}

TEST_F(EventStreamTest, EndsWithTheConnectionAndSaysWhyIfTheRouterEndsIt) {
  const std::size_t before = router().gauges().sessions;
  Connection& closed = open();
  Connection& left = open();
  Connection& half = open();
  EXPECT_EQ(router().gauges().sessions, before + 3);
  left.leave();
  half.end();
  EXPECT_TRUE(half.aborted);
  EXPECT_EQ(router().gauges().sessions, before + 1);
  router().close_all({router::CloseCode::going_away, "the router is stopping"}, world().now());
  EXPECT_EQ(closed.take(), "event: closed\ndata: {\"reason\":\"the router is stopping\"}\n\n");
  EXPECT_FALSE(closed.owed);
  EXPECT_EQ(api().counters().streams_open, 0U);
}

TEST_F(EventStreamTest, GesturesAndTimelinesAreEventsThatSayWhatTheyAre) {
  Connection& stream = open();
  Peer& desk = connect("desk");
  desk.gesture("/pad", 3, GesturePhase::start, 0.5);
  EXPECT_THAT(stream.take(), HasSubstr(R"(data: {"address":"/pad","value":0.5,"signal":"gesture","phase":"start","id":3})"));
}

TEST_F(EventStreamTest, TheSameEventGoesToManyAndIsRenderedForEachWithoutMixingThemUp) {
  Connection& all = open();
  Connection& some = open("/v1/subscribe/a");
  Peer& desk = connect("desk");
  desk.set("/a", 1);
  desk.set("/b", 2);
  EXPECT_EQ(all.take(), value("/a", "1", 1, 1) + value("/b", "2", 1, 2));
  EXPECT_EQ(some.take(), value("/a", "1", 1, 1));
}

}  // namespace
}  // namespace clasp::http_api
