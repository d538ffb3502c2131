#include "expectation.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace clasp::simulation::model {

namespace {

constexpr std::size_t nowhere = ~std::size_t{0};
constexpr std::size_t line_overhead_max = 400;  // what one waiting frame may cost beside its text, generously

std::size_t size_of(const Line& line) { return line.text ? line.text->size() : 0; }
bool is_param(const Line& line) { return line.kind == Line::Kind::param || line.kind == Line::Kind::removal; }

}  // namespace

// The contract's "keeps up": the oldest waiting byte is at most 100 ms old and at most 1 MiB waits. Half of that is allowed for here, because lines
// and frames differ a little in size.
void Expectation::note_slowness(Us now) {
  if (lines_.empty()) return;
  if (rules_.memory_is_short || now - lines_.front().queued > rules_.congested_age || bytes_ > rules_.congested_bytes / 2) slow_ = notice_due_ = true;
}

void Expectation::add(Line line, Us now) {
  line.queued = now;
  bytes_ += size_of(line);
  lines_.push_back(std::move(line));
  note_slowness(now);
}

std::optional<std::string> Expectation::take(const Frame& frame, const Current& current, const Entry& entry) {
  const bool foretold = !lines_.empty() && lines_.front().text && *lines_.front().text == frame.line;
  if (frame.kind == Frame::Kind::notice && !foretold) {
    if (!notice_due_) return "rule 16: ERROR 503, and nothing was dropped";
    notice_due_ = slow_;
    return std::nullopt;
  }
  if (slow_) return take_on_slow_link(frame, current, entry);
  drop_past_before(frame.line);
  return take_in_order(frame);
}

std::optional<std::string> Expectation::take_in_order(const Frame& frame) {
  const std::uint64_t together = lines_.empty() ? 0 : lines_.front().together;
  for (auto line = lines_.begin(); line != lines_.end(); ++line) {
    if (line->text && *line->text == frame.line) {
      bytes_ -= size_of(*line);
      lines_.erase(line);
      return std::nullopt;
    }
    if (together == 0 || line->together != together) break;
  }
  return fmt::format("rule 2/8: {} is due, not {}", next(), model::shown(frame.line));
}

// History is answered from a bounded log: the oldest values of an answer may be missing, but only those.
void Expectation::drop_past_before(std::string_view text) {
  for (;;) {
    const auto first = std::ranges::find_if(lines_, [](const Line& line) { return line.kind == Line::Kind::past && line.optional; });
    if (first == lines_.end() || first != lines_.begin()) return;
    const std::uint64_t answer = first->answer;
    const auto last = std::find_if_not(first, lines_.end(), [&](const Line& line) { return line.kind == Line::Kind::past && line.answer == answer; });
    const auto heard = std::find_if(first, last, [&](const Line& line) { return *line.text == text; });
    const bool found = heard != last;
    const std::uint64_t together = found ? heard->together : 0;
    // From here on all of it has to come; unless it cannot be told which of two equal ones this is.
    const bool unique = std::count_if(first, last, [&](const Line& line) { return *line.text == text; }) == 1;
    for (auto line = heard; line != last && unique; ++line) line->optional = line != heard && together != 0 && line->together == together;
    std::size_t missing = static_cast<std::size_t>(heard - first);  // those of its own moment may still follow
    while (missing > 0 && together != 0 && lines_[missing - 1].together == together) --missing;
    for (std::size_t i = 0; i < missing; ++i) bytes_ -= size_of(lines_[i]);
    lines_.erase(lines_.begin(), lines_.begin() + static_cast<std::ptrdiff_t>(missing));
    if (found) return;
  }
}

// On a slow link other things that need not come may stand before the history, so what counts is the place of what came: the older values before it
// are missing, and of an answer that has begun the rest has to come. How many lines that took away.
std::size_t Expectation::drop_past_before(std::size_t at) {
  const Line taken = lines_[at];
  const auto of_answer = [&](const Line& line) { return line.kind == Line::Kind::past && line.answer == taken.answer; };
  const auto same_moment = [&](const Line& line) { return taken.together != 0 && line.together == taken.together; };
  if (taken.kind == Line::Kind::past && taken.optional) {
    const auto alike = [&](const Line& line) { return of_answer(line) && *line.text == *taken.text; };
    const bool unique = std::ranges::count_if(lines_, alike) == 1;  // of two equal ones it cannot be told which this is
    for (std::size_t i = at + 1; i < lines_.size() && unique; ++i) {
      if (of_answer(lines_[i])) lines_[i].optional = same_moment(lines_[i]);
    }
  }
  std::size_t index = 0;
  return std::erase_if(lines_, [&](const Line& line) {
    const bool missing = index++ < at && line.kind == Line::Kind::past && line.optional && !(of_answer(line) && same_moment(line));
    if (missing) bytes_ -= size_of(line);
    return missing;
  });
}

