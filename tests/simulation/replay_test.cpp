// What REPLAY gives is what somebody who had listened all the time would have heard: the whole of random runs, against a listener of the router itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "model/frame.hpp"
#include "random_clients.hpp"
#include "server/replays.hpp"
#include "store/memory_journal.hpp"

namespace clasp::simulation {
namespace {

constexpr std::uint64_t runs = sanitized ? 3 : 12;

// Everything a SET or PUBLISH says, without what REPLAY leaves out: locks and lifetimes, which are nobody's any more (journal specification, section 7).
std::string line_of(const Message& message) {
  if (const auto* set = std::get_if<Set>(&message.body)) return model::set_line(set->address, model::value_of(set->value), set->revision.value_or(0));
  if (const auto* publish = std::get_if<Publish>(&message.body)) return model::publish_line(model::fields_of(*publish));
  return {};
}

// Hears what is due, or what it asked for, always at once.
class Listener final : public Sink {
 public:
  std::size_t deliver(const Delivery& delivery) override {
    if (delivery.presence == Presence::live) hear(delivery.frame());
    return 0;
  }
  std::size_t reply(const Reply& reply) override {
    if (reply.message != nullptr && std::holds_alternative<Ack>(reply.message->body)) ended = true;
    hear(reply.frame);
    return 0;
  }
  void close(const CloseReason& reason) override { ADD_FAILURE() << "closed: " << reason.text; }
  std::vector<std::string> lines;
  bool ended = false;

 private:
  void hear(Bytes bytes) {
    const auto frame = decode_frame(bytes);
    const auto message = frame ? decoder_.decode(frame->payload) : Decoded<Message>(std::unexpected(frame.error()));
    ASSERT_TRUE(message);
    if (std::string line = line_of(*message); !line.empty()) lines.push_back(std::move(line));
  }
  Decoder decoder_;
};

TEST(Replay, GivesWhatAListenerWouldHaveHeard) {
  std::size_t compared = 0;
  for (std::uint64_t seed = 1; seed <= runs; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Scenario scenario = scenario_of(seed);
    scenario.steps = 300;
    scenario.config.sessions_max = 1'000;  // the model knows nothing of the listener
    RandomClients clients(scenario);
    Router& router = clients.world().router();
    store::MemoryJournal journal(1'000'000);
    router.set_observer(&journal);
    Listener live;
    SessionProfile profile{.name = "listener", .grants = open_grants(), .counted = false, .writer = {}};  // views: nobody asks whether it is still there
    const SessionId listening = router.open_session(profile, live, clients.world().now());
    router.submit(listening, Message{Subscribe{.id = 1, .pattern = "/**"}}, Qos::fire, {}, clients.world().now());
    ASSERT_EQ(clients.run().value_or(""), "");
    router.end_turn(clients.world().now());

    server::Replays replays(router, 10'000'000);
    replays.start(&journal);
    Listener asker;
    profile.encoding = Encoding::frames;
    const SessionId asking = router.open_session(profile, asker, clients.world().now());
    router.submit(asking, Message{clasp::Replay{.pattern = "/**", .from = {}, .to = {}, .limit = {}, .types = TypeMask::all()}}, Qos::confirm, {}, clients.world().now());
    for (int turns = 0; !asker.ended && turns < 100'000; ++turns) replays.end_turn(clients.world().now());
    ASSERT_TRUE(asker.ended);
    const auto [replayed, heard] = std::ranges::mismatch(asker.lines, live.lines);
    ASSERT_TRUE(replayed == asker.lines.end() && heard == live.lines.end())
        << "item " << heard - live.lines.begin() << " of " << live.lines.size() << " was heard as " << (heard == live.lines.end() ? "nothing" : *heard)
        << ",\n of " << asker.lines.size() << " replayed as " << (replayed == asker.lines.end() ? "nothing" : *replayed);
    compared += live.lines.size();
    router.set_observer(nullptr);
  }
  EXPECT_GT(compared, runs * 500);
}

}  // namespace
}  // namespace clasp::simulation
