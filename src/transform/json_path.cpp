#include "transform/json_path.hpp"

#include <algorithm>

#include "transform/json_path_program.hpp"

namespace clasp::transform {

namespace {

using namespace json_path_limits;
using Places = std::vector<const Value*>;

// One query under way.
class Walk {
 public:
  explicit Walk(const Value& root) : root_(root) {}

  Places follow(const Value& start, const std::vector<JsonPath::Segment>& segments) {
    Places here{&start};
    for (const JsonPath::Segment& segment : segments) {
      Places next;
      for (const Value* place : here) apply(segment, *place, next);
      here = std::move(next);
    }
    return here;
  }
  bool gave_up() const { return gave_up_; }

 private:
  void apply(const JsonPath::Segment& segment, const Value& place, Places& out) {
    if (!visit()) return;
    for (const Selector& selector : segment.selectors) select(selector, place, out);
    if (!segment.descendants) return;
    each_child(place, [&](const Value& child) { apply(segment, child, out); });  // values nest at most 32 deep
  }

  void select(const Selector& selector, const Value& place, Places& out) {
    const auto add = [&](const Value& found) {
      if (out.size() >= matches_max)
        gave_up_ = true;
      else if (visit())
        out.push_back(&found);
    };
    switch (selector.kind) {
      case Selector::Kind::name:
        if (const Value* found = place.find(selector.name)) add(*found);
        return;
      case Selector::Kind::index:
        if (const Array* items = place.array()) {
          const auto size = static_cast<std::int64_t>(items->size());
          const std::int64_t index = selector.index < 0 ? selector.index + size : selector.index;
          if (index >= 0 && index < size) add((*items)[static_cast<std::size_t>(index)]);
        }
        return;
      case Selector::Kind::slice:
        if (const Array* items = place.array()) slice(selector, *items, add);
        return;
      case Selector::Kind::wildcard: each_child(place, add); return;
      case Selector::Kind::filter:
        each_child(place, [&](const Value& child) {
          if (holds(*selector.filter, child)) add(child);
        });
        return;
    }
  }

  // RFC 9535, section 2.3.4.2.2.
  template <typename Add>
  static void slice(const Selector& selector, const Array& items, Add add) {
    const auto size = static_cast<std::int64_t>(items.size());
    const std::int64_t step = selector.index;
    if (step == 0) return;
    const auto place = [size](std::int64_t index) { return index < 0 ? std::max(index, -size) + size : std::min(index, size); };
    if (step > 0) {
      const std::int64_t end = place(selector.end.value_or(size));
      for (std::int64_t i = place(selector.begin.value_or(0)); i < end; i += std::min(step, size)) add(items[static_cast<std::size_t>(i)]);
    } else {
      const std::int64_t begin = selector.begin ? (*selector.begin < 0 ? *selector.begin + size : *selector.begin) : size - 1;
      const std::int64_t end = selector.end ? (*selector.end < -size ? -1 : *selector.end < 0 ? *selector.end + size : *selector.end) : -1;
      for (std::int64_t i = std::min(begin, size - 1); i > end && i >= 0; i += std::max(step, -size)) add(items[static_cast<std::size_t>(i)]);
    }
  }

  template <typename Do>
  static void each_child(const Value& place, Do action) {
    if (const Array* items = place.array()) {
      for (const Value& item : *items) action(item);
    } else if (const Map* entries = place.map()) {
      for (const auto& [key, item] : *entries) action(item);
    }
  }

  bool holds(const Filter& filter, const Value& here) {
    if (!visit()) return false;
    switch (filter.kind) {
      case Filter::Kind::both: return std::ranges::all_of(filter.parts, [&](const Filter& part) { return holds(part, here); });
      case Filter::Kind::either: return std::ranges::any_of(filter.parts, [&](const Filter& part) { return holds(part, here); });
      case Filter::Kind::negation: return !holds(filter.parts[0], here);
      case Filter::Kind::exists: return !follow(start_of(filter.operands[0], here), filter.operands[0].path).empty();
      case Filter::Kind::compare: return compare(filter.test, value_of(filter.operands[0], here), value_of(filter.operands[1], here));
    }
    return false;
  }

