// A lens as it is written down: one object of a --lenses file or one [[lens]] table (docs/lenses.md). Reading opens no file.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "clasp/error.hpp"
#include "clasp/value.hpp"
#include "core/message.hpp"
#include "core/pattern.hpp"
#include "lens/stage.hpp"

namespace clasp::lens {

struct LensTable {
  Value spec;
  std::string where;  // "lenses.json:3: lens 2"
};

enum class OnError : std::uint8_t { pass, drop, reject };

struct NativeStage {
  Value spec;  // of a transform (docs/transforms.md): what is built in needs no module
};
struct LensFileStage {
  std::string path;  // of a LensVM lens file, whose stages come in this one's place
  StageSpec common;
};
using StagePlan = std::variant<StageSpec, NativeStage, LensFileStage>;

struct LensPlan {
  Pattern address;
  std::vector<StagePlan> stages;
  TypeMask signals{1U << static_cast<unsigned>(SignalType::param)};
  OnError on_error = OnError::pass;
  bool null_ok = false;
  bool goes_on = false;  // "chain": true: what comes out goes to the next lens with the address
  BytesAs bytes = BytesAs::skip;
  std::string name;  // in logs and metrics
  std::string where;
  std::vector<std::string> notes;
};

// The error names the place and the member: "lenses.json:3: lens 2: /wasm: missing; …".
Result<LensPlan> read_lens(const LensTable& table);

// The stages of a LensVM lens file: {"lenses":[{"path":"file:///…","inverse":false,"arguments":{…}}]}. `common` is what they have beside that.
Result<std::vector<StageSpec>> read_lensvm_stages(const Value& document, const StageSpec& common, const std::string& where);

}  // namespace clasp::lens
