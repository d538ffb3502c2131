#include "mapping/mapping_table.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace clasp::mapping {

namespace {

// A button may say true and false.
std::optional<double> position_of(const Value& value) {
  if (const bool* flag = value.boolean()) return *flag ? 1.0 : 0.0;
  return value.as_number();
}

}  // namespace

Result<MappingTable> MappingTable::compile(const MappingSource& source, const TableOptions& options) {
  MappingTable table;
  table.pass_ = source.pass_unmatched;
  transform::CompileOptions transforms = options.transforms;
  if (!transforms.lenses) transforms.lenses = source.lenses;
  for (const MappingEntry& entry : source.entries) {
    auto mapping = Mapping::compile(entry.spec, transforms);
    if (!mapping) return Error{ErrorCode::invalid_argument, entry.describe(mapping.error().message), {}};
    const bool ours = mapping->protocol().empty() || options.protocol.empty() || mapping->protocol() == options.protocol;
    if (!ours || !mapping->enabled()) continue;
    mapping->accept_prefix(options.ns);
    table.has_touch_ |= mapping->touch().has_value();
    std::optional<Surface> surface;
    if (mapping->surface()) surface.emplace(*mapping->surface());
    table.rows_.push_back({std::move(*mapping), entry.where(), std::move(surface)});
  }
  return table;
}

bool MappingTable::in(std::string_view device_address, const Value& value, const Now& now, const Write& write) {
  if (has_touch_ && note_touch(device_address, value, now)) return true;
  const std::shared_ptr<const Routes> found = routes(in_, Direction::in, device_address);
  for (const Route& route : *found) {
    Row& row = rows_[route.row];
    Value mapped = value;
    if (const auto position = row.surface ? position_of(value) : std::nullopt) {
      const auto effective = row.surface->from_device(device_address, *position, now.steady);
      if (!effective) {
        if (row.mapping.stop()) return true;
        continue;
      }
      if (*effective != *position) mapped = Value(*effective);
    }
    if (!value_through(row, Direction::in, mapped, device_address, now)) continue;
    const bool last = row.mapping.stop();
    write(route.address, mapped, row.mapping.kind());
    if (last) return true;
  }
  return !found->empty();
}

bool MappingTable::value_through(Row& row, Direction direction, Value& value, std::string_view address, const Now& now) {
  const std::uint64_t before = row.mapping.faults();
  const bool goes_on = direction == Direction::in ? row.mapping.value_in(value, address, now) : row.mapping.value_out(value, address, now);
  if (const std::uint64_t more = row.mapping.faults() - before; more > 0) {
    faults_ += more;
    last_fault_ = fmt::format("{}: {}", row.where, row.mapping.last_fault());
  }
  return goes_on;
}

bool MappingTable::note_touch(std::string_view device_address, const Value& value, const Now& now) {
  bool is_touch = false;
  for (Row& row : rows_) {
    const std::string control = row.mapping.touched_control(device_address);
    if (control.empty()) continue;
    is_touch = true;
    if (row.surface) row.surface->touch(control, position_of(value).value_or(0) > 0.5, now.steady);
  }
  return is_touch;
}

bool MappingTable::out(std::string_view router_address, const Value& value, const Arrival& arrival, const Now& now, const Show& show) {
  const std::shared_ptr<const Routes> found = routes(out_, Direction::out, router_address);
  for (const Route& route : *found) {
    Row& row = rows_[route.row];
    Value mapped = value;
    if (!value_through(row, Direction::out, mapped, router_address, now)) continue;
    const bool last = row.mapping.stop();
    const bool now_or_never = !row.surface || !arrival.may_be_held;
    if (now_or_never || row.surface->to_device(route.address, mapped, arrival.own, now.steady)) show(route.address, mapped);
    if (last) return true;
  }
  return !found->empty();
}

void MappingTable::advance(const Now& now, const Show& show) {
  std::vector<DueFeedback> due;
  for (Row& row : rows_) {
    if (row.surface) row.surface->advance(now.steady, due);
  }
  for (const DueFeedback& feedback : due) show(feedback.control, feedback.value);
}

std::optional<SteadyTime> MappingTable::next_deadline() const {
  std::optional<SteadyTime> next;
  for (const Row& row : rows_) {
    const auto deadline = row.surface ? row.surface->next_deadline() : std::nullopt;
    if (deadline && (!next || *deadline < *next)) next = deadline;
  }
  return next;
}

std::shared_ptr<const MappingTable::Routes> MappingTable::routes(Cache& cache, Direction direction, std::string_view address) {
  if (auto known = cache.find(address)) return known;
  auto found = std::make_shared<Routes>();
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    std::string other = direction == Direction::in ? rows_[i].mapping.to_router(address) : rows_[i].mapping.to_device(address);
    if (!other.empty()) found->push_back({i, std::move(other)});
  }
  cache.put(address, found);
  return found;
}

std::shared_ptr<const MappingTable::Routes> MappingTable::Cache::find(std::string_view address) {
  const auto place = places_.find(address);
  if (place == places_.end()) return nullptr;
  used_.splice(used_.begin(), used_, place->second);
  return used_.front().second;
}

void MappingTable::Cache::put(std::string_view address, std::shared_ptr<const Routes> routes) {
  if (places_.size() >= addresses_max) {
    places_.erase(std::string_view(used_.back().first));
    used_.pop_back();
  }
  used_.emplace_front(std::string(address), std::move(routes));
  places_.emplace(std::string_view(used_.front().first), used_.begin());
}

bool MappingTable::explain(Direction direction, std::string_view address, const Value& value, const Now& now, const Step& line) {
  const bool in = direction == Direction::in;
  bool matched = false;
  for (Row& row : rows_) {
    const std::string other = in ? row.mapping.to_router(address) : row.mapping.to_device(address);
    if (other.empty()) continue;
    matched = true;
    const std::string& device = row.mapping.device().text();
    const std::string& router = row.mapping.router().text();
    line(fmt::format("{}: {} -> {}", row.where, in ? device : router, in ? router : device));
    Value mapped = value;
    const Step indented = [&](std::string_view text) { line(fmt::format("  {}", text)); };
    const bool goes_on = in ? row.mapping.value_in(mapped, address, now, &indented) : row.mapping.value_out(mapped, address, now, &indented);
    if (!goes_on) continue;
    const std::string_view kind = row.mapping.kind() ? signal_name(*row.mapping.kind()) : std::string_view();
    line(fmt::format("  = {} {}{}{}", other, to_json(mapped), kind.empty() ? "" : " as ", kind));
    if (row.mapping.stop()) return true;
  }
  if (!matched) line(pass_ ? "no mapping has this address: it passes as it is" : "no mapping has this address: it is dropped");
  return matched;
}

std::vector<std::string> MappingTable::subscriptions() const {
  std::vector<std::string> out;
  for (const Row& row : rows_) {
    if (row.mapping.direction() == Direction::in) continue;
    std::string pattern = row.mapping.router().subscription();
    if (std::ranges::find(out, pattern) == out.end()) out.push_back(std::move(pattern));
  }
  return out;
}

std::vector<std::string> MappingTable::notes() const {
  std::vector<std::string> out;
  for (const Row& row : rows_) {
    for (const std::string& note : row.mapping.notes()) out.push_back(fmt::format("{}: {}", row.where, note));
  }
  return out;
}

}  // namespace clasp::mapping
