#include "server/journal_host.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "io/io_loop.hpp"
#include "store/router_restore.hpp"

namespace clasp::server {
namespace {

using store::ItemKind;
using store::ParamImage;

constexpr Micros stall_max{2'000'000};         // then writes are refused rather than left waiting
constexpr Micros look_interval{20'000};        // while something has to change
constexpr Micros snapshot_retry{1'000'000};
constexpr std::size_t fed_bytes_a_turn = 65'536;

ParamImage image_of(const router::Router::ParamView& param) {
  return {.address = param.address, .value = param.value, .revision = param.revision, .writer = param.writer, .time = param.time, .ttl = param.ttl};
}

std::size_t bytes_of(const ParamImage& param) { return param.address.size() + param.value.data.size() + param.writer.size() + 100; }

struct MetricRow {
  const char* name;
  const char* type;
  const char* help;
  std::uint64_t value;
};

}  // namespace

JournalHost::JournalHost(JournalConfig config, router::Router& router, net::EventLoop& loop, Says says)
    : config_(std::move(config)), router_(router), loop_(loop), says_(std::move(says)) {}

JournalHost::~JournalHost() {
  if (journal_ != nullptr) router_.set_observer(nullptr);
}

Result<void> JournalHost::start(const Now& now, bool state_restored) {
  if (config_.in_memory) {
    memory_ = std::make_unique<store::MemoryJournal>(config_.memory_entries_max);
    journal_ = memory_.get();
  } else if (!config_.path.empty()) {
    if (auto started = start_file(now, state_restored); !started) return started;
    journal_ = file_.get();
  }
  if (journal_ != nullptr) router_.set_observer(journal_);
  return {};
}

Result<void> JournalHost::start_file(const Now& now, bool state_restored) {
  const auto begin = std::chrono::steady_clock::now();
  const char* vfs = store::watched_files(files_);
  store::RouterRestore restored(router_, now, state_restored);
  auto opened = store::open_journal(config_.path, restored, vfs);
  if (!opened) return opened.error();
  if (opened->raises != 0) router_.raise_revisions(opened->raises);  // contract 30
  if (store::needs_snapshot(*opened)) {
    if (auto written = write_snapshot_now(opened->file, now); !written) return written;
  }
  recovery_us_ = std::chrono::duration_cast<Micros>(std::chrono::steady_clock::now() - begin).count();
  tell(*opened, restored);
  lock_ = std::move(opened->lock);
  entries_recovered_ = store::needs_snapshot(*opened) ? 0 : opened->recovered.entries;
  snapshot_at_ = now.steady;

  const bool sync = config_.effective_durability() == router::Durability::sync;
  store::FileJournalConfig config;
  config.queue_bytes_max = config_.queue_bytes_max;
  config.writer.path = config_.path;
  config.writer.vfs = vfs;
  config.writer.window = sync ? Micros{0} : Micros(config_.window);
  config.writer.entries_max = config_.entries_max;
  config.writer.age_max = Micros(config_.age_max);
  config.writer.forget_before = config_.forget_before;
  const auto post = [&loop = loop_](std::function<void()> task) { loop.post(std::move(task)); };
  file_ = std::make_unique<store::FileJournal>(
      std::move(config), std::move(opened->file), post,
      store::JournalWriter::Events{
          .durable = [this, sync, post](router::Seq seq) {
            if (sync) post([this, seq] { router_.durable(seq, loop_.now()); });
          },
          .changed = [this, post](const std::string& fault) {
            post([this, fault] {
              if (fault.empty()) says_.info(fmt::format("the journal {} is written again", config_.path));
              else says_.error(fmt::format("the journal {} cannot be written, it is tried again and again: {}", config_.path, fault));
            });
          },
          .clock = [] { return io::read_clocks().unix_time; }});
  return {};
}

// Before anything else is written into a file that takes the place of a damaged one.
Result<void> JournalHost::write_snapshot_now(store::JournalFile& file, const Now& now) {
  Result<void> done = file.begin();
  if (done) done = file.begin_snapshot(router_.removed_revisions_max(), now.unix_time);
  router_.walk({}, [&](const router::Router::ParamView& param) {
    if (done) done = file.add_param(image_of(param));
    return done.has_value();
  });
  if (done) done = file.finish_snapshot();
  if (done) done = file.commit();
  return done;
}

void JournalHost::tell(const store::Opened& opened, const store::RouterRestore& restored) {
  for (const std::string& note : opened.notes) says_.warn(note);
  if (restored.refused() != 0)
    says_.warn(fmt::format("{}: {} params were not recovered: {}", config_.path, restored.refused(), restored.first_refusal()));
  recovered_params_ = router_.gauges().params;
  says_.info(fmt::format("journal {}: {} params recovered in {} ms (a snapshot of {}, {} entries behind it){}", config_.path, recovered_params_,
                         recovery_us_ / 1'000, opened.recovered.params, opened.recovered.entries,
                         opened.unclean_starts == 0 ? "" : fmt::format("; the last run did not end by itself, so revisions go on {} * 2^24 higher", opened.raises)));
}

std::string JournalHost::not_ready() const {
  if (!file_) return {};
  if (const std::string fault = file_->writer().fault(); !fault.empty()) return fmt::format("the journal cannot be written: {}", fault);
  if (refusing_) return "the journal does not keep up: writes are refused";
  if (file_->writer().needs_snapshot() || file_->handover().lost() != lost_seen_) return "the journal has a gap, and no snapshot yet that makes up for it";
  return {};
}

bool JournalHost::end_turn(const Now& now) {
  if (!file_) return false;
  deadline_.reset();
  watch_writer(now);
  const bool more = feed_snapshot(now);
  if (stalled_since_ || refusing_ || feeding_ == Feeding::yes || file_->writer().needs_snapshot()) deadline_ = now.steady + look_interval;
  else if (config_.snapshot_interval.count() != 0) deadline_ = std::max(snapshot_at_ + Micros(config_.snapshot_interval), now.steady + snapshot_retry);
  return more;
}

// Contract 25 and engine design 7. In async mode nobody is held: what has no room is a gap, and /readyz says so.
void JournalHost::watch_writer(const Now& now) {
  const std::uint64_t lost = file_->handover().lost();
  const bool lost_more = lost != lost_seen_;
  if (lost_more && !std::exchange(in_gap_, true)) says_.error("the journal's queue is full: changes are missing in it until the next snapshot");
  if (config_.effective_durability() != router::Durability::sync) {
    const bool seen = file_->writer().needs_snapshot();  // the writer has come to the gap; before, only the hand-over knows
    if (in_gap_ && !seen && !lost_more) {
      in_gap_ = false;
      says_.info(fmt::format("a snapshot has made up for the gap in the journal; {} changes are missing in its history in all", lost));
    }
    if (seen) lost_seen_ = lost;
    return;
  }
  lost_seen_ = lost;
  const std::size_t bytes = file_->handover().bytes();
  const std::size_t bytes_max = file_->handover().bytes_max();
  const std::string fault = file_->writer().fault();
  const bool slow = bytes > bytes_max / 2;
  if (!slow && fault.empty()) stalled_since_.reset();
  else if (!stalled_since_) stalled_since_ = now.steady;

  const bool relieved = bytes <= bytes_max / 4 && fault.empty() && !file_->writer().needs_snapshot();
  const bool refuse = lost_more || (stalled_since_ && now.steady - *stalled_since_ >= stall_max) || (refusing_ && !relieved);
  if (refuse && (lost_more || !refusing_)) {
    const std::string why = fmt::format("not kept: {}", fault.empty() ? "the journal does not keep up" : fault);
    says_.error(fmt::format("writes are refused: {}", why));
    router_.set_journal_fault(why, now);
  } else if (!refuse && refusing_) {
    says_.info("writes are taken again");
    router_.set_journal_fault(std::nullopt, now);
  }
  refusing_ = refuse;
  router_.set_journal_slow(slow && !refuse);
}

bool JournalHost::snapshot_is_due(const Now& now) {
  if (!file_->writer().fault().empty()) return false;
  const Micros since = now.steady - snapshot_at_;
  if (file_->writer().needs_snapshot()) return since >= snapshot_retry;
  const std::uint64_t entries = file_->writer().counts().entries - entries_at_snapshot_ + entries_recovered_;
  if (entries == 0) return false;
  if (config_.snapshot_interval.count() != 0 && since >= Micros(config_.snapshot_interval)) return true;
  if (entries < config_.snapshot_entries || now.steady < look_again_at_) return false;
  look_again_at_ = now.steady + snapshot_retry;  // gauges() looks at every session
  return entries >= 2 * router_.gauges().params;
}

// The state goes to the writer a little a turn. It need not be of one moment: what changes meanwhile is an entry behind the snapshot's beginning.
bool JournalHost::feed_snapshot(const Now& now) {
  store::Handover& handover = file_->handover();
  if (feeding_ == Feeding::no) {
    if (!snapshot_is_due(now) || !handover.push_snapshot(ItemKind::snapshot_begin, {}, router_.removed_revisions_max())) return false;
    feeding_ = Feeding::yes;
    fed_.clear();
    snapshot_at_ = now.steady;
    entries_at_snapshot_ = file_->writer().counts().entries;
    entries_recovered_ = 0;
  }
  if (feeding_ == Feeding::yes) {
    std::size_t bytes = 0;
    bool full = false;
    const bool all = router_.walk(fed_, [&](const router::Router::ParamView& param) {
      const ParamImage image = image_of(param);
      bytes += bytes_of(image);
      full = !handover.push_snapshot(ItemKind::snapshot_param, image, 0);
      if (!full) fed_.assign(param.address);
      return !full && bytes < fed_bytes_a_turn;
    });
    if (!all) return !full;
    feeding_ = Feeding::ending;
  }
  if (!handover.push_snapshot(ItemKind::snapshot_end, {}, 0)) return false;
  feeding_ = Feeding::no;
  return false;
}

void JournalHost::append_metrics(std::string& out) const {
  if (!file_) return;
  const store::WriterCounts& c = file_->writer().counts();
  const MetricRow rows[] = {
      {"clasp_journal_entries_total", "counter", "Entries on the disk.", c.entries},
      {"clasp_journal_transactions_total", "counter", "Transactions, each with what had come meanwhile.", c.transactions},
      {"clasp_journal_late_total", "counter", "Transactions on the disk later than --journal-window after their oldest change: disk or processors are overloaded.", c.late},
      {"clasp_journal_syncs_total", "counter", "fsyncs.", files_.syncs},
      {"clasp_journal_failures_total", "counter", "Transactions that failed and were tried again.", c.failures},
      {"clasp_journal_lost_total", "counter", "Changes that are missing in the journal: its queue was full.", file_->handover().lost()},
      {"clasp_journal_thinned_total", "counter", "Values left out under a flood because a newer one of the same address came with them.", c.thinned},
      {"clasp_journal_forgotten_total", "counter", "Entries forgotten by retention.", c.forgotten},
      {"clasp_journal_snapshots_total", "counter", "Snapshots written.", c.snapshots},
      {"clasp_journal_last_seq", "gauge", "The newest entry.", c.last_seq},
      {"clasp_journal_first_seq", "gauge", "The oldest entry.", c.first_seq},
      {"clasp_journal_queue_bytes", "gauge", "Changes waiting for the writer.", file_->handover().bytes()},
      {"clasp_journal_write_microseconds", "gauge", "How long the last transaction took.", static_cast<std::uint64_t>(c.last_write_us.load())},
      {"clasp_journal_failing", "gauge", "1 while the journal cannot be written.", file_->writer().fault().empty() ? 0U : 1U},
      {"clasp_journal_recovery_microseconds", "gauge", "How long recovery took at the start.", static_cast<std::uint64_t>(recovery_us_)},
      {"clasp_journal_recovered_params", "gauge", "Params after it.", recovered_params_},
  };
  for (const MetricRow& row : rows) fmt::format_to(std::back_inserter(out), "# HELP {0} {1}\n# TYPE {0} {2}\n{0} {3}\n", row.name, row.help, row.type, row.value);
}

}  // namespace clasp::server
