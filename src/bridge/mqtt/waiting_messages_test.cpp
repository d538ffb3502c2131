#include "bridge/mqtt/waiting_messages.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace clasp::bridge::mqtt {
namespace {

using testing::ElementsAre;

OutMessage param(std::string topic, std::string payload) { return {.topic = std::move(topic), .payload = std::move(payload)}; }
OutMessage event(std::string topic, std::string payload) { return {.topic = std::move(topic), .payload = std::move(payload), .is_param = false}; }

std::vector<std::string> drain(WaitingMessages& waiting) {
  std::vector<std::string> lines;
  while (!waiting.empty()) {
    const OutMessage message = waiting.pop();
    lines.push_back(message.topic + " " + message.payload);
  }
  EXPECT_EQ(waiting.bytes(), 0U);
  return lines;
}

TEST(WaitingMessages, OfAParamTheNewestWaitsAtThePlaceOfTheFirst) {
  const MqttLimits limits;
  WaitingMessages waiting(limits);
  waiting.push(param("a", "1"));
  waiting.push(event("go", "x"));
  waiting.push(param("b", "1"));
  waiting.push(param("a", "a value that is longer than any small string"));
  waiting.push(event("go", "y"));
  EXPECT_TRUE(waiting.has_param("a"));
  EXPECT_EQ(waiting.counters().replaced, 1U);
  EXPECT_THAT(drain(waiting), ElementsAre("a a value that is longer than any small string", "go x", "b 1", "go y"));
  EXPECT_FALSE(waiting.has_param("a"));
}

TEST(WaitingMessages, BeyondTheirNumberTheOldestEventIsDroppedAndCounted) {
  MqttLimits limits;
  limits.waiting_events_max = 2;
  limits.waiting_params_max = 2;
  WaitingMessages waiting(limits);
  waiting.push(param("p", "1"));
  for (const char* text : {"1", "2", "3", "4"}) waiting.push(event("e", text));
  waiting.push(param("q", "1"));
  waiting.push(param("r", "1"));  // one topic too many
  waiting.push(param("p", "2"));  // not a new one
  EXPECT_EQ(waiting.counters().events_dropped, 2U);
  EXPECT_EQ(waiting.counters().params_dropped, 1U);
  EXPECT_THAT(drain(waiting), ElementsAre("p 2", "e 3", "e 4", "q 1"));
}

TEST(WaitingMessages, BytesAreBoundedAndEventsGoBeforeParams) {
  MqttLimits limits;
  limits.waiting_bytes_max = 4'000;
  WaitingMessages waiting(limits);
  const std::string kilobyte(1'000, 'x');
  waiting.push(event("e", kilobyte));
  waiting.push(param("p", kilobyte));
  waiting.push(event("f", kilobyte));
  waiting.push(param("q", kilobyte));  // for which the first event has to go
  EXPECT_EQ(waiting.counters().events_dropped, 1U);
  waiting.push(param("r", kilobyte));  // and the second
  EXPECT_EQ(waiting.counters().events_dropped, 2U);
  waiting.push(param("s", kilobyte));  // nothing can go any more
  EXPECT_EQ(waiting.counters().params_dropped, 1U);
  waiting.push(event("huge", std::string(5'000, 'x')));
  EXPECT_EQ(waiting.counters().events_dropped, 3U);
  EXPECT_LE(waiting.bytes(), limits.waiting_bytes_max);
  EXPECT_EQ(drain(waiting).size(), 3U);
}

TEST(WaitingMessages, WhatComesBackIsFirstUnlessThereIsSomethingNewer) {
  const MqttLimits limits;
  WaitingMessages waiting(limits);
  waiting.push(param("a", "new"));
  waiting.push_front(event("e", "x"));
  waiting.push_front(param("a", "old"));
  waiting.push_front(param("b", "old"));
  EXPECT_THAT(drain(waiting), ElementsAre("b old", "e x", "a new"));
}

}  // namespace
}  // namespace clasp::bridge::mqtt
