#include "core/resume.hpp"

#include <fmt/format.h>

#include <charconv>

#include "core/limits.hpp"

namespace clasp::resume {

namespace {

// Numbers of 64 bits are text: not every language has integers that wide.
constexpr int hexadecimal = 16;
constexpr std::size_t epoch_digits = 16;
constexpr std::uint8_t leaving_flag = 0x01;
constexpr std::size_t mark_payload_bytes = 1 + 1 + 8;

std::string to_text(const Secret& secret) {
  std::string text;
  for (const std::byte byte : secret) text += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
  return text;
}

template <typename Number>
bool read_hex(std::string_view text, Number& number) {
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number, hexadecimal);
  return fault == std::errc{} && end == text.data() + text.size();
}

bool read_secret(const Value* value, Secret& secret) {
  const std::string* text = value != nullptr ? value->string() : nullptr;
  if (text == nullptr || text->size() != 2 * secret.size()) return false;
  for (std::size_t i = 0; i < secret.size(); ++i) {
    unsigned byte = 0;
    if (!read_hex(std::string_view(*text).substr(2 * i, 2), byte)) return false;
    secret[i] = static_cast<std::byte>(byte);
  }
  return true;
}

bool read_epoch(const Value* value, std::uint64_t& epoch) {
  const std::string* text = value != nullptr ? value->string() : nullptr;
  return text != nullptr && text->size() == epoch_digits && read_hex(*text, epoch);
}

bool read_count(const Value* value, std::uint64_t& count) {
  const std::int64_t* number = value != nullptr ? value->integer() : nullptr;
  if (number == nullptr || *number < 0) return false;
  count = static_cast<std::uint64_t>(*number);
  return true;
}

Value epoch_value(std::uint64_t epoch) { return Value(fmt::format("{:016x}", epoch)); }
Value count_value(std::uint64_t count) { return Value(static_cast<std::int64_t>(count)); }

}  // namespace

bool same_secret(const Secret& a, const Secret& b) {
  std::byte difference{0};
  for (std::size_t i = 0; i < a.size(); ++i) difference |= a[i] ^ b[i];
  return difference == std::byte{0};
}

Value to_value(const Request& request) {
  if (!request.claim) return Value(Map{});
  const Claim& claim = *request.claim;
  return Value(Map{{"session", Value(claim.session)},
                   {"secret", Value(to_text(claim.secret))},
                   {"epoch", epoch_value(claim.epoch)},
                   {"frames", count_value(claim.frames)}});
}

Request read_request(const ValueView& view) {
  if (view.as_bool() == true) return {};
  if (view.tag != ValueTag::map) return {.malformed = true, .claim = {}};
  const Value value = clasp::to_value(view);
  if (value.map()->empty()) return {};
  Claim claim;
  const Value* session = value.find("session");
  const bool complete = session != nullptr && session->string() != nullptr && read_secret(value.find("secret"), claim.secret) &&
                        read_epoch(value.find("epoch"), claim.epoch) && read_count(value.find("frames"), claim.frames);
  if (!complete) return {.malformed = true, .claim = {}};
  claim.session = *session->string();
  return {.malformed = false, .claim = std::move(claim)};
}

Value to_value(const Offer& offer) {
  Map entries{{"secret", Value(to_text(offer.secret))},
              {"epoch", epoch_value(offer.epoch)},
              {"window", count_value(offer.window_ms)},
              {"resumed", Value(offer.resumed)},
              {"frames", count_value(offer.frames)}};
  if (!offer.why.empty()) entries.emplace_back("why", Value(offer.why));
  return Value(std::move(entries));
}

std::optional<Offer> read_offer(const ValueView& view) {
  if (view.tag != ValueTag::map) return std::nullopt;
  const Value value = clasp::to_value(view);
  Offer offer;
  const Value* resumed = value.find("resumed");
  const bool complete = resumed != nullptr && resumed->boolean() != nullptr && read_secret(value.find("secret"), offer.secret) &&
                        read_epoch(value.find("epoch"), offer.epoch) && read_count(value.find("window"), offer.window_ms) &&
                        read_count(value.find("frames"), offer.frames);
  if (!complete) return std::nullopt;
  offer.resumed = *resumed->boolean();
  if (const Value* why = value.find("why"); why != nullptr && why->string() != nullptr) offer.why = *why->string();
  return offer;
}

void append_mark(ByteBuffer& out, const Mark& mark) {
  out.u8(wire::magic);
  out.u8(0x01);  // compact, QoS fire
  out.u16(mark_payload_bytes);
  out.u8(mark_code);
  out.u8(mark.leaving ? leaving_flag : std::uint8_t{0});
  out.u64(mark.frames);
}

std::optional<Mark> find_mark(Bytes payload) {
  if (payload.size() < mark_payload_bytes || std::to_integer<std::uint8_t>(payload[0]) != mark_code) return std::nullopt;
  return Mark{.frames = load_be<std::uint64_t>(payload.data() + 2), .leaving = (std::to_integer<std::uint8_t>(payload[1]) & leaving_flag) != 0};
}

}  // namespace clasp::resume
