// The HTTP interface as a peer meets it: any bytes into a connection of the loop, behind it the interface and a router with some state. Every answer
// is well-formed, JSON where it says so, names an error where there is one, and is never the router's own fault; how the bytes were cut does not
// matter.
//
// Input: flags (1 a token is asked for, 2 origins, 4 strict, 8 the state is a copy of another router's that is away), the size of reads, the stream.
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.hpp"
#include "cut_stream.hpp"
#include "http_api/endpoints.hpp"
#include "http_api/http_api.hpp"
#include "http_api/upstream.hpp"
#include "net/chunked_body.hpp"
#include "net/event_loop.hpp"
#include "net/http_session.hpp"
#include "net/router_engine.hpp"
#include "net/stream.hpp"
#include "router/router.hpp"

namespace {

using namespace clasp;

constexpr int turns_max = 200;

class Numbers final : public router::Random {
 public:
  std::uint64_t next() override { return ++last_ * 0x9e3779b97f4a7c15U; }

 private:
  std::uint64_t last_ = 0;
};

// A router that accepts every second write later, and refuses the others at once.
class MoodyUpstream final : public http_api::Upstream {
 public:
  std::optional<Error> unavailable() const override { return std::nullopt; }
  std::uint64_t write(const Message& message, Done done) override {
    if (++writes % 2 == 0 || std::holds_alternative<Publish>(message.body)) {
      done({.error = Error{ErrorCode::lock_held, "locked", {}}});
      return 0;
    }
    waiting.emplace_back(writes, std::move(done));
    return writes;
  }
  void forget(std::uint64_t ticket) override {
    std::erase_if(waiting, [ticket](const auto& each) { return each.first == ticket; });
  }
  void settle() {
    auto now = std::move(waiting);
    waiting.clear();
    for (auto& [ticket, done] : now) done({.acked = true, .revision = 1});
  }

  std::uint64_t writes = 0;
  std::vector<std::pair<std::uint64_t, Done>> waiting;
};

class NoSink final : public router::Sink {
 public:
  std::size_t deliver(const router::Delivery&) override { return 0; }
  std::size_t reply(const router::Reply&) override { return 0; }
  void close(const router::CloseReason&) override {}
};

class Handler final : public net::HttpHandler {
 public:
  explicit Handler(http_api::HttpApi& api) : api_(api) {}
  void handle(const net::HttpRequest& request, net::HttpResponder& responder) override {
    if (api_.owns(request.path())) return api_.handle(request, responder);
    responder.answer(net::text_response(200, "ok\n"));
  }
  net::HttpResponse refusal(const net::HttpFault& fault) override { return api_.refusal(fault); }

