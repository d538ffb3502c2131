// The rows. What stands here is served, and documented, and nothing else is.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/check.hpp"
#include "http_api/api_connection.hpp"
#include "http_api/route.hpp"

namespace clasp::http_api {

namespace {

using enum Family;

// ---- what requests may say ----
constexpr ParameterDoc if_match{"If-Match", "header", R"({"type":"string","pattern":"^(\"[0-9]{1,18}\"|\\*)$"})",
                                "Write only if the param has this revision, or, with *, if there is one."};
constexpr ParameterDoc if_none_match_all{"If-None-Match", "header", R"({"type":"string","enum":["*"]})", "Write only if there is no such param yet."};
constexpr ParameterDoc if_none_match{"If-None-Match", "header", R"({"type":"string"})", "Answer 304 if the ETag is still this."};
constexpr ParameterDoc ttl{"ttl", "query", R"({"type":"integer","minimum":1,"maximum":2147483647})", "Lifetime in seconds."};
constexpr ParameterDoc limit{"limit", "query", R"({"type":"integer","minimum":1,"maximum":10000})",
                             "At most so many; a page may end earlier. Absent: all."};
constexpr ParameterDoc cursor{"cursor", "query", R"({"type":"string","format":"cursor"})",
                              "Where the page before ended: its X-Next-Cursor, or `next`."};
constexpr ParameterDoc pattern{
    "pattern", "query",
    R"({"type":"string","format":"clasp-pattern","pattern":"^/?[^/\\u0000-\\u001f\\u007f]+(/[^/\\u0000-\\u001f\\u007f]+)*/?$","maxLength":255})",
    "Which addresses; absent: all."};
constexpr ParameterDoc snapshot{"snapshot", "query", R"({"type":"string","enum":["0","1"]})", "0: changes only, not the state before."};
constexpr ParameterDoc last_event_id{"Last-Event-ID", "header", R"({"type":"string"})", "Go on behind this event."};
constexpr ParameterDoc since{"since", "query", R"({"type":"string","pattern":"^[0-9a-f-]+$","maxLength":40})",
                             "A position from an answer. Absent: the state, at once."};
constexpr ParameterDoc timeout{"timeout", "query", R"({"type":"number","minimum":0,"maximum":60})", "How many seconds to wait; 30 if absent."};

constexpr std::array none = std::array<ParameterDoc, 0>{};
constexpr ParameterDoc range{"Range", "header", R"({"type":"string","pattern":"^bytes=[0-9]{1,9}-[0-9]{0,9}$"})", "Only these bytes of the answer."};
constexpr ParameterDoc if_range{"If-Range", "header", R"({"type":"string"})", "Only if the ETag is still this, else all of it."};

constexpr std::array reading{if_none_match, range, if_range};
constexpr std::array putting{if_match, if_none_match_all, ttl};
constexpr std::array deleting{if_match};
constexpr std::array paging{limit, cursor, if_none_match, range, if_range};
constexpr std::array streaming{snapshot, last_event_id};
constexpr std::array streaming_by_query{pattern, snapshot, last_event_id};
constexpr std::array polling{since, timeout};
constexpr std::array polling_by_query{pattern, since, timeout};

constexpr ParameterDoc from{"from", "query", R"({"type":"integer","minimum":0,"maximum":4611686018427387904})", "Not before this time, µs since 1970."};
constexpr ParameterDoc to{"to", "query", R"({"type":"integer","minimum":0,"maximum":4611686018427387904})", "Not after this time."};
constexpr ParameterDoc entries{"limit", "query", R"({"type":"integer","minimum":0,"maximum":4294967295})",
                               "At most so many; 1000 if absent, never more than 100000."};
constexpr ParameterDoc types{"types", "query", R"({"type":"string"})", "param, event, stream, gesture, timeline, separated by commas; absent: all."};
constexpr ParameterDoc behind{"seq", "query", R"({"type":"integer","minimum":0,"maximum":4611686018427387904})", "Only entries behind this one."};
constexpr std::array querying{pattern, from, to, entries, types, behind};
constexpr std::array querying_since{behind, entries, pattern, from, to, types};

// ---- what answers there are ----
constexpr AnswerDoc refused{400, "Error", "A parameter, the address or the body is not as it has to be; `field` says which."};
constexpr AnswerDoc no_token{401, "Error", "The token is missing or wrong."};
constexpr AnswerDoc forbidden{403, "Error", "Not with these rights, or not from this page."};
constexpr AnswerDoc missing{404, "Error", "There is no such param."};
constexpr AnswerDoc conflict{409, "Error", "Another revision, a lock, or a strategy that prefers the value that is there."};
constexpr AnswerDoc unmet{412, "Error", "There is such a param already (If-None-Match)."};
constexpr AnswerDoc too_large{413, "Error", "The body, or the state for one answer, is too large."};
constexpr AnswerDoc too_many{429, "Error", "Slower, please."};
constexpr AnswerDoc unavailable{503, "Error", "The router is stopping, or overloaded."};
constexpr AnswerDoc late{504, "Error", "No answer in time; the write may come into effect yet."};
constexpr AnswerDoc unchanged{304, "", "As the ETag says."};
constexpr AnswerDoc part{206, "", "The bytes asked for."};
constexpr AnswerDoc no_such_part{416, "Error", "The answer has no such bytes."};

constexpr std::array reads_state{AnswerDoc{200, "State", "The param; ETag is its revision."},
                                 part,
                                 unchanged,
                                 no_such_part,
                                 refused,
                                 no_token,
                                 forbidden,
                                 missing,
                                 too_many,
                                 unavailable};
constexpr std::array puts_state{AnswerDoc{200, "Written", "The value as the router has it now; ETag is its revision."},
                                refused,
                                no_token,
                                forbidden,
                                conflict,
                                unmet,
                                too_large,
                                too_many,
                                unavailable,
                                late};
constexpr std::array deletes_state{AnswerDoc{200, "Deleted", "It is gone; subscribers were told null."},
                                   refused,
                                   no_token,
                                   forbidden,
                                   missing,
                                   conflict,
                                   too_many,
                                   unavailable,
                                   late};
constexpr std::array emits{
    AnswerDoc{200, "Emitted", "Everybody subscribed was told."}, refused, no_token, forbidden, too_large, too_many, unavailable};
constexpr std::array lists_values{
    AnswerDoc{200, "Values", "Address and value."}, part, unchanged, no_such_part, refused, no_token, forbidden, unavailable};
constexpr std::array lists_addresses{
    AnswerDoc{200, "Addresses", "In order."}, part, unchanged, no_such_part, refused, no_token, forbidden, unavailable};
constexpr std::array lists_signals{AnswerDoc{200, "Signals", "In order."}, part, unchanged, no_such_part, refused, no_token, forbidden, unavailable};
constexpr std::array bundles{AnswerDoc{200, "Executed", "All of it, at once."},
                             AnswerDoc{202, "Executed", "Waits for its timestamp."},
                             refused,
                             no_token,
                             forbidden,
                             conflict,
                             too_large,
                             too_many,
                             unavailable,
                             late};
constexpr std::array streams{
    AnswerDoc{200, "", "Server-sent events, for ever.", "text/event-stream"}, refused, no_token, forbidden, too_many, unavailable};
constexpr std::array polls{AnswerDoc{200, "Changes", "What has changed."},
                           AnswerDoc{204, "", "Nothing in that time."},
                           refused,
                           no_token,
                           forbidden,
                           AnswerDoc{410, "Error", "The position is gone, and the state too large for one answer."},
                           too_large,
                           too_many,
                           unavailable,
                           late};
constexpr AnswerDoc broken{500, "Error", "The journal cannot be read."};
constexpr std::array lists_entries{AnswerDoc{200, "Entries", "Oldest first."}, refused, no_token, too_large, broken, unavailable};
constexpr std::array shows_latest{AnswerDoc{200, "Latest", "0 if there is none."}, no_token, broken, unavailable};
constexpr std::array shows_snapshot{AnswerDoc{200, "Snapshot", "Empty if there is none."}, no_token, broken, unavailable};
constexpr std::array is_well{AnswerDoc{200, "Health", "It answers."}, no_token};
constexpr std::array documents{AnswerDoc{200, "Document", "This document."}, part, unchanged, no_such_part, no_token};

constexpr std::array aliased_puts{AnswerDoc{200, "Written", "As PUT /v1/state, with `success`."},
                                  refused,
                                  no_token,
                                  forbidden,
                                  conflict,
                                  unmet,
                                  too_large,
                                  too_many,
                                  unavailable,
                                  late};
constexpr std::array reference_reads{AnswerDoc{200, "ReferenceValue", "The param at /{path}."}, no_token,
                                     AnswerDoc{404, "ReferenceMissing", "There is none."}};
constexpr std::array reference_writes{AnswerDoc{200, "ReferenceValue", "Done, at <namespace>/{path}."},
                                      AnswerDoc{400, "Error", "The address is not valid."},
                                      AnswerDoc{400, "", "The body is not JSON, or the address is not valid.", "text/plain"},
                                      no_token,
                                      forbidden,
                                      conflict,
                                      AnswerDoc{413, "", "The body is too large.", "text/plain"},
                                      AnswerDoc{415, "", "The body has another type than JSON.", "text/plain"},
                                      too_many,
                                      unavailable,
                                      late};
constexpr std::array reference_deletes{AnswerDoc{200, "ReferenceDeleted", "Done, at <namespace>/{path}."},
                                       no_token,
                                       forbidden,
                                       AnswerDoc{404, "ReferenceMissing", "There is none."},
                                       conflict,
                                       too_many,
                                       unavailable,
                                       late};

using C = ApiConnection;

constexpr std::array table{
    // /v1 as documented
    Route{"GET", "/v1/health", v1, &C::health, "health", "Is it there?", none, "", is_well},
    Route{"GET", "/v1/openapi.json", v1, &C::openapi, "openapi", "This document.", reading, "", documents},
    Route{"GET", "/v1/state/{address}", v1, &C::get_state, "getState", "Value and revision of a param.", reading, "", reads_state},
    Route{"PUT", "/v1/state/{address}", v1, &C::put_state, "putState", "Sets a param; null removes it.", putting, "Value", puts_state},
    Route{"PATCH", "/v1/state/{address}", v1, &C::patch_state, "patchState", "Changes members of a param that is an object (RFC 7396).", putting,
          "Patch", puts_state},
    Route{"DELETE", "/v1/state/{address}", v1, &C::delete_state, "deleteState", "Removes a param.", deleting, "", deletes_state},
    Route{"POST", "/v1/emit/{address}", v1, &C::emit, "emit", "Publishes an event.", none, "Event", emits},
    Route{"GET", "/v1/snapshot", v1, &C::get_snapshot, "getSnapshot", "All params, address and value.", paging, "", lists_values},
    Route{"GET", "/v1/snapshot/{prefix}", v1, &C::get_snapshot, "getSnapshotBelow", "All params below an address, or that match a pattern.", paging,
          "", lists_values},
    Route{"GET", "/v1/list", v1, &C::get_list, "list", "All addresses.", paging, "", lists_addresses},
    Route{"GET", "/v1/list/{pattern}", v1, &C::get_list, "listMatching", "The addresses that match.", paging, "", lists_addresses},
    Route{"POST", "/v1/bundle", v1, &C::bundle, "bundle", "Several writes, all or none, now or at a time.", none, "Bundle", bundles},
    Route{"GET", "/v1/subscribe/{pattern}", v1, &C::subscribe, "subscribe", "What matches, and every change of it, as server-sent events.", streaming,
          "", streams},
    Route{"GET", "/v1/stream", v1, &C::subscribe, "stream", "The same, with the pattern as a parameter.", streaming_by_query, "", streams},
    Route{"GET", "/v1/poll/{pattern}", v1, &C::poll, "poll", "What has changed since a position, as soon as something has.", polling, "", polls},
    Route{"GET", "/v1/poll", v1, &C::poll, "pollMatching", "The same, with the pattern as a parameter.", polling_by_query, "", polls},
    // the same in another spelling
    Route{"GET", "/v1/signals", v1, &C::get_signals, "getSignals", "All params as a list.", paging, "", lists_signals},
    Route{"GET", "/v1/signals/{address}", v1, &C::get_state, "getSignal", "As GET /v1/state.", reading, "", reads_state},
    Route{"PUT", "/v1/signals/{address}", v1, &C::put_state, "putSignal", "As PUT /v1/state.", putting, "Value", puts_state},
    Route{"POST", "/v1/signals/{address}", v1, &C::emit, "postSignal", "As POST /v1/emit.", none, "Event", emits},
    Route{"PATCH", "/v1/signals/{address}", v1, &C::patch_state, "patchSignal", "As PATCH /v1/state.", putting, "Patch", puts_state},
    Route{"DELETE", "/v1/signals/{address}", v1, &C::delete_state, "deleteSignal", "As DELETE /v1/state.", deleting, "", deletes_state},
    // documented below the base
    Route{"GET", "{base}/state/{address}", alias, &C::get_state, "aliasGetState", "As GET /v1/state.", reading, "", reads_state},
    Route{"PUT", "{base}/state/{address}", alias, &C::put_state, "aliasPutState", "As PUT /v1/state.", putting, "Value", aliased_puts},
    Route{"DELETE", "{base}/state/{address}", alias, &C::delete_state, "aliasDeleteState", "As DELETE /v1/state.", deleting, "", deletes_state},
    Route{"POST", "{base}/event/{address}", alias, &C::emit, "aliasEvent", "As POST /v1/emit.", none, "Event", emits},
    Route{"GET", "{base}/list/{pattern}", alias, &C::get_list, "aliasList", "As GET /v1/list.", paging, "", lists_addresses},
    Route{"POST", "{base}/bundle", alias, &C::bundle, "aliasBundle", "As POST /v1/bundle.", none, "Bundle", bundles},
    Route{"GET", "{base}/subscribe/{pattern}", alias, &C::subscribe, "aliasSubscribe", "As GET /v1/subscribe.", streaming, "", streams},
    Route{"GET", "{base}/signals/{address}", alias, &C::get_state, "aliasGetSignal", "As GET /v1/state.", reading, "", reads_state},
    Route{"PUT", "{base}/signals/{address}", alias, &C::put_state, "aliasPutSignal", "As PUT /v1/state.", putting, "Value", aliased_puts},
    Route{"POST", "{base}/signals/{address}", alias, &C::emit, "aliasPostSignal", "As POST /v1/emit.", none, "Event", emits},
    Route{"DELETE", "{base}/signals/{address}", alias, &C::delete_state, "aliasDeleteSignal", "As DELETE /v1/state.", deleting, "", deletes_state},
    // the reference's journal
    Route{"GET", "{base}/journal/query", journal, &C::journal_query, "journalQuery", "What the journal has kept, oldest first.", querying, "", lists_entries},
    Route{"GET", "{base}/journal/since", journal, &C::journal_since, "journalSince", "The same behind a place.", querying_since, "", lists_entries},
    Route{"GET", "{base}/journal/latest", journal, &C::journal_latest, "journalLatest", "The newest place.", none, "", shows_latest},
    Route{"GET", "{base}/journal/snapshot", journal, &C::journal_snapshot, "journalSnapshot", "The newest snapshot.", none, "", shows_snapshot},
    // the reference's own
    Route{"GET", "{base}/signals", reference, &C::reference_signals, "referenceSignals", "All params as a list.", none, "", lists_signals},
    Route{"GET", "{base}/health", reference, &C::health, "referenceHealth", "Is it there?", none, "", is_well},
    Route{"GET", "{base}/{path}", reference, &C::reference_get, "referenceGet", "The param at /{path}.", none, "", reference_reads},
    Route{"PUT", "{base}/{path}", reference, &C::reference_put, "referencePut", "Sets the param at <namespace>/{path}.", none, "ReferenceBody",
          reference_writes},
    Route{"POST", "{base}/{path}", reference, &C::reference_post, "referencePost", "Publishes at <namespace>/{path}.", none, "ReferenceBody",
          reference_writes},
    Route{"DELETE", "{base}/{path}", reference, &C::reference_delete, "referenceDelete", "Removes the param at <namespace>/{path}.", none, "",
          reference_deletes},
};

constexpr std::string_view base_mark = "{base}";

// What the {parameter} at its end stands for in `path`; null data: there is none and the paths are equal.
struct Fit {
  bool fits = false;
  std::string_view tail;
};
Fit fit(const HttpApiConfig& config, const Route& route, std::string_view path) {
  std::string_view known = route.path;
  if (known.starts_with(base_mark)) {
    if (!path.starts_with(config.base)) return {};
    path.remove_prefix(config.base.size());
    known.remove_prefix(base_mark.size());
  }
  const std::size_t brace = known.find('{');
  if (brace == std::string_view::npos) return {.fits = path == known, .tail = {}};
  if (path.size() <= brace || !path.starts_with(known.substr(0, brace))) return {};
  return {.fits = true, .tail = path.substr(brace)};
}

}  // namespace

