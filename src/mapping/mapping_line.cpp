#include "mapping/mapping_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "core/address.hpp"
#include "core/json.hpp"
#include "transform/number_text.hpp"

namespace clasp::mapping {

namespace {

struct Word {
  std::string_view text;
  std::size_t at = 0;  // in the line
};

// One step behind a bar: its name and the words after it.
struct StepText {
  Word name;
  std::vector<Word> words;
  Word rest;  // everything after the name
};

class LineParser {
 public:
  explicit LineParser(std::string_view line) : line_(line) {}

  Result<Value> parse() {
    const std::vector<StepText> steps = split();
    if (!failed()) sides(steps.front());
    for (std::size_t i = 1; i < steps.size() && !failed(); ++i) step(steps[i]);
    if (failed()) return error_;
    if (transforms_.size() == 1) set("transform", std::move(transforms_[0]));
    if (transforms_.size() > 1) set("transform", Map{{"type", "chain"}, {"transforms", std::move(transforms_)}});
    if (!surface_.empty()) set("surface", std::move(surface_));
    return Value(std::move(object_));
  }

 private:
  // ---- the line into its parts ----

  // A bar with blanks around it: "||" of an expression is none.
  std::vector<StepText> split() {
    std::vector<StepText> out;
    for (std::size_t begin = 0; begin <= line_.size();) {
      std::size_t end = line_.find(" | ", begin);
      if (end == std::string_view::npos) end = line_.size();
      out.push_back(words(begin, end));
      if (out.back().name.text.empty()) fail(begin, out.size() == 1 ? "expected an address" : "expected a step behind |");
      begin = end + (end == line_.size() ? 1 : 3);
    }
    return out;
  }

  StepText words(std::size_t begin, std::size_t end) const {
    StepText out;
    std::size_t at = begin;
    const auto blank = [&](std::size_t i) { return line_[i] == ' ' || line_[i] == '\t'; };
    while (at < end) {
      while (at < end && blank(at)) ++at;
      const std::size_t word = at;
      while (at < end && !blank(at)) ++at;
      if (word == at) break;
      const Word found{line_.substr(word, at - word), word};
      if (out.name.text.empty()) {
        out.name = found;
        std::size_t rest = at;
        while (rest < end && blank(rest)) ++rest;
        std::size_t last = end;
        while (last > rest && blank(last - 1)) --last;
        out.rest = {line_.substr(rest, last - rest), rest};
      } else {
        out.words.push_back(found);
      }
    }
    return out;
  }

  void sides(const StepText& text) {
    if (text.words.size() != 2) return fail(text.name.at, "expected ADDRESS -> ADDRESS (or <->, <-)");
    const Word& arrow = text.words[0];
    Word from = text.name;
    Word to = text.words[1];
    if (arrow.text != "->" && arrow.text != "<->" && arrow.text != "<-") return fail(arrow.at, "expected ->, <-> or <-");
    if (arrow.text == "<-") std::swap(from, to);
    set("from", from.text);
    set("to", to.text);
    if (arrow.text == "<->")
      set("direction", "both");
    else if (arrow.text == "<-" && from.text.starts_with('/') && to.text.starts_with('/'))
      set("direction", "out");  // the device is on the left
  }

  // ---- steps ----

  void step(const StepText& text) {
    using Read = void (LineParser::*)(const StepText&);
    constexpr std::array<std::pair<std::string_view, Read>, 24> steps{{
        {"scale", &LineParser::scale},
        {"clamp", &LineParser::clamp},
        {"curve", &LineParser::curve},
        {"smooth", &LineParser::smooth},
        {"round", &LineParser::round},
        {"threshold", &LineParser::threshold},
        {"lookup", &LineParser::lookup},
        {"quantize", &LineParser::one_number},
        {"dead_zone", &LineParser::one_number},
        {"power", &LineParser::one_number},
        {"log", &LineParser::one_number},
        {"modulo", &LineParser::one_number},
        {"rate_limit", &LineParser::one_number},
        {"expr", &LineParser::expression},
        {"json", &LineParser::json},
        {"when", &LineParser::when},
        {"kind", &LineParser::kind},
        {"id", &LineParser::id},
        {"continue", &LineParser::go_on},
        {"feedback", &LineParser::feedback},
        {"touch", &LineParser::touch},
        {"echo", &LineParser::echo},
        {"pickup", &LineParser::pickup},
        {"latch", &LineParser::latch},
    }};
    constexpr std::array<std::string_view, 10> plain{"invert", "abs", "negate", "to_int", "to_float", "gate", "trigger", "toggle", "identity", "exp"};
    const auto row = std::ranges::find(steps, text.name.text, &std::pair<std::string_view, Read>::first);
    if (row != steps.end()) return (this->*row->second)(text);
    if (std::ranges::find(plain, text.name.text) == plain.end())
      return fail(text.name.at, fmt::format("there is no step \"{}\"", printable(text.name.text, 40)));
    if (!text.words.empty()) return fail(text.words[0].at, fmt::format("{} takes nothing more", text.name.text));
    add(text.name.text);
  }

