#include "cli/format.hpp"

#include <gmock/gmock.h>

#include <ctime>

#include "core/json.hpp"

namespace clasp::cli {
namespace {

using testing::EndsWith;
using testing::MatchesRegex;

constexpr std::uint64_t some_time_us = 1'764'070'001'023'456;

std::string without_time(const std::string& line) { return line.substr(line.find(' ') + 1); }

Delivery param(Value value) {
  return {.address = "/lights/1/dim", .value = std::move(value), .kind = DeliveryKind::set, .signal = Signal::param, .revision = 3};
}

TEST(Format, BeginsALineWithTheLocalTime) {
  setenv("TZ", "UTC-2", 1);
  tzset();
  EXPECT_EQ(clock_text(some_time_us), "13:26:41.023");
  setenv("TZ", "UTC", 1);
  tzset();
  EXPECT_EQ(delivery_line(param(0.5), some_time_us), "11:26:41.023 /lights/1/dim = 0.5 [param rev 3]");
}

TEST(Format, TellsEveryKindOfSignalApart) {
  Delivery event{.address = "/cue", .kind = DeliveryKind::publish, .signal = Signal::event};
  EXPECT_EQ(without_time(delivery_line(event, 0)), "/cue = null [event]");
  Delivery gesture{
      .address = "/pad", .value = Array{0.1, 1}, .kind = DeliveryKind::publish, .signal = Signal::gesture, .phase = Phase::end, .gesture_id = 7};
  EXPECT_EQ(without_time(delivery_line(gesture, 0)), "/pad = [0.1,1] [gesture end id 7]");
  Delivery stream{.address = "/eeg", .kind = DeliveryKind::publish, .signal = Signal::stream, .samples = {0.5, -1}, .rate_hz = 250};
  EXPECT_EQ(without_time(delivery_line(stream, 0)), "/eeg = [0.5,-1.0] [stream 250 Hz]");
  Delivery known = param("on");
  known.snapshot = true;
  EXPECT_EQ(without_time(delivery_line(known, 0)), "/lights/1/dim = \"on\" [param rev 3 snapshot]");
}

TEST(Format, ShowsControlCharactersOfAnAddressInsteadOfSendingThemToTheTerminal) {
  Delivery delivery = param(1);
  delivery.address = "/a\x1b[2J";
  EXPECT_EQ(without_time(delivery_line(delivery, 0)), R"(/a\x1b[2J = 1 [param rev 3])");
}

TEST(Format, KeepsTheFieldsOfItsJson) {
  EXPECT_EQ(delivery_json(param(0.5), some_time_us),
            R"({"time":1764070001023456,"address":"/lights/1/dim","kind":"set","signal":"param","snapshot":false,"value":0.5,"revision":3})");
  Delivery gesture{.address = "/pad",
                   .value = 1,
                   .kind = DeliveryKind::publish,
                   .signal = Signal::gesture,
                   .phase = Phase::move,
                   .gesture_id = 0,
                   .writer = "w",
                   .timestamp_us = 5};
  EXPECT_EQ(
      delivery_json(gesture, 1),
      R"({"time":1,"address":"/pad","kind":"publish","signal":"gesture","snapshot":false,"value":1,"phase":"move","id":0,"writer":"w","timestamp":5})");
  Delivery stream{.address = "/eeg", .kind = DeliveryKind::publish, .signal = Signal::stream, .samples = {0.5}, .rate_hz = 250};
  EXPECT_EQ(delivery_json(stream, 1),
            R"({"time":1,"address":"/eeg","kind":"publish","signal":"stream","snapshot":false,"value":null,"samples":[0.5],"rate_hz":250})");
}

TEST(Format, EveryJsonIsOneLineThatParses) {
  Delivery delivery = param("two\nlines \" \\ \x01");
  delivery.address = "/a\n";
  const std::string json = delivery_json(delivery, 1);
  EXPECT_EQ(json.find('\n'), std::string::npos);
  EXPECT_EQ(*parse_json(json)->find("value")->string(), "two\nlines \" \\ \x01");
}

TEST(Format, TellsWhatWasWritten) {
  EXPECT_EQ(written_line("/a", Map{{"x", 1}}, 9), R"(/a = {"x":1} (rev 9))");
  EXPECT_EQ(written_json("/a", "v", 9), R"({"address":"/a","value":"v","revision":9})");
  EXPECT_EQ(param_json("/a", {.value = 1, .revision = 2, .writer = "desk", .timestamp_us = 3}),
            R"({"address":"/a","value":1,"revision":2,"writer":"desk","timestamp":3})");
}

TEST(Format, AlignsTheTableOfSignals) {
  const std::vector<SignalInfo> signals{{.address = "/desk/fader",
                                         .type = Signal::param,
                                         .datatype = "f32",
                                         .access = "rw",
                                         .unit = "dB",
                                         .range = std::pair(-60.0, 12.0),
                                         .description = "main"},
                                        {.address = "/go", .type = Signal::event}};
  EXPECT_EQ(signal_table(signals),
            "ADDRESS      TYPE   DATATYPE  ACCESS  UNIT  RANGE    DESCRIPTION\n"
            "/desk/fader  param  f32       rw      dB    -60..12  main\n"
            "/go          event  -         -       -     -        -\n");
  EXPECT_EQ(signal_json(signals[0]),
            R"({"address":"/desk/fader","type":"param","datatype":"f32","access":"rw","unit":"dB","description":"main","range":[-60.0,12.0]})");
  EXPECT_EQ(signal_json(signals[1]), R"({"address":"/go","type":"event"})");
}

TEST(Format, WritesDurationsForPeople) {
  EXPECT_EQ(duration_text(0.25), "0.2s");
  EXPECT_EQ(duration_text(59.96), "60.0s");
  EXPECT_EQ(duration_text(61), "01m 01s");
  EXPECT_EQ(duration_text(3'661), "01h 01m 01s");
  EXPECT_EQ(duration_text(90'061), "1d 01h 01m 01s");
}

TEST(Format, FindsNamesAndNothingElse) {
  EXPECT_EQ(find_signal("timeline"), Signal::timeline);
  EXPECT_EQ(find_signal("Param"), std::nullopt);
  EXPECT_EQ(find_phase("cancel"), Phase::cancel);
  EXPECT_EQ(find_phase(""), std::nullopt);
}

}  // namespace
}  // namespace clasp::cli
