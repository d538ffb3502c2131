#include "store/param_text.hpp"

#include <fmt/format.h>

#include "core/base64.hpp"
#include "core/json.hpp"
#include "store/value_text.hpp"

namespace clasp::store {
namespace {

constexpr std::string_view ttl_modes[] = {"never", "sliding", "absolute"};

std::uint64_t count_of(const Value* value) {
  if (value == nullptr) return 0;
  if (const auto* integer = value->integer()) return *integer < 0 ? 0 : static_cast<std::uint64_t>(*integer);
  const auto number = value->as_number();
  return number && *number > 0 ? static_cast<std::uint64_t>(*number < 1.8e19 ? *number : 1.8e19) : 0;
}

std::string_view text_of(const Value* value) {
  const std::string* text = value != nullptr ? value->string() : nullptr;
  return text != nullptr ? std::string_view(*text) : std::string_view{};
}

}  // namespace

void append_param_text(const ParamImage& param, std::string& out) {
  out += R"({"address":)";
  append_json_string(param.address, out);
  out += R"(,"value":)";
  const bool survives = append_value_text(param.value, out);
  fmt::format_to(std::back_inserter(out), R"(,"revision":{},"writer":)", param.revision);
  append_json_string(param.writer, out);
  fmt::format_to(std::back_inserter(out), R"(,"timestamp":{})", param.time.us);
  if (param.ttl) fmt::format_to(std::back_inserter(out), R"(,"ttl":{},"ttl_mode":"{}")", param.ttl->seconds, ttl_modes[static_cast<std::size_t>(param.ttl->mode)]);
  if (!survives) {
    ByteBuffer exact;
    append_exact_bytes(param.value, exact);
    fmt::format_to(std::back_inserter(out), R"(,"exact":"{}")", base64_encode(exact.view()));
  }
  out += '}';
}

namespace {

Result<void> read_params(const Value* list, const std::function<void(const ParamImage&)>& visit) {
  const Array* params = list != nullptr ? list->array() : nullptr;
  if (params == nullptr) return Error{ErrorCode::invalid_value, "expected an array of params", {}};
  ByteBuffer encoded;
  ByteBuffer scratch;
  for (std::size_t i = 0; i < params->size(); ++i) {
    const Value& row = (*params)[i];
    const auto bad = [i](std::string_view why) { return Error{ErrorCode::invalid_value, fmt::format("param {}: {}", i + 1, why), {}}; };
    const Value* value = row.find("value");
    const std::string_view address = text_of(row.find("address"));
    if (row.map() == nullptr || address.empty()) return bad("it has no address");
    if (value == nullptr) return bad("it has no value");
    encoded.clear();
    scratch.clear();
    std::optional<ValueView> view;
    if (const std::string_view exact = text_of(row.find("exact")); !exact.empty()) {
      const auto bytes = base64_decode(exact);
      if (bytes) encoded.append({reinterpret_cast<const std::byte*>(bytes->data()), bytes->size()});
      if (bytes) view = read_exact_bytes(encoded.view(), scratch);
    } else if (encode_value(*value, encoded)) {
      view = ValueView{static_cast<ValueTag>(encoded.data()[0]), encoded.view(1)};
    }
    if (!view) return bad("its value cannot be read");
    ParamImage param{.address = address, .value = *view, .revision = count_of(row.find("revision")), .writer = text_of(row.find("writer")),
                     .time = {count_of(row.find("timestamp"))}};
    if (const std::string_view mode = text_of(row.find("ttl_mode")); !mode.empty()) {
      for (std::size_t m = 0; m < std::size(ttl_modes); ++m) {
        if (mode == ttl_modes[m]) param.ttl = Ttl{static_cast<Ttl::Mode>(m), static_cast<std::uint32_t>(count_of(row.find("ttl")))};
      }
    }
    visit(param);
  }
  return {};
}

}  // namespace

Result<void> read_params_text(std::string_view json, const std::function<void(const ParamImage&)>& visit) {
  const auto parsed = parse_json(json);
  if (!parsed) return parsed.error();
  return read_params(&*parsed, visit);
}

Result<StateMarks> read_state_text(std::string_view json, const std::function<void(const ParamImage&)>& visit) {
  const auto parsed = parse_json(json);
  if (!parsed) return parsed.error();
  if (const auto read = read_params(parsed->find("params"), visit); !read) return read.error();
  const Value* starts = parsed->find("unclean_starts");
  const Value* raises = parsed->find("raises");
  return StateMarks{.removed_revisions_max = count_of(parsed->find("removed_revisions_max")),
                    .unclean_starts = starts != nullptr ? count_of(starts) : 1,
                    .raises = raises != nullptr ? std::optional(count_of(raises)) : std::nullopt};
}

}  // namespace clasp::store
