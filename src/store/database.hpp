// SQLite as we use it: a connection, prepared statements, errors as values. One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "clasp/error.hpp"
#include "core/bytes.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace clasp::store {

class Database;

// A prepared statement. Binds count from 1, columns from 0. Texts and blobs that are bound must live until step() is done; those that are read live
// until the next step().
class Statement {
 public:
  Statement() = default;
  Statement(Statement&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)), database_(other.database_) {}
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  Statement& bind(int at, std::int64_t value);
  Statement& bind(int at, std::string_view text);
  Statement& bind_blob(int at, Bytes bytes);
  Statement& bind_null(int at);
  template <typename T>
  Statement& bind_optional(int at, const std::optional<T>& value) {
    return value ? bind(at, static_cast<std::int64_t>(*value)) : bind_null(at);
  }

  Result<bool> step();  // true: there is a row
  Result<void> run();   // steps once and resets
  void reset();

  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  std::string_view text(int column) const;  // what is no text is read as one
  Bytes blob(int column) const;

 private:
  friend class Database;
  sqlite3_stmt* statement_ = nullptr;
  sqlite3* database_ = nullptr;
};

enum class Access : std::uint8_t { read, write };

class Database {
 public:
  // Error unavailable: "cannot open …: why".
  static Result<Database> open(const std::string& path, Access access, const char* vfs = nullptr);
  Database() = default;
  Database(Database&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Database& operator=(Database&& other) noexcept;
  ~Database();

  Result<void> run(const char* sql);
  Result<Statement> prepare(std::string_view sql);
  Result<std::int64_t> number(const char* sql);  // the first column of the first row, 0 if there is none
  void roll_back();                              // if something was begun; never fails
  explicit operator bool() const { return database_ != nullptr; }

 private:
  sqlite3* database_ = nullptr;
};

// The file is no database any more, or not as it was left: other than full, busy or out of reach.
bool is_damage(const Error& error);
bool is_read_only(const Error& error);

}  // namespace clasp::store
