// HELLO, WELCOME, a second HELLO, and refusals before there is a session (router specification, section 4).
#include "router/handshake.hpp"

#include "core/check.hpp"
#include "router/engine.hpp"

namespace clasp::router {

namespace {
constexpr std::string_view snapshot_key = "snapshot";  // HELLO block: "none" asks for no SNAPSHOT after WELCOME
}

void Engine::on_hello(LinkId id, const Hello& hello, const Now& now) {
  Link* link = table.find(id);
  const auto phase = next_phase(link->phase, Input::hello);
  if (!phase) return refuse_link(id, Input::other_message, ErrorCode::invalid_message, "HELLO while an earlier one is being checked", CloseCode::policy, now);
  if (link->session == nobody && config.sessions_max != 0 && table.sessions() >= config.sessions_max) {
    ++stats.sessions_refused;
    return refuse_link(id, Input::other_message, ErrorCode::overloaded, fmt::format("max sessions reached ({})", config.sessions_max), CloseCode::try_later,
                       now);
  }
  link->phase = *phase;

  PendingHello pending{.link = id, .name = std::string(hello.name.substr(0, 64)), .features = hello.features};
  for (const auto& [key, value] : hello.block) {
    if (key == snapshot_key && value.as_string() == "none") pending.no_snapshot = true;
  }
  const Ticket ticket_id{++ticket};
  Authentication answer = gate.authenticate(ticket_id, hello);
  if (auto* granted = std::get_if<Granted>(&answer)) return welcome(id, pending, std::move(*granted), now);
  if (const auto* denied = std::get_if<Denied>(&answer)) {
    ++stats.handshakes_failed;
    return refuse_link(id, Input::denied, denied->code, denied->message, CloseCode::policy, now);
  }
  pause_reading(*link, PauseCause::verdict);
  pending_hellos.emplace(static_cast<std::uint64_t>(ticket_id), std::move(pending));
}

void Engine::on_verdict(Ticket ticket_id, Verdict verdict, const Now& now) {
  const auto found = pending_hellos.find(static_cast<std::uint64_t>(ticket_id));
  if (found == pending_hellos.end()) return;
  const PendingHello pending = std::move(found->second);
  pending_hellos.erase(found);
  Link* link = table.find(pending.link);
  if (link == nullptr) return;  // it left meanwhile
  resume_reading(*link, PauseCause::verdict);
  if (auto* granted = std::get_if<Granted>(&verdict)) return welcome(pending.link, pending, std::move(*granted), now);
  const auto& denied = std::get<Denied>(verdict);
  ++stats.handshakes_failed;
  refuse_link(pending.link, Input::denied, denied.code, denied.message, CloseCode::policy, now);
}

void Engine::welcome(LinkId id, const PendingHello& hello, Granted granted, const Now& now) {
  // A second HELLO on the link ends the old session at once (router specification 32.4).
  if (const SessionId old = table.find(id)->session; old != nobody) end_session(old, now);
  Link* link = table.find(id);
  link->phase = *next_phase(link->phase, Input::granted);
  timers.cancel(link->handshake_timer);

  Session& session = begin_session(id, hello.name, std::move(granted.grants));
  session.features = hello.features;
  session.visitor = true;
  const std::string session_id = to_text(session.uuid);
  Welcome welcome{.version = wire::protocol_version, .features = config.features, .time = now.unix_time, .session = session_id, .name = config.name};
  if (hello.no_snapshot) {
    welcome.features |= feature::extended;
    welcome.block.emplace_back(snapshot_key, ValueView{ValueTag::string, as_bytes(std::string_view("\0\4none", 6))});
  }
  reply(session, Message{std::move(welcome)}, now);
  if (!hello.no_snapshot) start_snapshot(session, *Pattern::parse("/**"), std::nullopt, now);
  tell_opened(session, now);
  settle(now);
}

void Engine::refuse_link(LinkId id, Input input, ErrorCode code, std::string_view text, CloseCode close, const Now& now) {
  Link* link = table.find(id);
  CLASP_CHECK(next_phase(link->phase, input).value_or(Phase::closed) == Phase::closed);
  ++stats.errors_out[static_cast<std::uint16_t>(code)];
  reply_to_link(*link, Message{ErrorReply{.code = static_cast<std::uint16_t>(code), .message = text}});
  close_link(id, {close, text}, now);
}

}  // namespace clasp::router
