#include "http_api/listing.hpp"

#include <fmt/format.h>

#include <limits>

#include "core/json.hpp"
#include "http_api/api_connection.hpp"

namespace clasp::http_api {

std::unique_ptr<Exchange> Listing::answer(ApiConnection& connection, Form form, const ApiRequest& request) {
  const auto refuse = [&](const ApiError& error) {
    connection.fail(error);
    return nullptr;
  };
  auto pattern = pattern_of(request, connection.api().router().config().address_bytes_max);
  if (!pattern) return refuse(pattern.error());
  const auto limit = limit_of(request);
  if (!limit) return refuse(limit.error());
  auto cursor = cursor_of(request);
  if (!cursor) return refuse(cursor.error());

  // Whoever reads on from here with a poll or an event stream misses nothing: this is the place before the first value that is read.
  const std::string position = connection.api().position_text(connection.api().router().last_seq());
  const std::string tag = fmt::format("W/\"{}\"", position);
  std::vector<net::HttpField> fields{{"ETag", tag}, {"X-Clasp-Position", position}, {"Cache-Control", "no-cache"}};
  if (names_tag(request.find_header("If-None-Match"), tag)) {
    connection.answer({.status = 304, .fields = std::move(fields), .body = {}});
    return nullptr;
  }
  // Read at once it is exactly the state at that position, and the tag a strong one.
  const bool ranged = request.find_header("Range") != nullptr && request.http->method == "GET";
  const std::string strong = fmt::format("\"{}\"", position);
  if (ranged && !*limit) {
    Listing whole(connection, form, *pattern, *cursor);
    std::string body(whole.beginning());
    if (whole.append(body, std::numeric_limits<std::size_t>::max(), ranged_bytes_max) == More::no) {
      whole.append_end(body, More::no);
      connection.answer_document(request, std::move(body), strong, {{"X-Clasp-Position", position}});
      return nullptr;
    }
  }
  auto listing = std::make_unique<Listing>(connection, form, *std::move(pattern), *std::move(cursor));
  if (*limit) {
    std::string body(listing->beginning());
    const More more = listing->append(body, **limit, page_bytes_max);
    listing->append_end(body, more);
    if (more == More::yes) fields.push_back({"X-Next-Cursor", to_cursor(listing->after_)});
    if (!ranged) {
      connection.answer_json(std::move(body), std::move(fields));
      return nullptr;
    }
    std::erase_if(fields, [](const net::HttpField& field) { return field.name == "ETag" || field.name == "Cache-Control"; });
    connection.answer_document(request, std::move(body), strong, std::move(fields));
    return nullptr;
  }
  fields.insert(fields.begin(), {"Content-Type", "application/json"});
  connection.begin({.status = 200, .fields = std::move(fields), .body = {}}, net::Flow::finite);
  if (connection.responder().send(listing->beginning()) == 0) {  // HEAD
    connection.responder().finish();
    return nullptr;
  }
  listing->pump();
  return listing;
}

void Listing::pump() {
  while (!done_ && connection_.responder().bytes_waiting() < waiting_bytes_max) {
    std::string piece;
    if (append(piece, std::numeric_limits<std::size_t>::max(), piece_bytes) == More::no) {
      done_ = true;
      append_end(piece, More::no);
    }
    connection_.responder().send(piece);
  }
  if (done_) connection_.responder().finish();
}

std::string_view Listing::beginning() const {
  switch (form_) {
    case Form::object: return "{";
    case Form::addresses: return R"({"addresses":[)";
    case Form::signals: return R"({"signals":[)";
  }
  return {};
}

Listing::More Listing::append(std::string& out, std::size_t entries_max, std::size_t bytes_max) {
  std::size_t entries = 0;
  const bool all = connection_.api().router().read(connection_.session(), pattern_, after_, [&](const router::Router::ParamView& param) {
    if (entries == entries_max || out.size() >= bytes_max) return false;
    ++entries;
    if (count_++ > 0) out += ',';
    if (form_ == Form::signals) out += R"({"address":)";
    append_json_string(param.address, out);
    if (form_ == Form::signals) out += R"(,"value":)";
    if (form_ == Form::object) out += ':';
    if (form_ != Form::addresses) append_json(param.value, JsonBytes::numbers, out);
    if (form_ == Form::signals) out += '}';
    after_.assign(param.address);
    return true;
  });
  return all ? More::no : More::yes;
}

void Listing::append_end(std::string& out, More more) const {
  if (form_ == Form::object) {
    out += '}';
    return;
  }
  out += ']';
  if (form_ == Form::signals) out += fmt::format(R"(,"count":{})", count_);
  if (more == More::yes) out += fmt::format(R"(,"next":"{}")", to_cursor(after_));
  out += '}';
}

}  // namespace clasp::http_api