bool Expectation::awaits_get(const std::string& address) const {
  for (const Line& line : lines_) {
    if (line.kind == Line::Kind::get && line.address == address) return true;
    if (line.kind == Line::Kind::past && line.optional) continue;                   // perhaps all of it is missing
    if (line.kind == Line::Kind::get && slow_ && !line.missing_is_error) continue;  // perhaps there is nothing to say
    if (!slow_ || line.kind == Line::Kind::answer || line.kind == Line::Kind::get) return false;
  }
  return false;
}

void Expectation::shown(const std::string& address, std::uint64_t revision) {
  if (!slow_) return;
  for (Line& line : lines_) {
    if (is_param(line) && line.address == address && line.revision <= revision) line.optional = true;
  }
}

void Expectation::uncovered(const std::function<bool(const std::string& address)>& covered) {
  if (!slow_) return;
  for (Line& line : lines_) {
    const bool may_be_newest = line.kind == Line::Kind::param || (was_away_ && line.kind == Line::Kind::removal);
    if (may_be_newest && !covered(line.address)) line.optional = true;
  }
}

// Everything before this line must have come, or stands behind a newer one of its stream.
std::optional<std::string> Expectation::nothing_skipped(std::size_t before) const {
  const std::uint64_t together = lines_[before].together;
  for (std::size_t i = 0; i < before; ++i) {
    const Line& line = lines_[i];
    if (line.optional || (together != 0 && line.together == together)) continue;
    if (line.kind == Line::Kind::get && !line.missing_is_error) continue;  // gone meanwhile: silence
    if (line.kind == Line::Kind::passing) {
      const bool replaced = std::any_of(lines_.begin() + static_cast<std::ptrdiff_t>(i) + 1, lines_.end(),
                                        [&](const Line& later) { return later.kind == Line::Kind::passing && later.stream == line.stream; });
      if (replaced) continue;
    }
    return fmt::format("{} was due before it", model::shown(line.text ? *line.text : line.address));
  }
  return std::nullopt;
}

// Events, answers, GETs, history, removals: the first of them in line, as it was foretold; a GET as it is now.
std::size_t Expectation::find_kept(const Frame& frame, const Current& current, const Entry& entry) const {
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    const Line& line = lines_[i];
    if (line.kind == Line::Kind::param || line.kind == Line::Kind::passing) continue;
    if (line.text && *line.text == frame.line) return i;
    if (line.kind == Line::Kind::get) {
      const bool exists = current(line.address) != nullptr;
      if (exists && frame.line == "SNAPSHOT " + entry(line.address)) return i;
      if (!exists && line.missing_is_error && frame.line == error_line(code::not_found, line.address)) return i;
      if (!line.missing_is_error) continue;
    }
    if (!line.optional && line.together == 0 && line.kind != Line::Kind::removal) return nowhere;
  }
  return nowhere;
}

