#include "mqtt/payload.hpp"

#include <gtest/gtest.h>

#include <ostream>

namespace clasp::mqtt {
namespace {

struct Row {
  const char* title;
  std::string_view payload;
  const char* value;  // as JSON, bytes as {"$bytes": …}
  const char* back;   // nullptr: the payload itself
};
std::ostream& operator<<(std::ostream& out, const Row& row) { return out << row.title; }

class Payload : public testing::TestWithParam<Row> {};

TEST_P(Payload, IsReadAndWrittenAsTheSpecSays) {
  const Row& row = GetParam();
  ByteBuffer scratch;
  const ValueView value = payload_to_value(as_bytes(row.payload), scratch);
  EXPECT_EQ(to_json(to_value(value)), row.value);
  ByteBuffer back;
  append_payload(back, value);
  EXPECT_EQ(as_text(back.view()), row.back == nullptr ? row.payload : std::string_view(row.back));
  ByteBuffer compared;
  EXPECT_EQ(is_rendering_of(as_bytes(row.payload), value, compared), row.back == nullptr);
}

INSTANTIATE_TEST_SUITE_P(Spec, Payload,
                         testing::Values(Row{"Empty", "", "\"\"", nullptr},                                                     //
                                         Row{"Null", "null", "null", nullptr},                                                  //
                                         Row{"True", "true", "true", nullptr},                                                  //
                                         Row{"Integer", "42", "42", nullptr},                                                   //
                                         Row{"Negative", "-7", "-7", nullptr},                                                  //
                                         Row{"MinusZero", "-0", "0", "0"},                                                      //
                                         Row{"Largest", "9223372036854775807", "9223372036854775807", nullptr},                 //
                                         Row{"BeyondI64", "9223372036854775808", "9.223372036854776e+18", nullptr},             //
                                         Row{"Fraction", "0.7", "0.7", nullptr},                                                //
                                         Row{"TrailingZero", "22.50", "22.5", "22.5"},                                          //
                                         Row{"FloatingWhole", "1.0", "1.0", "1"},                                               //
                                         Row{"Exponent", "1e3", "1000.0", "1000"},                                              //
                                         Row{"Plus", "+5", "5.0", "5"},                                                         //
                                         Row{"PointFirst", ".5", "0.5", "0.5"},                                                 //
                                         Row{"PointLast", "5.", "5.0", "5"},                                                    //
                                         Row{"LeadingZero", "007", "7.0", "7"},                                                 //
                                         Row{"Blanks", " 42\n", "42", "42"},                                                    //
                                         Row{"NotANumber", "nan", "\"nan\"", nullptr},                                          //
                                         Row{"Infinity", "inf", "\"inf\"", nullptr},                                            //
                                         Row{"TooLarge", "1e400", "\"1e400\"", nullptr},                                        //
                                         Row{"Address", "1.2.3.4", "\"1.2.3.4\"", nullptr},                                     //
                                         Row{"Text", "on", "\"on\"", nullptr},                                                  //
                                         Row{"QuotedText", "\"on\"", "\"on\"", "on"},                                           //
                                         Row{"Array", "[1,2.5,\"x\"]", "[1,2.5,\"x\"]", nullptr},                               //
                                         Row{"Map", "{\"a\":{\"b\":null}}", "{\"a\":{\"b\":null}}", nullptr},                   //
                                         Row{"MapWithBlanks", "{\"a\": 1}", "{\"a\":1}", "{\"a\":1}"},                          //
                                         Row{"BytesInJson", "{\"$bytes\":\"AQH/\"}", "{\"$bytes\":\"AQH/\"}", "\x01\x01\xff"},  //
                                         Row{"BrokenJson", "{\"a\":", "\"{\\\"a\\\":\"", nullptr},                              //
                                         Row{"Deep", "[[[[[[[[1]]]]]]]]", "[[[[[[[[1]]]]]]]]", nullptr},                        //
                                         Row{"NotUtf8", "\xff\xfe", "{\"$bytes\":\"//4=\"}", nullptr}),
                         [](const auto& row) { return std::string(row.param.title); });

TEST(Payloads, WhatDoesNotFitAValueIsRepresentedByItsSize) {
  ByteBuffer scratch;
  EXPECT_EQ(to_json(to_value(payload_to_value(as_bytes(std::string(70'000, 'x')), scratch))), R"({"mqtt_payload_bytes":70000})");
  std::string array = "[0";
  for (int i = 0; i < 20'000; ++i) array += ",0";
  EXPECT_EQ(to_json(to_value(payload_to_value(as_bytes(array + "]"), scratch))), R"({"mqtt_payload_bytes":40003})");
}

TEST(Payloads, SamplesAreAnArray) {
  ByteBuffer samples;
  for (const double sample : {0.5, 2.0}) samples.u64(std::bit_cast<std::uint64_t>(sample));
  ByteBuffer out;
  append_samples(out, samples.view());
  EXPECT_EQ(as_text(out.view()), "[0.5,2]");
}

TEST(Payloads, BytesInsideContainersAreNumbers) {
  const EncodedValue value(Value(Array{Value(Blob{std::byte{1}, std::byte{255}})}));
  ByteBuffer out;
  append_payload(out, value.view());
  EXPECT_EQ(as_text(out.view()), "[[1,255]]");
}

}  // namespace
}  // namespace clasp::mqtt
