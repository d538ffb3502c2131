// When the link is lost and the router has offered to resume the session (docs/resume.md): nothing fails and nothing is forgotten until it is known
// whether it was.
#include <fmt/format.h>

#include "client/client_session.hpp"
#include "core/check.hpp"

namespace clasp::client {

bool ClientSession::asks_to_resume() const { return config_.resume && config_.reconnect; }

void ClientSession::suspend() {
  suspended_ = true;
  unsent_.append(output_.view());
  output_.clear();
  in_flight_bytes_ = 0;
  session_text_.clear();
  clock_.end();
}

// What was sent and has not arrived, what was not sent, what was asked for meanwhile: in this order, and then what is new.
void ClientSession::go_on(const resume::Offer& offer) {
  suspended_ = false;
  stats_.frames_lost += continuity_.go_on(offer, output_);
  output_.append(unsent_.view());
  output_.append(said_away_.view());
  unsent_.release();
  said_away_.release();
  for (const std::string& ns : announced_away_) watch_write(ns, Ticket::none);
  announced_away_.clear();
  ++stats_.resumed;
}

// The session is over, here or there. What waited fails, as if there never had been a way back.
void ClientSession::abandon(std::string_view why) {
  if (!suspended_) return;
  suspended_ = false;
  continuity_.end();
  keep_unsent_params(unsent_.view());
  unsent_.release();
  said_away_.release();
  announced_away_.clear();
  cache_.begin_connection();
  fail_all_calls(Error{ErrorCode::not_connected, fmt::format("the session was lost: {}", why), {}});
}

void ClientSession::say_away(const Message& message) {
  if (!suspended_) return;
  if (said_away_.size() < config_.output_bytes_max && append_frame(said_away_, message)) return;
  abandon("too much was asked for meanwhile");
}

bool ClientSession::handle_mark(Bytes payload) {
  const auto mark = resume::find_mark(payload);
  if (!mark) return false;
  continuity_.arrived(mark->frames);
  return true;
}

void ClientSession::count_received(std::size_t bytes) {
  if (!continuity_.received(bytes) || unsent_bytes() >= config_.output_bytes_max) return;
  resume::append_mark(output_, continuity_.take_mark());
  ++stats_.frames_out;
}

// A session of which the router knows nothing yet.
void ClientSession::bring_everything_back() {
  cache_.begin_connection();
  unaddressed_error_.reset();
  for (const auto& [ns, frame] : announcements_) {
    output_.append(frame.view());
    ++stats_.frames_out;
    watch_write(ns, Ticket::none);
  }
  for (const LocalSubscription& subscription : subscriptions_.all()) append_always(subscribe_message(subscription));
  doubt_what_was_shown();
}

// Of what the lost link had not been given, what can be kept: the newest SET of each address.
void ClientSession::keep_unsent_params(Bytes frames) {
  for (Bytes rest = frames; !rest.empty();) {
    const Decoded<Frame> frame = decode_frame(rest);
    CLASP_CHECK(frame.has_value());
    if (resume::find_mark(frame->payload)) {
      rest = rest.subspan(frame->header.frame_bytes());
      continue;
    }
    const Decoded<Message> message = decoder_.decode(frame->payload);
    CLASP_CHECK(message.has_value());
    const Set* set = std::get_if<Set>(&message->body);
    const bool kept = set != nullptr && !set->revision && offline_.enabled() &&
                      offline_.keep(set->address, std::string(as_text(rest.first(frame->header.frame_bytes()))));
    if (!kept) ++stats_.frames_lost;
    rest = rest.subspan(frame->header.frame_bytes());
  }
}

}  // namespace clasp::client
