// All mappings of one bridge, in order: where a value goes, and what becomes of it. Without I/O: values and time in, values and deadlines out.
//
// The callbacks may call the table again (a session in the same process delivers while it is written to).
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "mapping/mapping.hpp"
#include "mapping/mapping_source.hpp"

namespace clasp::mapping {

// How a value of the router came about.
struct Arrival {
  bool own = false;         // the device has caused it
  bool may_be_held = true;  // a newer one makes it worthless: surfaces may send it late or never
};

struct TableOptions {
  std::string protocol;  // of the bridge: mappings for others are left out
  std::string ns;        // of the bridge: "/osc"
  transform::CompileOptions transforms;
};

class MappingTable {
 public:
  // All or nothing; the error names file, line, mapping and member.
  static Result<MappingTable> compile(const MappingSource& source, const TableOptions& options);
  MappingTable() = default;

  // A value from the device. True: it is mapped, and `write` was called for each place it goes to (none, if a condition or the surface forbids).
  // False: no mapping has this address.
  using Write = std::function<void(const std::string& address, const Value& value, std::optional<SignalType> kind)>;
  bool in(std::string_view device_address, const Value& value, const Now& now, const Write& write);

  // A value from the router. True: it is mapped.
  using Show = std::function<void(const std::string& device_address, const Value& value)>;
  bool out(std::string_view router_address, const Value& value, const Arrival& arrival, const Now& now, const Show& show);

  // What surfaces have held back until now.
  void advance(const Now& now, const Show& show);
  std::optional<SteadyTime> next_deadline() const;

  // What happens to one value, line by line. Whether a mapping has the address.
  bool explain(Direction direction, std::string_view address, const Value& value, const Now& now, const Step& line);

  std::vector<std::string> subscriptions() const;  // patterns of the router's addresses that lead out
  std::vector<std::string> notes() const;
  std::uint64_t faults() const { return faults_; }               // expressions that could not be evaluated: the value stayed as it was
  const std::string& last_fault() const { return last_fault_; }  // which, and why
  bool passes_unmatched() const { return pass_; }
  bool empty() const { return rows_.empty(); }
  std::size_t size() const { return rows_.size(); }

 private:
  struct Row {
    Mapping mapping;
    std::string where;
    std::optional<Surface> surface;
  };
  struct Route {
    std::size_t row;
    std::string address;
  };
  using Routes = std::vector<Route>;

  // Which rows an address belongs to does not change: found once, then remembered for the addresses used last.
  class Cache {
   public:
    std::shared_ptr<const Routes> find(std::string_view address);
    void put(std::string_view address, std::shared_ptr<const Routes> routes);

   private:
    using Entry = std::pair<std::string, std::shared_ptr<const Routes>>;
    static constexpr std::size_t addresses_max = 10'000;
    std::list<Entry> used_;
    std::unordered_map<std::string_view, std::list<Entry>::iterator> places_;
  };

  std::shared_ptr<const Routes> routes(Cache& cache, Direction direction, std::string_view address);
  bool value_through(Row& row, Direction direction, Value& value, std::string_view address, const Now& now);
  bool note_touch(std::string_view device_address, const Value& value, const Now& now);

  std::vector<Row> rows_;
  Cache in_;
  Cache out_;
  bool pass_ = true;
  bool has_touch_ = false;
  std::uint64_t faults_ = 0;
  std::string last_fault_;
};

}  // namespace clasp::mapping
