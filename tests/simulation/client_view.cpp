#include "client_view.hpp"

#include <fmt/format.h>

namespace clasp::simulation {

namespace {
constexpr std::size_t remembered_frames_max = 25;
}

std::optional<std::string> ClientView::hear(const std::shared_ptr<const model::Frame>& frame, bool past) {
  heard_.push_back(frame);
  if (heard_.size() > remembered_frames_max) heard_.pop_front();

  if (frame->kind == model::Frame::Kind::welcome) {  // revisions compare within one session (rule 30)
    welcomed_ = true;
    params_.clear();
    return std::nullopt;
  }
  if (!welcomed_) return frame->line.starts_with("ERROR") ? std::nullopt : std::optional("rule 5: before WELCOME came " + model::shown(frame->line));
  if (frame->kind == model::Frame::Kind::set && !past) return learn(frame->address, frame->revision, frame->value);
  for (const model::Frame::Entry& entry : frame->entries) {
    if (const auto fault = learn(entry.address, entry.revision, entry.value)) return fault;
  }
  return std::nullopt;
}

std::optional<std::string> ClientView::learn(const std::string& address, std::uint64_t revision, const model::Value& value) {
  Known& known = params_[address];
  if (revision < known.revision) return fmt::format("rule 7: {} fell from revision {} to {}", address, known.revision, revision);
  known = {revision, value};
  return std::nullopt;
}

const ClientView::Known* ClientView::find(const std::string& address) const {
  const auto found = params_.find(address);
  return found == params_.end() ? nullptr : &found->second;
}

std::string ClientView::tail() const {
  std::string out;
  for (const auto& frame : heard_) out += "\n    " + model::shown(frame->line);
  return out;
}

}  // namespace clasp::simulation