  void scale(const StepText& text) {
    const bool clamp = text.words.size() == 3 && text.words[2].text == "clamp";
    if (text.words.size() != 2 && !clamp) return fail(text.rest.at, "expected scale MIN..MAX MIN..MAX, and clamp if it is to stay within");
    const auto from = range(text.words[0]);
    const auto to = range(text.words[1]);
    if (failed()) return;
    add("scale",
        {{"from_min", from.first}, {"from_max", from.second}, {"to_min", to.first}, {"to_max", to.second}, {"clamp", clamp ? Value(true) : Value()}});
  }

  void clamp(const StepText& text) {
    if (text.words.size() == 1) {
      const auto bounds = range(text.words[0]);
      return add("clamp", {{"min", bounds.first}, {"max", bounds.second}});
    }
    if (text.words.size() != 2) return fail(text.rest.at, "expected clamp MIN MAX or clamp MIN..MAX");
    add("clamp", {{"min", number(text.words[0])}, {"max", number(text.words[1])}});
  }

  void curve(const StepText& text) {
    if (text.words.size() == 5 && text.words[0].text == "bezier")
      return add(
          "curve",
          {{"curve_type",
            Map{{"bezier",
                 Map{{"x1", number(text.words[1])}, {"y1", number(text.words[2])}, {"x2", number(text.words[3])}, {"y2", number(text.words[4])}}}}}});
    if (text.words.size() != 1) return fail(text.rest.at, "expected curve NAME or curve bezier X1 Y1 X2 Y2");
    add("curve", {{"curve_type", text.words[0].text}});
  }

  void smooth(const StepText& text) {
    if (text.words.size() != 1) return fail(text.rest.at, "expected smooth FACTOR or smooth TIME (200ms)");
    if (text.words[0].text.ends_with('s'))
      add("smooth", {{"time_constant_ms", milliseconds(text.words[0])}});
    else
      add("smooth", {{"factor", number(text.words[0])}});
  }

  void round(const StepText& text) {
    if (text.words.size() > 1) return fail(text.words[1].at, "expected round or round DECIMALS");
    add("round", {{"decimals", text.words.empty() ? Value(0) : Value(number(text.words[0]))}});
  }

  void threshold(const StepText& text) {
    if (text.words.empty() || text.words.size() > 2) return fail(text.rest.at, "expected threshold VALUE, and above, below, equal or at_least");
    add("threshold", {{"value", number(text.words[0])}, {"mode", text.words.size() == 2 ? text.words[1].text : std::string_view("above")}});
  }

  // lookup 0=off 1=on else=unknown
  void lookup(const StepText& text) {
    Map table;
    Value otherwise;
    for (const Word& word : text.words) {
      const std::size_t equals = word.text.find('=');
      if (equals == std::string_view::npos) return fail(word.at, "expected KEY=VALUE");
      Value value = transform::guess_value(word.text.substr(equals + 1));
      const std::string_view key = word.text.substr(0, equals);
      if (key == "else")
        otherwise = std::move(value);
      else
        table.emplace_back(key, std::move(value));
    }
    if (table.empty()) return fail(text.rest.at, "expected lookup KEY=VALUE ...");
    add("lookup", {{"table", std::move(table)}, {"default", std::move(otherwise)}});
  }

  void one_number(const StepText& text) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 6> parameters{{{"quantize", "steps"},
                                                                                       {"dead_zone", "threshold"},
                                                                                       {"power", "exponent"},
                                                                                       {"log", "base"},
                                                                                       {"modulo", "divisor"},
                                                                                       {"rate_limit", "max_delta"}}};
    const auto row = std::ranges::find(parameters, text.name.text, &std::pair<std::string_view, std::string_view>::first);
    if (text.words.size() != 1) return fail(text.rest.at, fmt::format("expected {} {}", text.name.text, row->second));
    add(text.name.text, {{std::string(row->second), number(text.words[0])}});
  }

  void expression(const StepText& text) {
    if (text.rest.text.empty()) return fail(text.rest.at, "expected an expression");
    add("expression", {{"expr", text.rest.text}});
  }

