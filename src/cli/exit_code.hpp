// What the process returns, the same for every command. Scripts rely on these numbers.
#pragma once

#include "clasp/error.hpp"

namespace clasp::cli {

enum class ExitCode : int {
  ok = 0,
  failed = 1,             // the operation: not found, locked, revision conflict, a malformed file
  usage = 2,              // the command line
  connection_failed = 3,  // no router there, or it went away
  refused = 4,            // the router did not allow it: token or scope
  timeout = 5,            // connected, but no answer in time
  interrupted = 130,      // Ctrl-C before the answer
};

// For an error of a call on an open connection.
ExitCode exit_code_of(ErrorCode code);

// For an error of connecting: whatever is neither a refusal nor a bad URL means that there is no router.
ExitCode exit_code_of_connecting(ErrorCode code);

}  // namespace clasp::cli
