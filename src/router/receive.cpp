// One frame's way in: bytes → message → the handler of its type.
#include "core/check.hpp"
#include "router/engine.hpp"

namespace clasp::router {

namespace {

// What a message counts for in the rate limit: a BUNDLE as its members (contract; router specification 32.14).
std::uint32_t cost_of(const Message& message) {
  const auto* bundle = std::get_if<Bundle>(&message.body);
  if (bundle == nullptr) return 1;
  std::uint32_t cost = 0;
  for (const Message& inner : bundle->messages) cost += cost_of(inner);
  return cost == 0 ? 1 : cost;
}

// Which message goes where. One object for all: an overload set of lambdas would be filled with their captures, message by message.
struct Dispatch {
  Engine& engine;
  Session& session;
  Qos qos;
  const Provenance& provenance;
  const Now& now;

  void operator()(const Set& set) const { engine.on_set(session, set, qos, {&session, provenance}, now); }
  void operator()(const Publish& publish) const { engine.on_publish(session, publish, {&session, provenance}, now); }
  void operator()(const Get& get) const { engine.on_get(session, get, qos, now); }
  void operator()(const Subscribe& subscribe) const { engine.on_subscribe(session, subscribe, now); }
  void operator()(const Unsubscribe& unsubscribe) const { engine.on_unsubscribe(session, unsubscribe, now); }
  void operator()(const Bundle& bundle) const { engine.on_bundle(session, bundle, qos, provenance, now); }
  void operator()(const Ping&) const { engine.reply(session, Message{Pong{}}, now); }
  void operator()(const Sync& sync) const { engine.on_sync(session, sync, now); }
  void operator()(const Query& query) const { engine.on_query(session, query, now); }
  void operator()(const Announce& announce) const { engine.on_announce(session, announce, now); }
  void operator()(const Replay& replay) const { engine.on_replay(session, replay, qos, now); }
  void operator()(const FederationSync&) const {
    const bool peer = (session.features & feature::federation) != 0;
    engine.send_error(session,
                      peer ? Error{ErrorCode::unavailable, "federation is not part of this router", {}}
                           : Error{ErrorCode::refused, "FederationSync requires federation feature", {}},
                      now);
  }
  // From a client these mean nothing and are ignored (router specification 5).
  void operator()(const Hello&) const {}
  void operator()(const Welcome&) const {}
  void operator()(const Snapshot&) const {}
  void operator()(const Ack&) const {}
  void operator()(const ErrorReply&) const {}
  void operator()(const QueryResult&) const {}
  void operator()(const Pong&) const {}
};

}  // namespace

void Engine::receive(LinkId id, Bytes bytes, const Now& now) {
  Link* link = table.find(id);
  if (link == nullptr) return;
  ++stats.frames_in;
  stats.bytes_in += bytes.size();
  link->received = now.steady;
  link->pings_missed = 0;
  count_input(*link, bytes.size());

  const Decoded<Frame> frame = decode_frame(bytes);
  Session* session = table.find(link->session);
  if (session != nullptr && session->resumption && on_mark(*session, frame, bytes.size(), now)) return;
  const Decoded<Message> message = frame ? decoder.decode(frame->payload) : std::unexpected(frame.error());
  if (!message) ++stats.frames_undecodable;
  else ++stats.messages_in[static_cast<std::uint8_t>(type_of(*message))];

  if (link->phase != Phase::active) {
    if (!message) return refuse_link(id, Input::garbage, ErrorCode::invalid_message, clasp::describe(message.error()), CloseCode::protocol_error, now);
    if (const auto* hello = std::get_if<Hello>(&message->body)) return on_hello(id, *hello, now);
    return refuse_link(id, Input::other_message, ErrorCode::invalid_message,
                       fmt::format("expected HELLO first, got {}", find_message_info(type_of(*message))->name), CloseCode::policy, now);
  }

  CLASP_CHECK(session != nullptr);
  if (config.messages_per_second_max != 0) {
    const auto answer = session->limiter.take(config.messages_per_second_max, message ? cost_of(*message) : 1, now.steady);
    if (answer != RateLimiter::Answer::pass) {
      ++stats.rate_limited;
      if (answer == RateLimiter::Answer::refuse_with_notice)
        send_error(*session, {ErrorCode::too_many, fmt::format("Rate limit exceeded: {} messages/second", config.messages_per_second_max), {}}, now);
      return;
    }
  }
  if (!message) return send_error(*session, {ErrorCode::invalid_message, clasp::describe(message.error()), {}}, now);
  if (const auto* hello = std::get_if<Hello>(&message->body)) return on_hello(id, *hello, now);

  fed_backlog = nobody;
  frame_time = frame->header.timestamp;
  submit(*session, *message, frame->header.qos, provenance_of(*session), now);
  frame_time.reset();
  if (fed_backlog != nobody) pace(id, now);
}

void Engine::submit(Session& session, const Message& message, Qos qos, const Provenance& provenance, const Now& now) {
  hops = provenance.hops;
  const Dispatch dispatch{*this, session, qos, provenance, now};
  if (const auto* set = std::get_if<Set>(&message.body)) [[likely]]
    dispatch(*set);
  else
    std::visit(dispatch, message.body);
  settle(now);
  hops = 0;
}

}  // namespace clasp::router
