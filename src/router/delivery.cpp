#include "core/check.hpp"
#include "core/codec.hpp"
#include "router/sink.hpp"

namespace clasp::router {

Bytes Delivery::frame() const {
  if (!frame_.empty()) return frame_;
  const std::size_t start = scratch_->size();
  bool fits = false;
  if (kind == CommitKind::publish) {
    const Publish publish{.address = address, .signal = signal, .phase = phase, .value = value, .samples = samples, .timestamp = timestamp, .id = id, .rate = rate};
    fits = append_frame(*scratch_, publish, default_qos(signal));
  } else {
    const Set set{.address = address, .value = value.value_or(ValueView{}), .revision = revision, .ttl = ttl, .lock = lock, .unlock = unlock};
    fits = append_frame(*scratch_, set, Qos::confirm);
  }
  CLASP_CHECK(fits);  // what does not fit was refused on its way in
  frame_ = scratch_->view(start);
  return frame_;
}

}  // namespace clasp::router
