#include "server/webhooks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

#include "http_client/http_client.hpp"
#include "http_client/retry.hpp"
#include "http_client/signature.hpp"
#include "io/io_loop.hpp"

namespace clasp::server {

namespace {

constexpr unsigned attempts_max = 4;
constexpr Micros first_wait{1'000'000};
constexpr Micros wait_max{60'000'000};
constexpr Micros timeout{10'000'000};
constexpr std::size_t answer_bytes_max = 65'536;

}  // namespace

Webhooks::Webhooks(io::IoLoop& loop, std::string secret, Failed failed)
    : loop_(loop), secret_(std::move(secret)), failed_(std::move(failed)), timer_(loop, [this] { send_due(); }) {}
Webhooks::~Webhooks() = default;

void Webhooks::call(std::string_view rule, std::string url, std::string body) {
  if (hooks_.size() >= waiting_max) {
    ++stats_.failed;
    return failed_(rule, fmt::format("{} others wait already", waiting_max));
  }
  if (!client_) {
    auto client = http_client::HttpClient::create(loop_, {.user_agent = "clasp-rules"});
    if (!client) {
      ++stats_.failed;
      return failed_(rule, client.error().message);
    }
    client_ = std::move(*client);
  }
  Hook& hook = hooks_[++last_number_];
  hook = {.rule = std::string(rule), .url = std::move(url), .body = std::move(body)};
  send(last_number_, hook);
}

void Webhooks::send(std::uint64_t number, Hook& hook) {
  http_client::HttpCall call{.method = "POST",
                             .url = hook.url,
                             .fields = {{"Content-Type", "application/json"}, {"X-Clasp-Delivery", std::to_string(number)}},
                             .body = hook.body,
                             .timeout = timeout,
                             .answer_bytes_max = answer_bytes_max};
  if (!secret_.empty()) call.fields.push_back({"X-Clasp-Signature", "sha256=" + http_client::hmac_sha256_hex(secret_, hook.body)});
  hook.under_way = true;
  if (++hook.attempts > 1) ++stats_.retries;
  client_->start(std::move(call), [this, number](const Result<http_client::HttpAnswer>& answer) { answered(number, answer); });
}

void Webhooks::answered(std::uint64_t number, const Result<http_client::HttpAnswer>& answer) {
  const auto known = hooks_.find(number);
  if (known == hooks_.end()) return;
  Hook& hook = known->second;
  hook.under_way = false;
  if (answer && answer->is_success()) {
    ++stats_.delivered;
    hooks_.erase(known);
    return;
  }
  const std::string why = answer ? fmt::format("the answer was {}", answer->status) : answer.error().message;
  const bool again = answer ? http_client::may_be_repeated(answer->status)
                            : answer.error().code == ErrorCode::connection_failed || answer.error().code == ErrorCode::timeout;
  if (!again) return give_up(number, why);
  if (hook.attempts == attempts_max) return give_up(number, fmt::format("{}, {} times", why, attempts_max));
  const Now now = io::read_clocks();
  const Micros wait = http_client::backoff(first_wait, hook.attempts - 1, wait_max, std::random_device{}());
  hook.due = now.steady + std::max(wait, answer ? http_client::retry_after(*answer, now.unix_time) : Micros{0});
  set_timer();
}

void Webhooks::give_up(std::uint64_t number, const std::string& why) {
  ++stats_.failed;
  const auto hook = hooks_.extract(number);
  failed_(hook.mapped().rule, why);
}

void Webhooks::send_due() {
  const SteadyTime now = io::steady_now();
  for (auto& [number, hook] : hooks_) {
    if (!hook.under_way && hook.due <= now) send(number, hook);
  }
  set_timer();
}

void Webhooks::set_timer() {
  std::optional<SteadyTime> next;
  for (const auto& [number, hook] : hooks_) {
    if (!hook.under_way && (!next || hook.due < *next)) next = hook.due;
  }
  if (next) timer_.set(*next);
}

}  // namespace clasp::server
