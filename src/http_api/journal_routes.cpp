// What a journal knows, as the reference's journal API says it (journal specification, section 8).
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "http_api/api_connection.hpp"
#include "store/entry_json.hpp"
#include "store/journal.hpp"

namespace clasp::http_api {

namespace {

constexpr std::size_t limit_default = 1'000;
constexpr std::size_t limit_max = 100'000;
constexpr std::size_t text_bytes_max = 67'108'864;

// A whole number from 0 to `max`; nothing if it is not given.
Checked<std::optional<std::uint64_t>> number_of(const ApiRequest& request, const char* name, std::uint64_t max) {
  const std::string* text = request.find_query(name);
  if (text == nullptr) return std::nullopt;
  std::uint64_t number = 0;
  const auto [end, fault] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (text->empty() || fault != std::errc{} || end != text->data() + text->size() || number > max)
    return std::unexpected(bad_field(name, fmt::format("not a whole number from 0 to {}", max)));
  return number;
}

// "set, event": unknown names mean nothing, and if nothing is left, all are meant [quirk of the reference].
TypeMask types_of(const ApiRequest& request) {
  const std::string* text = request.find_query("types");
  if (text == nullptr) return TypeMask::all();
  TypeMask mask{0};
  for (std::size_t at = 0; at <= text->size();) {
    const std::size_t comma = std::min(text->find(',', at), text->size());
    std::string name(net::without_blanks(std::string_view(*text).substr(at, comma - at)));
    std::ranges::transform(name, name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    if (const auto type = find_signal_type(name)) mask.bits |= TypeMask::of(*type).bits;
    at = comma + 1;
  }
  return TypeMask::from_wire(mask.bits);
}

Checked<store::Query> query_of(const ApiRequest& request, std::size_t address_bytes_max) {
  store::Query query;
  auto pattern = pattern_of(request, address_bytes_max);
  if (!pattern) return std::unexpected(pattern.error());
  const auto from = number_of(request, "from", std::uint64_t{1} << 62);
  const auto to = number_of(request, "to", std::uint64_t{1} << 62);
  const auto limit = number_of(request, "limit", 0xffff'ffff);
  const auto seq = number_of(request, "seq", std::uint64_t{1} << 62);
  for (const auto* number : {&from, &to, &limit, &seq}) {
    if (!*number) return std::unexpected(number->error());
  }
  query.pattern = std::move(*pattern);
  query.after = seq->value_or(0);
  if (*from) query.from = UnixTime{**from};
  if (*to) query.to = UnixTime{**to};
  query.types = types_of(request);
  query.limit = static_cast<std::size_t>(std::min<std::uint64_t>(limit->value_or(limit_default), limit_max));
  return query;
}

}  // namespace

// An answer the journal gives later: it may have to look at much. What it has to say waits until the turn ends.
template <typename T>
class ApiConnection::JournalAnswer final : public Exchange {
 public:
  using Ask = std::function<void(std::function<void(Result<T>)> done)>;
  using Take = std::function<bool(T answer, Ask& next)>;  // true: it was the last
  JournalAnswer(ApiConnection& connection, Ask ask, Take take) : connection_(connection), ask_(std::move(ask)), take_(std::move(take)) {}
  ~JournalAnswer() override { *alive_ = nullptr; }

  // Asks until the answer has to wait, or is given.
  void go_on() {
    for (;;) {
      asking_ = true;
      ask_([alive = alive_](Result<T> answer) {
        if (*alive != nullptr) (*alive)->came(std::move(answer));
      });
      asking_ = false;
      if (!came_ || give()) return;
    }
  }
  void resume() override {
    if (came_ && !give()) go_on();
  }
  void on_closed() override { *alive_ = nullptr; }

 private:
  void came(Result<T> answer) {
    came_.emplace(std::move(answer));
    if (!asking_) connection_.api().wake(connection_);
  }
  // False: ask for more.
  bool give() {
    Result<T> answer = std::move(*came_);
    came_.reset();
    if (!answer) {
      const bool busy = answer.error().code == ErrorCode::overloaded;
      connection_.fail({.status = busy ? 503U : 500U, .code = busy ? ErrorCode::overloaded : ErrorCode::internal_error,
                        .text = fmt::format("journal query failed: {}", answer.error().message)});
      done_ = true;
    } else {
      done_ = take_(std::move(*answer), ask_);
    }
    return done_;
  }

  ApiConnection& connection_;
  Ask ask_;
  Take take_;
  bool asking_ = false;
  std::optional<Result<T>> came_;
  std::shared_ptr<JournalAnswer*> alive_ = std::make_shared<JournalAnswer*>(this);
};

template <typename T, typename Ask, typename Take>
void ApiConnection::ask_journal(Ask ask, Take take) {
  auto answer = std::make_unique<JournalAnswer<T>>(*this, std::move(ask), std::move(take));
  answer->go_on();
  if (!answer->done()) start(std::move(answer));
}

void ApiConnection::journal_query(const ApiRequest& request) {
  auto asked = query_of(request, address_bytes_max());
  if (!asked) return fail(asked.error());
  store::Journal& journal = *api_.journal();
  auto query = std::make_shared<store::Query>(std::move(*asked));
  ask_journal<store::Page>([&journal, query](auto done) { journal.read(*query, std::move(done)); },
                           [this, query, text = std::string("[")](store::Page page, const auto&) mutable {
                             for (std::size_t offset = 0; offset < page.records.size();) {
                               if (text.size() > 1) text += ',';
                               store::append_entry_json(store::next_record(page.records.view(), offset), text);
                             }
                             if (text.size() > text_bytes_max) {
                               fail({.status = 413, .code = ErrorCode::invalid_value, .text = "the entries are too large for one answer: ask for fewer", .field = "limit"});
                               return true;
                             }
                             query->limit -= page.entries;
                             query->after = page.last;
                             if (page.more && query->limit > 0) return false;
                             answer_json(text + "]");
                             return true;
                           });
}

void ApiConnection::journal_since(const ApiRequest& request) {
  if (request.find_query("seq") == nullptr) return fail(bad_field("seq", "it is missing: entries behind which one?"));
  journal_query(request);
}

void ApiConnection::journal_latest(const ApiRequest&) {
  ask_journal<store::JournalSeq>([&journal = *api_.journal()](auto done) { journal.last_seq(std::move(done)); },
                                 [this](store::JournalSeq seq, const auto&) {
                                   answer_json(fmt::format(R"({{"seq":{}}})", seq));
                                   return true;
                                 });
}

void ApiConnection::journal_snapshot(const ApiRequest&) {
  ask_journal<std::string>([&journal = *api_.journal()](auto done) { journal.snapshot_text(std::move(done)); },
                           [this](std::string text, const auto&) {
                             answer_json(std::move(text));
                             return true;
                           });
}

}  // namespace clasp::http_api
