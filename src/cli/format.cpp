#include "cli/format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>

#include "core/address.hpp"

namespace clasp::cli {

namespace {

// In the order of the enumerators.
constexpr std::array<std::string_view, 5> signal_names{"param", "event", "stream", "gesture", "timeline"};
constexpr std::array<std::string_view, 4> phase_names{"start", "move", "end", "cancel"};

template <typename Enum, std::size_t n>
std::optional<Enum> find_name(const std::array<std::string_view, n>& names, std::string_view name) {
  const auto* const found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

Value whole(std::uint64_t number) { return {static_cast<std::int64_t>(number)}; }

Array numbers(const std::vector<double>& samples) { return {samples.begin(), samples.end()}; }

std::string tag(const Delivery& delivery) {
  std::string text(signal_name(delivery.signal));
  if (delivery.signal == Signal::gesture) text += fmt::format(" {}", phase_name(delivery.phase));
  if (delivery.gesture_id) text += fmt::format(" id {}", *delivery.gesture_id);
  if (delivery.revision != 0) text += fmt::format(" rev {}", delivery.revision);
  if (delivery.rate_hz) text += fmt::format(" {} Hz", *delivery.rate_hz);
  if (delivery.snapshot) text += " snapshot";
  return text;
}

std::string cell(std::string_view text) { return text.empty() ? "-" : printable(text); }

}  // namespace

std::string_view signal_name(Signal signal) { return signal_names[static_cast<std::size_t>(signal)]; }
std::optional<Signal> find_signal(std::string_view name) { return find_name<Signal>(signal_names, name); }
std::string_view phase_name(Phase phase) { return phase_names[static_cast<std::size_t>(phase)]; }
std::optional<Phase> find_phase(std::string_view name) { return find_name<Phase>(phase_names, name); }

std::string clock_text(std::uint64_t unix_us) {
  const auto seconds = static_cast<std::time_t>(unix_us / 1'000'000);
  std::tm local{};
  localtime_r(&seconds, &local);
  return fmt::format("{:02}:{:02}:{:02}.{:03}", local.tm_hour, local.tm_min, local.tm_sec, unix_us / 1'000 % 1'000);
}

std::string delivery_line(const Delivery& delivery, std::uint64_t received_us) {
  const std::string value = to_json(delivery.samples.empty() ? delivery.value : Value(numbers(delivery.samples)));
  return fmt::format("{} {} = {} [{}]", clock_text(received_us), printable(delivery.address, 1'024), value, tag(delivery));
}

std::string delivery_json(const Delivery& delivery, std::uint64_t received_us) {
  Map object{{"time", whole(received_us)},
             {"address", delivery.address},
             {"kind", delivery.kind == DeliveryKind::set ? "set" : "publish"},
             {"signal", signal_name(delivery.signal)},
             {"snapshot", delivery.snapshot},
             {"value", delivery.value}};
  if (!delivery.samples.empty()) object.emplace_back("samples", numbers(delivery.samples));
  if (delivery.rate_hz) object.emplace_back("rate_hz", whole(*delivery.rate_hz));
  if (delivery.revision != 0) object.emplace_back("revision", whole(delivery.revision));
  if (delivery.signal == Signal::gesture) object.emplace_back("phase", phase_name(delivery.phase));
  if (delivery.gesture_id) object.emplace_back("id", whole(*delivery.gesture_id));
  if (!delivery.writer.empty()) object.emplace_back("writer", delivery.writer);
  if (delivery.timestamp_us) object.emplace_back("timestamp", whole(*delivery.timestamp_us));
  return to_json(Value(std::move(object)));
}

std::string written_line(std::string_view address, const Value& value, std::uint64_t revision) {
  return fmt::format("{} = {} (rev {})", printable(address, 1'024), to_json(value), revision);
}

std::string written_json(std::string_view address, const Value& value, std::uint64_t revision) {
  return to_json(Value(Map{{"address", address}, {"value", value}, {"revision", whole(revision)}}));
}

std::string param_json(std::string_view address, const Param& param) {
  Map object{{"address", address}, {"value", param.value}, {"revision", whole(param.revision)}};
  if (!param.writer.empty()) object.emplace_back("writer", param.writer);
  if (param.timestamp_us) object.emplace_back("timestamp", whole(*param.timestamp_us));
  return to_json(Value(std::move(object)));
}

std::string signal_json(const SignalInfo& signal) {
  Map object{{"address", signal.address}, {"type", signal_name(signal.type)}};
  const std::array<std::pair<const char*, const std::string*>, 4> texts{
      {{"datatype", &signal.datatype}, {"access", &signal.access}, {"unit", &signal.unit}, {"description", &signal.description}}};
  for (const auto& [name, text] : texts) {
    if (!text->empty()) object.emplace_back(name, *text);
  }
  if (signal.range) object.emplace_back("range", Array{signal.range->first, signal.range->second});
  return to_json(Value(std::move(object)));
}

std::string signal_table(std::span<const SignalInfo> signals) {
  std::vector<std::vector<std::string>> rows{{"ADDRESS", "TYPE", "DATATYPE", "ACCESS", "UNIT", "RANGE", "DESCRIPTION"}};
  for (const SignalInfo& signal : signals) {
    const std::string range = signal.range ? fmt::format("{}..{}", signal.range->first, signal.range->second) : "";
    rows.push_back({printable(signal.address, 1'024), std::string(signal_name(signal.type)), cell(signal.datatype), cell(signal.access),
                    cell(signal.unit), cell(range), cell(signal.description)});
  }
  return align(rows);
}

std::string align(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) text += i + 1 == row.size() ? row[i] : fmt::format("{:<{}}  ", row[i], widths[i]);
    text += '\n';
  }
  return text;
}

std::string duration_text(double seconds) {
  if (seconds < 60) return fmt::format("{:.1f}s", seconds);
  const auto total = static_cast<std::uint64_t>(seconds);
  const std::string clock = fmt::format("{:02}m {:02}s", total / 60 % 60, total % 60);
  if (total < 3'600) return clock;
  if (total < 86'400) return fmt::format("{:02}h {}", total / 3'600, clock);
  return fmt::format("{}d {:02}h {}", total / 86'400, total / 3'600 % 24, clock);
}

}  // namespace clasp::cli
