// The rows of the journal and the state file. Names of the reference and of tools that start it are taken as well.
#include "server/journal_options.hpp"

#include <fmt/format.h>

#include "options/apply.hpp"

namespace clasp::server {
namespace {

using options::apply_bytes;
using options::apply_choice;
using options::apply_count;
using options::apply_duration;
using options::apply_switch;
using options::apply_filled_text;
using options::bad_option;
using options::Option;
using router::Durability;
using std::chrono::milliseconds;

constexpr milliseconds year{31'536'000'000};
constexpr std::string_view durability_names[] = {"memory", "async", "sync"};

}  // namespace

std::vector<Option> journal_rows(JournalConfig& config) {
  std::vector<Option> rows;
  const auto add = [&rows](Option row) { rows.push_back(std::move(row)); };
  add({.name = "journal", .value = "FILE", .help = "Keep every change in this SQLite file, and begin with what it knows (docs/journal.md).", .apply = apply_filled_text(config.path)});
  add({.name = "journal-path", .value = "FILE", .help = "The same.", .apply = apply_filled_text(config.path)});
  add({.name = "journal-memory", .help = "Keep the last changes in memory, for REPLAY and queries; they are gone at the end.", .apply = apply_switch(config.in_memory)});
  add({.name = "journal-memory-entries", .value = "N", .default_text = "10000", .help = "How many.", .apply = apply_count(config.memory_entries_max, 1, 100'000'000)});
  add({.name = "durability", .value = "MODE", .default_text = "async with --journal, else memory",
       .help = "What an ACK means. memory: the router has the value. async: a crash costs at most --journal-window. sync: it is on the disk.",
       .apply = [&config](std::string_view text) -> Result<void> {
         const auto index = options::parse_choice(text, durability_names);
         if (!index) return index.error();
         config.durability = static_cast<Durability>(*index);
         return {};
       }});
  add({.name = "journal-window", .value = "TIME", .default_text = "100ms", .help = "With async: a change is on the disk after this time at most.",
       .apply = apply_duration(config.window, milliseconds{1}, milliseconds{3'600'000})});
  add({.name = "journal-flush-ms", .value = "N", .help = "The same, as the reference's tools say it.", .apply = [&config](std::string_view text) -> Result<void> {
         const auto count = options::parse_count(text, {1, 3'600'000});
         if (!count) return count.error();
         config.window = milliseconds{*count};
         return {};
       }});
  add({.name = "journal-batch-size", .value = "N", .help = "Taken for the reference's tools' sake: a batch is what has come meanwhile.",
       .apply = [](std::string_view text) -> Result<void> {
         const auto count = options::parse_count(text, {1, 1'000'000'000});
         if (!count) return count.error();
         return {};
       }});
  add({.name = "journal-queue", .value = "SIZE", .default_text = "64M", .help = "For changes that wait for the disk. When it is full, sync refuses writes and async records a gap.",
       .apply = apply_bytes(config.queue_bytes_max, 4'194'304, 17'179'869'184)});
  add({.name = "journal-max-entries", .value = "N", .default_text = "1000000", .help = "Older entries are forgotten, as far as no snapshot needs them; 0: none for this reason.",
       .apply = apply_count(config.entries_max, 0, 1'000'000'000'000)});
  add({.name = "journal-compact-age", .value = "TIME", .default_text = "0", .help = "Entries older than this are forgotten, as far as no snapshot needs them; 0: none for this reason.",
       .apply = apply_duration(config.age_max, milliseconds{0}, 100 * year)});
  add({.name = "journal-compact-before", .value = "SEQ", .default_text = "0", .help = "Entries before this one are forgotten, as far as no snapshot needs them.",
       .apply = apply_count(config.forget_before, 0, ~std::uint64_t{0} >> 1)});
  add({.name = "journal-snapshot-interval", .value = "TIME", .default_text = "5m", .help = "How often the whole state is added to the journal, if something has changed; 0: only every --journal-snapshot-entries.",
       .apply = apply_duration(config.snapshot_interval, milliseconds{0}, year)});
  add({.name = "journal-snapshot-entries", .value = "N", .default_text = "100000", .help = "Or after this many entries; with many params after twice as many as there are params.",
       .apply = apply_count(config.snapshot_entries, 100, 1'000'000'000)});
  add({.name = "journal-replay-entries", .value = "N", .default_text = "10000", .help = "Entries one REPLAY is answered with at most.",
       .apply = apply_count(config.replay_entries_max, 1, 10'000'000)});
  add({.name = "persist", .value = "FILE", .help = "Keep the params in this JSON file as well, written from time to time and at the end (docs/journal.md).", .apply = apply_filled_text(config.state_path)});
  add({.name = "persist-path", .value = "FILE", .help = "The same.", .apply = apply_filled_text(config.state_path)});
  add({.name = "persist-interval", .value = "TIME", .default_text = "30s", .help = "How often; 0: only at the end.",
       .apply = apply_duration(config.state_interval, milliseconds{0}, year)});
  return rows;
}

Result<void> settle_journal(ServerConfig& config) {
  const JournalConfig& journal = config.journal;
  if (!journal.path.empty() && journal.in_memory) return bad_option("--journal and --journal-memory: one of them");
  const Durability durability = journal.effective_durability();
  if (journal.path.empty() && durability != Durability::memory)
    return bad_option(fmt::format("--durability {}: needs --journal FILE", durability_names[static_cast<std::size_t>(durability)]));
  if (!journal.path.empty() && durability == Durability::memory)
    return bad_option("--durability memory: writes no file; leave --journal out, or say --journal-memory");
  config.router.durability = durability;
  config.http_api.journal = journal.on();
  return {};
}

}  // namespace clasp::server
