// `clasp rules`: rules in files, and those of a router that lets them be changed.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "cli/client_flags.hpp"
#include "cli/commands.hpp"
#include "cli/input.hpp"
#include "cli/value_text.hpp"
#include "core/address.hpp"
#include "io/io_loop.hpp"
#include "rules/local_time.hpp"
#include "rules/rule_source.hpp"
#include "rules/trial.hpp"

namespace clasp::cli {

namespace {

constexpr std::string_view rules_address = "/clasp/rules/";
constexpr std::string_view rules_count_address = "/clasp/rules";

struct RulesFlags {
  ClientFlags client;
  bool event = false;
  std::vector<std::pair<std::string, Value>> state;
  std::optional<std::chrono::milliseconds> length;
};
using Words = std::span<const std::string>;

std::vector<options::Option> rules_rows(RulesFlags& flags) {
  return {
      {.name = "event", .help = "test: the value is published as an event, not set.", .apply = apply_switch(flags.event), .in_file = false},
      {.name = "state",
       .value = "ADDRESS=VALUE",
       .help = "test: a param that is there before; repeatable.",
       .apply = [&flags](std::string_view text) -> Result<void> {
         const std::size_t equals = text.find('=');
         if (equals == std::string_view::npos) return bad_option("expected ADDRESS=VALUE");
         if (const auto valid = check_literal(text.substr(0, equals)); !valid) return valid.error();
         auto value = parse_value(text.substr(equals + 1));
         if (!value) return value.error();
         flags.state.emplace_back(text.substr(0, equals), std::move(*value));
         return {};
       },
       .repeatable = true,
       .in_file = false},
      {.name = "for",
       .value = "TIME",
       .help = "test: go on for so long, with the rules that time sets off. Without it until nothing waits any more.",
       .apply = apply_duration(flags.length, std::chrono::milliseconds{0}, std::chrono::hours{24 * 366}),
       .in_file = false},
  };
}

Result<rules::CompiledRules> load(const Invocation& call, const std::string& path) {
  const auto text = read_file(path, call.input);
  if (!text) return text.error();
  rules::RuleSource source;
  if (const auto read = rules::read_rules(*text, path, source); !read) return read.error();
  return rules::compile_rules(source);
}

std::string told(std::uint64_t count) { return count == 1 ? "1 rule" : fmt::format("{} rules", count); }

// ---- without a router ----

ExitCode validate(const Invocation& call, Words words, const RulesFlags& flags) {
  auto compiled = load(call, words[0]);
  if (!compiled) return fail(call, compiled.error().message);
  for (const std::string& note : compiled->notes) call.console.note(note);
  if (flags.client.json) {
    for (const rules::Rule& rule : compiled->rules) call.console.result(to_json(rules::to_json(rule)));
  } else if (!flags.client.quiet) {
    call.console.result(fmt::format("{}: {}, valid", words[0], told(compiled->rules.size())));
  }
  return ExitCode::ok;
}

ExitCode test(const Invocation& call, Words words, const RulesFlags& flags) {
  if (const auto valid = check_literal(words[1]); !valid) return usage_error(call, valid.error().message);
  const auto value = parse_value(words[2]);
  if (!value) return usage_error(call, value.error().message);
  auto compiled = load(call, words[0]);
  if (!compiled) return fail(call, compiled.error().message);
  for (const std::string& note : compiled->notes) call.console.note(note);
  rules::TrialInput input{.state = flags.state,
                          .address = words[1],
                          .value = *value,
                          .event = flags.event,
                          .begin = io::read_clocks(),
                          .local_time = rules::machine_zone};
  if (flags.length) input.length = Micros(*flags.length);
  Array lines;
  const auto fired = rules::try_rules(std::move(compiled->rules), input, [&](std::string_view line) {
    if (flags.client.json)
      lines.emplace_back(line);
    else
      call.console.result(line);
  });
  if (!fired) return fail(call, fired.error().message);
  if (flags.client.json)
    call.console.result(to_json(Value(Map{{"address", words[1]}, {"value", *value}, {"fired", *fired}, {"steps", std::move(lines)}})));
  return *fired ? ExitCode::ok : ExitCode::failed;
}

// ---- those of a router ----

std::string address_of(std::string_view id) { return fmt::format("{}{}", rules_address, id); }

std::string text_of(const Value* value) {
  if (value == nullptr) return "?";
  return value->string() != nullptr ? *value->string() : to_json(*value);
}

ExitCode list(const Invocation& call, Words, const RulesFlags& flags) {
  auto client = client_builder(flags.client, Reconnect::no).connect();
  if (!client) return report_connecting(call, client.error());
  std::mutex mutex;
  std::map<std::string, Value> found;
  auto subscription = client->subscribe(address_of("*"), [&](const Value& value, std::string_view address) {
    const std::scoped_lock lock(mutex);
    if (value.is_null()) found.erase(std::string(address));
    if (value.map() != nullptr) found.insert_or_assign(std::string(address), value);
  });
  if (!subscription) return report(call, subscription.error());
  // A snapshot has no end that could be seen: the router says how many rules there are.
  const auto until = std::chrono::steady_clock::now() + flags.client.timeout;
  while (true) {
    const auto count = client->get_fresh(rules_count_address, flags.client.timeout);
    if (!count && count.error().code != ErrorCode::not_found) return report(call, count.error());
    const std::scoped_lock lock(mutex);
    if (!count) {  // it knows no rules, whatever somebody has written there
      found.clear();
      break;
    }
    if (count->value.integer() != nullptr && found.size() == static_cast<std::size_t>(*count->value.integer())) break;
    if (std::chrono::steady_clock::now() > until)
      return fail(call, fmt::format("{} of {} rules have come in time", found.size(), to_json(count->value)));
  }
  subscription->unsubscribe();
  const std::scoped_lock lock(mutex);
  for (const auto& [address, rule] : found) {
    if (flags.client.json) {
      call.console.result(to_json(rule));
      continue;
    }
    const Value* enabled = rule.find("enabled");
    const bool off = enabled != nullptr && enabled->boolean() != nullptr && !*enabled->boolean();
    const std::string id = text_of(rule.find("id"));
    const std::string name = text_of(rule.find("name"));
    const Value* trigger = rule.find("trigger");
    call.console.result(printable(
        fmt::format("{:<20} {:<3} {}{}", id, off ? "off" : "on", trigger != nullptr ? to_json(*trigger) : "?", name == id ? "" : "  " + name),
        1'000));
  }
  if (found.empty()) call.console.note("the router has no rules");
  return ExitCode::ok;
}

ExitCode add(const Invocation& call, Words words, const RulesFlags& flags) {
  auto compiled = load(call, words[0]);
  if (!compiled) return fail(call, compiled.error().message);
  for (const std::string& note : compiled->notes) call.console.note(note);
  auto client = client_builder(flags.client, Reconnect::no).connect();
  if (!client) return report_connecting(call, client.error());
  for (const rules::Rule& rule : compiled->rules) {
    if (const auto done = client->set_confirmed(address_of(rule.id), rules::to_json(rule), {}, flags.client.timeout); !done)
      return report(call, done.error());
    if (!flags.client.quiet) call.console.result(fmt::format("rule {} is in force", printable(rule.id)));
  }
  return ExitCode::ok;
}

// What is written for one rule that has to be there.
ExitCode change(const Invocation& call, const std::string& id, std::string_view member, const Value& value, std::string_view outcome,
                const RulesFlags& flags) {
  if (const auto valid = check_literal(address_of(id)); !valid) return usage_error(call, valid.error().message);
  auto client = client_builder(flags.client, Reconnect::no).connect();
  if (!client) return report_connecting(call, client.error());
  const auto there = client->get_fresh(address_of(id), flags.client.timeout);
  if (!there && there.error().code == ErrorCode::not_found) return fail(call, fmt::format("there is no rule {}", printable(id)));
  if (!there) return report(call, there.error());
  const auto done = client->set_confirmed(address_of(id) + std::string(member), value, {}, flags.client.timeout);
  if (!done) return report(call, done.error());
  if (!flags.client.quiet) call.console.result(fmt::format("rule {} {}", printable(id), outcome));
  return ExitCode::ok;
}

struct Row {
  std::string_view word;
  std::string_view arguments;
  std::size_t count;
  ExitCode (*run)(const Invocation&, Words, const RulesFlags&);
};
constexpr Row rows[] = {
    {"validate", "FILE", 1, validate},
    {"test", "FILE ADDRESS VALUE", 3, test},
    {"list", "", 0, list},
    {"add", "FILE", 1, add},
    {"remove", "ID", 1,
     [](const Invocation& call, Words words, const RulesFlags& flags) { return change(call, words[0], "", nullptr, "is gone", flags); }},
    {"enable", "ID", 1,
     [](const Invocation& call, Words words, const RulesFlags& flags) { return change(call, words[0], "/enabled", true, "is on", flags); }},
    {"disable", "ID", 1,
     [](const Invocation& call, Words words, const RulesFlags& flags) { return change(call, words[0], "/enabled", false, "is off", flags); }},
};

}  // namespace

ExitCode run_rules(const Invocation& call) {
  RulesFlags flags;
  const auto arguments = read_client_arguments(call, flags.client, rules_rows(flags));
  if (arguments.exit) return *arguments.exit;
  const Words words(arguments.positional);
  const auto row = std::ranges::find(rows, words[0], &Row::word);
  if (row == std::end(rows))
    return usage_error(call, fmt::format("expected validate, test, list, add, remove, enable or disable, not \"{}\"", printable(words[0], 40)));
  if (words.size() - 1 != row->count) return usage_error(call, fmt::format("usage: clasp rules {} {}", row->word, row->arguments));
  return row->run(call, words.subspan(1), flags);
}

}  // namespace clasp::cli
