// What is wrong with the arguments of a call, before anything is sent.
#pragma once

#include <optional>
#include <string_view>

#include "clasp/client.hpp"
#include "core/value_view.hpp"

namespace clasp::client {

std::optional<Error> find_fault(std::string_view address, const EncodedValue* value = nullptr);
std::optional<Error> find_fault(std::string_view address, const SetOptions& options);

}  // namespace clasp::client
