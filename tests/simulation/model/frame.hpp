// Messages as plain data. Only the bytes are read by the product's decoder; what they mean is the model's own business.
//
// A frame that leaves the router becomes one line of text that holds all of it a client can see, so that "exactly this frame" is one comparison.
// Left out: the wording of errors (free), and the addresses in errors that had to be shortened or escaped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/message.hpp"

namespace clasp::simulation::model {

using Value = std::string;  // tag byte and data: equal exactly if the values are

Value value_of(const ValueView& view);
std::optional<double> number_in(const Value& value);
bool is_integer(const Value& value);
bool is_float(const Value& value);
std::int64_t integer_in(const Value& value);
double float_in(const Value& value);

struct Lifetime {
  enum class Kind : std::uint8_t { by_default, never, sliding, absolute } kind = Kind::by_default;
  std::uint32_t seconds = 0;
};

struct SetFields {
  std::string address;
  Value value;
  std::optional<std::uint64_t> expected;
  std::optional<Lifetime> ttl;
  bool lock = false;
  bool unlock = false;
};
SetFields fields_of(const Set& set);

struct PublishFields {
  std::string address;
  std::optional<SignalType> signal;
  GesturePhase phase = GesturePhase::start;
  std::optional<Value> value;
  std::optional<std::string> samples;
  std::optional<std::uint64_t> timestamp;
  std::optional<std::uint32_t> id;
  std::optional<std::uint32_t> rate;
  SignalType kind() const { return signal.value_or(SignalType::event); }
  // A slow link may not get all of these (contract 14).
  bool passing() const { return kind() == SignalType::stream || (kind() == SignalType::gesture && phase == GesturePhase::move); }
};
PublishFields fields_of(const Publish& publish);

std::string set_line(std::string_view address, const Value& value, std::uint64_t revision, std::optional<Lifetime> ttl = {}, bool lock = false,
                     bool unlock = false);
std::string publish_line(const PublishFields& publish);
std::string ack_line(std::optional<std::string> address, std::uint64_t revision, std::optional<bool> locked = {}, const std::string& holder = {});
std::string error_line(int code, std::string_view address = {});
std::string welcome_line(std::uint8_t features, std::uint64_t time, std::string_view name, bool snapshot_none);
std::string sync_line(std::uint64_t t1, std::uint64_t t2, std::uint64_t t3);
struct SignalFields {
  std::string address;
  SignalType type = SignalType::event;
  std::optional<std::string> datatype;
  std::optional<std::string> access;
};
std::string result_line(std::vector<SignalFields> signals);
std::string entry_line(std::string_view address, const Value& value, std::uint64_t revision, std::string_view writer, std::uint64_t time);

// A frame that left the router.
struct Frame {
  enum class Kind : std::uint8_t { set, publish, snapshot, welcome, notice, answer } kind = Kind::answer;  // notice: ERROR 503
  std::string line;
  std::string address;         // of a SET
  Value value;                 // of a SET
  std::uint64_t revision = 0;  // of a SET
  std::string session;         // of a WELCOME
  struct Entry {
    std::string address;
    Value value;
    std::uint64_t revision = 0;
    std::string line;
  };
  std::vector<Entry> entries;  // of a SNAPSHOT
};
Frame read_frame(const Message& message);

std::string shown(std::string_view line);  // for people: unprintable bytes escaped, shortened

}  // namespace clasp::simulation::model
