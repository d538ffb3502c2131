#include "server/state_keeper.hpp"

#include <fmt/format.h>

#include "store/router_restore.hpp"

namespace clasp::server {
namespace {

constexpr std::size_t collected_a_turn = 4'000;  // a few milliseconds. So many are of one moment; of more, each is of its own (docs/journal.md)

store::ParamImage image_of(const router::Router::ParamView& param) {
  return {.address = param.address, .value = param.value, .revision = param.revision, .writer = param.writer, .time = param.time, .ttl = param.ttl};
}

}  // namespace

StateKeeper::StateKeeper(const JournalConfig& config, router::Router& router, net::EventLoop& loop, std::function<void(std::string_view)> info,
                         std::function<void(std::string_view)> warn)
    : config_(config), router_(router), loop_(loop), info_(std::move(info)), warn_(std::move(warn)) {}

Result<std::uint64_t> StateKeeper::start(const Now& now) {
  if (config_.state_path.empty()) return std::uint64_t{0};
  auto lock = store::FileLock::take(config_.state_path);
  if (!lock) return lock.error();
  store::RouterRestore restored(router_, now);
  const auto read = store::read_state_file(config_.state_path, restored);
  if (!read) return read.error();
  lock_ = std::move(*lock);
  for (const std::string& note : read->notes) warn_(note);
  if (restored.refused() != 0) warn_(fmt::format("{}: {} params were not restored: {}", config_.state_path, restored.refused(), restored.first_refusal()));
  info_(fmt::format("state file {}: {} params restored", config_.state_path, read->params));
  unclean_starts_ = read->unclean_starts;
  raises_ = read->raises;
  if (raises_ != 0 && config_.path.empty()) router_.raise_revisions(raises_);  // contract 30
  // Before anybody is answered: whatever ends this run, the next one knows that there was one.
  if (const auto marked = store::write_state_file(config_.state_path, text_of_all(unclean_starts_ + 1)); !marked) {
    fault_ = fmt::format("the state was not kept: {}", marked.error().message);
    warn_(fault_);
  }
  written_seq_ = router_.last_seq();
  writer_ = std::make_unique<store::StateWriter>(config_.state_path, [this](Result<void> result) {
    loop_.post([this, result = std::move(result)] { written(result); });
  });
  if (config_.state_interval.count() != 0) due_ = now.steady + Micros(config_.state_interval);
  return read->params;
}

// At once: nobody is served yet, or any more.
std::string StateKeeper::text_of_all(std::uint64_t unclean_starts) const {
  store::StateText text;
  router_.walk({}, [&](const router::Router::ParamView& param) {
    text.add(image_of(param));
    return true;
  });
  return text.finish(router_.removed_revisions_max(), unclean_starts, raises_);
}

StateKeeper::~StateKeeper() {
  if (!writer_) return;
  writer_->wait();
  const auto done = store::write_state_file(config_.state_path, text_of_all(0));
  if (!done) warn_(fmt::format("the state was not kept: {}", done.error().message));
}

bool StateKeeper::end_turn(const Now& now) {
  if (!writer_ || !due_) return false;
  if (!text_) {
    if (now.steady < *due_) return false;
    due_ = now.steady + Micros(config_.state_interval);
    if (writing_ || (router_.last_seq() == written_seq_ && fault_.empty())) return false;  // the disk is slow, or nothing has changed
    text_.emplace();
    collected_.clear();
    written_seq_ = router_.last_seq();
  }
  std::size_t count = 0;
  const bool all = router_.walk(collected_, [&](const router::Router::ParamView& param) {
    text_->add(image_of(param));
    collected_.assign(param.address);
    return ++count < collected_a_turn;
  });
  if (!all) return true;
  writing_ = true;
  writer_->write(text_->finish(router_.removed_revisions_max(), unclean_starts_ + 1, raises_));
  text_.reset();
  return false;
}

void StateKeeper::written(const Result<void>& result) {
  writing_ = false;
  const std::string before = std::exchange(fault_, result ? std::string() : fmt::format("the state was not kept: {}", result.error().message));
  if (!fault_.empty() && fault_ != before) warn_(fault_);
  if (fault_.empty() && !before.empty()) info_("the state is kept again");
}

}  // namespace clasp::server
