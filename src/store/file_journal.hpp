// A journal in an SQLite file. The router's thread only copies what it hears; a writer and a reader thread do the rest.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <variant>

#include "store/journal.hpp"
#include "store/journal_reader.hpp"
#include "store/journal_writer.hpp"

namespace clasp::store {

struct FileJournalConfig {
  WriterConfig writer;
  std::size_t queue_bytes_max = 67'108'864;  // handed over and not yet taken by the writer; as much again is being written
};

class FileJournal final : public Journal {
 public:
  // `post` brings a task to the router's thread. Events come from the writer's thread.
  FileJournal(FileJournalConfig config, JournalFile file, std::function<void(std::function<void()>)> post, JournalWriter::Events events);
  ~FileJournal() override;

  void committed(std::span<const router::Commit> commits) override;
  void whole() override { handover_.whole(); }
  void read(Query query, std::function<void(Result<Page>)> done) override;
  void last_seq(std::function<void(Result<JournalSeq>)> done) override;
  void snapshot_text(std::function<void(Result<std::string>)> done) override;

  Handover& handover() { return handover_; }
  const Handover& handover() const { return handover_; }
  const JournalWriter& writer() const { return *writer_; }

 private:
  using Question = std::function<std::function<void()>(JournalReader& reader)>;  // asks, and gives what tells the answer
  void ask(Question question, std::function<void(Error)> refused);
  void answer_questions();

  const std::string path_;
  const char* const vfs_;
  const std::function<void(std::function<void()>)> post_;
  Handover handover_;
  std::unique_ptr<JournalWriter> writer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // false once this is gone; the router's thread only

  struct Asked {
    Question question;
    std::function<void(Error)> refused;
  };
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Asked> questions_;  // under mutex_
  bool closed_ = false;          // under mutex_
  std::thread reader_;           // begins with the first question
};

}  // namespace clasp::store
