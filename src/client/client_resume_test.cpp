// The client against the real router over a line that is cut: what the two halves of resume make of it together.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <random>

#include "clasp/client.hpp"
#include "client/cutting_proxy_testing.hpp"
#include "client/router_testing.hpp"

namespace clasp {
namespace {

using namespace std::chrono_literals;
using client::testing::CuttingProxy;
using client::testing::RealRouter;

class Diary {  // what was heard, in order
 public:
  void add(std::string line) {
    std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
    changed_.notify_all();
  }
  void wait_for(const std::string& line) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, 60s, [&] { return std::ranges::find(lines_, line) != lines_.end(); })) << "never came: " << line;
  }
  std::vector<std::string> lines() {
    std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
};

class ClientResume : public ::testing::TestWithParam<const char*> {
 protected:
  Client over_the_line(Diary& diary) {
    auto client =
        Client::builder(fmt::format("{}://127.0.0.1:{}", GetParam(), proxy_.port()))
            .name("desk")
            .reconnect_interval(1ms)
            .on_resume([&diary](bool resumed, std::string_view why) { diary.add(resumed ? "resumed" : fmt::format("not resumed: {}", why)); })
            .connect();
    if (!client) throw std::runtime_error(client.error().message);
    return std::move(*client);
  }
  Client nearby() {
    auto client = Client::builder(router_.url(GetParam())).name("stage").connect();
    if (!client) throw std::runtime_error(client.error().message);
    return std::move(*client);
  }

  RealRouter router_;
  CuttingProxy proxy_{router_.port()};
};

TEST_P(ClientResume, MissesNothingAndHasItsLocks) {
  Diary diary;
  Client desk = over_the_line(diary);
  Client stage = nearby();
  const std::string session = desk.session_id();
  const auto subscription =
      desk.subscribe("/show/**", [&](const Value& value, std::string_view address) { diary.add(fmt::format("{} {}", address, to_json(value))); });
  ASSERT_TRUE(subscription);
  ASSERT_TRUE(desk.set_confirmed("/lock", 1, {.lock = true}));
  proxy_.cut();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(stage.emit("/show/e", i));
  diary.wait_for("/show/e 99");
  std::vector<std::string> expected;
  for (int i = 0; i < 100; ++i) expected.push_back(fmt::format("/show/e {}", i));
  std::vector<std::string> heard = diary.lines();
  std::erase(heard, "resumed");
  EXPECT_EQ(heard, expected);
  diary.wait_for("resumed");
  EXPECT_EQ(desk.session_id(), session);
  const auto refused = stage.set_confirmed("/lock", 2);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::lock_held);
  EXPECT_EQ(desk.stats().resumed, 1U);
}

TEST_P(ClientResume, EveryCallIsAnsweredOnceWhereverTheLineIsCut) {
  Diary diary;
  Client desk = over_the_line(diary);
  Client stage = nearby();
  std::mt19937 random(11);
  std::atomic<int> refused = 0;
  int done = 0;
  for (int i = 0; i < 300; ++i) {
    if (i % 10 == 0) proxy_.cut_after(1 + random() % 400);
    Result<Confirmation> set = desk.set_confirmed("/counter", i);
    // What begins while there is no connection is refused at once, as ever; what has begun is answered.
    while (!set && set.error().code == ErrorCode::not_connected) {
      std::this_thread::sleep_for(1ms);
      set = desk.set_confirmed("/counter", i);
    }
    ASSERT_TRUE(set) << set.error().message;
    ++done;
    EXPECT_EQ(set->revision, static_cast<std::uint64_t>(done)) << "each write was done exactly once";
  }
  EXPECT_GT(proxy_.cuts(), 10U);
  EXPECT_EQ(refused, 0);
}

TEST_P(ClientResume, WhoIsAwayForTooLongIsToldAndGetsTheSnapshot) {
  RealRouter brief({.resume_window = 50ms});
  CuttingProxy line(brief.port());
  Diary diary;
  auto desk = Client::builder(fmt::format("{}://127.0.0.1:{}", GetParam(), line.port()))
                  .reconnect_interval(500ms)
                  .on_resume([&](bool resumed, std::string_view why) { diary.add(resumed ? "resumed" : fmt::format("not resumed: {}", why)); })
                  .connect();
  ASSERT_TRUE(desk);
  const auto subscription =
      desk->subscribe("/show/**", [&](const Value& value, std::string_view address) { diary.add(fmt::format("{} {}", address, to_json(value))); });
  ASSERT_TRUE(desk->ping());
  line.cut();
  auto stage = Client::builder(brief.url(GetParam())).connect();
  ASSERT_TRUE(stage);
  ASSERT_TRUE(stage->set_confirmed("/show/x", 5));
  diary.wait_for("/show/x 5");
  diary.wait_for("not resumed: unknown");
}

INSTANTIATE_TEST_SUITE_P(Transports, ClientResume, ::testing::Values("ws", "tcp"));

}  // namespace
}  // namespace clasp
