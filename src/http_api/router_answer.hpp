// What the router said to one request.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "clasp/error.hpp"
#include "core/time.hpp"

namespace clasp::http_api {

// Filled while the router is called, or later if the answer waits for the disk, or for another router.
struct RouterAnswer {
  std::optional<Error> error;
  bool acked = false;
  std::optional<std::uint64_t> revision;  // of the ACK, or of the param
  std::optional<std::string> value;       // of the param, as JSON
  std::optional<UnixTime> time;

  bool settled() const { return error || acked; }
};

}  // namespace clasp::http_api
