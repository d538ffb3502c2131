#include "http_client/http_client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <unordered_map>

#include "core/address.hpp"
#include "core/check.hpp"
#include "http_client/curl_sockets.hpp"
#include "url/url.hpp"

namespace clasp::http_client {

namespace {

constexpr std::size_t head_bytes_max = 65'536;  // of all hops of an answer together

bool same_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

struct UrlParts {
  std::string scheme;
  std::string host;
  std::string port;
  std::string text;
};

// `relative`: a Location, resolved against `base`. Nothing if there is no such URL.
std::optional<UrlParts> parse_url(const std::string& base, const std::string& relative = {}) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), &curl_url_cleanup);
  if (!url || curl_url_set(url.get(), CURLUPART_URL, base.c_str(), 0) != CURLUE_OK) return std::nullopt;
  if (!relative.empty() && curl_url_set(url.get(), CURLUPART_URL, relative.c_str(), 0) != CURLUE_OK) return std::nullopt;
  const auto part = [&url](CURLUPart which, unsigned flags) {
    char* text = nullptr;
    std::string out;
    if (curl_url_get(url.get(), which, &text, flags) == CURLUE_OK) out = text;
    curl_free(text);
    return out;
  };
  UrlParts parts{.scheme = part(CURLUPART_SCHEME, 0),
                 .host = part(CURLUPART_HOST, 0),
                 .port = part(CURLUPART_PORT, CURLU_DEFAULT_PORT),
                 .text = part(CURLUPART_URL, 0)};
  if ((parts.scheme != "http" && parts.scheme != "https") || parts.host.empty()) return std::nullopt;
  return parts;
}

// The same server, or the same name with TLS now. Never from TLS to none: what is sent along may be secret.
bool may_follow(const UrlParts& from, const UrlParts& to) {
  if (!same_ignoring_case(from.host, to.host)) return false;
  return from.scheme == to.scheme ? from.port == to.port : from.scheme == "http" && to.scheme == "https";
}

bool is_redirect(long status) { return status == 301 || status == 302 || status == 303 || status == 307 || status == 308; }

}  // namespace

const std::string* HttpAnswer::find(std::string_view name) const {
  const auto at = std::ranges::find_if(fields, [name](const HttpField& field) { return same_ignoring_case(field.name, name); });
  return at == fields.end() ? nullptr : &at->value;
}

Result<void> check_url(const std::string& url) {
  if (url.find("://") == std::string::npos) return Error{ErrorCode::invalid_argument, "expected a URL as http://host/path", {}};
  if (!parse_url(url)) return Error{ErrorCode::invalid_argument, fmt::format("{} is no http or https URL", printable(url::shown_url(url))), {}};
  return {};
}

struct HttpClient::Impl {
  // One call, over all its hops.
  struct Call {
    CallId id = CallId::none;
    HttpCall what;
    Done done;
    CURL* easy = nullptr;
    curl_slist* fields = nullptr;
    SteadyTime until;
    unsigned redirects = 0;
    HttpAnswer answer;
    std::size_t head_bytes = 0;
    bool too_large = false;
    std::array<char, CURL_ERROR_SIZE> reason{};
  };
  using Calls = std::unordered_map<std::uint64_t, std::unique_ptr<Call>>;