  const Value& start_of(const Filter::Operand& operand, const Value& here) const { return operand.from_root ? root_ : here; }
  // nullptr: the path leads nowhere, or to more than one place.
  const Value* value_of(const Filter::Operand& operand, const Value& here) {
    if (!operand.is_path) return &operand.literal;
    const Places found = follow(start_of(operand, here), operand.path);
    return found.size() == 1 ? found[0] : nullptr;
  }

  static bool compare(Filter::Test test, const Value* left, const Value* right) {
    using Test = Filter::Test;
    const bool equal = same(left, right);
    const bool less = left != nullptr && right != nullptr && before(*left, *right);
    const bool greater = left != nullptr && right != nullptr && before(*right, *left);
    switch (test) {
      case Test::equal: return equal;
      case Test::not_equal: return !equal;
      case Test::less: return less;
      case Test::less_equal: return less || equal;
      case Test::greater: return greater;
      case Test::greater_equal: return greater || equal;
    }
    return false;
  }
  static bool same(const Value* left, const Value* right) {
    if (left == nullptr || right == nullptr) return left == right;
    const auto x = left->as_number();
    const auto y = right->as_number();
    return x && y ? *x == *y : *left == *right;
  }
  static bool before(const Value& left, const Value& right) {
    const auto x = left.as_number();
    const auto y = right.as_number();
    if (x && y) return *x < *y;
    return left.string() != nullptr && right.string() != nullptr && *left.string() < *right.string();
  }

  bool visit() {
    if (++visits_ > visits_max) gave_up_ = true;
    return !gave_up_;
  }

  const Value& root_;
  std::size_t visits_ = 0;
  bool gave_up_ = false;
};

bool is_plain_segment(const JsonPath::Segment& segment) {
  using Kind = Selector::Kind;
  return !segment.descendants && segment.selectors.size() == 1 &&
         (segment.selectors[0].kind == Kind::name || (segment.selectors[0].kind == Kind::index && segment.selectors[0].index >= 0));
}

}  // namespace

Result<JsonPath> JsonPath::parse(std::string_view text) {
  auto segments = parse_json_path(text);
  if (!segments) return segments.error();
  return JsonPath(std::make_shared<const std::vector<Segment>>(*std::move(segments)));
}

std::optional<std::vector<const Value*>> JsonPath::find(const Value& root) const {
  Walk walk(root);
  Places found = walk.follow(root, *segments_);
  if (walk.gave_up()) return std::nullopt;
  return found;
}

bool JsonPath::is_plain() const { return std::ranges::all_of(*segments_, is_plain_segment); }

Value* JsonPath::place(Value& root) const {
  if (!is_plain()) return nullptr;
  Value* here = &root;
  for (const Segment& segment : *segments_) {
    const Selector& selector = segment.selectors[0];
    if (selector.kind == Selector::Kind::index) {
      const Array* items = here->array();
      if (items == nullptr || static_cast<std::size_t>(selector.index) >= items->size()) return nullptr;
      here = const_cast<Value*>(&(*items)[static_cast<std::size_t>(selector.index)]);  // NOLINT: part of a value that is not const
      continue;
    }
    if (here->is_null()) *here = Value(Map{});
    const Map* entries = here->map();
    if (entries == nullptr) return nullptr;
    Map& map = const_cast<Map&>(*entries);  // NOLINT: as above
    auto entry = std::ranges::find(map, selector.name, &MapEntry::first);
    if (entry == map.end()) entry = map.insert(map.end(), {selector.name, Value()});
    here = &entry->second;
  }
  return here;
}

}  // namespace clasp::transform
