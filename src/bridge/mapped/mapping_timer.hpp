// Wakes a MappedLink when something is due.
#pragma once

#include <memory>

namespace clasp::io {
class IoLoop;
}

namespace clasp::bridge {

class MappedLink;

// Loop and link outlive it.
class MappingTimer {
 public:
  MappingTimer(io::IoLoop& loop, MappedLink& link);
  MappingTimer(const MappingTimer&) = delete;
  ~MappingTimer();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace clasp::bridge
