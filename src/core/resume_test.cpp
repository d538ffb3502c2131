#include "core/resume.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "core/codec.hpp"

namespace clasp::resume {
namespace {

const Secret secret{std::byte{0x00}, std::byte{0x01}, std::byte{0xfe}, std::byte{0xff}, std::byte{0x80}};

TEST(Resume, AClaimAndAnOfferComeBackAsTheyWere) {
  const Claim claim{.session = "2f1b", .secret = secret, .epoch = 0xfedc'ba98'7654'3210, .frames = 77};
  const Request request = read_request(EncodedValue(to_value(Request{.claim = claim})).view());
  EXPECT_FALSE(request.malformed);
  EXPECT_EQ(request.claim, claim);
  const Offer offer{.secret = secret, .epoch = 1, .window_ms = 60'000, .resumed = false, .frames = 0, .why = "unknown"};
  EXPECT_EQ(read_offer(EncodedValue(to_value(offer)).view()), offer);
}

TEST(Resume, WhoOnlyWantsToBeAbleToClaimsNothing) {
  for (const Value& wish : {Value(Map{}), Value(true)}) {
    const Request request = read_request(EncodedValue(wish).view());
    EXPECT_FALSE(request.malformed) << to_json(wish);
    EXPECT_FALSE(request.claim) << to_json(wish);
  }
}

TEST(Resume, WhatMakesNoSenseClaimsNothing) {
  const std::string good_secret(32, 'a');
  const auto claim = [&](const char* name, const Value& value) {
    Map entries{{"session", Value("s")}, {"secret", Value(good_secret)}, {"epoch", Value(std::string(16, '0'))}, {"frames", Value(1)}};
    for (auto& [entry_name, entry] : entries) {
      if (entry_name == name) entry = value;
    }
    return Value(std::move(entries));
  };
  ASSERT_FALSE(read_request(EncodedValue(claim("", Value())).view()).malformed);
  const std::vector<Value> hostile{Value(),
                                   Value(false),
                                   Value(1),
                                   Value("resume"),
                                   Value(Array{}),
                                   Value(Map{{"session", Value("s")}}),
                                   claim("session", Value(7)),
                                   claim("session", Value()),
                                   claim("secret", Value("")),
                                   claim("secret", Value(std::string(31, 'a'))),
                                   claim("secret", Value(std::string(33, 'a'))),
                                   claim("secret", Value(std::string(32, 'g'))),
                                   claim("secret", Value("-1" + std::string(30, 'a'))),
                                   claim("secret", Value(1)),
                                   claim("epoch", Value(5)),
                                   claim("epoch", Value("123")),
                                   claim("epoch", Value(std::string(17, '0'))),
                                   claim("epoch", Value("+" + std::string(15, '0'))),
                                   claim("frames", Value(-1)),
                                   claim("frames", Value(1.0)),
                                   claim("frames", Value("1")),
                                   claim("frames", Value())};
  for (const Value& value : hostile) {
    const Request request = read_request(EncodedValue(value).view());
    EXPECT_TRUE(request.malformed) << to_json(value);
    EXPECT_FALSE(request.claim) << to_json(value);
    EXPECT_FALSE(read_offer(EncodedValue(value).view())) << to_json(value);
  }
}

TEST(Resume, SecretsAreEqualOnlyInEveryByte) {
  for (std::size_t i = 0; i < secret.size(); ++i) {
    Secret other = secret;
    other[i] ^= std::byte{0x10};
    EXPECT_FALSE(same_secret(secret, other)) << i;
  }
  EXPECT_TRUE(same_secret(secret, Secret(secret)));
}

TEST(Resume, AMarkIsAFrameThatOldDecodersRefuse) {
  ByteBuffer out;
  append_mark(out, {.frames = 0x0102'0304'0506'0708, .leaving = true});
  const auto frame = decode_frame(out.view());
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->header.frame_bytes(), out.size());
  EXPECT_EQ(find_mark(frame->payload), (Mark{0x0102'0304'0506'0708, true}));
  Decoder decoder;
  EXPECT_FALSE(decoder.decode(frame->payload));
  for (std::size_t n = 0; n < frame->payload.size(); ++n)
    EXPECT_FALSE(find_mark(frame->payload.first(n))) << "accepted when cut after " << n << " bytes";
}

}  // namespace
}  // namespace clasp::resume
