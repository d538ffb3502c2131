#include "store/file_journal.hpp"

#include <chrono>
#include <utility>

namespace clasp::store {
namespace {

constexpr std::size_t questions_max = 256;

SteadyTime steady_clock_now() {
  return {std::chrono::duration_cast<Micros>(std::chrono::steady_clock::now().time_since_epoch()).count()};
}

}  // namespace

FileJournal::FileJournal(FileJournalConfig config, JournalFile file, std::function<void(std::function<void()>)> post, JournalWriter::Events events)
    : path_(config.writer.path),
      vfs_(config.writer.vfs),
      post_(std::move(post)),
      handover_(config.queue_bytes_max),
      writer_(std::make_unique<JournalWriter>(std::move(config.writer), std::move(file), handover_, std::move(events))) {}

FileJournal::~FileJournal() {
  *alive_ = false;
  {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    questions_.clear();
  }
  changed_.notify_all();
  if (reader_.joinable()) reader_.join();
  writer_.reset();
}

void FileJournal::committed(std::span<const router::Commit> commits) { handover_.push(commits, steady_clock_now()); }

void FileJournal::read(Query query, std::function<void(Result<Page>)> done) {
  ask(
      [query = std::move(query), done](JournalReader& reader) -> std::function<void()> {
        auto page = std::make_shared<Result<Page>>(reader.read(query));
        return [page, done] { done(std::move(*page)); };
      },
      [done](Error error) { done(std::move(error)); });
}

void FileJournal::last_seq(std::function<void(Result<JournalSeq>)> done) {
  ask(
      [done](JournalReader& reader) -> std::function<void()> {
        return [seq = reader.last_seq(), done] { done(seq); };
      },
      [done](Error error) { done(std::move(error)); });
}

void FileJournal::snapshot_text(std::function<void(Result<std::string>)> done) {
  ask(
      [done](JournalReader& reader) -> std::function<void()> {
        auto text = std::make_shared<Result<std::string>>(reader.snapshot_text());
        return [text, done] { done(std::move(*text)); };
      },
      [done](Error error) { done(std::move(error)); });
}

void FileJournal::ask(Question question, std::function<void(Error)> refused) {
  bool full = false;
  {
    const std::scoped_lock lock(mutex_);
    full = questions_.size() >= questions_max;
    if (!full) questions_.push_back({std::move(question), refused});
  }
  if (full) return refused({ErrorCode::overloaded, "too many questions to the journal are waiting", {}});
  if (!reader_.joinable()) reader_ = std::thread([this] { answer_questions(); });
  changed_.notify_one();
}

void FileJournal::answer_questions() {
  std::optional<JournalReader> reader;
  for (;;) {
    Asked asked;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return closed_ || !questions_.empty(); });
      if (closed_) return;
      asked = std::move(questions_.front());
      questions_.pop_front();
    }
    Result<void> opened;
    if (!reader) {
      auto made = JournalReader::open(path_, vfs_);
      if (made) reader = std::move(*made);
      else opened = made.error();
    }
    std::function<void()> tell = opened ? asked.question(*reader) : [refused = asked.refused, error = opened.error()] { refused(error); };
    post_([alive = alive_, tell = std::move(tell)] {
      if (*alive) tell();
    });
  }
}

}  // namespace clasp::store
