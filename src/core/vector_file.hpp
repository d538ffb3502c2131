// For tests: rows of tests/data/wire.json as parameters of a test suite. The file's "conventions" say how values are written.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cctype>
#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "clasp/value.hpp"

namespace clasp::test {

using Json = nlohmann::json;

// One row; `index` tells rows without a name apart.
struct VectorRow {
  std::size_t index = 0;
  Json json;
  friend void PrintTo(const VectorRow& row, std::ostream* out) { *out << row.json.dump(); }
};

inline std::vector<VectorRow> load_vectors(const char* section) {
  std::ifstream file(std::string(CLASP_TEST_DATA) + "/wire.json");
  const Json rows = Json::parse(file).at(section);
  std::vector<VectorRow> out;
  for (const Json& row : rows) out.push_back({.index = out.size(), .json = row});
  if (out.empty()) throw std::runtime_error("no vectors");
  return out;
}

// "timeline/easing/linear" → "timeline_easing_linear"; rows without a name get their number.
inline std::string row_name(const testing::TestParamInfo<VectorRow>& info) {
  std::string name = info.param.json.value("name", "row_" + std::to_string(info.param.index));
  for (char& c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
}

inline Value value_of(const Json& json) {
  if (json.is_null()) return {};
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_string()) return json.get<std::string>();
  if (json.is_array()) {
    Array items;
    for (const Json& item : json) items.push_back(value_of(item));
    return items;
  }
  if (json.contains("int")) return std::int64_t{std::stoll(json.at("int").get<std::string>())};
  if (json.contains("bits")) return std::bit_cast<double>(std::uint64_t{std::stoull(json.at("bits").get<std::string>(), nullptr, 16)});
  if (json.contains("bytes")) {
    const auto hex = json.at("bytes").get<std::string>();
    Blob bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) bytes.push_back(static_cast<std::byte>(std::stoul(hex.substr(i, 2), nullptr, 16)));
    return bytes;
  }
  Map entries;
  for (const Json& entry : json.at("map")) entries.emplace_back(entry.at(0).get<std::string>(), value_of(entry.at(1)));
  return entries;
}

}  // namespace clasp::test
