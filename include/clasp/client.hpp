// The client: a connection to a CLASP router, with callbacks for what comes and calls for what goes.
//
//   auto client = clasp::Client::builder("ws://localhost:7330").name("desk").connect();
//   if (!client) return complain(client.error());
//   auto lights = client->subscribe("/lights/**", [](const clasp::Value& value, std::string_view address) { … });
//   client->set("/lights/1/dim", 0.5);
//
// Every method may be called from any thread. Callbacks run one at a time, in the order in which things arrived, on the client's own thread
// or on the executor given to the builder, never with a lock held: they may call the client, subscribe, unsubscribe and close. A call that
// waits for an answer (get, set_confirmed, query, ping, sync) fails at once with `invalid_argument` on the client's own thread, because the
// answer could never arrive; use its form with a callback there. An exception that leaves a callback is caught and reported to on_error.
//
// Lost connections come back by themselves (unless told otherwise). If the router keeps sessions for clients that are away (`--resume-window`) and it was
// not for too long, the session goes on as if nothing had happened: nothing that came meanwhile is missed, calls in progress are answered. Else it is
// a new one: with the same subscriptions and announcements, a new session id and without what was published meanwhile.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clasp/error.hpp"
#include "clasp/timeline.hpp"
#include "clasp/value.hpp"