std::optional<std::string> Expectation::take_on_slow_link(const Frame& frame, const Current& current, const Entry& entry) {
  const auto complain = [&](std::string_view rule, const std::string& why) {
    return fmt::format("{}: {} came; {}", rule, model::shown(frame.line), why);
  };
  if (frame.kind == Frame::Kind::set) {
    const auto of_address = [&](const Line& line) { return is_param(line) && line.address == frame.address; };
    const auto first = std::ranges::find_if(lines_, [&](const Line& line) { return of_address(line) && line.revision <= frame.revision; });
    const Param* now = current(frame.address);
    const bool newest = now != nullptr && now->revision == frame.revision && frame.line == set_line(frame.address, now->value, now->revision);
    const bool foretold = std::ranges::any_of(lines_, [&](const Line& line) { return of_address(line) && *line.text == frame.line; });
    if (first != lines_.end() && (newest || foretold)) {
      const auto place = static_cast<std::size_t>(first - lines_.begin());
      const auto skipped = nothing_skipped(place);
      const auto told = std::ranges::find_if(lines_, [&](const Line& line) { return line.kind == Line::Kind::past && *line.text == frame.line; });
      const auto past = static_cast<std::size_t>(told - lines_.begin());
      const bool as_past = told != lines_.end() && !nothing_skipped(past);
      const bool may_be_live = !skipped || first->optional;
      // History may tell what comes live as well: a value that maxRate has held back, or one that need not come any more.
      if (as_past && (first->optional || past < place)) {
        if (may_be_live) {
          for (Line& line : lines_) line.optional |= of_address(line) && line.revision <= frame.revision;
        }
        take_at(may_be_live ? past : past - drop_past_before(past));
        return std::nullopt;
      }
      if (!may_be_live) return complain("rule 2/13", *skipped);
      if (!skipped) drop_past_before(place);
      std::erase_if(lines_, [&](const Line& line) {
        const bool done = of_address(line) && line.revision <= frame.revision;
        if (done) bytes_ -= size_of(line);
        return done;
      });
      return std::nullopt;
    }
  }
  std::size_t at = find_kept(frame, current, entry);
  if (frame.kind == Frame::Kind::publish) {
    const auto passing = std::ranges::find_if(lines_, [&](const Line& line) { return line.kind == Line::Kind::passing && *line.text == frame.line; });
    if (passing != lines_.end()) at = std::min(at, static_cast<std::size_t>(passing - lines_.begin()));
  }
  if (at == nowhere) return complain("rule 15", fmt::format("the next that has to come is {}", next()));
  if (const auto skipped = nothing_skipped(at)) return complain("rule 2/15", *skipped);
  take_at(at - drop_past_before(at));
  return std::nullopt;
}

void Expectation::take_at(std::size_t at) {
  const Line taken = lines_[at];
  for (std::size_t i = at + 1; i < lines_.size(); ++i) {  // of equal ones it cannot be seen which came
    Line& later = lines_[i];
    const bool alike = later.kind == Line::Kind::passing || later.kind == Line::Kind::past;
    if (taken.kind == Line::Kind::passing && alike && *later.text == *taken.text) later.optional = true;
  }
  std::size_t index = 0;
  std::erase_if(lines_, [&](const Line& line) {
    const std::size_t i = index++;
    const bool older = i < at && ((taken.kind == Line::Kind::passing && line.kind == Line::Kind::passing && line.stream == taken.stream) ||
                                  (line.kind == Line::Kind::get && !line.missing_is_error && line.together == 0));
    if (i == at || older) bytes_ -= size_of(line);
    return i == at || older;
  });
}

std::optional<std::string> Expectation::drained() {
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    const Line& line = lines_[i];
    if (line.optional || (slow_ && line.kind == Line::Kind::get && !line.missing_is_error)) continue;
    if (slow_ && line.kind == Line::Kind::passing) {
      const bool replaced = std::any_of(lines_.begin() + static_cast<std::ptrdiff_t>(i) + 1, lines_.end(),
                                        [&](const Line& later) { return later.kind == Line::Kind::passing && later.stream == line.stream; });
      if (replaced) continue;
    }
    return fmt::format("rule 8/15/18: {} never came", model::shown(line.text ? *line.text : line.address));
  }
  lines_.clear();
  bytes_ = 0;
  slow_ = was_away_ = false;
  return std::nullopt;
}

std::optional<Us> Expectation::waits_since() const {
  const auto first = std::ranges::find_if(lines_, [](const Line& line) { return !line.optional && line.kind != Line::Kind::get; });
  return first == lines_.end() ? std::nullopt : std::optional(first->queued);
}

std::size_t Expectation::kept_bytes_min() const {
  std::size_t bytes = 0;
  for (const Line& line : lines_) {
    if (line.kind == Line::Kind::param || line.kind == Line::Kind::passing || line.optional) continue;
    const bool rendered_later = line.kind == Line::Kind::get && slow_;  // what waits is the question
    bytes += rendered_later ? line.address.size() : size_of(line);
  }
  return bytes;
}

std::size_t Expectation::kept_bytes_max() const {
  std::size_t bytes = line_overhead_max;
  for (const Line& line : lines_) bytes += line.kind != Line::Kind::passing ? size_of(line) + line_overhead_max : 0;
  return bytes;
}

std::string Expectation::next() const {
  const auto first = std::ranges::find_if(lines_, [](const Line& line) { return !line.optional && line.text != nullptr; });
  return first == lines_.end() ? "nothing" : model::shown(*first->text);
}

}  // namespace clasp::simulation::model
