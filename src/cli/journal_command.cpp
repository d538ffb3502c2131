// `clasp journal`: what the router's journal knows, over HTTP (journal specification, section 9).
#include <fmt/format.h>

#include <chrono>
#include <ctime>

#include "cli/client_flags.hpp"
#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/http_get.hpp"
#include "cli/interrupts.hpp"
#include "cli/subscription_flags.hpp"
#include "cli/when.hpp"
#include "client/url.hpp"
#include "core/address.hpp"
#include "core/json.hpp"

namespace clasp::cli {

namespace {

constexpr std::size_t answer_bytes_max = 134'217'728;
constexpr std::chrono::milliseconds follow_interval{500};

struct JournalFlags {
  ClientFlags client;
  std::string from, to, limit, types;
  bool follow = false;
};

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || std::string_view("-_.~/*").find(c) != std::string_view::npos;
    if (plain) out += c;
    else out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

// "2026-03-04T05:06:07.000123Z", without a fraction that is zero.
std::string time_text(std::int64_t us) {
  const std::time_t seconds = static_cast<std::time_t>(us / 1'000'000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  return us % 1'000'000 == 0 ? fmt::format("{}Z", text) : fmt::format("{}.{:06}Z", text, us % 1'000'000);
}

std::int64_t integer(const Value& entry, std::string_view key) {
  const Value* value = entry.find(key);
  return value != nullptr && value->integer() != nullptr ? *value->integer() : 0;
}
std::string text(const Value& entry, std::string_view key) {
  const Value* value = entry.find(key);
  return value != nullptr && value->string() != nullptr ? *value->string() : std::string();
}

std::string line_of(const Value& entry) {
  const Value* value = entry.find("value");
  const std::string shown = value == nullptr ? "null" : value->string() != nullptr ? printable(*value->string()) : to_json(*value);
  const std::int64_t code = integer(entry, "msg_type");
  std::string meta = fmt::format("by: {}", printable(text(entry, "author")));
  if (const Value* revision = entry.find("revision"); revision != nullptr && revision->integer() != nullptr) meta = fmt::format("rev: {}, {}", *revision->integer(), meta);
  if (code == 0x20) meta = fmt::format("{}, {}", text(entry, "signal_type"), meta);
  return fmt::format("[seq:{}] {} {} {} = {} ({})", integer(entry, "seq"), time_text(integer(entry, "timestamp")),
                     code == 0x21 ? "SET" : code == 0x20 ? "PUBLISH" : "UNLOCK", printable(text(entry, "address")), shown, meta);
}

class JournalCommand {
 public:
  JournalCommand(const Invocation& call, JournalFlags flags, client::Endpoint endpoint)
      : call_(call), flags_(std::move(flags)), endpoint_(std::move(endpoint)) {}

  ExitCode query(const std::string& pattern) {
    if (flags_.follow && !begin_at_latest()) return exit_;
    if (!show(fmt::format("/api/journal/query?pattern={}&limit={}{}", percent_encoded(pattern), flags_.limit.empty() ? "100" : flags_.limit, common()))) return exit_;
    return flags_.follow ? follow(pattern) : exit_;
  }
  ExitCode since(const std::string& seq) {
    const auto place = options::parse_count(seq, {0, ~std::uint64_t{0} >> 2});
    if (!place) return usage_error(call_, fmt::format("since {}: expected the number of an entry", seq));
    last_ = static_cast<std::int64_t>(*place);
    if (!show(fmt::format("/api/journal/since?seq={}{}{}", percent_encoded(seq), flags_.limit.empty() ? "" : "&limit=" + flags_.limit, common()))) return exit_;
    return flags_.follow ? follow("/**") : exit_;
  }
  ExitCode latest() {
    const auto answer = get("/api/journal/latest");
    if (!answer) return exit_;
    if (flags_.client.json) call_.console.result(to_json(*answer));
    else call_.console.text(fmt::format("Latest seq: {}\n", integer(*answer, "seq")));
    return ExitCode::ok;
  }
  ExitCode snapshot() {
    const auto answer = get("/api/journal/snapshot");
    if (!answer) return exit_;
    call_.console.result(to_json(*answer));
    return ExitCode::ok;
  }

 private:
  std::string common() const {
    std::string out;
    for (const auto& [name, value] : {std::pair("from", flags_.from), std::pair("to", flags_.to), std::pair("types", flags_.types)}) {
      if (!value.empty()) out += fmt::format("&{}={}", name, percent_encoded(value));
    }
    return out;
  }

  // Nothing: it was told, and the exit code is in exit_.
  std::optional<Value> get(const std::string& path) {
    const auto reply = http_get(endpoint_.host, endpoint_.port, path, flags_.client.timeout, {.token = flags_.client.token, .bytes_max = answer_bytes_max});
    if (!reply) {
      exit_ = report_connecting(call_, reply.error());
      return std::nullopt;
    }
    const auto value = reply->status == 200 ? parse_json(reply->body) : Result<Value>(Error{ErrorCode::unavailable, {}, {}});
    if (reply->status == 404 || (reply->status == 200 && !value)) {  // without --http every path is answered with "ok"
      exit_ = fail(call_, fmt::format("{}:{} answers no questions about a journal: the router has to run with --http, and --journal FILE or --journal-memory",
                                      endpoint_.host, endpoint_.port));
      return std::nullopt;
    }
    if (reply->status == 401 || reply->status == 403) {
      call_.console.error(fmt::format("clasp journal: {}:{} wants another --token: {}", endpoint_.host, endpoint_.port, printable(reply->body, 300)));
      exit_ = ExitCode::refused;
      return std::nullopt;
    }
    if (!value) {
      exit_ = fail(call_, fmt::format("GET http://{}:{}{} returned {}: {}", endpoint_.host, endpoint_.port, path, reply->status, printable(reply->body)));
      return std::nullopt;
    }
    return *value;
  }

  bool show(const std::string& path) {
    const auto answer = get(path);
    if (!answer) return false;
    const Array* entries = answer->array();
    if (entries == nullptr) {
      exit_ = fail(call_, "the answer is no list of entries");
      return false;
    }
    for (const Value& entry : *entries) {
      last_ = integer(entry, "seq");
      call_.console.result(flags_.client.json ? to_json(entry) : line_of(entry));
    }
    if (entries->empty() && !followed_ && !flags_.follow && !flags_.client.json) call_.console.text("No entries.\n");
    return true;
  }

  // Where following goes on if nothing is shown before: what comes while that is asked for is behind it.
  bool begin_at_latest() {
    const auto answer = get("/api/journal/latest");
    if (answer) last_ = integer(*answer, "seq");
    return answer.has_value();
  }

  // Asks again and again for what has come, until it is interrupted.
  ExitCode follow(const std::string& pattern) {
    followed_ = true;
    Interrupts interrupts;
    while (interrupts.wait(Interrupts::Clock::now() + follow_interval) != Interrupts::Woken::stopped) {
      if (!show(fmt::format("/api/journal/query?seq={}&pattern={}{}", last_, percent_encoded(pattern), common()))) return exit_;
    }
    return ExitCode::ok;
  }

  const Invocation& call_;
  JournalFlags flags_;
  client::Endpoint endpoint_;
  ExitCode exit_ = ExitCode::ok;
  std::int64_t last_ = 0;
  bool followed_ = false;
};

}  // namespace

ExitCode run_journal(const Invocation& call) {
  JournalFlags flags;
  const auto number = [](std::string& target) -> options::Apply {
    return [&target](std::string_view given) -> Result<void> {
      const auto count = options::parse_count(given, {0, ~std::uint64_t{0} >> 2});
      if (!count) return count.error();
      target = std::to_string(*count);
      return {};
    };
  };
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch());
  const auto time = [now](std::string& target) -> options::Apply {
    return [&target, now](std::string_view given) -> Result<void> {
      const auto us = parse_past(given, static_cast<std::uint64_t>(now.count()));
      if (!us) return us.error();
      target = std::to_string(*us);
      return {};
    };
  };
  const auto arguments = read_client_arguments(
      call, flags.client,
      {{.name = "relay", .value = "URL", .help = "The same as --url.", .apply = apply_text(flags.client.url), .in_file = false, .variable = "CLASP_RELAY_URL"},
       {.name = "from", .value = "TIME", .help = "Entries of this time on (query): -10m is ten minutes ago, a plain number microseconds since 1970.", .apply = time(flags.from),
        .in_file = false},
       {.name = "to", .value = "TIME", .help = "Entries up to this time (query).", .apply = time(flags.to), .in_file = false},
       {.name = "limit", .value = "N", .default_text = "100 (query)", .help = "At most so many.", .apply = number(flags.limit), .in_file = false},
       {.name = "types", .value = "A,B", .help = "Of these kinds only: param, event, stream, gesture, timeline.", .apply = [&flags](std::string_view given) -> Result<void> {
          if (const auto signals = parse_signal_list(given); !signals) return signals.error();
          flags.types = given;
          return {};
        }, .in_file = false},
       {.name = "follow", .letter = 'f', .help = "And what comes, until interrupted (query and since).", .apply = apply_switch(flags.follow), .in_file = false}});
  if (arguments.exit) return *arguments.exit;
  const auto endpoint = client::parse_url(flags.client.url);
  if (!endpoint) return usage_error(call, endpoint.error().message);
  if (flags.client.token.empty()) {
    if (const char* token = call.variable("CLASP_ADMIN_TOKEN")) flags.client.token = token;
  }
  const std::vector<std::string>& words = arguments.positional;
  const std::string_view what = words.front();
  const std::string pattern = what == "query" && words.size() == 2 ? words[1] : "/**";
  if (const auto valid = check_pattern(pattern); !valid) return usage_error(call, valid.error().message);
  JournalCommand command(call, std::move(flags), *endpoint);
  if (what == "query" && words.size() <= 2) return command.query(pattern);
  if (what == "since" && words.size() == 2) return command.since(words[1]);
  if (what == "latest" && words.size() == 1) return command.latest();
  if (what == "snapshot" && words.size() == 1) return command.snapshot();
  return usage_error(call, "expected query [PATTERN], since SEQ, latest or snapshot");
}

}  // namespace clasp::cli