  Impl(io::IoLoop& in, HttpClientConfig given)
      : loop(in), config(std::move(given)), multi(curl_multi_init()), sockets(in, multi, [this] { collect(); }) {
    CLASP_CHECK(multi != nullptr);
    curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, config.connections_max);
    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, config.connections_per_host_max);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, config.connections_max);
  }
  ~Impl() {
    for (auto& [id, call] : calls) release(*call);
    calls.clear();
    curl_multi_cleanup(multi);  // which still tells the sockets
  }

  CallId start(HttpCall what, Done done) {
    ++stats.calls;
    const CallId id{++last_id};
    if (calls.size() >= config.calls_max)
      return fail_later(id, {ErrorCode::overloaded, fmt::format("more than {} calls at a time", config.calls_max), {}}, std::move(done));
    if (const auto usable = check_url(what.url); !usable) return fail_later(id, usable.error(), std::move(done));
    auto call = std::make_unique<Call>();
    call->id = id;
    call->what = std::move(what);
    call->done = std::move(done);
    call->easy = curl_easy_init();
    CLASP_CHECK(call->easy != nullptr);
    call->until = io::steady_now() + call->what.timeout;
    prepare(*call);
    Call& placed = *call;
    calls.emplace(last_id, std::move(call));
    send(placed);
    return id;
  }

  // What cannot be started is told later as well, so that nobody is called from inside his own call.
  CallId fail_later(CallId id, Error error, Done done) {
    auto call = std::make_unique<Call>();
    call->id = id;
    call->done = std::move(done);
    calls.emplace(static_cast<std::uint64_t>(id), std::move(call));
    loop.defer([this, watch = std::weak_ptr(alive), id, error = std::move(error)] {
      if (!watch.expired()) finish(id, error);
    });
    return id;
  }

  void prepare(Call& call) {
    CURL* easy = call.easy;
    for (const HttpField& field : call.what.fields) {
      // A field without a value is written with a semicolon; a line break would forge another field.
      std::string line = field.value.empty() ? field.name + ";" : field.name + ": " + field.value;
      std::ranges::replace_if(line, [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
      call.fields = curl_slist_append(call.fields, line.c_str());
    }
    call.fields = curl_slist_append(call.fields, "Expect:");  // no waiting for 100 Continue
    curl_easy_setopt(easy, CURLOPT_PRIVATE, &call);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call.fields);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call.reason.data());
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);  // or giving up waits for the name server
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);  // we do, see redirect()
    curl_easy_setopt(easy, CURLOPT_PROXY, config.proxy.c_str());
    curl_easy_setopt(easy, CURLOPT_USERAGENT, config.user_agent.c_str());
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(config.connect_timeout.count() / 1'000));
    if (!config.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, config.ca_file.c_str());
    if (config.insecure) {
      curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
      curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &Impl::on_head);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &call);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Impl::on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &call);
    if (call.what.method == "GET") {
      curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    } else if (call.what.method == "HEAD") {
      curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else {
      curl_easy_setopt(easy, CURLOPT_POST, 1L);
      curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call.what.method.c_str());
      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.what.body.size()));
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call.what.body.c_str());
    }
  }

  void send(Call& call) {
    call.answer = {};
    call.reason[0] = '\0';
    const std::int64_t left = std::max<std::int64_t>((call.until - io::steady_now()).count() / 1'000, 1);
    curl_easy_setopt(call.easy, CURLOPT_TIMEOUT_MS, static_cast<long>(left));
    curl_easy_setopt(call.easy, CURLOPT_URL, call.what.url.c_str());
    CLASP_CHECK(curl_multi_add_handle(multi, call.easy) == CURLM_OK);
  }

  static std::size_t on_head(char* text, std::size_t size, std::size_t count, void* data) {
    Call& call = *static_cast<Call*>(data);
    const std::string_view line(text, size * count);
    if ((call.head_bytes += line.size()) > head_bytes_max) {
      call.too_large = true;
      return 0;
    }
    if (line.starts_with("HTTP/")) call.answer.fields.clear();  // of the hop before, or of a 1xx
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return line.size();
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
    while (!value.empty() && (value.back() == '\r' || value.back() == '\n' || value.back() == ' ')) value.remove_suffix(1);
    call.answer.fields.push_back({std::string(line.substr(0, colon)), std::string(value)});
    return line.size();
  }

  static std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* data) {
    Call& call = *static_cast<Call*>(data);
    const std::size_t length = size * count;
    if (call.answer.body.size() + length > call.what.answer_bytes_max) {
      call.too_large = true;
      return 0;
    }
    call.answer.body.append(bytes, length);
    return length;
  }

  void collect() {
    const std::weak_ptr<bool> watch = alive;
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;
      Call* call = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
      curl_multi_remove_handle(multi, message->easy_handle);
      ended(*call, code);
      if (watch.expired()) return;  // `done` has destroyed us
    }
  }

  void ended(Call& call, CURLcode code) {
    if (code != CURLE_OK) return finish(call.id, error_of(call, code));
    long status = 0;
    curl_easy_getinfo(call.easy, CURLINFO_RESPONSE_CODE, &status);
    call.answer.status = static_cast<unsigned>(status);
    const std::string* location = call.answer.find("Location");
    const bool repeatable = call.what.method == "GET" || call.what.method == "HEAD" || status == 307 || status == 308;
    if (!is_redirect(status) || location == nullptr || !repeatable) return finish(call.id, std::move(call.answer));
    if (const auto refused = redirect(call, *location)) return finish(call.id, *refused);
    send(call);
  }

  std::optional<Error> redirect(Call& call, const std::string& location) {
    const auto from = parse_url(call.what.url);
    const auto to = parse_url(call.what.url, location);
    if (!to) return Error{ErrorCode::refused, fmt::format("it redirects to {}, which is no http or https URL", location.substr(0, 200)), {}};
    if (!may_follow(*from, *to))
      return Error{ErrorCode::refused, fmt::format("it redirects to another place, {}://{}:{}: not followed", to->scheme, to->host, to->port), {}};
    if (++call.redirects > call.what.redirects_max)
      return Error{ErrorCode::refused, fmt::format("it redirects more than {} times", call.what.redirects_max), {}};
    ++stats.redirects;
    call.what.url = to->text;
    return std::nullopt;
  }

  Error error_of(const Call& call, CURLcode code) const {
    if (call.too_large) {
      const bool head = call.head_bytes > head_bytes_max;
      return {ErrorCode::overloaded,
              fmt::format("the answer's {} is larger than {} bytes", head ? "head" : "body", head ? head_bytes_max : call.what.answer_bytes_max),
              {}};
    }
    if (code == CURLE_OPERATION_TIMEDOUT) return {ErrorCode::timeout, fmt::format("no answer in time: {}", call.reason.data()), {}};
    const char* reason = call.reason[0] != '\0' ? call.reason.data() : curl_easy_strerror(code);
    return {
        code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL ? ErrorCode::invalid_argument : ErrorCode::connection_failed, reason, {}};
  }

  void finish(CallId id, Result<HttpAnswer> result) {
    const auto at = calls.find(static_cast<std::uint64_t>(id));
    if (at == calls.end()) return;  // cancelled
    const std::unique_ptr<Call> call = std::move(at->second);
    calls.erase(at);
    if (!result) ++stats.failures;
    release(*call);
    call->done(std::move(result));
  }

  void cancel(CallId id) {
    const auto at = calls.find(static_cast<std::uint64_t>(id));
    if (at == calls.end()) return;
    const std::unique_ptr<Call> call = std::move(at->second);
    calls.erase(at);
    release(*call);
  }

  void release(Call& call) {
    if (call.easy != nullptr) {
      curl_multi_remove_handle(multi, call.easy);  // nothing happens if it is out already
      curl_easy_cleanup(std::exchange(call.easy, nullptr));
    }
    curl_slist_free_all(std::exchange(call.fields, nullptr));
  }

  io::IoLoop& loop;
  HttpClientConfig config;
  HttpClientStats stats;
  CURLM* multi;
  CurlSockets sockets;
  Calls calls;
  std::uint64_t last_id = 0;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

Result<std::unique_ptr<HttpClient>> HttpClient::create(io::IoLoop& loop, HttpClientConfig config) {
  static const bool initialised = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  if (!initialised) return Error{ErrorCode::unavailable, "libcurl does not start", {}};
  if ((curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_ASYNCHDNS) == 0)
    return Error{
        ErrorCode::unavailable, "this libcurl looks names up while everything waits: one built with a resolver thread or c-ares is needed", {}};
  return std::unique_ptr<HttpClient>(new HttpClient(std::make_unique<Impl>(loop, std::move(config))));
}

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpClient::~HttpClient() = default;

CallId HttpClient::start(HttpCall call, Done done) { return impl_->start(std::move(call), std::move(done)); }
void HttpClient::cancel(CallId id) { impl_->cancel(id); }
std::size_t HttpClient::calls_open() const { return impl_->calls.size(); }
const HttpClientStats& HttpClient::stats() const { return impl_->stats; }

}  // namespace clasp::http_client
