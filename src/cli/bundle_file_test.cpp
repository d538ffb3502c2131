#include "cli/bundle_file.hpp"

#include <gmock/gmock.h>

#include "core/json.hpp"

namespace clasp::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Kind = BundleEntry::Kind;

Value json(std::string_view text) { return parse_json(text).value(); }

TEST(BundleFile, HoldsSetsEventsAndStreamItemsInOrder) {
  const auto entries = parse_bundle(json(R"([{"set":["/a",1]},{"emit":["/b",{"x":2}]},{"emit":"/c"},{"emit":["/d"]},{"stream":["/e",0.5]}])"));
  ASSERT_TRUE(entries) << entries.error().message;
  EXPECT_THAT(*entries, ElementsAre(BundleEntry{Kind::set, "/a", 1}, BundleEntry{Kind::emit, "/b", Map{{"x", 2}}}, BundleEntry{Kind::emit, "/c", {}},
                                    BundleEntry{Kind::emit, "/d", {}}, BundleEntry{Kind::stream, "/e", 0.5}));
}

struct Bad {
  const char* name;
  const char* text;
  const char* message;
};

class BadBundle : public testing::TestWithParam<Bad> {};
TEST_P(BadBundle, IsRefusedWithThePlace) {
  const auto entries = parse_bundle(json(GetParam().text));
  ASSERT_FALSE(entries);
  EXPECT_THAT(entries.error().message, HasSubstr(GetParam().message));
}
INSTANTIATE_TEST_SUITE_P(Files, BadBundle,
                         testing::Values(Bad{"no_list", R"({"set":["/a",1]})", "expected a list"}, Bad{"empty", "[]", "empty"},
                                         Bad{"no_object", R"([{"set":["/a",1]},5])", "entry 2: expected an object"},
                                         Bad{"two_keys", R"([{"set":["/a",1],"emit":"/b"}])", "entry 1: expected an object with one key"},
                                         Bad{"unknown", R"([{"get":"/a"}])", "entry 1: unknown key \"get\""},
                                         Bad{"set_without_value", R"([{"set":["/a"]}])", "entry 1: \"set\" needs"},
                                         Bad{"set_text", R"([{"set":"/a"}])", "entry 1: \"set\" needs"},
                                         Bad{"stream_text", R"([{"stream":"/a"}])", "\"stream\" needs"},
                                         Bad{"three", R"([{"emit":["/a",1,2]}])", "\"emit\" needs"},
                                         Bad{"number", R"([{"emit":[1,2]}])", "\"emit\" needs"},
                                         Bad{"pattern", R"([{"emit":"/a"},{"emit":"/b"},{"set":["/a/*",1]}])", "entry 3: "},
                                         Bad{"address", R"([{"set":["a",1]}])", "entry 1: "}),
                         [](const auto& test) { return test.param.name; });

TEST(AnnouncementFile, DescribesSignals) {
  const auto announcement = parse_announcement(json(R"({"namespace":"/desk","signals":[
    {"address":"/desk/fader","type":"param","datatype":"f32","access":"rw","unit":"dB","range":[-60,12],"description":"main"},
    {"address":"/desk/go","type":"event","meta":{"unit":"s","range":[0,1],"description":"start"}}]})"));
  ASSERT_TRUE(announcement) << announcement.error().message;
  EXPECT_EQ(announcement->ns, "/desk");
  ASSERT_EQ(announcement->signals.size(), 2u);
  const SignalInfo& fader = announcement->signals[0];
  EXPECT_EQ(fader.address, "/desk/fader");
  EXPECT_EQ(fader.type, Signal::param);
  EXPECT_EQ(fader.datatype, "f32");
  EXPECT_EQ(fader.access, "rw");
  EXPECT_EQ(fader.unit, "dB");
  EXPECT_EQ(fader.range, std::pair(-60.0, 12.0));
  EXPECT_EQ(fader.description, "main");
  const SignalInfo& go = announcement->signals[1];
  EXPECT_EQ(go.type, Signal::event);
  EXPECT_EQ(go.unit, "s");
  EXPECT_EQ(go.range, std::pair(0.0, 1.0));
  EXPECT_EQ(go.description, "start");
}

class BadAnnouncement : public testing::TestWithParam<Bad> {};
TEST_P(BadAnnouncement, IsRefusedWithThePlace) {
  const auto announcement = parse_announcement(json(GetParam().text));
  ASSERT_FALSE(announcement);
  EXPECT_THAT(announcement.error().message, HasSubstr(GetParam().message));
}
INSTANTIATE_TEST_SUITE_P(
    Files, BadAnnouncement,
    testing::Values(Bad{"list", "[]", "expected an object"}, Bad{"no_namespace", R"({"signals":[]})", "\"namespace\""},
                    Bad{"namespace", R"({"namespace":7,"signals":[]})", "\"namespace\" must be a string"},
                    Bad{"no_signals", R"({"namespace":"/a"})", "\"signals\" must be a list"},
                    Bad{"signal", R"({"namespace":"/a","signals":[1]})", "signal 1: expected an object"},
                    Bad{"no_address", R"({"namespace":"/a","signals":[{"type":"param"}]})", "signal 1: "},
                    Bad{"no_type", R"({"namespace":"/a","signals":[{"address":"/a/b"}]})", "signal 1: \"type\" is \"\""},
                    Bad{"type", R"({"namespace":"/a","signals":[{"address":"/a/b","type":"event"},{"address":"/a/b","type":"knob"}]})",
                        "signal 2: \"type\" is \"knob\""},
                    Bad{"unit", R"({"namespace":"/a","signals":[{"address":"/a/b","type":"param","unit":1}]})", "\"unit\" must be a string"},
                    Bad{"meta", R"({"namespace":"/a","signals":[{"address":"/a/b","type":"param","meta":[]}]})", "\"meta\" must be an object"},
                    Bad{"range", R"({"namespace":"/a","signals":[{"address":"/a/b","type":"param","range":[1]}]})", "\"range\" must be [MIN, MAX]"},
                    Bad{"range_order", R"({"namespace":"/a","signals":[{"address":"/a/b","type":"param","range":[2,1]}]})", "the smaller first"}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace clasp::cli