std::span<const Route> routes() { return table; }

const Route& route(std::string_view id) {
  const auto at = std::ranges::find(table, id, &Route::id);
  CLASP_CHECK(at != table.end());
  return *at;
}

bool is_served(const HttpApiConfig& config, const Route& route) {
  if (route.family == Family::journal) return config.journal;
  return route.family != Family::alias || !config.strict_reference;
}

std::string full_path(const HttpApiConfig& config, const Route& route) {
  return route.path.starts_with(base_mark) ? config.base + std::string(route.path.substr(base_mark.size())) : std::string(route.path);
}

std::optional<RouteMatch> match_route(const HttpApiConfig& config, std::string_view method, std::string_view path) {
  if (method == "HEAD") method = "GET";
  std::optional<RouteMatch> match;
  std::string_view decided;
  for (const Route& route : table) {
    if (!is_served(config, route) || (match && route.path != decided)) continue;
    const Fit found = fit(config, route, path);
    if (!found.fits) continue;
    if (!match) match = RouteMatch{.route = nullptr, .tail = found.tail, .allow = {}, .address = {}, .family = route.family};
    decided = route.path;
    if (route.method == method) match->route = &route;
    match->allow += route.method;
    match->allow += route.method == "GET" ? ", HEAD, " : ", ";
  }
  if (match) match->allow += "OPTIONS";
  return match;
}

}  // namespace clasp::http_api
