// The link of one client is cut behind every single frame of a mixed show, for as long as various numbers of steps, and once more while it comes
// back. What it has heard in the end is what a twin has heard whose link was never cut; of params, rule 13 lets values be passed over.
#include <gmock/gmock.h>

#include <algorithm>
#include <functional>
#include <random>

#include "router/resume_testing.hpp"

namespace clasp::router {
namespace {

struct Show {
  explicit Show(Config config) : world(std::move(config)), stage(world.connect("stage")), desk(world, "desk") {
    for (int i = 0; i < 12; ++i) stage.set(fmt::format("/state/{:02}", i), i, Qos::fire);
    stage.subscribe("/desk/**");
    stage.forget();
    desk.connect();
    desk.subscribe("/show/**");
  }
  World world;
  Peer& stage;
  Traveller desk;
};

using Step = std::function<void(Show&)>;

Message set_of(std::string_view address, const EncodedValue& value) { return Message{Set{.address = address, .value = value.view()}}; }

const std::vector<Step>& steps() {
  static const EncodedValue one(Value(1));
  static const EncodedValue text(Value("bundled"));
  static const std::vector<Step> all{
      [](Show& show) { show.stage.publish("/show/e", 1); },
      [](Show& show) { show.stage.set("/show/x", 1); },
      [](Show& show) { show.stage.publish("/show/s", 1, SignalType::stream); },
      [](Show& show) { show.stage.publish("/show/s", 2, SignalType::stream); },
      [](Show& show) { show.desk.set("/desk/a", 1); },
      [](Show& show) { show.desk.publish("/desk/e", 1); },
      [](Show& show) { show.stage.gesture("/show/g", 1, GesturePhase::start, 0); },
      [](Show& show) { show.stage.gesture("/show/g", 1, GesturePhase::move, 1); },
      [](Show& show) { show.stage.gesture("/show/g", 1, GesturePhase::end, 2); },
      [](Show& show) {
        show.stage.bundle({set_of("/show/x", text), Message{Publish{.address = "/show/e", .signal = SignalType::event, .value = one.view()}},
                           set_of("/show/y", text)});
      },
      [](Show& show) { show.desk.subscribe("/state/*"); },  // snapshot chunks
      [](Show& show) { show.stage.set("/state/07", "live"); },
      [](Show& show) { show.stage.set("/show/x", 2); },
      [](Show& show) { show.stage.set("/show/x", 3); },
      [](Show& show) { show.desk.set("/desk/locked", 1, Qos::confirm, true); },
      [](Show& show) { show.desk.set("/desk/[", 1); },  // refused
      [](Show& show) { show.stage.publish("/show/t", 1, SignalType::timeline); },
      [](Show& show) { show.stage.set(Set{.address = "/show/short", .value = one.view(), .ttl = Ttl{Ttl::Mode::absolute, 1}}); },
      [](Show& show) { show.desk.say(Message{Get{"/state/03"}}, Qos::confirm); },
      [](Show& show) { show.desk.say(Message{Query{"/**"}}, Qos::fire); },
      [](Show& show) { show.world.advance(1500ms); },  // the short one is gone
      [](Show& show) { show.desk.set("/desk/a", 2); },
      [](Show& show) { show.desk.unsubscribe(2); },
      [](Show& show) { show.stage.set("/show/short", "again"); },
      [](Show& show) { show.desk.publish("/desk/e", 2); },
      [](Show& show) { show.stage.publish("/show/e", 3); },
      [](Show& show) { show.stage.set("/show/y", 9); },
      [](Show& show) { show.desk.set("/desk/a", 3); },
      [](Show& show) { show.stage.publish("/show/e", 4); },
  };
  return all;
}

struct Outcome {
  std::vector<std::string> heard;        // by the desk
  std::vector<std::string> desk_events;  // heard by the stage
  std::uint64_t desk_a = 0;              // revision: how often the desk has written
  bool resumed = true;
};

// `cut_at`: behind how many frames. `away`: for how many steps; negative: until the router is done with a first attempt that is cut as well.
Outcome run(Config config, std::size_t cut_at, int away, std::size_t arrive_again, bool half_open) {
  Show show(std::move(config));
  Outcome outcome;
  std::size_t frames = 0;
  int to_return = -1;
  bool was_cut = false;
  const auto take = [&] {
    for (const auto& line : show.desk.heard()) outcome.heard.push_back(line.substr(0, line.find(" ttl=")));  // a param that was conflated has none
  };
  const auto come_back = [&] {
    outcome.resumed = outcome.resumed && show.desk.come_back();
    if (arrive_again != ~std::size_t{0}) {  // the second link is no better
      show.desk.lose(arrive_again);
      outcome.resumed = outcome.resumed && show.desk.come_back();
    }
  };
  const auto look = [&] {
    if (show.desk.away()) return;
    if (!was_cut && frames + show.desk.given() >= cut_at) {
      was_cut = true;
      const std::size_t arrive = cut_at - frames;
      half_open ? show.desk.fall_silent(arrive) : show.desk.lose(arrive);
      if (away == 0) return come_back();
      to_return = away;
      return;
    }
    frames += show.desk.given();
    take();
  };
  look();
  for (const Step& step : steps()) {
    step(show);
    if (to_return > 0 && --to_return == 0) come_back();
    look();
  }
  if (show.desk.away()) come_back();
  show.world.advance(100ms);
  take();
  for (const std::string& line : show.stage.received()) {
    if (line.starts_with("PUBLISH event /desk/")) outcome.desk_events.push_back(line);
  }
  outcome.desk_a = show.world.router->find("/desk/a")->revision;
  return outcome;
}

bool is_set(const std::string& line) { return line.starts_with("SET "); }
bool is_snapshot(const std::string& line) { return line.starts_with("SNAPSHOT"); }
std::string address_of(const std::string& line) { return line.substr(4, line.find(' ', 4) - 4); }
std::uint64_t revision_of(const std::string& line) { return std::stoull(line.substr(line.find("rev=") + 4)); }

// Messages of others, in their order; answers to the desk, in theirs. Between the two there is no order: what it says while away it says later.
std::vector<std::string> only(const std::vector<std::string>& lines, bool messages) {
  std::vector<std::string> out;
  for (const std::string& line : lines) {
    if (!is_set(line) && !is_snapshot(line) && line.starts_with("PUBLISH") == messages) out.push_back(line);
  }
  return out;
}

void compare(const Outcome& cut, const Outcome& twin) {
  ASSERT_TRUE(cut.resumed);
  EXPECT_EQ(only(cut.heard, true), only(twin.heard, true));
  EXPECT_EQ(only(cut.heard, false), only(twin.heard, false));
  EXPECT_EQ(cut.desk_events, twin.desk_events);
  EXPECT_EQ(cut.desk_a, twin.desk_a);

  // Params: revisions never fall, the last value is the twin's, and whoever hears a message has what was before it (rules 2, 7, 18).
  std::map<std::string, std::uint64_t> newest;
  std::map<std::string, std::string> last;
  std::map<std::string, std::string> twin_last;
  for (const std::string& line : twin.heard) {
    if (is_set(line)) twin_last[address_of(line)] = line;
  }
  for (const std::string& line : cut.heard) {
    if (!is_set(line)) continue;
    const std::string address = address_of(line);
    EXPECT_GE(revision_of(line), newest[address]) << line;
    newest[address] = revision_of(line);
    last[address] = line;
    if (twin_last.contains(address) && revision_of(line) == revision_of(twin_last[address])) continue;
    EXPECT_THAT(twin.heard, ::testing::Contains(line)) << "nobody wrote that";
  }
  last.erase("/state/07"), twin_last.erase("/state/07");  // may come by snapshot
  EXPECT_EQ(last, twin_last);

  std::map<std::string, std::uint64_t> due;
  std::size_t at = 0;
  newest.clear();
  for (const std::string& line : twin.heard) {
    if (is_set(line) && address_of(line).starts_with("/show/")) due[address_of(line)] = revision_of(line);
    if (!line.starts_with("PUBLISH")) continue;
    for (; at < cut.heard.size() && cut.heard[at] != line; ++at) {
      if (is_set(cut.heard[at])) newest[address_of(cut.heard[at])] = revision_of(cut.heard[at]);
    }
    if (at < cut.heard.size()) ++at;
    for (const auto& [address, revision] : due) EXPECT_GE(newest[address], revision) << address << " at " << line;
  }

  // Every param of the snapshot that the twin was shown.
  const auto shown = [](const std::vector<std::string>& lines) {
    std::set<std::string> addresses;
    for (const std::string& line : lines) {
      for (int i = 0; i < 12; ++i) {
        const std::string address = fmt::format("/state/{:02}", i);
        if (line.contains(address + "=") || line.contains(address + " ")) addresses.insert(address);
      }
    }
    return addresses;
  };
  EXPECT_EQ(shown(cut.heard), shown(twin.heard));
}

Config roomy() { return {.snapshot_chunk_bytes = 256}; }
Config tight() { return {.window_bytes = 300, .window_bytes_congested = 200, .snapshot_chunk_bytes = 256}; }

class ResumeTwin : public ::testing::TestWithParam<int> {};

TEST_P(ResumeTwin, HearsTheSameWhereverTheLinkIsCut) {
  for (const Config& config : {roomy(), tight()}) {
    const Outcome twin = run(config, ~std::size_t{0}, 0, ~std::size_t{0}, false);
    ASSERT_GT(twin.heard.size(), 25U);
    for (std::size_t cut_at = 0; cut_at <= twin.heard.size(); ++cut_at) {
      for (const bool half_open : {false, true}) {
        for (const std::size_t again : {~std::size_t{0}, std::size_t{2}}) {
          if (half_open && again == 2) continue;
          SCOPED_TRACE(fmt::format("cut behind frame {}, away for {} steps, {}, {} frames arrive on the second link, window {}", cut_at, GetParam(),
                                   half_open ? "half open" : "closed", static_cast<std::int64_t>(again), config.window_bytes));
          compare(run(config, cut_at, GetParam(), again, half_open), twin);
          if (HasFailure()) return;
        }
      }
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Away, ResumeTwin, ::testing::Values(0, 1, 4, 30));

}  // namespace
}  // namespace clasp::router