 private:
  http_api::HttpApi& api_;
};

http_api::HttpApiConfig config_of(std::uint8_t flags) {
  http_api::HttpApiConfig config;
  if ((flags & 1) != 0) config.token = "t";
  if ((flags & 2) != 0) config.origins = {"http://a"};
  config.strict_reference = (flags & 4) != 0;
  for (const char* line : {"GET /e/:a/b /x/{a}", "PUT /e/:a/b /x/{a}", "POST /f/*r /{r} rate=3"})
    config.endpoints.push_back(*http_api::parse_endpoint(line, config.base));
  return config;
}

// Everything a connection answers to the stream, until it says nothing more.
std::string talk(std::span<const std::uint8_t> stream, std::uint8_t flags, std::size_t read_bytes) {
  net::EventLoop loop{{.yield_before_flush = false}};
  Numbers numbers;
  router::Router router({.params_max = 50}, {.random = &numbers, .log = {}}, loop.now());
  net::RouterEngine engine(router);
  MoodyUpstream upstream;
  http_api::HttpApi api(config_of(flags), router, (flags & 8) != 0 ? &upstream : nullptr);
  Handler handler(api);
  loop.attach(engine);
  loop.attach(api);
  NoSink sink;
  const router::SessionId session = router.open_session({.name = "state", .grants = {}, .writer = {}}, sink, loop.now());
  for (const auto& [address, value] : {std::pair<const char*, Value>{"/a", 1}, {"/a/b", Value(Map{{"k", "v"}})}, {"/http/foo", "text"}}) {
    const EncodedValue encoded(value);
    router.submit(session, Message{Set{.address = address, .value = encoded.view()}}, Qos::fire, {}, loop.now());
  }
  std::array<int, 2> sockets;
  fuzz::require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sockets.data()) == 0, "a pair of sockets");
  loop.adopt(sockets[0], [&](net::Stream& made) { return std::make_unique<net::HttpSession>(made, handler, &engine); });

  std::string told;
  int silent = 0;
  const auto turn = [&] {
    loop.turn(Micros{0});
    upstream.settle();
    std::array<char, 65'536> buffer;
    ++silent;
    for (ssize_t n = 0; (n = ::recv(sockets[1], buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0; silent = 0)
      told.append(buffer.data(), static_cast<std::size_t>(n));
  };
  fuzz::in_reads(stream, read_bytes, [&](std::span<std::byte> bytes) {
    const bool taken = ::send(sockets[1], bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
    turn();
    return taken;
  });
  while (silent < 4) turn();
  ::close(sockets[1]);
  // Where an answer is owed and more has come than is read meanwhile, the end shows when something is written: here when the router stops.
  bool stopped = false;
  for (int turns = 0; loop.streams() > 0; ++turns) {
    fuzz::require(turns < turns_max, "a connection ends when its peer has gone");
    if (turns == turns_max / 2) {
      stopped = true;
      router.close_all({router::CloseCode::going_away, "stopping"}, loop.now());
      loop.shut_down_streams();
    }
    loop.turn(Micros{0});
  }
  fuzz::require(router.gauges().sessions == (stopped ? 0 : 1), "what was opened for a connection ends with it");
  fuzz::require(upstream.waiting.empty(), "nobody waits for whom nobody waits any more");
  loop.detach(api);
  loop.detach(engine);
  return told;
}

// ---- the answers ----

struct Answer {
  unsigned status = 0;
  std::string body;
  bool json = false;
  bool whole = false;
};

// The next answer off the front of `text`; `bodiless`: to a HEAD.
std::optional<Answer> take_answer(std::string_view& text, bool bodiless) {
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  const auto head = net::parse_response_head(text.substr(0, end + 4));
  fuzz::require(head.has_value(), "an answer has a head");
  text.remove_prefix(end + 4);
  Answer answer{.status = head->status};
  const std::string* type = net::find_field(head->fields, "Content-Type");
  answer.json = type != nullptr && *type == "application/json";
  if (bodiless || answer.status == 204 || answer.status == 304 || answer.status < 200) return answer;
  if (net::find_field(head->fields, "Transfer-Encoding") != nullptr) {
    net::ChunkedBody chunks(16'777'216);
    std::vector<std::byte> rest(text.size());
    std::transform(text.begin(), text.end(), rest.begin(), [](char c) { return static_cast<std::byte>(c); });
    std::span<std::byte> input(rest);
    fuzz::require(!chunks.take(input, answer.body), "chunks are well-formed");
    answer.whole = chunks.done();
    text.remove_prefix(text.size() - input.size());
    return answer;
  }
  const std::string* length = net::find_field(head->fields, "Content-Length");
  if (length == nullptr) {  // until the end
    answer.body = text;
    text = {};
    return answer;
  }
  std::size_t bytes = 0;
  std::from_chars(length->data(), length->data() + length->size(), bytes);
  fuzz::require(bytes <= text.size(), "an answer is as long as it says");
  answer.body = text.substr(0, bytes);
  answer.whole = true;
  text.remove_prefix(bytes);
  return answer;
}

void check(const Answer& answer) {
  fuzz::require(answer.status != 500, "nothing is the router's own fault");
  if (!answer.json || !answer.whole || answer.status == 206) return;
  const auto document = parse_json(answer.body);
  fuzz::require(document.has_value(), "what says it is JSON is JSON");
  if (answer.status >= 400) fuzz::require(document->find("error") != nullptr, "an error says what is wrong");
}

std::vector<unsigned> statuses(std::string_view told, const std::vector<std::string>& methods) {
  std::vector<unsigned> out;
  std::size_t request = 0;
  while (!told.empty()) {
    const auto answer = take_answer(told, request < methods.size() && methods[request] == "HEAD");
    if (!answer) break;
    check(*answer);
    if (answer->status == 100) continue;
    out.push_back(answer->status);
    ++request;
  }
  return out;
}

std::vector<std::string> methods_in(std::span<const std::uint8_t> stream, bool& waits) {
  std::vector<std::string> out;
  net::HttpRequestParser parser;
  fuzz::in_reads(stream, stream.size() + 1, [&](std::span<std::byte> input) {
    while (const auto request = parser.next(input)) {
      out.push_back(request->method);
      // Answered in their own time, or not to the end.
      for (const char* word : {"poll", "subscribe", "stream"}) waits |= request->target.find(word) != std::string::npos;
      waits |= request->target.find('%') != std::string::npos || net::find_field(request->fields, "Upgrade") != nullptr;
    }
    return false;
  });
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3 || size > 60'000) return 0;
  const std::uint8_t flags = data[0];
  const std::span<const std::uint8_t> stream{data + 2, size - 2};
  bool waits = false;
  const auto methods = methods_in(stream, waits);
  const auto whole = statuses(talk(stream, flags, stream.size()), methods);
  const auto cut = statuses(talk(stream, flags, std::max<std::size_t>(data[1] + 1U, size / 50)), methods);
  if (!waits) fuzz::require(whole == cut, "cuts don't matter");
  return 0;
}
