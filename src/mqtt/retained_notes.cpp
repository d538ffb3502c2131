#include "mqtt/retained_notes.hpp"

namespace clasp::mqtt {

bool RetainedNotes::make_room(std::size_t bytes, const std::function<bool(std::string_view, std::uint64_t)>& is_current) {
  if (bytes_ + note_bytes + bytes <= bytes_max_) return true;
  for (auto at = notes_.begin(); at != notes_.end();) {
    if (is_current(at->first, at->second.revision)) {
      ++at;
      continue;
    }
    bytes_ -= cost(at->first, at->second);
    at = notes_.erase(at);
  }
  return bytes_ + note_bytes + bytes <= bytes_max_;
}

void RetainedNotes::put(std::string_view address, RetainedNote note) {
  forget(address);
  bytes_ += cost(address, note);
  notes_.emplace(address, std::move(note));
}

void RetainedNotes::forget(std::string_view address) {
  const auto at = notes_.find(address);
  if (at == notes_.end()) return;
  bytes_ -= cost(at->first, at->second);
  notes_.erase(at);
}

}  // namespace clasp::mqtt
