// The state machine of one param against the vectors of the wire format, section 13. Three rows record faults of the reference; there the wire
// format's section 22.7 wins, and the table below says what we expect instead and why.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "router/param_store.hpp"
#include "router/param_values_testing.hpp"

namespace clasp::router {
namespace {

using Json = nlohmann::json;

struct Correction {
  std::string_view vector;
  std::size_t step;  // from 1
  std::string_view result;
  std::string_view state;
  std::string_view reason;
};

constexpr Correction corrections[] = {
    {"state/unlock-by-non-holder-writes-anyway", 2, "LockHeld { holder: \"A\" }", "2 rev=2 by A locked by A", "unlock by a non-holder is refused"},
    {"state/unlock-by-non-holder-writes-anyway", 3, "LockHeld { holder: \"A\" }", "2 rev=2 by A locked by A", "follows from step 2"},
    {"state/max-rejected-but-lock-released", 2, "ConflictRejected", "5 rev=2 by A locked by A", "a losing write changes nothing, the lock included"},
    {"state/max-rejected-but-lock-released", 3, "LockHeld { holder: \"A\" }", "5 rev=2 by A locked by A", "follows from step 2"},
    {"state/lock-strategy", 4, "LockHeld { holder: \"A\" }", "3 rev=3 by A locked by A", "the lock is checked before the strategy, unlock or not"},
};

const Correction* find_correction(std::string_view vector, std::size_t step) {
  for (const Correction& row : corrections) {
    if (row.vector == vector && row.step == step) return &row;
  }
  return nullptr;
}

TestValue value_of(const Json& json) {
  if (json.is_null()) return {};
  if (json.is_string()) return TestValue(json.get<std::string>());
  if (json.contains("int")) return TestValue(std::int64_t{std::stoll(json.at("int").get<std::string>())});
  return TestValue(std::bit_cast<double>(std::uint64_t{std::stoull(json.at("bits").get<std::string>(), nullptr, 16)}));
}

Revision revision_of(const Json& json) { return std::stoull(json.get<std::string>()); }

ConflictStrategy strategy_of(const std::string& name) {
  static const std::map<std::string, ConflictStrategy> strategies{{"lww", ConflictStrategy::lww},
                                                                  {"max", ConflictStrategy::max},
                                                                  {"min", ConflictStrategy::min},
                                                                  {"lock", ConflictStrategy::lock},
                                                                  {"merge", ConflictStrategy::merge}};
  return strategies.at(name);
}

// "A" is session and writer 1, "B" 2 …
std::uint32_t number_of(const Json& writer) { return static_cast<std::uint32_t>(writer.get<std::string>().at(0) - 'A' + 1); }
std::string name_of(std::uint64_t number) { return std::string(1, static_cast<char>('A' + number - 1)); }

std::string apply(ParamStore& store, std::string_view address, const Json& step, ConflictStrategy strategy) {
  const TestValue value = value_of(step.at("value"));
  const std::uint32_t writer = number_of(step.at("writer"));
  ParamWrite write{.address = address, .value = value.view(), .session = SessionId{writer}, .writer = WriterId{writer}};
  if (step.contains("revision")) write.expected = revision_of(step.at("revision"));
  write.lock = step.value("lock", false);
  write.unlock = step.value("unlock", false);
  if (const auto refused = store.check(write, store.place(write.address))) {
    if (refused->why == Refusal::revision_conflict)
      return fmt::format("RevisionConflict {{ expected: {}, actual: {} }}", refused->expected, refused->actual);
    return fmt::format("LockHeld {{ holder: \"{}\" }}", name_of(static_cast<std::uint64_t>(refused->holder)));
  }
  const Written written = store.write(write, 1, UnixTime{1}, SteadyTime{1}, strategy);
  return written.lost ? "ConflictRejected" : fmt::format("{}", written.revision);
}

std::string state_of(const ParamRecord& record) {
  std::string text = fmt::format("{} rev={} by {}", show(record.value), record.revision, name_of(static_cast<std::uint32_t>(record.writer)));
  if (record.lock_holder != nobody) text += fmt::format(" locked by {}", name_of(static_cast<std::uint64_t>(record.lock_holder)));
  return text;
}

std::string expected_result(const Json& result) {
  return result.contains("ok") ? result.at("ok").get<std::string>() : result.at("error").get<std::string>();
}

// As state_of(); rows of `store` don't tell value and writer.
std::string expected_state(const Json& after, const std::string& value, const std::string& writer) {
  std::string text = fmt::format("{} rev={} by {}", value, after.at("revision").get<std::string>(), writer);
  if (!after.at("lock_holder").is_null()) text += fmt::format(" locked by {}", after.at("lock_holder").get<std::string>());
  return text;
}

const Json& vectors() {
  static const Json json = Json::parse(std::ifstream(CLASP_TEST_DATA "/wire.json"));
  return json;
}

std::vector<Json> rows(const char* section) { return vectors().at(section).get<std::vector<Json>>(); }

std::string test_name(const testing::TestParamInfo<Json>& info) {
  std::string name = info.param.at("name").get<std::string>();
  for (char& c : name) {
    if (c == '/' || c == '-') c = '_';
  }
  return name;
}

class StateVector : public testing::TestWithParam<Json> {};

TEST_P(StateVector, IsWhatTheStoreDoes) {
  const Json& vector = GetParam();
  const std::string name = vector.at("name").get<std::string>();
  const ConflictStrategy strategy = strategy_of(vector.at("strategy").get<std::string>());
  ParamStore store({});
  ASSERT_EQ(apply(store, "/p", vector.at("initial"), strategy), vector.at("initial").at("revision").get<std::string>());

  std::size_t number = 0;
  for (const Json& step : vector.at("steps")) {
    ++number;
    const Json& after = step.at("after");
    std::string result = expected_result(after.at("result"));
    std::string state = expected_state(after, show(value_of(after.at("value")).view()), after.at("writer").get<std::string>());
    std::string_view reason = "as the vector says";
    if (const Correction* correction = find_correction(name, number)) {
      EXPECT_FALSE(result == correction->result && state == correction->state) << "the vector needs no correction any more";
      result = correction->result;
      state = correction->state;
      reason = correction->reason;
    }
    EXPECT_EQ(apply(store, "/p", step, strategy), result) << "step " << number << ": " << reason;
    EXPECT_EQ(state_of(store.find_record("/p").value()), state) << "step " << number << ": " << reason;
  }
}

INSTANTIATE_TEST_SUITE_P(Spec, StateVector, testing::ValuesIn(rows("state")), test_name);

class StoreVector : public testing::TestWithParam<Json> {};

TEST_P(StoreVector, IsWhatTheStoreDoes) {
  ParamStore store({});
  std::string value;
  std::string writer;
  for (const Json& step : GetParam().at("steps")) {
    const Json& after = step.at("after");
    const std::string address = step.at("address").get<std::string>();
    EXPECT_EQ(apply(store, address, step, ConflictStrategy::lww), expected_result(after.at("result")));
    if (after.at("result").contains("ok")) {
      value = show(value_of(step.at("value")).view());
      writer = step.at("writer").get<std::string>();
    }
    EXPECT_EQ(state_of(store.find_record(address).value()), expected_state(after, value, writer));
  }
}

INSTANTIATE_TEST_SUITE_P(Spec, StoreVector, testing::ValuesIn(rows("store")), test_name);

TEST(StateVectors, EveryCorrectionNamesAStepThatExists) {
  for (const Correction& correction : corrections) {
    bool found = false;
    for (const Json& vector : vectors().at("state")) {
      found = found || (vector.at("name") == correction.vector && correction.step <= vector.at("steps").size());
    }
    EXPECT_TRUE(found) << correction.vector;
  }
}

}  // namespace
}  // namespace clasp::router
