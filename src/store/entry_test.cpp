#include <limits>

#include "store/journal_file.hpp"
#include "store/store_testing.hpp"
#include "store/value_text.hpp"

namespace clasp::store {
namespace {

Entry full_entry(const EncodedValue& value) {
  return {.seq = 7, .kind = EntryKind::publish, .time = {1'700'000'000'000'001}, .author = "6b0c3b0e-6f0f-4d3f-9a57-7f8f5d2f9b11", .address = "/a/b",
          .signal = SignalType::gesture, .value = value.view(), .revision = 0, .ttl = Ttl{Ttl::Mode::absolute, 9}, .lock = true, .unlock = true,
          .phase = GesturePhase::cancel, .id = 3, .rate = 48'000, .samples = as_bytes("samples"), .sent_time = UnixTime{5}, .bundle = 11, .origin = 4, .hops = 2};
}

void expect_same(const Entry& a, const Entry& b, std::string_view what) {
  SCOPED_TRACE(what);
  EXPECT_EQ(a.seq, b.seq);
  EXPECT_EQ(a.kind, b.kind);
  EXPECT_EQ(a.time, b.time);
  EXPECT_EQ(a.author, b.author);
  EXPECT_EQ(a.address, b.address);
  EXPECT_EQ(a.signal, b.signal);
  ASSERT_EQ(a.value.has_value(), b.value.has_value());
  if (a.value) { EXPECT_TRUE(same_value(*a.value, *b.value)); }
  EXPECT_EQ(a.revision, b.revision);
  EXPECT_EQ(a.ttl, b.ttl);
  EXPECT_EQ(a.lock, b.lock);
  EXPECT_EQ(a.unlock, b.unlock);
  EXPECT_EQ(a.phase, b.phase);
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.rate, b.rate);
  ASSERT_EQ(a.samples.has_value(), b.samples.has_value());
  if (a.samples) { EXPECT_TRUE(same_bytes(*a.samples, *b.samples)); }
  EXPECT_EQ(a.sent_time, b.sent_time);
  EXPECT_EQ(a.bundle, b.bundle);
  EXPECT_EQ(a.origin, b.origin);
  EXPECT_EQ(a.hops, b.hops);
  EXPECT_EQ(a.foreign, b.foreign);
}

// Values that JSON gives back and values it does not.
const std::vector<Value>& values() {
  static const std::vector<Value> all{Value(),
                                      Value(true),
                                      Value(std::int64_t{1}),
                                      Value(std::numeric_limits<std::int64_t>::min()),
                                      Value(std::numeric_limits<std::int64_t>::max()),
                                      Value(1.0),
                                      Value(-0.0),
                                      Value(0.1),
                                      Value(1e21),
                                      Value(5e-324),
                                      Value(std::numeric_limits<double>::max()),
                                      Value(std::numeric_limits<double>::infinity()),
                                      Value(-std::numeric_limits<double>::infinity()),
                                      Value(std::numeric_limits<double>::quiet_NaN()),
                                      Value(""),
                                      Value("Grüße \"\\\n\x01"),
                                      Value(Blob{std::byte{0}, std::byte{255}}),
                                      Value(Blob{}),
                                      Value(Array{Value(1), Value(1.0), Value(Blob{std::byte{7}})}),
                                      Value(Map{{"$bytes", Value("AA==")}}),
                                      Value(Map{{"b", Value(1)}, {"a", Value(Array{})}})};
  return all;
}

TEST(Entry, ComesBackFromMemoryAsItWas) {
  const EncodedValue value(Value(0.5));
  ByteBuffer records;
  const Entry full = full_entry(value);
  const MadeSet set("/x", Value("text"), 3);
  append_record(records, full);
  append_record(records, set.entry());
  EXPECT_EQ(records.size(), record_bytes(full) + record_bytes(set.entry()));
  std::size_t offset = 0;
  expect_same(next_record(records.view(), offset), full, "publish");
  expect_same(next_record(records.view(), offset), set.entry(), "set");
  EXPECT_EQ(offset, records.size());
}

TEST(Entry, ComesBackFromTheFileAsItWasWhateverItsValue) {
  const TempFolder folder;
  auto file = JournalFile::open(folder / "j.db");
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_TRUE(file->begin());
  std::vector<EncodedValue> encoded;
  for (const Value& value : values()) encoded.emplace_back(value);
  for (const EncodedValue& value : encoded) ASSERT_TRUE(file->append(full_entry(value)));
  Entry bare{.kind = EntryKind::publish, .address = "/no/value", .signal = SignalType::event};
  ASSERT_TRUE(file->append(bare));
  Entry freed{.kind = EntryKind::lock_freed, .address = "/freed", .revision = 4};
  ASSERT_TRUE(file->append(freed));
  Entry gone{.kind = EntryKind::removed, .address = "/gone", .value = ValueView{}, .revision = 5};
  ASSERT_TRUE(file->append(gone));
  ASSERT_TRUE(file->commit());

  auto database = Database::open(folder / "j.db", Access::read);
  ASSERT_TRUE(database);
  auto rows = database->prepare(select_entry_sql("ORDER BY seq"));
  ASSERT_TRUE(rows) << rows.error().message;
  RowReader reader;
  std::uint64_t seq = 0;
  for (const EncodedValue& value : encoded) {
    ASSERT_TRUE(*rows->step());
    Entry expected = full_entry(value);
    expected.seq = ++seq;
    const auto read = reader.read(*rows);
    ASSERT_TRUE(read) << read.error().message;
    expect_same(*read, expected, to_json(values()[seq - 1]));
  }
  for (Entry* expected : {&bare, &freed, &gone}) {
    ASSERT_TRUE(*rows->step());
    expected->seq = ++seq;
    const auto read = reader.read(*rows);
    ASSERT_TRUE(read) << read.error().message;
    expect_same(*read, *expected, expected->address);
  }
}

TEST(Entry, KeepsWholeNumbersAndFloatingOnesApartInItsText) {
  std::string text;
  EXPECT_TRUE(append_value_text(EncodedValue(Value(1)).view(), text));
  text += ' ';
  EXPECT_TRUE(append_value_text(EncodedValue(Value(1.0)).view(), text));
  text += ' ';
  EXPECT_FALSE(append_value_text(EncodedValue(Value(Blob{std::byte{1}, std::byte{255}})).view(), text)) << "the reference's text loses that it is bytes";
  text += ' ';
  EXPECT_FALSE(append_value_text(EncodedValue(Value(std::numeric_limits<double>::quiet_NaN())).view(), text));
  EXPECT_EQ(text, "1 1.0 [1,255] null");
}

}  // namespace
}  // namespace clasp::store
