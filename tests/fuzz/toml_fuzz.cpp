// Any text as the server's configuration file: it ends with a configuration or with one line that names the file.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/address.hpp"
#include "core/check.hpp"
#include "server/server_config.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace clasp;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string> arguments{"--config", "show.toml"};
  const server::Environment environment{.variable = [](const char*) -> const char* { return nullptr; },
                                        .file = [&text](const std::string&) -> Result<std::string> { return text; }};
  const Result<server::ServerConfig> config = server::load_server_config(arguments, environment);
  if (config) return 0;
  const std::string& message = config.error().message;
  CLASP_CHECK(message.find("show.toml") != std::string::npos);
  CLASP_CHECK(message.find('\n') == std::string::npos);
  CLASP_CHECK(valid_utf8(message));
  return 0;
}
