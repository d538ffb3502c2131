// Faults on purpose. FrameFaults stands at the router's way out, MessageFaults at its way in; see Fault.
#pragma once

#include <memory>
#include <vector>

#include "core/codec.hpp"
#include "model/frame.hpp"
#include "scenario.hpp"

namespace clasp::simulation {

// Reads every frame the router gives to a link, and breaks one of the whole run if it is told to.
class FrameFaults {
 public:
  explicit FrameFaults(Fault fault) : fault_(fault) {}

  using FramePtr = std::shared_ptr<const model::Frame>;
  struct Passed {
    std::vector<FramePtr> out;       // usually one
    bool replaces_previous = false;  // the first of `out` takes the place of the frame before
  };
  Passed pass(Bytes bytes, const FramePtr& previous);
  bool happened() const { return happened_; }

 private:
  FramePtr read(Bytes bytes);
  bool hits(const Message& message);

  Fault fault_;
  bool happened_ = false;
  int seen_ = 0;
  Decoder decoder_;
  std::vector<std::byte> last_bytes_;  // one commit gives the same frame to many
  FramePtr last_;
};

class MessageFaults {
 public:
  explicit MessageFaults(Fault fault) : fault_(fault) {}
  // What the router is told instead of `message`; `out` holds the frame.
  bool change(const Message& message, Qos qos, ByteBuffer& out);
  bool happened() const { return happened_; }

 private:
  bool change_set(Set& set);
  bool change_subscribe(Subscribe& subscribe);
  bool change_bundle(Bundle& bundle);

  Fault fault_;
  bool happened_ = false;
};

}  // namespace clasp::simulation
