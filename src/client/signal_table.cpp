#include "client/signal_table.hpp"

namespace clasp::client {

SignalInfo to_signal_info(const SignalDefinition& definition) {
  SignalInfo info;
  info.address = definition.address;
  info.type = static_cast<Signal>(definition.type);
  info.datatype = definition.datatype.value_or(std::string_view{});
  info.access = definition.access.value_or(std::string_view{});
  if (definition.meta) {
    info.unit = definition.meta->unit.value_or(std::string_view{});
    info.range = definition.meta->range;
    info.description = definition.meta->description.value_or(std::string_view{});
  }
  return info;
}

}  // namespace clasp::client
