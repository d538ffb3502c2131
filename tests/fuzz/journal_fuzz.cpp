// What comes from files of the journal, written by others or damaged: rows of its table, values as JSON and as bytes, state files.
//
// The first byte chooses. What a row is read as must be the same when it is written and read again; the same for params of a state file. An error says why.
#include <fuzzer/FuzzedDataProvider.h>

#include <string>
#include <vector>

#include "core/check.hpp"
#include "core/json.hpp"
#include "store/database.hpp"
#include "store/param_text.hpp"
#include "store/row.hpp"
#include "store/value_text.hpp"

namespace {

using namespace clasp;

template <typename T>
T must(Result<T> result) {
  CLASP_CHECK(result.has_value());
  return std::move(*result);
}

bool same(const std::optional<ValueView>& a, const std::optional<ValueView>& b) {
  return a.has_value() == b.has_value() && (!a || (a->tag == b->tag && std::ranges::equal(a->data, b->data)));
}

// A table in memory with one row at a time.
class Table {
 public:
  Table() : database_(must(store::Database::open(":memory:", store::Access::write))) {
    CLASP_CHECK(database_.run(store::create_entries_sql().c_str()).has_value());
    insert_ = must(database_.prepare(store::insert_entries_sql(1)));
    select_ = must(database_.prepare(store::select_entry_sql("LIMIT 1")));
    clear_ = must(database_.prepare("DELETE FROM journal_entries"));
  }
  store::Statement& insert() { return insert_; }
  bool inserted() { return insert_.run().has_value(); }
  // Reads the row, and shows it to `use` while its views live.
  template <typename Use>
  void read(Use use) {
    CLASP_CHECK(must(select_.step()));
    use(reader_.read(select_));
    select_.reset();
    CLASP_CHECK(clear_.run().has_value());
  }

 private:
  store::Database database_;
  store::Statement insert_, select_, clear_;
  store::RowReader reader_;
};

void try_row(FuzzedDataProvider& in) {
  static Table strange, own;
  std::vector<std::string> texts;  // live until the row is there
  texts.reserve(std::size(store::entry_columns));
  for (std::size_t i = 0; i < std::size(store::entry_columns); ++i) {
    const int at = static_cast<int>(i) + 1;
    switch (in.ConsumeIntegralInRange(0, 4)) {
      case 0: strange.insert().bind_null(at); break;
      case 1: strange.insert().bind(at, in.ConsumeIntegral<std::int64_t>()); break;
      case 2: strange.insert().bind(at, static_cast<std::int64_t>(in.ConsumeIntegralInRange(0, 70))); break;
      case 3: strange.insert().bind(at, texts.emplace_back(in.ConsumeRandomLengthString(200))); break;
      case 4: strange.insert().bind_blob(at, as_bytes(texts.emplace_back(in.ConsumeRandomLengthString(200)))); break;
    }
  }
  if (!strange.inserted()) return;  // SQLite has its own rules: no Null where there must be something
  strange.read([](const Result<store::Entry>& entry) {
    if (!entry) {
      CLASP_CHECK(!entry.error().message.empty());
      return;
    }
    static store::RowWriter writer;
    writer.bind(own.insert(), 0, *entry);
    CLASP_CHECK(own.inserted());
    own.read([&](const Result<store::Entry>& again) {
      CLASP_CHECK(again.has_value() && again->kind == entry->kind && again->address == entry->address && again->author == entry->author);
      CLASP_CHECK(same(again->value, entry->value) && again->time == entry->time && again->signal == entry->signal);
      CLASP_CHECK(entry->kind == store::EntryKind::publish || again->revision == entry->revision);
    });
  });
}

void try_value(std::string_view text) {
  ByteBuffer bytes;
  if (const auto value = store::read_value_text(text, bytes)) {
    std::string json;
    ByteBuffer exact, scratch;
    if (store::append_value_text(*value, json)) CLASP_CHECK(same(store::read_value_text(json, scratch), value));
    scratch.clear();
    store::append_exact_bytes(*value, exact);
    CLASP_CHECK(same(store::read_exact_bytes(exact.view(), scratch), value));
  }
  bytes.clear();
  if (const auto value = store::read_exact_bytes(as_bytes(text), bytes)) {
    std::string json;
    ByteBuffer scratch;
    if (store::append_value_text(*value, json)) CLASP_CHECK(same(store::read_value_text(json, scratch), value));
  }
}

void try_state(std::string_view text) {
  std::string written;
  static_cast<void>(store::read_state_text(text, [&](const store::ParamImage& param) {
    written.assign("[");
    store::append_param_text(param, written);
    written += ']';
    std::size_t seen = 0;
    const auto read = store::read_params_text(written, [&](const store::ParamImage& again) {
      ++seen;
      CLASP_CHECK(again.address == param.address && again.revision == param.revision && again.writer == param.writer && again.time == param.time);
      CLASP_CHECK(same(again.value, param.value) && again.ttl == param.ttl);
    });
    CLASP_CHECK(read.has_value() && seen == 1);
  }));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  switch (data[0] % 3) {
    case 0: try_state(text); break;
    case 1: try_value(text); break;
    case 2: {
      FuzzedDataProvider in(data + 1, size - 1);
      try_row(in);
      break;
    }
  }
  return 0;
}
