#include "cli/exit_code.hpp"

#include <algorithm>
#include <array>

namespace clasp::cli {

namespace {

struct Row {
  ErrorCode error;
  ExitCode exit;
};

// Every code that is not in here is a failed operation.
constexpr std::array rows{
    Row{ErrorCode::unauthorized, ExitCode::refused},
    Row{ErrorCode::forbidden, ExitCode::refused},
    Row{ErrorCode::token_expired, ExitCode::refused},
    Row{ErrorCode{303}, ExitCode::refused},
    Row{ErrorCode::refused, ExitCode::refused},
    Row{ErrorCode::timeout, ExitCode::timeout},
    Row{ErrorCode::connection_failed, ExitCode::connection_failed},
    Row{ErrorCode::not_connected, ExitCode::connection_failed},
    Row{ErrorCode::invalid_argument, ExitCode::usage},
    Row{ErrorCode::no_answer, ExitCode::timeout},
};
static_assert(std::ranges::is_sorted(rows, {}, &Row::error));

}  // namespace

ExitCode exit_code_of(ErrorCode code) {
  const auto* const row = std::ranges::find(rows, code, &Row::error);
  return row == rows.end() ? ExitCode::failed : row->exit;
}

ExitCode exit_code_of_connecting(ErrorCode code) {
  const ExitCode exit = exit_code_of(code);
  return exit == ExitCode::refused || exit == ExitCode::usage ? exit : ExitCode::connection_failed;
}

}  // namespace clasp::cli
