// The documented interface (bridges specification, section 11.4): one function a route.
#include <fmt/format.h>

#include <ctime>

#include "core/json.hpp"
#include "http_api/api_connection.hpp"
#include "http_api/event_stream.hpp"
#include "http_api/listing.hpp"
#include "http_api/long_poll.hpp"

namespace clasp::http_api {

namespace {

// "2026-11-29T19:22:10.123456Z"
std::string rfc3339(UnixTime time) {
  const auto seconds = static_cast<std::time_t>(time.us / 1'000'000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min,
                     parts.tm_sec, time.us % 1'000'000);
}

// RFC 9110, section 5.6.7.
std::string http_date(UnixTime time) {
  static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto seconds = static_cast<std::time_t>(time.us / 1'000'000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", days[parts.tm_wday], parts.tm_mday, months[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour,
                     parts.tm_min, parts.tm_sec);
}

std::string begin_object(bool alias, std::string_view address) {
  std::string body = alias ? R"({"success":true,"address":)" : R"({"address":)";
  append_json_string(address, body);
  return body;
}

std::string revision_tag(std::uint64_t revision) { return fmt::format("\"{}\"", revision); }

}  // namespace

void ApiConnection::get_state(const ApiRequest& request) {
  const auto address = address_of(request, address_bytes_max());
  if (!address) return fail(address.error());
  const RouterAnswer there = read_param(*address);
  if (there.error) return fail(of_router(*there.error));
  if (!there.value) return fail(of_router({ErrorCode::not_found, "not found", *address}));
  const std::string tag = revision_tag(there.revision.value_or(0));
  const std::string modified = there.time ? http_date(*there.time) : std::string{};
  // Without a journal revisions begin again with each run of the router: who also says of when his copy is, as browsers do, is told 304 only if that fits.
  const std::string* copy_of = request.find_header("If-Modified-Since");
  if (names_tag(request.find_header("If-None-Match"), tag) && (copy_of == nullptr || *copy_of == modified))
    return answer({.status = 304, .fields = {{"ETag", tag}}, .body = {}});
  std::string body = begin_object(false, *address);
  body += fmt::format(R"(,"value":{},"revision":{})", *there.value, there.revision.value_or(0));
  if (there.time) body += fmt::format(R"(,"timestamp":"{}")", rfc3339(*there.time));
  body += '}';
  std::vector<net::HttpField> fields;
  if (!modified.empty()) fields.push_back({"Last-Modified", modified});
  answer_document(request, std::move(body), tag, std::move(fields));
}

void ApiConnection::put_state(const ApiRequest& request) {
  const auto address = address_of(request, address_bytes_max());
  if (!address) return fail(address.error());
  const auto body = parse_write(request);
  if (!body) return fail(body.error());
  if (!body->value) return fail(bad_field("body", "empty; expected JSON: a value, or {\"value\":…}"));
  std::optional<std::uint64_t> revision;
  if (const auto unmet = unmet_condition(request, *address, revision)) return fail(*unmet);

  put(*address, *body->value, revision, body->ttl);
}

void ApiConnection::put(const std::string& address, const Value& value, std::optional<std::uint64_t> revision, std::optional<Ttl> ttl) {
  std::string given;
  append_json(value, JsonBytes::numbers, given);
  set(address, value, revision, ttl, [this, address, given = std::move(given)](const RouterAnswer& written) {
    if (written.error) return fail(of_router(*written.error));
    const RouterAnswer there = read_param(address);  // what a transform made of it; somebody who may not read gets back what was given
    std::string out = begin_object(alias_, address) + fmt::format(R"(,"value":{})", there.value.value_or(given));
    std::vector<net::HttpField> fields;
    if (written.revision) {
      out += fmt::format(R"(,"revision":{})", *written.revision);
      fields.push_back({"ETag", revision_tag(*written.revision)});
    }
    answer_json(out + '}', std::move(fields));
  });
}

// The body is the patch itself, whatever its type is called. What it is merged into has to be there still when it is written.
void ApiConnection::patch_state(const ApiRequest& request) {
  const auto address = address_of(request, address_bytes_max());
  if (!address) return fail(address.error());
  auto patch = parse_patch(request);
  if (!patch) return fail(patch.error());
  std::optional<std::uint64_t> revision;
  if (const auto unmet = unmet_condition(request, *address, revision)) return fail(*unmet);
  Value merged;
  api_.router().read(session(), *Pattern::parse(*address, address_bytes_max()), {}, [&](const router::Router::ParamView& param) {
    merged = to_value(param.value);
    if (!revision) revision = param.revision;
    return true;
  });
  merge_patch(merged, std::move(patch->value));
  put(*address, merged, revision, patch->ttl);
}

void ApiConnection::delete_state(const ApiRequest& request) {
  const auto address = address_of(request, address_bytes_max());
  if (!address) return fail(address.error());
  std::optional<std::uint64_t> revision;
  if (const auto unmet = unmet_condition(request, *address, revision)) return fail(*unmet);
  const RouterAnswer there = read_param(*address);
  if (there.error) return fail(of_router(*there.error));
  set(*address, Value(), revision, std::nullopt, [this, address = *address](const RouterAnswer& written) {
    if (written.error) return fail(of_router(*written.error));
    answer_json(begin_object(alias_, address) + R"(,"status":"deleted"})");
  });
}

void ApiConnection::emit(const ApiRequest& request) {
  const auto address = address_of(request, address_bytes_max());
  if (!address) return fail(address.error());
  const auto body = parse_write(request);
  if (!body) return fail(body.error());
  if (body->ttl) return fail(bad_field("ttl", "an event has no lifetime"));
  publish(*address, body->value ? &*body->value : nullptr, [this, address = *address](const RouterAnswer& published) {
    if (published.error) return fail(of_router(*published.error));
    answer_json(begin_object(alias_, address) + R"(,"status":"emitted"})");
  });
}

// ---- many at once ----

// /v1/snapshot/lights is everything below /lights, and /lights itself.
void ApiConnection::get_snapshot(const ApiRequest& request) {
  ApiRequest below = request;
  if (below.tail.ends_with('/')) below.tail.pop_back();
  if (!below.tail.empty() && !is_pattern(below.tail)) below.tail += "/**";
  start(Listing::answer(*this, Listing::Form::object, below));
}

void ApiConnection::get_list(const ApiRequest& request) { start(Listing::answer(*this, Listing::Form::addresses, request)); }

void ApiConnection::get_signals(const ApiRequest& request) { start(Listing::answer(*this, Listing::Form::signals, request)); }

void ApiConnection::bundle(const ApiRequest& request) {
  const auto body = parse_bundle(request, address_bytes_max());
  if (!body) return fail(body.error());
  std::vector<EncodedValue> values;
  values.reserve(body->operations.size());  // messages point into them
  Bundle bundle{.timestamp = body->timestamp, .messages = {}};
  for (const Operation& operation : body->operations) {
    if (!values.emplace_back(operation.value).ok())
      return fail(bad_field(fmt::format("operations[{}]", values.size() - 1), "the value does not fit the wire: too long or too deep"));
    const ValueView value = values.back().view();
    if (operation.is_set)
      bundle.messages.push_back({Set{.address = operation.address, .value = value}});
    else
      bundle.messages.push_back({Publish{.address = operation.address, .signal = SignalType::event, .value = value}});
  }
  const bool later = bundle.timestamp && bundle.timestamp->us > now().unix_time.us;
  const auto then = [this, later](const RouterAnswer& done) {
    if (done.error) return fail(of_router(*done.error));
    std::string out = R"({"success":true)";
    if (done.revision) out += fmt::format(R"(,"revision":{})", *done.revision);
    answer_json(out + '}', {}, later ? 202 : 200);
  };
  if (!later || api_.upstream() != nullptr) return write(Message{std::move(bundle)}, then);

  // It is refused now or waits for its time, longer than this request: what becomes of it then is nobody's answer. So it comes from a session of its
  // own, which a waiting bundle outlives (contract 23).
  answer_ = {};
  const router::SessionId own = std::exchange(session_, router::nobody);
  api_.router().submit(session(), Message{std::move(bundle)}, Qos::fire, {}, now());
  api_.router().close_session(std::exchange(session_, own), now());
  then(std::exchange(answer_, {}));
}

// ---- what happens from now on ----

void ApiConnection::subscribe(const ApiRequest& request) { start(EventStream::answer(*this, request)); }

void ApiConnection::poll(const ApiRequest& request) { start(LongPoll::answer(*this, request)); }

// ---- about us ----

void ApiConnection::health(const ApiRequest&) { answer_json(R"({"status":"ok","protocol":"CLASP","version":"0.1.0"})"); }

void ApiConnection::openapi(const ApiRequest& request) {
  const std::string& tag = api_.openapi_tag();
  if (names_tag(request.find_header("If-None-Match"), tag)) return answer({.status = 304, .fields = {{"ETag", tag}}, .body = {}});
  answer_document(request, api_.openapi(), tag);
}

}  // namespace clasp::http_api
