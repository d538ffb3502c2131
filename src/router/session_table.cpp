#include "router/session_table.hpp"

#include "core/check.hpp"

namespace clasp::router {

LinkId SessionTable::open_link(Sink& sink, const Now& now) {
  std::uint32_t place = 0;
  if (free_links_.empty()) {
    place = static_cast<std::uint32_t>(links_.size());
    CLASP_CHECK(place <= place_mask);
    links_.emplace_back();
  } else {
    place = free_links_.back();
    free_links_.pop_back();
  }
  const auto generation = static_cast<std::uint16_t>((links_[place].generation + 1) & 0xfff);
  links_[place] = Link{};
  links_[place].generation = generation;
  links_[place].sink = &sink;
  links_[place].phase = Phase::accepted;
  links_[place].received = links_[place].progressed = links_[place].pinged = now.steady;
  ++open_links_;
  return link_id(place);
}

void SessionTable::free_link(LinkId id) {
  Link* link = find(id);
  CLASP_CHECK(link != nullptr);
  link->sink = nullptr;
  link->phase = Phase::closed;
  free_links_.push_back(static_cast<std::uint32_t>(id) & place_mask);
  --open_links_;
}

Session& SessionTable::open_session(LinkId link) {
  std::uint32_t place = 0;
  if (free_sessions_.empty()) {
    place = static_cast<std::uint32_t>(sessions_.size());
    CLASP_CHECK(place <= place_mask);
    sessions_.emplace_back();
  } else {
    place = free_sessions_.back();
    free_sessions_.pop_back();
  }
  sessions_[place] = std::make_unique<Session>();
  Session& session = *sessions_[place];
  session.id = SessionId{(++serial_ << place_bits) | place};
  session.slot = SessionSlot{place};
  session.link = link;
  ++open_sessions_;
  return session;
}

void SessionTable::free_session(SessionId id) {
  CLASP_CHECK(find(id) != nullptr);
  const auto place = static_cast<std::uint32_t>(id) & place_mask;
  sessions_[place].reset();
  free_sessions_.push_back(place);
  --open_sessions_;
}

}  // namespace clasp::router
