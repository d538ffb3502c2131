// What one session still has to be given, in order, and whether a frame that leaves the router for it may be that frame.
//
// While its link keeps up (the contract's first page) every frame is foretold: the next one is the first line, to the letter. Once the link may have
// been slow, the lines say what must and what must not be seen: an event only after every param due before it; a param as it was, or as it is
// now, at the place of its first waiting line; of streams at least the newest; answers in order; nothing that no line foretells.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "frame.hpp"
#include "state.hpp"

namespace clasp::simulation::model {

using Text = std::shared_ptr<const std::string>;

struct Line {
  enum class Kind : std::uint8_t { param, removal, passing, kept, answer, get, past } kind = Kind::answer;
  Text text;                   // of a get: the SNAPSHOT, or the ERROR, as it was when asked; null if there was nothing to say
  std::string address;         // of param, removal, get
  std::uint64_t revision = 0;  // of param, removal
  std::string stream;          // of passing: what a newer one replaces on a slow link
  std::uint64_t together = 0;  // lines of one moment whose order the contract leaves open; 0: none
  std::uint64_t answer = 0;    // of past: which history it belongs to
  bool missing_is_error = false;
  bool optional = false;  // need not come any more
  Us queued = 0;
};

class Expectation {
 public:
  explicit Expectation(const Rules& rules) : rules_(rules) {}

  void add(Line line, Us now);
  // A sentence if the frame must not come now. `current` renders a param as it is at this moment; nothing if it is absent.
  using Current = std::function<const Param*(const std::string& address)>;
  using Entry = std::function<std::string(const std::string& address)>;  // its SNAPSHOT entry as it is now
  std::optional<std::string> take(const Frame& frame, const Current& current, const Entry& entry);
  bool awaits_get(const std::string& address) const;               // the next answer is that of a GET of this address
  void shown(const std::string& address, std::uint64_t revision);  // by a SNAPSHOT or GET: what is older need not follow on a slow link
  void uncovered(const std::function<bool(const std::string& address)>& covered);
  // The link has room, so nothing can be waiting.
  std::optional<std::string> drained();

  bool slow() const { return slow_; }
  void become_slow() { slow_ = notice_due_ = was_away_ = true; }
  bool empty() const { return lines_.empty(); }
  std::optional<Us> waits_since() const;  // of the first line that has to come
  // Of what may not be dropped: what certainly waits, and what may at most (params may wait as frames that stay).
  std::size_t kept_bytes_min() const;
  std::size_t kept_bytes_max() const;
  std::string next() const;

 private:
  std::optional<std::string> take_in_order(const Frame& frame);
  std::optional<std::string> take_on_slow_link(const Frame& frame, const Current& current, const Entry& entry);
  std::optional<std::string> nothing_skipped(std::size_t before) const;
  std::size_t find_kept(const Frame& frame, const Current& current, const Entry& entry) const;
  void drop_past_before(std::string_view text);
  std::size_t drop_past_before(std::size_t at);
  void take_at(std::size_t at);
  void note_slowness(Us now);

  const Rules& rules_;
  std::deque<Line> lines_;
  std::size_t bytes_ = 0;
  bool slow_ = false;
  bool was_away_ = false;    // what was missed is told as it is now: a removal may stand for what was created again
  bool notice_due_ = false;  // ERROR 503 may say so
};

}  // namespace clasp::simulation::model
