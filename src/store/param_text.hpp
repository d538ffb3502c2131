// A param as JSON: what snapshots and the state file consist of (journal specification, sections 2.4 and 11). Keys beyond the reference's: "ttl" (seconds)
// with "ttl_mode", and "exact", the encoded value in base64 where JSON does not give it back.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "clasp/error.hpp"
#include "store/entry.hpp"

namespace clasp::store {

void append_param_text(const ParamImage& param, std::string& out);

// A JSON array of such params, in order. Views are valid during the call. An error names the param that is wrong; those before it have been visited.
// What reads like one of the reference is taken: writer, timestamp and revision may be missing.
Result<void> read_params_text(std::string_view json, const std::function<void(const ParamImage&)>& visit);

// {"params":[…]} of a state file, and what it says beside them. Other keys mean nothing.
struct StateMarks {
  std::uint64_t removed_revisions_max = 0;
  std::uint64_t unclean_starts = 1;  // nobody says that the last run ended as it should
  std::optional<std::uint64_t> raises;
};
Result<StateMarks> read_state_text(std::string_view json, const std::function<void(const ParamImage&)>& visit);

}  // namespace clasp::store
