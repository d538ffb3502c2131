#include "mapping/address_pattern.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/address.hpp"
#include "core/limits.hpp"
#include "transform/number_text.hpp"

namespace clasp::mapping {

using namespace pattern_limits;

bool Capture::accepts(std::string_view found) const {
  if (range) {
    const auto number = transform::parse_integer(found);
    return number && *number >= range->first && *number <= range->second && found == std::to_string(*number);
  }
  return !regex || regex->covers(found);
}

class AddressPattern::Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) { pattern_.text_ = text; }

  Result<AddressPattern> parse() {
    constexpr std::size_t bytes_max = 1'024;
    if (text_.empty() || text_[0] != '/') return fail(0, "an address begins with /");
    if (text_.size() > bytes_max) return fail(bytes_max, fmt::format("longer than {} bytes", bytes_max));
    if (!valid_utf8(text_)) return fail(0, "not UTF-8");
    while (at_ < text_.size() && error_.message.empty()) segment();
    if (error_.message.empty() && pattern_.captures_.size() > captures_max) fail(0, fmt::format("more than {} wildcards", captures_max));
    if (error_.message.empty() && pattern_.segments_.size() > segments_max) fail(0, fmt::format("more than {} segments", segments_max));
    if (!error_.message.empty()) return error_;
    return std::move(pattern_);
  }

 private:
  // From a slash to the next.
  void segment() {
    const std::size_t begin = at_++;
    Segment segment;
    while (at_ < text_.size() && text_[at_] != '/' && error_.message.empty()) part(segment);
    if (!error_.message.empty()) return;
    if (segment.parts.empty() && at_ < text_.size()) fail(begin, "an empty segment");
    if (segment.rest && segment.parts.size() > 1) fail(begin + 1, "** must be a segment of its own");
    pattern_.segments_.push_back(std::move(segment));
  }

  void part(Segment& segment) {
    const char c = text_[at_];
    if (c == '*' || c == '{') {
      if (!segment.parts.empty() && segment.parts.back().capture) {
        fail(at_, "two wildcards next to each other");
        return;
      }
      Capture capture = c == '*' ? star() : braces();
      segment.rest |= capture.rest;
      segment.parts.push_back({.literal = {}, .capture = pattern_.captures_.size()});
      pattern_.captures_.push_back(std::move(capture));
      return;
    }
    const std::size_t end = std::min(text_.find_first_of("/*{", at_), text_.size());
    const std::string_view literal = text_.substr(at_, end - at_);
    if (const std::size_t brace = literal.find('}'); brace != std::string_view::npos) fail(at_ + brace, "a } without {");
    segment.parts.push_back({.literal = std::string(literal)});
    at_ = end;
  }

  Capture star() {
    const std::size_t begin = at_;
    const bool rest = text_.substr(at_).starts_with("**");
    at_ += rest ? 2 : 1;
    return {.rest = rest, .text = std::string(text_.substr(begin, at_ - begin))};
  }

  // A regular expression may have braces of its own, in pairs.
  Capture braces() {
    const std::size_t begin = at_;
    int depth = 0;
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == '{') ++depth;
      if (text_[at_] == '}' && --depth == 0) break;
    }
    if (at_ == text_.size()) {
      fail(begin, "a { without }");
      return {};
    }
    const std::string_view content = text_.substr(begin + 1, at_ - begin - 1);
    ++at_;
    Capture capture{.text = std::string(text_.substr(begin, at_ - begin))};
    const std::size_t colon = content.find(':');
    std::string_view name = content.substr(0, colon);
    const std::string_view rule = colon == std::string_view::npos ? std::string_view() : content.substr(colon + 1);
    if (colon == std::string_view::npos && parse_range(name)) {
      capture.range = parse_range(name);
      return capture;
    }
    if (name.ends_with("**")) {
      name.remove_suffix(2);
      capture.rest = true;
      if (colon != std::string_view::npos) fail(begin, "{name**} takes anything; no rule fits it");
    }
    capture.name = name;
    const bool is_name =
        !name.empty() && std::ranges::all_of(name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-'; });
    if (!is_name)
      fail(begin, fmt::format("expected {{name}}, {{1..8}}, {{name:1..8}}, {{name:regex}} or {{name**}}, not {}", printable(capture.text, 60)));
    const auto same = [&](const Capture& other) { return other.name == capture.name; };
    if (is_name && std::ranges::any_of(pattern_.captures_, same)) fail(begin, fmt::format("{{{}}} is there twice", capture.name));
    if (colon == std::string_view::npos) return capture;
    capture.range = parse_range(rule);
    if (capture.range) return capture;
    auto regex = transform::Regex::compile(rule);
    if (regex)
      capture.regex = *std::move(regex);
    else
      fail(begin, regex.error().message);
    return capture;
  }

  static std::optional<std::pair<std::int64_t, std::int64_t>> parse_range(std::string_view text) {
    const std::size_t dots = text.find("..");
    if (dots == std::string_view::npos) return std::nullopt;
    const auto low = transform::parse_integer(text.substr(0, dots));
    const auto high = transform::parse_integer(text.substr(dots + 2));
    if (!low || !high || *low > *high) return std::nullopt;
    return std::pair(*low, *high);
  }

  Error fail(std::size_t at, std::string_view what) {
    if (error_.message.empty()) error_ = {ErrorCode::invalid_argument, fmt::format("{}: byte {}: {}", printable(text_, 200), at, what), {}};
    return error_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  AddressPattern pattern_;
  Error error_;
};

