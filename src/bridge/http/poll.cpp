#include "bridge/http/poll.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bridge/http/url_template.hpp"
#include "core/address.hpp"
#include "core/json.hpp"
#include "http_client/retry.hpp"
#include "url/url.hpp"

namespace clasp::bridge::http {

namespace {

// RFC 6901. nullptr: there is no such place.
const Value* find_pointer(const Value& root, std::string_view pointer) {
  const Value* at = &root;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);  // '/'
    const std::size_t slash = std::min(pointer.find('/'), pointer.size());
    std::string token;
    for (std::size_t i = 0; i < slash; ++i) {
      const bool escaped = pointer[i] == '~' && i + 1 < slash && (pointer[i + 1] == '0' || pointer[i + 1] == '1');
      token += escaped ? (pointer[++i] == '0' ? '~' : '/') : pointer[i];
    }
    pointer.remove_prefix(slash);
    if (const Array* items = at->array()) {
      const bool digits = !token.empty() && token.size() < 10 && std::ranges::all_of(token, [](char c) { return c >= '0' && c <= '9'; });
      const std::size_t index = digits ? std::stoul(token) : items->size();
      if (index >= items->size()) return nullptr;
      at = &(*items)[index];
    } else if (const Value* member = at->find(token)) {
      at = member;
    } else {
      return nullptr;
    }
  }
  return at;
}

// The only place a path leads to, or all of them as an array.
std::optional<Value> find_pick(const Value& document, const Pick& pick) {
  if (!pick.compiled) {
    const Value* found = find_pointer(document, pick.path);
    return found == nullptr ? std::nullopt : std::optional<Value>(*found);
  }
  const auto found = pick.compiled->find(document);
  if (!found || found->empty()) return std::nullopt;
  if (found->size() == 1) return *found->front();
  Array all;
  for (const Value* each : *found) all.push_back(*each);
  return Value(std::move(all));
}

}  // namespace

Poll::Poll(const PollConfig& config, Surroundings around) : config_(config), around_(std::move(around)) {}

Poll::~Poll() { around_.fetcher.cancel(call_); }

std::optional<SteadyTime> Poll::next_deadline() const {
  if (call_ != http_client::CallId::none) return std::nullopt;
  return due_;
}

void Poll::forget() {
  last_.clear();
  etag_.clear();
  modified_.clear();
}

void Poll::advance(const Now& now) {
  if (call_ != http_client::CallId::none || due_ > now.steady) return;
  ++around_.counters.polls;
  asked_ = now.steady;
  http_client::HttpCall call{.url = config_.url,
                             .fields = around_.config.fields,
                             .body = {},
                             .timeout = around_.config.timeout,
                             .answer_bytes_max = around_.config.answer_bytes_max};
  call.fields.push_back({"Accept", "application/json"});
  if (!etag_.empty()) call.fields.push_back({"If-None-Match", etag_});
  if (!modified_.empty()) call.fields.push_back({"If-Modified-Since", modified_});
  call_ = around_.fetcher.start(std::move(call), [this](const Result<http_client::HttpAnswer>& answer) { answered(answer); });
}

void Poll::answered(const Result<http_client::HttpAnswer>& answer) {
  call_ = http_client::CallId::none;
  if (!answer) {
    failed(answer.error().message, nullptr);
  } else if (answer->status == 304) {
    ++around_.counters.polls_not_modified;
    failures_ = 0;
    due_ = asked_ + config_.interval;
  } else if (!answer->is_success()) {
    failed(fmt::format("answered {}", answer->status), &*answer);
  } else if (!take(answer->body)) {
    failed("what it answers is no JSON", &*answer);
  } else {
    failures_ = 0;
    due_ = asked_ + config_.interval;
    const auto text = [&](std::string_view name) {
      const std::string* value = answer->find(name);
      return value != nullptr && value->size() <= 1'024 ? *value : std::string{};
    };
    etag_ = text("ETag");
    modified_ = text("Last-Modified");
  }
  const SteadyTime now = around_.clock().steady;
  due_ = std::max(due_, now);  // an answer that took longer than the interval: at once, but not twice
  changed_();
}

void Poll::failed(std::string why, const http_client::HttpAnswer* answer) {
  ++around_.counters.polls_failed;
  ++failures_;
  const Micros most = std::max(limits::poll_backoff_max, config_.interval);
  const Micros wait = http_client::backoff(config_.interval, failures_ - 1, most, around_.random());
  due_ = around_.clock().steady + std::max(wait, answer == nullptr ? Micros{0} : http_client::retry_after(*answer, around_.clock().unix_time));
  around_.report(config_.url, fmt::format("http: cannot poll {}: {}", url::shown_url(config_.url), why));
}

bool Poll::take(const std::string& body) {
  const auto document = parse_json(body, limits::json_values_max);
  if (!document) return false;
  written_now_ = 0;
  if (config_.picks.empty()) {
    take_reference_form(*document);
    return true;
  }
  for (const Pick& pick : config_.picks) {
    if (const auto value = find_pick(*document, pick)) {
      write(pick.address, *value);
      continue;
    }
    ++around_.counters.values_unusable;
    around_.report(config_.url, fmt::format("http: {} has nothing at {}, for {}", url::shown_url(config_.url), pick.path, pick.address));
  }
  return true;
}

void Poll::take_reference_form(const Value& document) {
  const Value* signals = document.find("signals");
  if (signals == nullptr) return take_item(document);
  const Array* items = signals->array();
  if (items == nullptr) return take_item(*signals);
  for (const Value& item : *items) take_item(item);
}

void Poll::take_item(const Value& item) {
  const Value* address = item.find("address");
  const Value* value = item.find("value");
  const std::string* text = address == nullptr ? nullptr : address->string();
  const std::string full = text == nullptr ? std::string{} : around_.config.ns.prefix() + (text->starts_with('/') ? "" : "/") + *text;
  if (value != nullptr && text != nullptr && !check_address(full)) return write(full, *value);
  ++around_.counters.values_unusable;
  around_.report(config_.url, fmt::format("http: {} answers something that is not {{\"address\":…,\"value\":…}}; name what you want with NAME=PATH",
                                          url::shown_url(config_.url)));
}

void Poll::write(std::string_view address, const Value& value) {
  const EncodedValue encoded(value);
  if (!encoded.ok() || ++written_now_ > limits::poll_values_max) {
    ++around_.counters.values_unusable;
    around_.report(config_.url, fmt::format("http: {}: the value for {} is too large, or one of more than {}", url::shown_url(config_.url),
                                            printable(address), limits::poll_values_max));
    return;
  }
  std::string bytes(1, static_cast<char>(encoded.view().tag));
  bytes.append(as_text(encoded.view().data));
  auto at = last_.find(address);
  if (at != last_.end() && at->second == bytes) {
    ++around_.counters.values_unchanged;
    return;
  }
  if (at == last_.end() && last_.size() >= limits::poll_values_max) last_.erase(last_.begin());  // it names other addresses every time
  last_.insert_or_assign(std::string(address), std::move(bytes));
  ++around_.counters.values_written;
  around_.router.set(address, encoded.view(), PeerTag::none);
}

}  // namespace clasp::bridge::http
