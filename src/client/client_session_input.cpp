#include <fmt/format.h>

#include <algorithm>

#include "client/client_session.hpp"
#include "core/address.hpp"

// What arrives from the router. The calls of the user are in client_session.cpp.

namespace clasp::client {

namespace {

template <typename... Handlers>
struct Visitor : Handlers... {
  using Handlers::operator()...;
};

Error to_error(const ErrorReply& reply) {
  return Error{static_cast<ErrorCode>(reply.code), std::string(reply.message), std::string(reply.address.value_or(std::string_view{}))};
}

}  // namespace

void ClientSession::receive(Bytes frame, Now now) {
  if (phase_ != Phase::greeting && phase_ != Phase::active) return;
  activity();
  ++stats_.frames_in;
  const bool counts = phase_ == Phase::active && continuity_.offered();
  if (counts) count_received(frame.size());
  const Decoded<Frame> decoded = decode_frame(frame);
  if (!decoded) return report_undecodable(describe(decoded.error()), now);
  if (counts && handle_mark(decoded->payload)) return;
  const Decoded<Message> message = decoder_.decode(decoded->payload);
  if (!message) return report_undecodable(describe(message.error()), now);
  if (phase_ == Phase::greeting) {
    handle_greeting(*message, now);
  } else {
    handle(*message, now);
  }
}

// A broken peer may send nothing else, so this is told at most once a second.
void ClientSession::report_undecodable(const std::string& why, Now now) {
  ++stats_.undecodable_frames;
  if (undecodable_reported_ && now.steady - *undecodable_reported_ < Micros{1'000'000}) return;
  undecodable_reported_ = now.steady;
  listener_.reported(Error{ErrorCode::invalid_frame, fmt::format("the router sent a frame that makes no sense: {}", why), {}});
}

void ClientSession::handle_greeting(const Message& message, Now now) {
  if (const Welcome* welcome = std::get_if<Welcome>(&message.body)) return become_active(*welcome, now);
  if (const ErrorReply* reply = std::get_if<ErrorReply>(&message.body)) {
    last_error_ = to_error(*reply);
    attempt_failed(*last_error_, now);
  }
}

void ClientSession::handle(const Message& message, Now now) {
  std::visit(Visitor{
                 [&](const Set& set) { handle_set(set, now); },
                 [&](const Publish& publish) { handle_publish(publish); },
                 [&](const Snapshot& snapshot) { handle_snapshot(snapshot, now); },
                 [&](const Ack& ack) { handle_ack(ack); },
                 [&](const ErrorReply& reply) { handle_error(reply, now); },
                 [&](const QueryResult& result) { handle_result(result, now); },
                 [&](const Sync& sync) { handle_sync(sync, now); },
                 [&](const Announce& announce) { handle_announce(announce); },
                 [&](const Pong&) { handle_pong(now); },
                 [&](const Ping&) {
                   if (unsent_bytes() < config_.output_bytes_max) append_always(Message{Pong{}});
                 },
                 [&](const Bundle& bundle) {
                   for (const Message& member : bundle.messages) handle(member, now);
                 },
                 [](const auto&) {},  // the rest goes from clients to routers only
             },
             message.body);
}

void ClientSession::dispatch(Item& item, std::uint32_t serial_from) {
  item.subscriptions = subscriptions_.matching(item.address, item.signal, serial_from);
  if (!item.subscriptions.empty()) listener_.arrived(item);
}

void ClientSession::handle_set(const Set& set, Now now) {
  const std::uint64_t revision = set.revision.value_or(0);
  const ParamCache::Update update = cache_.update(set.address, set.value, revision, {}, {}, subscriptions_.newest(), now.steady);
  Item item{.address = set.address,
            .value = set.value,
            .samples = {},
            .id = {},
            .rate = {},
            .revision = revision,
            .writer = {},
            .timestamp = {},
            .subscriptions = {}};
  dispatch(item, 0);
  if (!update.newer_known)
    complete_gets({.address = set.address, .value = set.value, .revision = revision, .writer = {}, .timestamp = {}, .signals = {}});
}

// A snapshot answers one SUBSCRIBE, one GET or HELLO, and does not say which. Subscriptions that have had the same revision don't get it again.
void ClientSession::handle_snapshot(const Snapshot& snapshot, Now now) {
  for (const SnapshotParam& param : snapshot.params) {
    const std::string_view writer = param.writer.value_or(std::string_view{});
    const ParamCache::Update update =
        cache_.update(param.address, param.value, param.revision, writer, param.timestamp, subscriptions_.newest(), now.steady);
    Item item{.snapshot = true,
              .address = param.address,
              .value = param.value,
              .samples = {},
              .id = {},
              .rate = {},
              .revision = param.revision,
              .writer = writer,
              .timestamp = param.timestamp,
              .subscriptions = {}};
    dispatch(item, update.shown_to);
    if (update.newer_known) continue;
    complete_gets(
        {.address = param.address, .value = param.value, .revision = param.revision, .writer = writer, .timestamp = param.timestamp, .signals = {}});
  }
}

void ClientSession::handle_publish(const Publish& publish) {
  Item item{.is_set = false,
            .address = publish.address,
            .value = publish.value,
            .signal = publish.signal.value_or(SignalType::event),
            .phase = publish.phase,
            .samples = publish.samples,
            .id = publish.id,
            .rate = publish.rate,
            .writer = {},
            .timestamp = publish.timestamp,
            .subscriptions = {}};
  dispatch(item, 0);
}

// ---- answers ----

void ClientSession::complete_gets(const Answer& answer) {
  if (gets_.empty()) return;
  const auto waiting = gets_.find(answer.address);
  if (waiting == gets_.end()) return;
  const std::vector<Ticket> tickets = std::move(waiting->second);
  gets_.erase(waiting);
  for (const Ticket ticket : tickets) {
    if (take_call(ticket)) listener_.answered(ticket, answer);
  }
  doubt_answered(answer.address);
}

bool ClientSession::fail_gets(std::string_view address, const Error& error) {
  const auto waiting = gets_.find(address);
  if (waiting == gets_.end()) return false;
  const std::vector<Ticket> tickets = std::move(waiting->second);
  gets_.erase(waiting);
  for (const Ticket ticket : tickets) fail_call(ticket, error);
  doubt_answered(address);
  return true;
}

bool ClientSession::fail_query(std::string_view pattern, const Error& error) {
  const auto found = std::ranges::find_if(queries_, [pattern](const PendingQuery& query) { return query.pattern.text() == pattern; });
  if (found == queries_.end()) return false;
  const Ticket ticket = found->ticket;
  queries_.erase(found);
  fail_call(ticket, error);
  return true;
}

// Answers come in the order of the requests, so what a match passed over is never answered: it was dropped on the way, which the router tells
// without saying which one (ERROR 429), or it needs no answer.
void ClientSession::settle_skipped(const MatchedWrite& match) {
  for (const Ticket ticket : match.skipped_silent) {
    if (take_call(ticket)) listener_.answered(ticket, Answer{.address = {}, .value = {}, .writer = {}, .timestamp = {}, .signals = {}});
  }
  for (const Ticket ticket : match.skipped) {
    const auto call = calls_.find(static_cast<std::uint64_t>(ticket));
    if (call == calls_.end()) continue;
    Error error = unaddressed_error_.value_or(Error{ErrorCode::no_answer, "the router answered later writes, but not this one", {}});
    error.address = call->second.address;
    fail_call(ticket, error);
  }
  unaddressed_error_.reset();
}

void ClientSession::handle_ack(const Ack& ack) {
  listener_.acknowledged(ack);
  const MatchedWrite match = ack.address ? writes_.answered(*ack.address) : writes_.answered_bundle();
  if (!match.found) return;
  settle_skipped(match);
  if (!take_call(match.ticket)) return;
  listener_.answered(match.ticket, Answer{.address = ack.address.value_or(std::string_view{}),
                                          .value = {},
                                          .revision = ack.revision.value_or(0),
                                          .writer = {},
                                          .timestamp = {},
                                          .signals = {}});
}

bool ClientSession::refuse_write(const MatchedWrite& match, const Error& error) {
  if (!match.found) return false;
  settle_skipped(match);
  if (take_call(match.ticket)) {
    listener_.failed(match.ticket, error);
  } else {
    listener_.reported(error);
  }
  return true;
}

void ClientSession::handle_error(const ErrorReply& reply, Now now) {
  const Error error = to_error(reply);
  if (!reply.address || !is_only_doubted(*reply.address)) last_error_ = error;
  if (!reply.address) {
    const bool about_state = error.code == ErrorCode::revision_conflict || error.code == ErrorCode::invalid_value || error.code == ErrorCode::refused;
    if (about_state && refuse_write(writes_.answered_bundle(), error)) return;
    if (error.code == ErrorCode::too_many) unaddressed_error_ = error;
    return listener_.reported(error);
  }
  const std::string_view address = *reply.address;
  if (error.code == ErrorCode::not_found && fail_gets(address, error)) return is_gone(address, now);
  if (error.code != ErrorCode::not_found && error.code != ErrorCode::pattern_error) {
    if (refuse_write(writes_.answered(address), error) || refuse_write(writes_.refused_bundle_member(address), error)) return;
  }
  if (fail_gets(address, error) || fail_query(address, error)) return;
  listener_.reported(error);
}

void ClientSession::handle_announce(const Announce& announce) {
  for (const SignalDefinition& signal : announce.signals) signals_.learn(signal);
}

// RESULT does not say which QUERY it answers. They come in order; a query whose pattern does not fit was given up on by the router.
void ClientSession::handle_result(const QueryResult& result, Now) {
  for (const SignalDefinition& signal : result.signals) signals_.learn(signal);
  const auto fits = [&](const PendingQuery& query) {
    return std::ranges::all_of(result.signals, [&](const SignalDefinition& signal) { return query.pattern.matches(signal.address); });
  };
  const auto found = std::ranges::find_if(queries_, fits);
  if (found == queries_.end()) return;
  const Ticket ticket = found->ticket;
  queries_.erase(found);
  if (take_call(ticket)) listener_.answered(ticket, Answer{.address = {}, .value = {}, .writer = {}, .timestamp = {}, .signals = result.signals});
}

void ClientSession::handle_sync(const Sync& sync, Now now) {
  if (!sync.t2 || !sync.t3) return;
  clock_.add(sync.t1, *sync.t2, *sync.t3, now.received.us, now.steady);
  const std::vector<Ticket> tickets = std::move(syncs_);
  syncs_.clear();
  for (const Ticket ticket : tickets) {
    if (const auto call = take_call(ticket)) {
      listener_.answered(ticket,
                         Answer{.address = {}, .value = {}, .writer = {}, .timestamp = {}, .round_trip = now.steady - call->sent, .signals = {}});
    }
  }
}

void ClientSession::handle_pong(Now now) {
  if (pings_.empty()) return;
  const Ticket ticket = pings_.front();
  pings_.pop_front();
  if (ticket == for_doubts) return ask_about_doubts();
  if (const auto call = take_call(ticket)) {
    listener_.answered(ticket,
                       Answer{.address = {}, .value = {}, .writer = {}, .timestamp = {}, .round_trip = now.steady - call->sent, .signals = {}});
  }
}

}  // namespace clasp::client
