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

template <typename... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};

}  // namespace

void Engine::receive(LinkId id, Bytes bytes, Now now) {
  Link* link = table.find(id);
  if (link == nullptr) return;
  ++stats.frames_in;
  stats.bytes_in += bytes.size();
  link->received = now.steady;
  link->pings_missed = 0;
  count_input(*link, bytes.size());

  const Decoded<Frame> frame = decode_frame(bytes);
  const Decoded<Message> message = frame ? decoder.decode(frame->payload) : std::unexpected(frame.error());
  if (!message) ++stats.frames_undecodable;
  else ++stats.messages_in[static_cast<std::uint8_t>(type_of(*message))];

  if (link->phase != Phase::active) {
    if (!message) return refuse_link(id, Input::garbage, ErrorCode::invalid_message, clasp::describe(message.error()), CloseCode::protocol_error, now);
    if (const auto* hello = std::get_if<Hello>(&message->body)) return on_hello(id, *hello, now);
    return refuse_link(id, Input::other_message, ErrorCode::invalid_message,
                       fmt::format("expected HELLO first, got {}", find_message_info(type_of(*message))->name), CloseCode::policy, now);
  }

  Session* session = table.find(link->session);
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
  submit(*session, *message, frame->header.qos, provenance_of(*session), now);
  if (fed_backlog != nobody) pace(id, now);
}

void Engine::count_input(Link& link, std::size_t bytes) const {
  if (link.turn != turn) {
    link.turn = turn;
    link.turn_bytes = 0;
  }
  link.turn_bytes += bytes;
}

Provenance Engine::provenance_of(const Session& session) const { return {.writer = session.writer, .session = session.id}; }

void Engine::submit(Session& session, const Message& message, Qos qos, const Provenance& provenance, Now now) {
  hops = provenance.hops;
  std::visit(Overloaded{
                 [&](const Set& set) { on_set(session, set, qos, {&session, provenance}, now); },
                 [&](const Publish& publish) { on_publish(session, publish, {&session, provenance}, now); },
                 [&](const Get& get) { on_get(session, get, qos, now); },
                 [&](const Subscribe& subscribe) { on_subscribe(session, subscribe, now); },
                 [&](const Unsubscribe& unsubscribe) { on_unsubscribe(session, unsubscribe, now); },
                 [&](const Bundle& bundle) { on_bundle(session, bundle, qos, provenance, now); },
                 [&](const Ping&) { reply(session, Message{Pong{}}, now); },
                 [&](const Sync& sync) { on_sync(session, sync, now); },
                 [&](const Query& query) { on_query(session, query, now); },
                 [&](const Announce& announce) { on_announce(session, announce, now); },
                 [&](const Replay& replay) { on_replay(session, replay, now); },
                 [&](const FederationSync&) {
                   const bool peer = (session.features & feature::federation) != 0;
                   send_error(session,
                              peer ? Error{ErrorCode::unavailable, "federation is not part of this router", {}}
                                   : Error{ErrorCode::refused, "FederationSync requires federation feature", {}},
                              now);
                 },
                 [](const auto&) {},  // WELCOME, SNAPSHOT, ACK, ERROR, RESULT, PONG from a client: ignored (router specification 5)
             },
             message.body);
  if (!effects.empty()) run_effects(now);
  hops = 0;
  if (!doomed.empty()) close_doomed(now);
}

}  // namespace clasp::router