  void json(const StepText& text) {
    auto value = parse_json(text.rest.text);
    if (!value) return fail(text.rest.at, value.error().message);
    transforms_.push_back(*std::move(value));
  }

  void when(const StepText& text) {
    if (text.rest.text.empty()) return fail(text.rest.at, "expected a condition: an expression, or JSON in braces");
    if (!text.rest.text.starts_with('{')) return set("when", Map{{"type", "expression"}, {"expr", text.rest.text}});
    auto value = parse_json(text.rest.text);
    if (!value) return fail(text.rest.at, value.error().message);
    set("when", *std::move(value));
  }

  void kind(const StepText& text) { set("kind", text.rest.text); }
  void id(const StepText& text) { set("id", text.rest.text); }
  void go_on(const StepText&) { set("stop", false); }

  void feedback(const StepText& text) {
    std::string_view rate = text.rest.text;
    if (!rate.ends_with("hz")) return fail(text.rest.at, "expected feedback RATE (30hz)");
    rate.remove_suffix(2);
    surface("feedback_hz", number({rate, text.rest.at}));
  }
  void touch(const StepText& text) {
    if (text.words.size() != 1) return fail(text.rest.at, "expected touch TIME (300ms) or touch ADDRESS");
    if (text.rest.text.find('/') != std::string_view::npos)
      surface("touch", text.rest.text);
    else
      surface("touch_hold_ms", milliseconds(text.words[0]));
  }
  void echo(const StepText& text) {
    if (text.words.size() != 1) return fail(text.rest.at, "expected echo TIME (300ms)");
    surface("echo_window_ms", milliseconds(text.words[0]));
  }
  void pickup(const StepText& text) {
    if (text.words.size() > 1) return fail(text.words[1].at, "expected pickup or pickup TOLERANCE");
    surface("pickup", true);
    if (!text.words.empty()) surface("tolerance", number(text.words[0]));
  }
  void latch(const StepText&) { surface("latch", true); }

  // ---- words into values ----

  double number(const Word& word) {
    const auto value = transform::parse_floating(word.text);
    if (!value) fail(word.at, fmt::format("expected a number, not \"{}\"", printable(word.text, 40)));
    return value.value_or(0);
  }
  std::pair<double, double> range(const Word& word) {
    const std::size_t dots = word.text.find("..");
    if (dots == std::string_view::npos) {
      fail(word.at, fmt::format("expected a range as 0..127, not \"{}\"", printable(word.text, 40)));
      return {};
    }
    const double low = number({word.text.substr(0, dots), word.at});
    return {low, number({word.text.substr(dots + 2), word.at + dots + 2})};
  }
  double milliseconds(const Word& word) {
    std::string_view text = word.text;
    double factor = 1'000;
    if (text.ends_with("ms")) {
      factor = 1;
      text.remove_suffix(1);
    }
    if (!text.ends_with(factor == 1 ? 'm' : 's')) {
      fail(word.at, fmt::format("expected a time as 300ms or 1.5s, not \"{}\"", printable(word.text, 40)));
      return 0;
    }
    text.remove_suffix(1);
    return number({text, word.at}) * factor;
  }

  // ---- the object ----

  void add(std::string_view type, Map members = {}) {
    Map made{{"type", type}};
    for (auto& [name, value] : members) {
      if (!value.is_null()) made.emplace_back(name, std::move(value));
    }
    transforms_.emplace_back(std::move(made));
  }
  void set(std::string_view member, Value value) {
    const auto same = std::ranges::find(object_, member, &MapEntry::first);
    if (same != object_.end()) return fail(0, fmt::format("{} is there twice", member));
    object_.emplace_back(member, std::move(value));
  }
  void surface(std::string_view member, Value value) { surface_.emplace_back(member, std::move(value)); }

  bool failed() const { return error_.code != ErrorCode::none; }
  void fail(std::size_t at, std::string_view what) {
    if (!failed()) error_ = {ErrorCode::invalid_argument, fmt::format("column {}: {}", at + 1, what), {}};
  }

  std::string_view line_;
  Map object_;
  Array transforms_;
  Map surface_;
  Error error_;
};

}  // namespace

Result<Value> parse_mapping_line(std::string_view line) {
  constexpr std::size_t bytes_max = 8'192;
  if (line.size() > bytes_max) return Error{ErrorCode::invalid_argument, fmt::format("column {}: longer than {} bytes", bytes_max, bytes_max), {}};
  if (!valid_utf8(line)) return Error{ErrorCode::invalid_argument, "column 1: not UTF-8", {}};
  return LineParser(line).parse();
}

}  // namespace clasp::mapping
