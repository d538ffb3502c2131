// What a client at the far end of its link believes: the promises that need no model to be checked (delivery contract 5, 7, 18).
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "model/frame.hpp"

namespace clasp::simulation {

class ClientView {
 public:
  struct Known {
    std::uint64_t revision = 0;
    model::Value value;
  };
  // `past`: an answer that tells of the past (history), where revisions may be old. A sentence if the frame breaks a promise.
  std::optional<std::string> hear(const std::shared_ptr<const model::Frame>& frame, bool past);
  bool welcomed() const { return welcomed_; }
  const Known* find(const std::string& address) const;
  std::string tail() const;  // the last frames it heard

 private:
  std::optional<std::string> learn(const std::string& address, std::uint64_t revision, const model::Value& value);

  bool welcomed_ = false;
  std::map<std::string, Known> params_;
  std::deque<std::shared_ptr<const model::Frame>> heard_;
};

}  // namespace clasp::simulation