Result<AddressPattern> AddressPattern::parse(std::string_view text) { return Parser(text).parse(); }

// Every ** matches as few segments as possible; if what follows does not fit, the last one takes one more. (As with globs, going back further
// cannot help.)
bool AddressPattern::match(std::string_view address, Captured& captured) const {
  captured.assign(captures_.size(), {});
  if (address.empty() || address[0] != '/') return false;
  constexpr std::size_t none = std::string_view::npos;
  std::size_t at = 1;          // of the address: where the next segment begins; size + 1: behind the last
  std::size_t next = 0;        // of segments_
  std::size_t rest = none;     // the last ** met
  std::size_t rest_begin = 0;  // where its text begins
  std::size_t rest_end = 0;    // where what follows it is tried next
  const std::size_t end = address.size() + 1;
  while (true) {
    if (next < segments_.size() && segments_[next].rest) {
      rest = next++;
      rest_begin = rest_end = at;
      continue;
    }
    if (at == end && next == segments_.size()) break;
    if (at < end && next < segments_.size()) {
      const std::size_t slash = std::min(address.find('/', at), address.size());
      if (match_segment(segments_[next], address.substr(at, slash - at), captured)) {
        at = slash + 1;
        ++next;
        continue;
      }
    }
    if (rest == none || rest_end >= end) return false;
    rest_end = std::min(address.find('/', rest_end), address.size()) + 1;
    at = rest_end;
    next = rest + 1;
    captured[*segments_[rest].parts[0].capture] = address.substr(rest_begin, rest_end - 1 - rest_begin);
  }
  return true;
}

bool AddressPattern::match_segment(const Segment& segment, std::string_view text, Captured& captured) const {
  std::size_t at = 0;
  for (std::size_t i = 0; i < segment.parts.size(); ++i) {
    const Part& part = segment.parts[i];
    if (!part.capture) {
      if (!text.substr(at).starts_with(part.literal)) return false;
      at += part.literal.size();
      continue;
    }
    std::size_t end = text.size();
    if (i + 1 < segment.parts.size()) {
      const std::string& after = segment.parts[i + 1].literal;
      const bool is_last = i + 2 == segment.parts.size();
      if (is_last && !text.ends_with(after)) return false;
      end = is_last ? text.size() - after.size() : text.find(after, at);
      if (end == std::string_view::npos || end < at) return false;
    }
    const std::string_view found = text.substr(at, end - at);
    // A wildcard that is a segment of its own takes one that is there; beside other text it may be empty.
    if ((found.empty() && segment.parts.size() == 1) || !captures_[*part.capture].accepts(found)) return false;
    captured[*part.capture] = found;
    at = end;
  }
  return at == text.size();
}

std::string AddressPattern::fill(const std::vector<std::string_view>& texts) const {
  if (texts.size() != captures_.size()) return {};
  std::string out;
  for (const Segment& segment : segments_) {
    if (segment.rest && texts[*segment.parts[0].capture].empty()) continue;
    out += '/';
    for (const Part& part : segment.parts) out += part.capture ? texts[*part.capture] : std::string_view(part.literal);
  }
  return out.size() <= AddressRules{}.bytes_max ? out : std::string();
}

std::string AddressPattern::subscription() const {
  std::string out;
  for (const Segment& segment : segments_) {
    out += '/';
    if (segment.rest)
      out += "**";
    else
      for (const Part& part : segment.parts) out += part.capture ? "*" : part.literal;
  }
  return out;
}

AddressPattern AddressPattern::without_prefix(std::string_view prefix) const {
  const bool begins = text_.size() > prefix.size() && !prefix.empty() && text_.starts_with(prefix) && text_[prefix.size()] == '/' &&
                      prefix.find_first_of("*{") == std::string_view::npos;
  if (!begins) return *this;
  return AddressPattern::parse(std::string_view(text_).substr(prefix.size())).value();
}

Result<std::vector<std::size_t>> pair_captures(const AddressPattern& source, const AddressPattern& target) {
  constexpr auto nobody = static_cast<std::size_t>(-1);
  const std::vector<Capture>& from = source.captures();
  const std::vector<Capture>& to = target.captures();
  std::vector<std::size_t> pairs(to.size(), nobody);
  std::vector<bool> taken(from.size(), false);
  const auto take = [&](std::size_t i, std::size_t j) {
    pairs[i] = j;
    taken[j] = true;
  };
  for (std::size_t i = 0; i < to.size(); ++i) {
    if (to[i].name.empty()) continue;
    const auto same = std::ranges::find(from, to[i].name, &Capture::name);
    const auto number = transform::parse_integer(to[i].name);
    if (same != from.end())
      take(i, static_cast<std::size_t>(same - from.begin()));
    else if (number && *number >= 1 && *number <= static_cast<std::int64_t>(from.size()))
      take(i, static_cast<std::size_t>(*number - 1));
  }
  std::size_t next = 0;
  for (std::size_t i = 0; i < to.size(); ++i) {
    if (pairs[i] != nobody) continue;
    // A name meets something without one, or the other way round: two different names are a slip of the pen.
    while (next < from.size() && (taken[next] || (!to[i].name.empty() && !from[next].name.empty()))) ++next;
    if (next == from.size())
      return Error{ErrorCode::invalid_argument, fmt::format("nothing in {} fills {} in {}", source.text(), to[i].text, target.text()), {}};
    take(i, next++);
  }
  return pairs;
}

}  // namespace clasp::mapping
