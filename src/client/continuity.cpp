#include "client/continuity.hpp"

#include <cstring>

#include "core/check.hpp"
#include "core/codec.hpp"

namespace clasp::client {

namespace {

std::size_t first_frame_bytes(Bytes frames) {
  const auto expected = frame_bytes_expected(frames);
  CLASP_CHECK(expected && *expected && **expected <= frames.size());
  return **expected;
}

}  // namespace

resume::Request Continuity::request() const {
  if (!offer_) return {};
  return {.malformed = false, .claim = resume::Claim{.session = session_, .secret = offer_->secret, .epoch = offer_->epoch, .frames = received_}};
}

void Continuity::begin(std::string_view session, const resume::Offer& offer) {
  end();
  session_ = session;
  offer_ = offer;
}

void Continuity::end() {
  offer_.reset();
  received_ = marked_ = 0;
  bytes_since_mark_ = 0;
  kept_.release();
  start_ = 0;
  first_ = next_ = 0;
}

bool Continuity::received(std::size_t bytes) {
  ++received_;
  bytes_since_mark_ += bytes;
  return received_ - marked_ >= resume::mark_frames || bytes_since_mark_ >= resume::mark_bytes;
}

resume::Mark Continuity::take_mark() {
  marked_ = received_;
  bytes_since_mark_ = 0;
  return {.frames = received_, .leaving = false};
}

void Continuity::sent(Bytes frames) {
  if (start_ > 4'096 && start_ > kept_.size() / 2) {
    const std::size_t rest = kept_.size() - start_;
    std::memmove(kept_.data(), kept_.data() + start_, rest);
    kept_.truncate(rest);
    start_ = 0;
  }
  kept_.append(frames);
  for (; !frames.empty(); ++next_) frames = frames.subspan(first_frame_bytes(frames));
  while (kept_bytes() > bytes_max_) drop_first();
}

void Continuity::drop_first() {
  start_ += first_frame_bytes(kept_.view(start_));
  ++first_;
  if (start_ == kept_.size()) kept_.clear(), start_ = 0;
}

void Continuity::arrived(std::uint64_t frames) {
  while (first_ < frames && first_ < next_) drop_first();
}

std::uint64_t Continuity::go_on(const resume::Offer& offer, ByteBuffer& out) {
  arrived(offer.frames);
  const std::uint64_t lost = first_ > offer.frames ? first_ - offer.frames : 0;
  out.append(kept_.view(start_));
  kept_.clear();
  start_ = 0;
  first_ = next_ = offer.frames;
  marked_ = received_;
  bytes_since_mark_ = 0;
  offer_ = offer;
  return lost;
}

}  // namespace clasp::client
