#include "server/log.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "clasp/value.hpp"

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
}  // namespace

struct Log::Impl {
  spdlog::logger logger{"clasp", std::make_shared<spdlog::sinks::stderr_sink_mt>()};
  bool json = false;
};

Log::Log(LogLevel level, bool json) : impl_(std::make_unique<Impl>()) {
  impl_->json = json;
  impl_->logger.set_level(level_of(level));
  impl_->logger.set_pattern(json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","message":%v})" : "%Y-%m-%d %H:%M:%S.%e %^%l%$ %v");
  impl_->logger.flush_on(spdlog::level::debug);
}

Log::~Log() = default;

void Log::write(LogLevel level, std::string_view line) {
  if (!impl_->logger.should_log(level_of(level))) return;
  if (impl_->json) impl_->logger.log(level_of(level), "{}", to_json(Value(line)));
  else impl_->logger.log(level_of(level), "{}", line);
}

}  // namespace clasp::server
