// HELLO, WELCOME, a second HELLO, and refusals before there is a session (router specification, section 4).
#include "router/handshake.hpp"

#include "core/check.hpp"
#include "router/engine.hpp"

namespace clasp::router {

namespace {
constexpr std::string_view snapshot_key = "snapshot";  // HELLO block: "none" asks for no SNAPSHOT after WELCOME
constexpr std::size_t commits_after_welcome_max = 512;  // of those that were missed: the rest comes in the next turns
}

void Engine::on_hello(LinkId id, const Hello& hello, const Now& now) {
  Link* link = table.find(id);
  const auto phase = next_phase(link->phase, Input::hello);
  if (!phase) return refuse_link(id, Input::other_message, ErrorCode::invalid_message, "HELLO while an earlier one is being checked", CloseCode::policy, now);
  if (link->session == nobody && config.sessions_max != 0 && table.sessions() - detached.size() >= config.sessions_max) {
    ++stats.sessions_refused;
    return refuse_link(id, Input::other_message, ErrorCode::overloaded, fmt::format("max sessions reached ({})", config.sessions_max), CloseCode::try_later,
                       now);
  }
  link->phase = *phase;

  PendingHello pending{.link = id, .name = std::string(hello.name.substr(0, 64)), .features = hello.features};
  for (const auto& [key, value] : hello.block) {
    if (key == snapshot_key && value.as_string() == "none") pending.no_snapshot = true;
    if (key == resume::key && offers_resume()) pending.resume = resume::read_request(value);
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
  std::string_view why = hello.resume && hello.resume->malformed ? resume::why_invalid : std::string_view{};
  Claimed old;
  if (hello.resume && hello.resume->claim) {
    old = claimed(*hello.resume->claim, granted.grants, now);
    why = old.why;
  }
  if (!why.empty()) ++stats.resumes_refused[why];
  Link* link = table.find(id);
  link->phase = *next_phase(link->phase, Input::granted);
  timers.cancel(link->handshake_timer);

  if (old.session != nullptr) {
    take_up(id, *old.session, now);
    say_welcome(*old.session, hello, why, now);
    std::size_t budget = commits_after_welcome_max;
    read_on(*old.session, budget, now);
    return settle(now);
  }
  Session& session = begin_session(id, hello.name, std::move(granted.grants));
  session.features = hello.features;
  session.visitor = true;
  say_welcome(session, hello, why, now);
  if (!hello.no_snapshot) start_snapshot(session, *Pattern::parse("/**"), std::nullopt, now);
  tell_opened(session, now);
  settle(now);
}

// WELCOME answers what was asked, nothing else.
void Engine::say_welcome(Session& session, const PendingHello& hello, std::string_view why, const Now& now) {
  const std::string session_id = to_text(session.uuid);
  Welcome welcome{.version = wire::protocol_version, .features = config.features, .time = now.unix_time, .session = session_id, .name = config.name};
  if (hello.no_snapshot || hello.resume) welcome.features |= feature::extended;
  if (hello.no_snapshot) welcome.block.emplace_back(snapshot_key, ValueView{ValueTag::string, as_bytes(std::string_view("\0\4none", 6))});
  if (!hello.resume) return reply(session, Message{std::move(welcome)}, now);

  resume::Offer offer = session.resumption ? offer_of(session) : new_resumption(session);
  offer.resumed = session.reads_log;
  offer.why = why;
  const EncodedValue encoded(resume::to_value(offer));
  welcome.block.emplace_back(resume::key, encoded.view());
  reply_to_link(*table.find(session.link), Message{std::move(welcome)});  // the frames that are counted come behind it
}

bool Engine::offers_resume() const { return config.resume_window.count() > 0 && config.detached_sessions_max > 0; }

void Engine::refuse_link(LinkId id, Input input, ErrorCode code, std::string_view text, CloseCode close, const Now& now) {
  Link* link = table.find(id);
  CLASP_CHECK(next_phase(link->phase, input).value_or(Phase::closed) == Phase::closed);
  ++stats.errors_out[static_cast<std::uint16_t>(code)];
  reply_to_link(*link, Message{ErrorReply{.code = static_cast<std::uint16_t>(code), .message = text}});
  close_link(id, {close, text}, now, Farewell::ended);
}

}  // namespace clasp::router
