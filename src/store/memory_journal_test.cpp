#include "store/memory_journal.hpp"

#include "store/store_testing.hpp"

namespace clasp::store {
namespace {

using ::testing::ElementsAre;

void append(MemoryJournal& journal, int n) {
  const EncodedValue value(Value(1));
  for (int i = 0; i < n; ++i) {
    router::Commit commit;
    const std::string address = fmt::format("/a/{}", journal.last_seq() + 1);
    commit.address = address;
    commit.value = value.view();
    commit.time = {(journal.last_seq() + 1) * 1'000};
    journal.committed({&commit, 1});
  }
}

std::vector<JournalSeq> seqs(const Page& page) {
  std::vector<JournalSeq> out;
  for (std::size_t offset = 0; offset < page.records.size();) out.push_back(next_record(page.records.view(), offset).seq);
  return out;
}

TEST(MemoryJournal, KeepsTheLastEntriesAndNumbersGoOn) {
  MemoryJournal journal(3);
  EXPECT_EQ(journal.last_seq(), 0U);
  EXPECT_THAT(seqs(journal.read(Query{})), ElementsAre());
  append(journal, 5);
  EXPECT_EQ(journal.last_seq(), 5U);
  EXPECT_THAT(seqs(journal.read(Query{})), ElementsAre(3, 4, 5));
  EXPECT_THAT(seqs(journal.read({.after = 4})), ElementsAre(5));
  append(journal, 1'000);
  EXPECT_THAT(seqs(journal.read(Query{})), ElementsAre(1'003, 1'004, 1'005));
}

TEST(MemoryJournal, HasRoomForOneAtLeast) {
  MemoryJournal journal(0);
  append(journal, 2);
  EXPECT_THAT(seqs(journal.read(Query{})), ElementsAre(2));
}

TEST(MemoryJournal, AnswersAsTheFileDoes) {
  MemoryJournal journal(100);
  append(journal, 10);
  EXPECT_THAT(seqs(journal.read({.from = UnixTime{3'000}, .to = UnixTime{7'000}})), ElementsAre(3, 4, 5, 6, 7));
  EXPECT_THAT(seqs(journal.read({.pattern = *Pattern::parse("/a/1*")})), ElementsAre(1, 10));
  EXPECT_THAT(seqs(journal.read({.limit = 2})), ElementsAre(1, 2));
  EXPECT_THAT(seqs(journal.read({.types = TypeMask::of(SignalType::event)})), ElementsAre());
}

}  // namespace
}  // namespace clasp::store
