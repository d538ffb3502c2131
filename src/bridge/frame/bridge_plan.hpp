// A bridge to be: what rows have said about it, whether they stood in `clasp osc …`, `clasp bridge osc …`, `clasp server --osc …` or a [[bridge]]
// table. A protocol's plan adds its own rows and makes the bridge.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/frame/bridge.hpp"
#include "bridge/namespace_map.hpp"
#include "mapping/mapping_source.hpp"
#include "options/option_set.hpp"

namespace clasp::bridge {

class BridgePlan {
 public:
  virtual ~BridgePlan() = default;
  BridgePlan(const BridgePlan&) = delete;

  std::string_view protocol() const { return protocol_; }
  const std::string& name() const { return name_; }  // in lists, logs and HELLO
  void set_name(std::string name) { name_ = std::move(name); }
  const NamespaceMap& ns() const { return ns_; }
  void set_ns(NamespaceMap ns) { ns_ = std::move(ns); }
  const mapping::MappingSource& mappings() const { return mappings_; }

  // `name`, `namespace` and `map`, then the protocol's own; bound to this plan. `read_file` reads files of mappings.
  using ReadFile = std::function<Result<std::string>(const std::string& path)>;
  std::vector<options::Option> rows(ReadFile read_file);

  // The row that says where the device side is, for forms that have just an address: "osc:0.0.0.0:9000".
  virtual std::string_view address_row() const = 0;
  // What no row sees alone. The error names the rows.
  virtual Result<void> check() const { return {}; }
  // The plan may go afterwards.
  virtual std::unique_ptr<Bridge> make(const BridgeContext& context) const = 0;

 protected:
  BridgePlan(std::string_view protocol, std::string_view default_namespace);
  virtual std::vector<options::Option> own_rows() = 0;

 private:
  std::string_view protocol_;
  std::string name_;
  NamespaceMap ns_;
  mapping::MappingSource mappings_;
};

}  // namespace clasp::bridge
