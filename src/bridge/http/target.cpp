#include "bridge/http/target.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <ctime>
#include <utility>

#include "bridge/http/url_template.hpp"
#include "core/address.hpp"
#include "core/json.hpp"
#include "http_client/retry.hpp"
#include "http_client/signature.hpp"
#include "url/url.hpp"

namespace clasp::bridge::http {

namespace {

std::string rfc3339(UnixTime time) {
  const auto seconds = static_cast<std::time_t>(time.us / 1'000'000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min,
                     parts.tm_sec, time.us % 1'000'000);
}

std::string samples_as_value(Bytes samples) {
  Array numbers;
  for (std::size_t at = 0; at + 8 <= samples.size(); at += 8) {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < 8; ++i) bits = bits << 8 | std::to_integer<std::uint64_t>(samples[at + i]);
    numbers.push_back(Value(std::bit_cast<double>(bits)));
  }
  const EncodedValue encoded{Value(std::move(numbers))};
  std::string bytes(1, static_cast<char>(encoded.view().tag));
  bytes.append(as_text(encoded.view().data));
  return bytes;
}

ValueView view_of(const std::string& bytes) { return {static_cast<ValueTag>(bytes[0]), as_bytes(std::string_view(bytes).substr(1))}; }

}  // namespace

Target::Target(const TargetConfig& config, std::size_t index, Surroundings around)
    : config_(config), around_(std::move(around)), key_(fmt::format("target {}", index)) {}

Target::~Target() { around_.fetcher.cancel(call_); }

bool Target::wants(const LinkDelivery& delivery) const { return (!delivery.own || config_.own) && config_.pattern.matches(delivery.address); }

std::string Target::slot_of(const LinkDelivery& delivery) {
  if (delivery.is_set) return fmt::format("p{}", delivery.address);
  if (delivery.signal == SignalType::stream) return fmt::format("s{}", delivery.address);
  if (delivery.signal == SignalType::gesture) return fmt::format("g{}{}", delivery.id.value_or(0), delivery.address);
  return {};
}

void Target::add(const LinkDelivery& delivery, const Now& now) {
  ++around_.counters.delivered;
  Item item{.address = std::string(delivery.address),
            .value = {},
            .revision = delivery.revision,
            .signal = delivery.is_set ? SignalType::param : delivery.signal,
            .phase = delivery.phase,
            .id = delivery.id,
            .time = now.unix_time,
            .since = now.steady,
            .number = ++last_number_,
            .slot = slot_of(delivery),
            .is_param = delivery.is_set};
  if (delivery.value) {
    item.value.emplace(1, static_cast<char>(delivery.value->tag)).append(as_text(delivery.value->data));
  } else if (delivery.samples) {
    item.value = samples_as_value(*delivery.samples);
  }
  const bool replaceable = delivery.is_set || delivery.signal != SignalType::gesture || delivery.phase == GesturePhase::move;
  const auto there = slots_.find(item.slot);
  if (there != slots_.end() && replaceable) {
    ++around_.counters.replaced;
    *there->second = std::move(item);
  } else {
    if (there != slots_.end()) slots_.erase(there);  // the end of a gesture: moves behind it are others
    queue_.push_back(std::move(item));
    if (replaceable && !queue_.back().slot.empty()) slots_.emplace(queue_.back().slot, std::prev(queue_.end()));
  }
  if (queue_.size() <= config_.queue_max) return;
  ++around_.counters.dropped;
  erase(queue_.begin());
  around_.report(key_, fmt::format("http: {}: more than {} requests wait, the oldest is given up", url::shown_url(config_.url), config_.queue_max));
}

void Target::erase(Queue::iterator at) {
  const auto slot = slots_.find(at->slot);
  if (slot != slots_.end() && slot->second == at) slots_.erase(slot);
  queue_.erase(at);
}

std::optional<SteadyTime> Target::next_deadline() const {
  if (call_ != http_client::CallId::none || (queue_.empty() && !current_)) return std::nullopt;
  return not_before_;
}

void Target::advance(const Now& now) {
  while (call_ == http_client::CallId::none && not_before_ <= now.steady && take_next(now)) send(now);
}

bool Target::take_next(const Now& now) {
  if (current_ && !current_->slot.empty() && slots_.contains(current_->slot)) {  // something newer waits
    ++around_.counters.replaced;
    current_.reset();
  }
  while (!current_) {
    if (queue_.empty()) return false;
    Item item = queue_.front();
    erase(queue_.begin());
    if (!item.is_param && now.steady - item.since > limits::event_age_max) {
      ++around_.counters.expired;
      continue;
    }
    attempts_ = 0;
    current_ = std::move(item);
  }
  return true;
}

