#include "mqtt/topics.hpp"

#include <algorithm>

#include "core/address.hpp"

namespace clasp::mqtt {
namespace {

constexpr std::string_view share_prefix = "$share/";
constexpr std::size_t split_levels_max = 3;  // '+' with a level behind it: each doubles the patterns

// What an address takes as it is: nothing to encode and no empty level.
bool is_plain(std::string_view topic) {
  char before = '/';
  for (const char c : topic) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || c == '*' || c == '%' || (c == '/' && before == '/')) return false;
    before = c;
  }
  return true;
}

std::vector<std::string_view> levels_of(std::string_view filter) {
  std::vector<std::string_view> levels;
  for (std::size_t at = 0; at != std::string_view::npos;) {
    const std::size_t slash = filter.find('/', at);
    levels.push_back(filter.substr(at, slash == std::string_view::npos ? slash : slash - at));
    at = slash == std::string_view::npos ? slash : slash + 1;
  }
  return levels;
}

// Writes the patterns of one filter, level by level. NamespaceMap joins an empty level that is not the last with the level behind it.
class PatternWriter {
 public:
  PatternWriter(std::vector<std::string_view> levels, bool open, std::string prefix) : levels_(std::move(levels)), open_(open) {
    write(0, std::move(prefix));
  }
  std::vector<std::string> take() { return std::move(patterns_); }

 private:
  void write(std::size_t at, std::string pattern) {
    if (at == levels_.size()) {
      if (open_) pattern += "/**";
      patterns_.push_back(std::move(pattern));
      return;
    }
    const std::string_view level = levels_[at];
    const bool is_last = at + 1 == levels_.size();
    if (level == "+") {
      if (!is_last) write_joined(at, pattern);
      return write(at + 1, pattern + "/*");
    }
    if (!level.empty() || (is_last && !open_)) return write(at + 1, pattern + '/' + encoded(level));
    if (!is_last) return write_joined(at, pattern);
    patterns_.push_back(pattern + '/');  // "a//#" matches its parent "a/"
    write(at + 1, pattern + "/%2F*");
  }

  void write_joined(std::size_t at, const std::string& pattern) {
    const std::string_view next = levels_[at + 1];
    write(at + 2, pattern + "/%2F" + (next == "+" ? "*" : encoded(next)));
  }

  static std::string encoded(std::string_view level) {
    std::string out;
    bridge::NamespaceMap::append_encoded(out, level);
    return out;
  }

  std::vector<std::string_view> levels_;
  bool open_;
  std::vector<std::string> patterns_;
};

}  // namespace

bool is_topic_name(std::string_view topic) { return !topic.empty() && topic.find_first_of("+#") == std::string_view::npos; }

bool is_topic_filter(std::string_view filter) {
  if (filter.empty()) return false;
  for (std::size_t i = 0; i < filter.size(); ++i) {
    if (filter[i] != '+' && filter[i] != '#') continue;
    const bool begins = i == 0 || filter[i - 1] == '/';
    const bool ends = i + 1 == filter.size() || (filter[i] == '+' && filter[i + 1] == '/');
    if (!begins || !ends) return false;
  }
  return true;
}

std::optional<SharedFilter> parse_shared(std::string_view filter) {
  if (!filter.starts_with(share_prefix)) return std::nullopt;
  const std::string_view rest = filter.substr(share_prefix.size());
  const std::size_t slash = rest.find('/');
  SharedFilter shared{.group = rest.substr(0, slash), .filter = slash == std::string_view::npos ? "" : rest.substr(slash + 1)};
  shared.valid = !shared.group.empty() && shared.group.find_first_of("+#") == std::string_view::npos && is_topic_filter(shared.filter);
  return shared;
}

bool filter_matches(std::string_view filter, std::string_view topic) {
  if (topic.starts_with('$') && (filter.starts_with('+') || filter.starts_with('#'))) return false;
  while (true) {
    if (filter == "#") return true;
    const std::size_t filter_slash = filter.find('/');
    const std::size_t topic_slash = topic.find('/');
    const std::string_view level = filter.substr(0, filter_slash);
    if (level != "+" && level != topic.substr(0, topic_slash)) return false;
    const bool filter_ends = filter_slash == std::string_view::npos;
    const bool topic_ends = topic_slash == std::string_view::npos;
    if (topic_ends) return filter_ends || filter.substr(filter_slash + 1) == "#";
    if (filter_ends) return false;
    filter.remove_prefix(filter_slash + 1);
    topic.remove_prefix(topic_slash + 1);
  }
}

bool filter_needs_check(std::string_view filter) {
  return filter.starts_with('#') || filter.find('+') != std::string_view::npos || filter.starts_with('/') ||
         filter.find("//") != std::string_view::npos;
}

bool TopicMap::to_address(std::string_view topic, std::string& address) const {
  if (!is_plain(topic)) return names_.to_address(topic, address);
  address = names_.prefix();
  address += '/';
  address += topic;
  return true;
}

std::optional<std::string_view> TopicMap::to_topic(std::string_view address, std::string& scratch) const {
  const std::string& prefix = names_.prefix();
  if (address.find('%') == std::string_view::npos) {
    if (!address.starts_with(prefix) || address.size() <= prefix.size() + 1 || address[prefix.size()] != '/') return std::nullopt;
    return address.substr(prefix.size() + 1);
  }
  if (!names_.to_name(address, scratch) || !is_topic_name(scratch)) return std::nullopt;
  return scratch;
}

std::vector<std::string> TopicMap::patterns_of(std::string_view filter) const {
  std::vector<std::string_view> levels = levels_of(filter);
  bool open = levels.back() == "#";
  if (open) levels.pop_back();
  const std::size_t plus_before = levels.empty() ? 0 : static_cast<std::size_t>(std::count(levels.begin(), levels.end() - 1, "+"));
  if (plus_before > split_levels_max) {
    levels.erase(std::ranges::find(levels, "+"), levels.end());
    while (!levels.empty() && levels.back().empty()) levels.pop_back();  // it might be joined with what is gone
    open = true;
  }
  return PatternWriter(std::move(levels), open, names_.prefix()).take();
}

}  // namespace clasp::mqtt
