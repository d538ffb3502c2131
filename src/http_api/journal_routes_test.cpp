// The journal over HTTP (journal specification, sections 8 and 15.11).
#include "http_api/http_api_testing.hpp"
#include "store/memory_journal.hpp"

namespace clasp::http_api {
namespace {

using router::Peer;
using testing::HasSubstr;
using testing::StartsWith;

class JournalRoutes : public HttpApiTest {
 protected:
  JournalRoutes() {
    config.journal = true;
    router().set_observer(&journal_);
    api().set_journal(&journal_);
  }
  ~JournalRoutes() override { router().set_observer(nullptr); }
  store::MemoryJournal journal_{100};
};

TEST_F(JournalRoutes, ShowEntriesAsTheReferenceDoes) {
  EXPECT_EQ(ask("GET /api/journal/latest"), R"(200 {"seq":0})");
  EXPECT_EQ(ask("GET /api/journal/query"), "200 []");
  EXPECT_EQ(ask("GET /api/journal/snapshot"), "200 []");
  Peer& desk = connect("desk");
  desk.set("/mixer/gain", 0.75);
  desk.publish("/go", 1);
  world().turn();
  EXPECT_EQ(ask("GET /api/journal/latest"), R"(200 {"seq":2})");
  const std::string all = ask("GET /api/journal/query");
  EXPECT_THAT(all, StartsWith(R"(200 [{"seq":1,"timestamp":)"));
  EXPECT_THAT(all, HasSubstr(R"("address":"/mixer/gain","signal_type":"param","value":0.75,"revision":1,"msg_type":33},{"seq":2,)"));
  EXPECT_THAT(all, HasSubstr(R"("address":"/go","signal_type":"event","value":1,"revision":null,"msg_type":32}])"));
}

TEST_F(JournalRoutes, TakePatternTimesTypesAndLimit) {
  Peer& desk = connect("desk");
  for (int i = 0; i < 5; ++i) desk.set(i % 2 == 0 ? "/a" : "/b/c", i);
  desk.publish("/b/e", 1);
  world().turn();
  const auto count = [&](std::string_view query) {
    const std::string text = ask(std::string("GET /api/journal/query?").append(query));
    EXPECT_THAT(text, StartsWith("200 [")) << query;
    return std::ranges::count(text, '{');
  };
  EXPECT_EQ(count(""), 6);
  EXPECT_EQ(count("pattern=/b/**"), 3);
  EXPECT_EQ(count("pattern=%2Fb%2F*&types=EVENT"), 1);
  EXPECT_EQ(count("types=nothing,%20known"), 6) << "no type is left: all";
  EXPECT_EQ(count("types=%20param%20,nothing"), 5);
  EXPECT_EQ(count("limit=2"), 2);
  EXPECT_EQ(count("limit=0"), 0);
  EXPECT_EQ(count("to=0"), 0);
  EXPECT_EQ(count("from=4611686018427387903"), 0);
  EXPECT_EQ(std::ranges::count(ask("GET /api/journal/since?seq=4"), '{'), 2);
  EXPECT_EQ(std::ranges::count(ask("GET /api/journal/since?seq=4&limit=1"), '{'), 1);
}

TEST_F(JournalRoutes, SayWhichParameterIsWrong) {
  EXPECT_THAT(ask("GET /api/journal/since"), HasSubstr(R"("field":"seq")"));
  EXPECT_THAT(ask("GET /api/journal/since?seq=x"), StartsWith("400 "));
  EXPECT_THAT(ask("GET /api/journal/query?limit="), HasSubstr(R"("field":"limit")"));
  EXPECT_THAT(ask("GET /api/journal/query?from=-1"), HasSubstr(R"("field":"from")"));
  EXPECT_THAT(ask("GET /api/journal/query?pattern=//"), StartsWith("400 "));
  EXPECT_THAT(ask("POST /api/journal/query"), StartsWith("405 "));
}

}  // namespace
}  // namespace clasp::http_api
