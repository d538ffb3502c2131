// The run functions of the commands, one file per family; main.cpp puts them into the table.
#pragma once

#include "cli/command.hpp"

namespace clasp::cli {

// param_commands.cpp
ExitCode run_set(const Invocation& call);
ExitCode run_get(const Invocation& call);
// lock_commands.cpp
ExitCode run_lock(const Invocation& call);
ExitCode run_unlock(const Invocation& call);
// publish_commands.cpp
ExitCode run_emit(const Invocation& call);
ExitCode run_stream(const Invocation& call);
ExitCode run_gesture(const Invocation& call);
ExitCode run_timeline(const Invocation& call);
// bundle_command.cpp
ExitCode run_bundle(const Invocation& call);
// watch_command.cpp, monitor_command.cpp
ExitCode run_watch(const Invocation& call);
ExitCode run_monitor(const Invocation& call);
// signal_commands.cpp
ExitCode run_query(const Invocation& call);
ExitCode run_announce(const Invocation& call);
// ping_command.cpp, status_command.cpp, info_commands.cpp
ExitCode run_ping(const Invocation& call);
ExitCode run_status(const Invocation& call);
ExitCode run_info(const Invocation& call);
ExitCode run_version(const Invocation& call);
// completion_command.cpp
ExitCode run_completion(const Invocation& call);
// protocol_command.cpp, bridge_command.cpp
ExitCode run_protocol(const Invocation& call);
ExitCode run_bridge_command(const Invocation& call);
// journal_command.cpp
ExitCode run_journal(const Invocation& call);
// map_command.cpp, transform_command.cpp
ExitCode run_map(const Invocation& call);
ExitCode run_transform(const Invocation& call);
// rules_command.cpp
ExitCode run_rules(const Invocation& call);
// lens_command.cpp
ExitCode run_lens(const Invocation& call);

}  // namespace clasp::cli
