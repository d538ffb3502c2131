#include "cli/exit_code.hpp"

#include <gtest/gtest.h>

namespace clasp::cli {
namespace {

struct Case {
  const char* name;
  int error;
  ExitCode on_a_connection;
  ExitCode while_connecting;
};

class ExitCodeOf : public testing::TestWithParam<Case> {};

TEST_P(ExitCodeOf, IsWhatScriptsRelyOn) {
  const Case& c = GetParam();
  EXPECT_EQ(exit_code_of(static_cast<ErrorCode>(c.error)), c.on_a_connection);
  EXPECT_EQ(exit_code_of_connecting(static_cast<ErrorCode>(c.error)), c.while_connecting);
}

using enum ExitCode;
INSTANTIATE_TEST_SUITE_P(Errors, ExitCodeOf,
                         testing::Values(Case{"unauthorized", 300, refused, refused}, Case{"forbidden", 301, refused, refused},
                                         Case{"expired", 302, refused, refused}, Case{"code303", 303, refused, refused},
                                         Case{"refused", 403, refused, refused}, Case{"revision_conflict", 400, failed, ExitCode::connection_failed},
                                         Case{"lock_held", 401, failed, ExitCode::connection_failed},
                                         Case{"not_found", 404, failed, ExitCode::connection_failed},
                                         Case{"too_many", 429, failed, ExitCode::connection_failed},
                                         Case{"invalid_frame", 100, failed, ExitCode::connection_failed},
                                         Case{"timeout", 502, ExitCode::timeout, ExitCode::connection_failed},
                                         Case{"no_answer", 904, ExitCode::timeout, ExitCode::connection_failed},
                                         Case{"connection_failed", 900, ExitCode::connection_failed, ExitCode::connection_failed},
                                         Case{"not_connected", 901, ExitCode::connection_failed, ExitCode::connection_failed},
                                         Case{"bad_url", 903, usage, usage}, Case{"unknown", 777, failed, ExitCode::connection_failed}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace clasp::cli
