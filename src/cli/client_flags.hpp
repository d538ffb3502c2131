// The flags every command that talks to a router shares, and the connection they ask for.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "clasp/client.hpp"
#include "cli/arguments.hpp"

namespace clasp::cli {

struct ClientFlags {
  std::string url = "ws://localhost:7330";
  std::string token;
  std::string name = "clasp-cli";
  std::chrono::milliseconds timeout{5'000};
  bool json = false;
  bool quiet = false;
};

// Reads CLASP_URL, CLASP_TOKEN, CLASP_TIMEOUT and the arguments; `rows` are the command's own. Sets the console to --json and --quiet.
ReadArguments read_client_arguments(const Invocation& call, ClientFlags& flags, std::vector<options::Option> rows = {});

enum class Reconnect : bool { no, yes };

// A builder as the flags say: without a snapshot of everything on connecting, and without looking for the clock's offset unasked.
Client::Builder client_builder(const ClientFlags& flags, Reconnect reconnect);

// Result usage error if it is none: the router would only say the same later.
Result<void> check_literal(std::string_view address);
Result<void> check_pattern(std::string_view pattern);

// Waits until the router has handled what was sent before, so that its refusals have arrived: the answer to a PING comes behind them.
Result<void> settle(Client& client, std::chrono::milliseconds timeout);

}  // namespace clasp::cli
