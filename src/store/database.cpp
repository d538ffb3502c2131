#include "store/database.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>

#include "core/check.hpp"

namespace clasp::store {
namespace {

constexpr int busy_timeout_ms = 5'000;
// What the file is not to blame for. Everything else means that it is not what we wrote: damage shows in many ways.
constexpr int environment[] = {SQLITE_PERM, SQLITE_BUSY, SQLITE_LOCKED, SQLITE_NOMEM, SQLITE_READONLY, SQLITE_INTERRUPT, SQLITE_IOERR, SQLITE_FULL,
                               SQLITE_CANTOPEN, SQLITE_AUTH, SQLITE_NOLFS};
constexpr std::string_view damage_mark = "the file is damaged: ";

Error error_of(sqlite3* database, int code, std::string_view what) {
  const int primary = code & 0xff;
  const bool damage = code == SQLITE_IOERR_SHORT_READ || std::ranges::find(environment, primary) == std::end(environment);
  const std::string_view why = database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code);
  const std::string_view kind = sqlite3_errstr(code);
  return {primary == SQLITE_FULL ? ErrorCode::overloaded : ErrorCode::unavailable,
          fmt::format("{}{}: {}{}", damage ? damage_mark : "", what, why, why == kind ? "" : fmt::format(" ({})", kind)), {}};
}

// As much of a statement as tells which one it is: people read these errors.
std::string_view beginning(std::string_view sql) { return sql.substr(0, std::min(sql.find_first_of(",("), std::size_t{40})); }

}  // namespace

bool is_damage(const Error& error) { return error.message.starts_with(damage_mark); }

bool is_read_only(const Error& error) {
  const std::string_view kind = sqlite3_errstr(SQLITE_READONLY);
  return error.message.ends_with(kind) || error.message.ends_with(fmt::format("({})", kind));
}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(statement_, other.statement_);
  std::swap(database_, other.database_);
  return *this;
}
Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::bind(int at, std::int64_t value) {
  sqlite3_bind_int64(statement_, at, value);
  return *this;
}
Statement& Statement::bind(int at, std::string_view text) {
  sqlite3_bind_text64(statement_, at, text.data() != nullptr ? text.data() : "", text.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}
Statement& Statement::bind_blob(int at, Bytes bytes) {
  sqlite3_bind_blob64(statement_, at, bytes.empty() ? "" : static_cast<const void*>(bytes.data()), bytes.size(), SQLITE_STATIC);
  return *this;
}
Statement& Statement::bind_null(int at) {
  sqlite3_bind_null(statement_, at);
  return *this;
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return error_of(database_, sqlite3_extended_errcode(database_), "the journal");
}

Result<void> Statement::run() {
  const auto stepped = step();
  reset();
  if (!stepped) return stepped.error();
  return {};
}

void Statement::reset() { sqlite3_reset(statement_); }
bool Statement::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string_view Statement::text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return text == nullptr ? std::string_view{} : std::string_view{text, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

Bytes Statement::blob(int column) const {
  const auto* bytes = static_cast<const std::byte*>(sqlite3_column_blob(statement_, column));
  return bytes == nullptr ? Bytes{} : Bytes{bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

Result<Database> Database::open(const std::string& path, Access access, const char* vfs) {
  Database database;
  const int flags = (access == Access::write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(path.c_str(), &database.database_, flags, vfs);
  if (code != SQLITE_OK) return error_of(database.database_, code, fmt::format("cannot open {}", path));
  sqlite3_extended_result_codes(database.database_, 1);
  sqlite3_busy_timeout(database.database_, busy_timeout_ms);
  return database;
}

Database& Database::operator=(Database&& other) noexcept {
  std::swap(database_, other.database_);
  return *this;
}
Database::~Database() { sqlite3_close_v2(database_); }

Result<void> Database::run(const char* sql) {
  const int code = sqlite3_exec(database_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return error_of(database_, code, beginning(sql));
  return {};
}

Result<Statement> Database::prepare(std::string_view sql) {
  Statement statement;
  statement.database_ = database_;
  const int code = sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement.statement_, nullptr);
  if (code != SQLITE_OK) return error_of(database_, code, beginning(sql));
  return statement;
}

Result<std::int64_t> Database::number(const char* sql) {
  auto statement = prepare(sql);
  if (!statement) return statement.error();
  const auto row = statement->step();
  if (!row) return row.error();
  return *row ? statement->integer(0) : 0;
}

void Database::roll_back() {
  if (database_ != nullptr && sqlite3_get_autocommit(database_) == 0) static_cast<void>(run("ROLLBACK"));
}

}  // namespace clasp::store
