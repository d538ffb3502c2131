// What becomes of values that clients set, by address: the [[transform]] tables of the configuration (docs/transforms.md). The router's Transform
// hook.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "clasp/error.hpp"
#include "core/pattern.hpp"
#include "router/hooks.hpp"
#include "transform/transform.hpp"

namespace clasp::server {

// One table as it is written, and where.
struct TransformEntry {
  Value spec;
  std::string where;  // "show.toml:12: transform 1"
};

class TransformRules final : public router::Transform {
 public:
  // All or nothing; the error names place and member.
  static Result<TransformRules> compile(std::span<const TransformEntry> entries, const transform::LensLoader& lenses = {});
  TransformRules() = default;

  // The first entry with the address counts, and the next as well if it says "chain".
  router::Transformed transform(std::string_view address, SignalType signal, const ValueView& value, const Now& now) override;

  bool empty() const { return rules_.empty(); }
  std::vector<std::string> notes() const;

 private:
  enum class OnError : std::uint8_t { pass, drop, reject };
  struct Rule {
    Pattern address;
    transform::Transform transform;
    bool events = false;  // what is published, too
    bool chain = false;
    bool shared = false;  // one memory for all addresses
    OnError on_error = OnError::pass;
    std::string where;
  };
  static Result<Rule> compile(const TransformEntry& entry, const transform::LensLoader& lenses);

  std::vector<Rule> rules_;
};

}  // namespace clasp::server