namespace clasp {
namespace client {
class ClientImpl;
class BatchImpl;
}  // namespace client

inline namespace v0 {

// What kind of signal an address carries.
enum class Signal : std::uint8_t { param, event, stream, gesture, timeline };
enum class Phase : std::uint8_t { start, move, end, cancel };

// How long a param lives without being written. `sliding` counts from the last access, `absolute` from the last write.
struct Lifetime {
  enum class Mode : std::uint8_t { never_expires, sliding, absolute };
  Mode mode = Mode::never_expires;
  std::chrono::seconds length{0};
  static Lifetime never() { return {}; }
  static Lifetime sliding(std::chrono::seconds length) { return {Mode::sliding, length}; }
  static Lifetime absolute(std::chrono::seconds length) { return {Mode::absolute, length}; }
  bool operator==(const Lifetime&) const = default;
};

enum class DeliveryKind : std::uint8_t { set, publish };

// One SET or PUBLISH that arrived, or one param of a snapshot.
struct Delivery {
  std::string address;
  Value value;  // null if the message had none
  DeliveryKind kind = DeliveryKind::set;
  Signal signal = Signal::param;
  Phase phase = Phase::start;                 // gestures
  std::optional<std::uint32_t> gesture_id;    // gestures
  std::uint64_t revision = 0;                 // params; 0 if unknown. Comparable only until the next reconnect
  std::string writer;                         // session that wrote it, in snapshots; else empty
  std::optional<std::uint64_t> timestamp_us;  // Unix time, as the sender or the router gave it
  std::vector<double> samples;                // streams sent as a block; `value` is null then
  std::optional<std::uint32_t> rate_hz;       // of the samples
  bool snapshot = false;                      // state that was there already, not a change
};

// What a subscription wants.
struct SubscriptionOptions {
  std::vector<Signal> types;                 // empty: all
  std::optional<std::uint32_t> max_rate_hz;  // per address; thinned by the router
  std::optional<double> epsilon;             // smallest change of a number worth delivering
  std::optional<std::uint32_t> history;      // this many past values first
  std::optional<std::chrono::milliseconds> window;
};

struct SetOptions {
  bool lock = false;
  bool unlock = false;
  std::optional<Lifetime> lifetime;                // none: the router's default
  std::optional<std::uint64_t> expected_revision;  // refused with RevisionConflict if the param has another one
};

struct GetOptions {
  std::chrono::milliseconds timeout{5'000};
  // A cached value is good enough if a live subscription keeps it current, or if it was heard within this time.
  std::chrono::milliseconds age_max{0};
};

// A param as the client knows it.
struct Param {
  Value value;
  std::uint64_t revision = 0;
  std::string writer;
  std::optional<std::uint64_t> timestamp_us;
  bool stale = false;  // heard in an earlier connection; may have changed since
};

struct Confirmation {
  std::string address;         // empty for a bundle
  std::uint64_t revision = 0;  // that the write was given; of a bundle, the one of its last SET
};

struct SignalInfo {
  std::string address;
  Signal type = Signal::event;
  std::string datatype;  // "f32", …; empty if not announced
  std::string access;    // "r", "w", "rw"; empty if not announced
  std::string unit;
  std::optional<std::pair<double, double>> range;
  std::string description;
};

struct ReplayRequest {
  std::string pattern;
  std::optional<std::uint64_t> from_us;  // Unix time
  std::optional<std::uint64_t> to_us;
  std::optional<std::uint32_t> limit;
  std::vector<Signal> types;  // empty: all
};

struct ClockInfo {
  std::int64_t offset_us = 0;  // server minus local
  std::int64_t rtt_us = 0;
  std::int64_t jitter_us = 0;
  std::size_t samples = 0;
  double quality = 0;  // 0 (unknown) … 1
};

// What hit a bound or went wrong without a caller to tell.
struct ClientStats {
  std::uint64_t frames_in = 0;
  std::uint64_t frames_out = 0;
  std::uint64_t undecodable_frames = 0;
  std::uint64_t overloaded_calls = 0;  // refused because the outgoing buffer or the table of pending calls was full
  std::uint64_t cache_refused = 0;     // params not cached because the cache was full
  std::uint64_t signals_refused = 0;   // announced signals not kept because the table was full
  std::uint64_t frames_lost = 0;       // accepted from the caller, but unsent when the connection broke
  std::uint64_t callback_exceptions = 0;
  std::uint64_t read_pauses = 0;  // reading waited for a slow executor
  std::uint64_t reconnects = 0;
  std::uint64_t resumed = 0;  // reconnects that went on with the same session
};

// Writes that take effect together. At most 65,535 entries and one frame (65,535 bytes) in all.
class Batch {
 public:
  Batch();
  Batch(Batch&&) noexcept;
  Batch& operator=(Batch&&) noexcept;
  ~Batch();

  Batch& set(std::string_view address, const Value& value, const SetOptions& options = {});
  Batch& emit(std::string_view address, const Value& payload = {});
  Batch& stream(std::string_view address, const Value& value);
  std::size_t size() const;

 private:
  friend class client::ClientImpl;
  std::unique_ptr<client::BatchImpl> impl_;
};

// Keeps a subscription alive. Destroying it unsubscribes; afterwards its callback does not run any more: if it is running on another thread
// at that moment, unsubscribing waits for its end (so do not hold a lock that the callback takes).
class [[nodiscard]] Subscription {
 public:
  Subscription() = default;
  Subscription(Subscription&& other) noexcept { *this = std::move(other); }
  Subscription& operator=(Subscription&& other) noexcept;
  ~Subscription() { unsubscribe(); }

  std::uint32_t id() const { return id_; }  // 0 if empty
  explicit operator bool() const { return id_ != 0; }
  void unsubscribe();
  std::uint32_t release();  // stays subscribed until Client::unsubscribe(id) or the client's end

 private:
  friend class Client;
  std::weak_ptr<client::ClientImpl> client_;
  std::uint32_t id_ = 0;
};

class Client {
 public:
  using ValueCallback = std::function<void(const Value& value, std::string_view address)>;
  using DeliveryCallback = std::function<void(const Delivery& delivery)>;
  using Executor = std::function<void(std::function<void()>)>;
  template <typename T>
  using Then = std::function<void(Result<T>)>;

  class Builder;
  // ws://host[:port][/path], tcp://host[:port] or host:port (WebSocket). Default ports: ws 80, tcp and bare hosts 7330.
  static Builder builder(std::string url);

  Client(Client&& other) noexcept;
  Client& operator=(Client&& other) noexcept;
  ~Client();  // close()

  // ---- params ----
  // Success means: taken over for sending, in order. `overloaded` means that the outgoing buffer is full and nothing was taken. A refusal by
  // the router arrives at on_error; use set_confirmed to wait for it.
  Result<void> set(std::string_view address, const Value& value, const SetOptions& options = {});
  Result<void> set_locked(std::string_view address, const Value& value);
  Result<void> set_unlocked(std::string_view address, const Value& value);
  Result<void> set_with_ttl(std::string_view address, const Value& value, Lifetime lifetime);
  Result<Confirmation> set_confirmed(std::string_view address, const Value& value, const SetOptions& options = {},
                                     std::chrono::milliseconds timeout = std::chrono::seconds(5));
  void set_confirmed(std::string_view address, const Value& value, const SetOptions& options, std::chrono::milliseconds timeout,
                     Then<Confirmation> then);

  // `not_found` if the router says that there is no such param (routers of the reference implementation say nothing: `no_answer`).
  Result<Value> get(std::string_view address, const GetOptions& options = {});
  Result<Param> get_param(std::string_view address, const GetOptions& options = {});
  Result<Param> get_fresh(std::string_view address, std::chrono::milliseconds timeout = std::chrono::seconds(5));  // never from the cache
  void get_async(std::string_view address, const GetOptions& options, Then<Param> then);
  std::optional<Value> cached(std::string_view address) const;
  std::optional<Param> cached_param(std::string_view address) const;

  // ---- messages without state ----
  Result<void> emit(std::string_view address, const Value& payload = {});
  Result<void> stream(std::string_view address, const Value& value);
  Result<void> stream_samples(std::string_view address, const std::vector<double>& samples, std::optional<std::uint32_t> rate_hz = {});
  Result<void> gesture(std::string_view address, std::uint32_t id, Phase phase, const Value& payload = {});
  Result<void> timeline(std::string_view address, const Timeline& timeline);

  // ---- bundles ----
  Result<void> bundle(const Batch& batch);
  Result<void> bundle_at(const Batch& batch, std::uint64_t time_us);  // server time, see time()
  Result<Confirmation> bundle_confirmed(const Batch& batch, std::optional<std::uint64_t> time_us = {},
                                        std::chrono::milliseconds timeout = std::chrono::seconds(5));

  // ---- subscriptions ----
  // '*' is one segment (or a run of characters inside one), '**' any number of segments. May be called while disconnected. A callback hears Null when
  // a param is removed, and after a reconnect for each param it knew that the router no longer holds.
  Result<Subscription> subscribe(std::string_view pattern, ValueCallback callback, const SubscriptionOptions& options = {});
  Result<Subscription> subscribe(std::string_view pattern, DeliveryCallback callback, const SubscriptionOptions& options = {});
  template <typename Callback>
  Result<Subscription> on(std::string_view pattern, Callback&& callback, const SubscriptionOptions& options = {}) {
    return subscribe(pattern, std::forward<Callback>(callback), options);
  }
  void unsubscribe(std::uint32_t id);

  // ---- signals ----
  // Remembered and repeated after a reconnect; the newest list of a namespace replaces the one before.
  Result<void> announce(std::string_view ns, const std::vector<SignalInfo>& signals);
  Result<std::vector<SignalInfo>> query(std::string_view pattern, std::chrono::milliseconds timeout = std::chrono::seconds(5));
  void query_async(std::string_view pattern, std::chrono::milliseconds timeout, Then<std::vector<SignalInfo>> then);
  std::vector<SignalInfo> signals(std::string_view pattern = "/**") const;  // those heard of so far

  // What the router has recorded arrives as ordinary deliveries at the subscriptions that match.
  Result<void> replay(const ReplayRequest& request);

  // ---- time ----
  std::uint64_t time() const;  // server time, µs since the Unix epoch, monotonic between corrections
  ClockInfo clock() const;
  Result<ClockInfo> sync(std::chrono::milliseconds timeout = std::chrono::seconds(5));                  // one exchange now
  Result<std::chrono::microseconds> ping(std::chrono::milliseconds timeout = std::chrono::seconds(5));  // round trip

  // ---- state ----
  bool is_connected() const;
  std::string session_id() const;  // empty while disconnected
  std::string server_name() const;
  std::vector<std::string> server_features() const;
  std::optional<Error> last_error() const;  // the last ERROR of the router
  void clear_error();
  ClientStats stats() const;

  // Additive; called as everything else (see above).
  void on_connect(std::function<void()> callback);  // after each reconnect
  void on_disconnect(std::function<void(std::string_view reason)> callback);
  void on_error(std::function<void(const Error& error)> callback);         // refusals nobody waits for, failed callbacks, giving up
  void on_reconnect(std::function<void(std::uint32_t attempt)> callback);  // before each attempt; the first is 1

  // After each reconnect to a router that had offered to keep the session: whether it goes on; if not, why: "unknown" (away for too long), "restarted",
  // "overrun", … (docs/resume.md). Then subscribers hear the snapshot.
  void on_resume(std::function<void(bool resumed, std::string_view why)> callback);

  // Sends what was taken over (for at most two seconds), says goodbye and ends the threads. No callback afterwards. Calls in progress fail
  // with `not_connected`. May be called twice, and from a callback (which is then the last one).
  void close();

 private:
  explicit Client(std::shared_ptr<client::ClientImpl> impl);
  std::shared_ptr<client::ClientImpl> impl_;
};

// Options of a client; each may be left out.
class Client::Builder {
 public:
  explicit Builder(std::string url);
  Builder(Builder&&) noexcept;
  Builder& operator=(Builder&&) noexcept;
  ~Builder();

  Builder& name(std::string name);                    // default "CLASP C++ Client"
  Builder& features(std::vector<std::string> names);  // default param, event, stream, gesture, timeline; unknown names are ignored
  Builder& token(std::string token);
  Builder& reconnect(bool enabled);                              // default true
  Builder& reconnect_interval(std::chrono::milliseconds first);  // default 5 s; × 1.5 each time, at most 30 s, ± 20 %
  Builder& max_reconnect_attempts(std::uint32_t attempts);       // default 0: without end
  Builder& connect_timeout(std::chrono::milliseconds time);      // default 10 s, from the first byte to WELCOME
  Builder& resume(bool wanted);                                  // false: a lost connection ends the session (default true)
  Builder& snapshot(bool wanted);                                // false: the router need not send its state on connect (default true)
  Builder& acknowledge(bool wanted);                             // false: plain sets ask for no ACK, for senders of many values (default true)
  Builder& clock_sync(bool enabled);                             // default true
  Builder& offline_params(std::size_t addresses_max);            // while disconnected, keep the newest set of so many addresses (default 0)
  Builder& cache_max(std::size_t params);                        // default 1,000,000; 0: no cache
  Builder& outgoing_bytes_max(std::size_t bytes);                // default 4 MiB
  Builder& executor(Executor executor);                          // runs the callbacks; must run what it is given, once
  Builder& on_connect(std::function<void()> callback);
  Builder& on_disconnect(std::function<void(std::string_view reason)> callback);
  Builder& on_error(std::function<void(const Error& error)> callback);
  Builder& on_reconnect(std::function<void(std::uint32_t attempt)> callback);
  Builder& on_resume(std::function<void(bool resumed, std::string_view why)> callback);

  // Waits until the router has answered. An ERROR of the router, a refused connection or the timeout is the result; nothing is retried.
  Result<Client> connect();
  std::future<Result<Client>> connect_async();

 private:
  struct Options;
  friend class client::ClientImpl;
  std::unique_ptr<Options> options_;
};

}  // namespace v0
}  // namespace clasp
