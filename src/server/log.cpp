#include "server/log.hpp"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>

#include "clasp/value.hpp"
#include "server/log_output.hpp"

namespace clasp::server {

namespace {

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return spdlog::level::debug;
    case LogLevel::info: return spdlog::level::info;
    case LogLevel::warn: return spdlog::level::warn;
    case LogLevel::error: break;
  }
  return spdlog::level::err;
}

class LineSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  int error = 0;  // of the last line

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    error = output_.write({line.data(), line.size()});
  }
  void flush_() override {}

  LogOutput output_{STDERR_FILENO};
};

}  // namespace

struct Log::Impl {
  std::mutex mutex;
  std::shared_ptr<LineSink> sink = std::make_shared<LineSink>();
  spdlog::logger logger{"clasp", sink};
  bool json = false;
  std::uint64_t missed = 0;  // lines since the last one that was written
  int reason = 0;            // why the first of them was not

  bool put(LogLevel level, std::string_view line) {
    if (json)
      logger.log(level_of(level), "{}", to_json(Value(line)));
    else
      logger.log(level_of(level), "{}", line);
    return sink->error == 0;
  }
  std::string missed_text() const {
    const char* why = reason == EAGAIN ? "whoever reads this did not keep up" : std::strerror(reason);
    return fmt::format("{} log lines are missing here: {}", missed, why);
  }
};

Log::Log(LogLevel level, bool json) : impl_(std::make_unique<Impl>()) {
  impl_->json = json;
  impl_->logger.set_level(level_of(level));
  impl_->logger.set_pattern(json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","message":%v})" : "%Y-%m-%d %H:%M:%S.%e %^%l%$ %v");
}

Log::~Log() = default;

void Log::write(LogLevel level, std::string_view line) {
  if (!impl_->logger.should_log(level_of(level))) return;
  const std::lock_guard lock{impl_->mutex};
  if (impl_->missed > 0 && impl_->put(LogLevel::error, impl_->missed_text())) impl_->missed = 0;
  if (impl_->missed == 0 && impl_->put(level, line)) return;
  if (impl_->missed++ == 0) impl_->reason = impl_->sink->error;
}

}  // namespace clasp::server