void Target::send(const Now& now) {
  ChangeText text{
      .address = current_->address, .name = {}, .value = "null", .text = {}, .revision = {}, .signal = std::string(signal_name(current_->signal))};
  if (!around_.config.ns.to_name(current_->address, text.name)) text.name = current_->address.substr(1);
  if (current_->value) {
    const ValueView value = view_of(*current_->value);
    text.value.clear();
    append_json(value, JsonBytes::numbers, text.value);
    text.text = value.as_string() ? std::string(*value.as_string()) : text.value;
  }
  if (current_->is_param) text.revision = std::to_string(current_->revision);

  auto url = fill_url(config_.url, text);
  if (!url) {
    ++around_.counters.unsendable;
    around_.report(key_, fmt::format("http: {}: {} cannot stand in a URL", url::shown_url(config_.url), printable(current_->address)));
    current_.reset();
    return;
  }
  http_client::HttpCall call = call_of(*current_, std::move(*url));
  switch (config_.form) {
    case BodyForm::value: call.body = current_->value ? text.value : ""; break;
    case BodyForm::wrapped: call.body = R"({"value":)" + text.value + '}'; break;
    case BodyForm::text: call.body = fill_body(config_.body, text); break;
    case BodyForm::event:
      call.body = R"({"address":)";
      append_json_string(text.address, call.body);
      call.body += fmt::format(R"(,"value":{},"signal":"{}")", text.value, text.signal);
      if (current_->is_param) call.body += fmt::format(R"(,"revision":{})", text.revision);
      if (current_->signal == SignalType::gesture) call.body += fmt::format(R"(,"phase":"{}")", phase_name(current_->phase));
      if (current_->id) call.body += fmt::format(R"(,"id":{})", *current_->id);
      call.body += fmt::format(R"(,"time":"{}"}})", rfc3339(current_->time));
      break;
  }
  if (call.method == "GET") call.body.clear();
  if (!config_.secret.empty()) call.fields.push_back({"X-Clasp-Signature", "sha256=" + http_client::hmac_sha256_hex(config_.secret, call.body)});
  ++attempts_;
  if (attempts_ > 1) ++around_.counters.retries;
  if (config_.rate_hz_max > 0) not_before_ = now.steady + Micros{static_cast<std::int64_t>(1e6 / config_.rate_hz_max)};
  call_ = around_.fetcher.start(std::move(call), [this](const Result<http_client::HttpAnswer>& answer) { answered(answer); });
}

http_client::HttpCall Target::call_of(const Item& item, std::string url) const {
  http_client::HttpCall call{.method = config_.method.empty() ? (item.is_param ? "PUT" : "POST") : config_.method,
                             .url = std::move(url),
                             .fields = around_.config.fields,
                             .body = {},
                             .timeout = around_.config.timeout,
                             .answer_bytes_max = around_.config.answer_bytes_max};
  const bool has_type = std::ranges::any_of(call.fields, [](const HttpField& field) { return field.name == "Content-Type"; });
  if (!has_type && call.method != "GET") call.fields.push_back({"Content-Type", "application/json"});
  if (config_.form == BodyForm::event) call.fields.push_back({"X-Clasp-Delivery", std::to_string(item.number)});  // equal for all attempts
  return call;
}

void Target::answered(const Result<http_client::HttpAnswer>& answer) {
  call_ = http_client::CallId::none;
  if (answer) unreachable_ = 0;
  if (answer && answer->is_success()) {
    ++around_.counters.sent;
    current_.reset();
  } else if (answer && !http_client::may_be_repeated(answer->status)) {
    give_up(fmt::format("answered {}", answer->status), false);
  } else if (answer) {
    try_again(fmt::format("answered {}", answer->status), &*answer);
  } else if (answer.error().code == ErrorCode::connection_failed || answer.error().code == ErrorCode::timeout) {
    try_again(answer.error().message, nullptr);
  } else {
    give_up(answer.error().message, false);
  }
  changed_();
}

void Target::try_again(const std::string& why, const http_client::HttpAnswer* answer) {
  const Now now = around_.clock();
  const bool unreachable = answer == nullptr;
  const unsigned times = unreachable ? unreachable_++ : attempts_ - 1;
  const Micros asked = answer == nullptr ? Micros{0} : http_client::retry_after(*answer, now.unix_time);
  const Micros wait = std::max(http_client::backoff(limits::retry_first, times, limits::retry_max, around_.random()), asked);
  not_before_ = std::max(not_before_, now.steady + wait);
  if (attempts_ > config_.retries) return give_up(why, unreachable);
  around_.report(key_, fmt::format("http: {}: {}; trying again in {:.1f} s", url::shown_url(config_.url), why, static_cast<double>(wait.count()) / 1e6));
}

void Target::give_up(const std::string& why, bool unreachable) {
  if (unreachable && current_->is_param) {
    if (slots_.contains(current_->slot)) {
      ++around_.counters.replaced;
    } else {  // behind what waits, so that it holds up nobody
      queue_.push_back(std::move(*current_));
      slots_.emplace(queue_.back().slot, std::prev(queue_.end()));
    }
    around_.report(key_, fmt::format("http: {}: {}; the newest values wait until it is back", url::shown_url(config_.url), why));
  } else {
    ++around_.counters.failed;
    around_.report(key_, fmt::format("http: {}: {}; {} is given up", url::shown_url(config_.url), why, printable(current_->address)));
  }
  current_.reset();
}

}  // namespace clasp::bridge::http
