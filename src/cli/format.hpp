// What commands print: lines for people, JSON objects for programs. The field names of the JSON are promised in the README.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clasp/client.hpp"

namespace clasp::cli {

std::string_view signal_name(Signal signal);  // "param"
std::optional<Signal> find_signal(std::string_view name);
std::string_view phase_name(Phase phase);  // "start"
std::optional<Phase> find_phase(std::string_view name);

std::string clock_text(std::uint64_t unix_us);  // "14:03:07.123" in local time

// "14:03:07.123 /lights/1/dim = 0.5 [param rev 3]"
std::string delivery_line(const Delivery& delivery, std::uint64_t received_us);
std::string delivery_json(const Delivery& delivery, std::uint64_t received_us);

std::string written_line(std::string_view address, const Value& value, std::uint64_t revision);  // "/a = 1 (rev 3)"
std::string written_json(std::string_view address, const Value& value, std::uint64_t revision);
std::string param_json(std::string_view address, const Param& param);

std::string signal_json(const SignalInfo& signal);
std::string signal_table(std::span<const SignalInfo> signals);  // with a head; columns nobody fills are left out

// Columns as wide as their widest cell, two blanks between them, none at the end of a line.
std::string align(const std::vector<std::vector<std::string>>& rows);

std::string duration_text(double seconds);  // "1d 02h 03m 04s", "12.3s"

}  // namespace clasp::cli
