// Log lines on stderr, as text or as one JSON object each. Any thread.
//
// Never waits for stderr: lines it does not take are counted, and the first line it takes again says how many are missing and why.
#pragma once

#include <memory>
#include <string_view>

#include "server/server_config.hpp"

namespace clasp::server {

class Log {
 public:
  Log(LogLevel level, bool json);
  ~Log();

  void debug(std::string_view line) { write(LogLevel::debug, line); }
  void info(std::string_view line) { write(LogLevel::info, line); }
  void warn(std::string_view line) { write(LogLevel::warn, line); }
  void error(std::string_view line) { write(LogLevel::error, line); }

 private:
  void write(LogLevel level, std::string_view line);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace clasp::server
