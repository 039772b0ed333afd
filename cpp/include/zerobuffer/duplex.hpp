// Requests and answers: a client calls, a server answers with new data (immutable) or by changing the request where it
// lies (mutable). One server, many clients; every call that runs at the same time has a lane of its own.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "zerobuffer/config.hpp"
#include "zerobuffer/frame.hpp"
#include "zerobuffer/result.hpp"

namespace zerobuffer {

namespace duplex {
class CallerLane;
class ClientCore;
class ServerCore;
class TakenRequest;
class Answerer;
class RequestSource;
}  // namespace duplex
namespace c_api {
struct DuplexHandover;
}

/// Geometry of a duplex channel (used by the server that creates it) and behaviour of this end (used by both).
struct DuplexConfig {
  // Geometry. Every lane has rings of its own.
  std::uint64_t request_size = 1 << 20;   ///< Bytes per lane; one request of this size fits. In place: its answer too.
  std::uint64_t response_size = 1 << 20;  ///< Immutable only: bytes per lane; one answer of this size fits.
  std::uint64_t callback_size = 4096;     ///< Bytes per lane for calls of the server to its client; 0: none.
  std::uint32_t lanes = 8;  ///< 1 … 1,024: calls that can run at the same time, of all clients together.
  bool huge_pages = false;
  bool exist_ok = false;  ///< Succeed a server that died while clients were attached, if the geometry is the same.

  // Behaviour of this end.
  std::uint32_t client_lanes = 0;  ///< Client: most lanes that this client takes; 0: as many as there are.
  WaitPolicy wait = WaitPolicy::spin_then_block;
  std::uint32_t spin_pauses = 2000;  ///< Pauses before sleeping (spin_then_block).
  std::uint32_t max_held = 256;      ///< Client: answers held per lane. Server: requests taken and unanswered per lane.
  bool pre_touch = true;             ///< Map all pages of the lanes that this end uses now.
  bool lock_in_memory = false;       ///< mlock() them; a refusal (RLIMIT_MEMLOCK) is an error.
};

/// What a duplex channel really is.
struct DuplexInfo {
  std::uint64_t segment_size = 0;       ///< Bytes of shared memory.
  std::uint64_t max_request_size = 0;   ///< Bytes.
  std::uint64_t max_response_size = 0;  ///< Bytes; in place, of a call that reserved as much.
  std::uint64_t max_callback_size = 0;  ///< Bytes; 0: the server cannot call.
  std::uint32_t lanes = 0;
  bool in_place = false;
  bool created = false;  ///< This end made the channel.
};

/// Counters of one end; all begin at 0 with it.
struct DuplexStats {
  std::uint64_t requests = 0;      ///< Client: sent. Server: taken.
  std::uint64_t answers = 0;       ///< Client: handed out. Server: given, errors included.
  std::uint64_t errors = 0;        ///< ... of which errors (remote_error).
  std::uint64_t late = 0;          ///< Client: answers to calls that nobody waited for any more.
  std::uint64_t copied_bytes = 0;  ///< Payload bytes that this end copied into or out of the channel.
  std::uint64_t callbacks = 0;     ///< Client: calls of the server taken. Server: calls and notices sent.
  std::uint64_t sleeps = 0;
  std::uint64_t wakes = 0;
  std::uint32_t lanes = 0;  ///< Client: lanes taken. Server: lanes that were ever used.
};

/// What travels with a request, and what it wants.
struct RequestInfo {
  std::uint16_t type = 0;               ///< 0 normal, 1–127 reserved, from 128 the application's (dispatch by type).
  std::uint64_t tag = 0;                ///< The application's.
  std::uint64_t response_capacity = 0;  ///< In place: room for an answer longer than the request. At least 256 bytes
                                        ///< are always there.
};

/// An answer: bytes in the channel, valid until they are given back, also when the client was closed before. In place
/// it lies at the address where the request was written.
///
/// **Thread** any thread may release; one at a time uses one Response. **Blocking** never. **Allocates** never.
class Response {
 public:
  Response() noexcept = default;
  Response(Response&& other) noexcept { take(other); }
  Response& operator=(Response&& other) noexcept {
    if (this != &other) {
      release();
      take(other);
    }
    return *this;
  }
  Response(const Response&) = delete;
  Response& operator=(const Response&) = delete;
  ~Response() { release(); }

  [[nodiscard]] std::span<const std::byte> data() const noexcept { return {data_, size_}; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Of the request that this answers.
  [[nodiscard]] std::uint64_t sequence() const noexcept { return sequence_; }
  [[nodiscard]] std::uint16_t type() const noexcept { return type_; }
  /// False when default-constructed, moved from, or released.
  [[nodiscard]] bool valid() const noexcept { return lane_ != nullptr; }

  /// Gives the bytes back. Again is harmless.
  void release() noexcept;

 private:
  friend class duplex::CallerLane;
  friend struct c_api::DuplexHandover;
  void take(Response& other) noexcept {
    lane_ = std::exchange(other.lane_, nullptr);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    sequence_ = other.sequence_;
    held_ = other.held_;
    type_ = other.type_;
  }

  duplex::CallerLane* lane_ = nullptr;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint32_t held_ = 0;
  std::uint16_t type_ = 0;
};

/// What receive_into() copied.
struct Received {
  std::size_t size = 0;
  std::uint64_t sequence = 0;
  std::uint16_t type = 0;
};

/// A request that was sent and whose answer was not fetched yet. Destroying it abandons the call: a late answer is
/// discarded and never given to anybody else, and the lane is used again when the server has passed it.
///
/// **Thread** one at a time. **Valid until** an answer or a failure other than timeout, would_block, interrupted and
/// buffer_too_small was received, or the client is closed.
class PendingCall {
 public:
  PendingCall() noexcept = default;
  PendingCall(PendingCall&& other) noexcept : lane_(std::exchange(other.lane_, nullptr)), sequence_(other.sequence_) {}
  PendingCall& operator=(PendingCall&& other) noexcept {
    if (this != &other) {
      abandon();
      lane_ = std::exchange(other.lane_, nullptr);
      sequence_ = other.sequence_;
    }
    return *this;
  }
  PendingCall(const PendingCall&) = delete;
  PendingCall& operator=(const PendingCall&) = delete;
  ~PendingCall() { abandon(); }

  [[nodiscard]] std::uint64_t sequence() const noexcept { return sequence_; }
  [[nodiscard]] bool valid() const noexcept { return lane_ != nullptr; }

  /// Waits for the answer.
  /// @return timeout (the call goes on; call again); remote_error with the server's text; peer_dead when the server
  ///         died, closed when it closed; held_frames_block, interrupted, corrupt, evicted, handle_closed, forked.
  Result<Response> receive(std::chrono::nanoseconds timeout) noexcept;
  /// As receive(), but would_block instead of waiting.
  Result<Response> try_receive() noexcept;
  /// Copies the answer out. @return also buffer_too_small, with the needed and the given size: the answer stays.
  Result<Received> receive_into(std::span<std::byte> buffer, std::chrono::nanoseconds timeout) noexcept;

  /// One call of `callback(context)` as soon as try_receive() is worth calling; see Reader::when_ready.
  Result<void> when_ready(ReadyCallback callback, void* context);
  /// See Reader::cancel_when.
  bool cancel_when() noexcept;

  /// Gives the call up. Again is harmless.
  void abandon() noexcept;

 private:
  friend class duplex::ClientCore;
  friend class RequestClaim;
  friend struct c_api::DuplexHandover;
  PendingCall(duplex::CallerLane* lane, std::uint64_t sequence) noexcept : lane_(lane), sequence_(sequence) {}

  duplex::CallerLane* lane_ = nullptr;
  std::uint64_t sequence_ = 0;
};

/// Room for a request in the channel. Fill data(), then begin(), call() or send(); without it nothing is sent.
///
/// **Thread** one at a time. **Valid until** it was sent or discarded, or the client is closed.
class RequestClaim {
 public:
  RequestClaim() noexcept = default;
  RequestClaim(RequestClaim&& other) noexcept
      : lane_(std::exchange(other.lane_, nullptr)),
        data_(other.data_),
        size_(other.size_),
        pipelined_(other.pipelined_) {}
  RequestClaim& operator=(RequestClaim&& other) noexcept {
    if (this != &other) {
      discard();
      lane_ = std::exchange(other.lane_, nullptr);
      data_ = other.data_;
      size_ = other.size_;
      pipelined_ = other.pipelined_;
    }
    return *this;
  }
  RequestClaim(const RequestClaim&) = delete;
  RequestClaim& operator=(const RequestClaim&) = delete;
  ~RequestClaim() { discard(); }

  /// The room, 64-byte aligned; its content is undefined.
  [[nodiscard]] std::span<std::byte> data() const noexcept { return {data_, size_}; }
  [[nodiscard]] bool valid() const noexcept { return lane_ != nullptr; }

  /// Sends the first n bytes as a request. Only for a claim of claim_request(). info.response_capacity has no effect:
  /// the claim has reserved. @return invalid_argument for n > data().size() (the claim stays); handle_closed, forked.
  Result<PendingCall> begin(std::size_t n, RequestInfo info = {}) noexcept;
  /// begin(), then PendingCall::receive(); an answer that comes after the timeout is discarded.
  Result<Response> call(std::size_t n, std::chrono::nanoseconds timeout, RequestInfo info = {}) noexcept;
  /// Sends the first n bytes; the answer comes from DuplexClient::receive(). Only for a claim of claim_send().
  /// @return the request's sequence.
  Result<std::uint64_t> send(std::size_t n, RequestInfo info = {}) noexcept;
  /// Gives the room back; nothing is sent. Again is harmless.
  void discard() noexcept;

 private:
  friend class duplex::ClientCore;
  friend struct c_api::DuplexHandover;
  RequestClaim(duplex::CallerLane* lane, std::span<std::byte> data, bool pipelined) noexcept
      : lane_(lane), data_(data.data()), size_(data.size()), pipelined_(pipelined) {}

  duplex::CallerLane* lane_ = nullptr;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  bool pipelined_ = false;
};

/// A request that a server (or, for calls of the server, a client) has taken, and the way to answer it.
///
/// Exactly one answer is given: by respond(), write(), fail(), or, if none of them was called, by the destructor: in
/// place the bytes as they lie now, otherwise an error ("gave no answer").
/// **Thread** any, one at a time. **Valid until** it was answered.
class Request {
 public:
  Request() noexcept = default;
  Request(Request&& other) noexcept { take(other); }
  Request& operator=(Request&& other) noexcept {
    if (this != &other) {
      finish();
      take(other);
    }
    return *this;
  }
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;
  ~Request() { finish(); }

  [[nodiscard]] std::span<const std::byte> data() const noexcept { return {data_, size_}; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::uint64_t sequence() const noexcept { return sequence_; }
  [[nodiscard]] std::uint16_t type() const noexcept { return type_; }
  [[nodiscard]] std::uint64_t tag() const noexcept { return tag_; }
  /// Who sent it: DuplexServer::call_client() takes this. 0 where the server sent it.
  [[nodiscard]] std::uint64_t client() const noexcept { return client_; }
  /// Whether the answer lies where the request lies.
  [[nodiscard]] bool in_place() const noexcept { return room_ != nullptr; }
  [[nodiscard]] bool valid() const noexcept { return answerer_ != nullptr; }

  /// In place: the request, to be changed. Empty otherwise.
  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return {room_, room_ != nullptr ? size_ : 0}; }

  /// Room for an answer of up to `size` bytes. In place it begins with the request's own bytes, and frame_too_large
  /// says that the call has not reserved as much. Otherwise it waits until the client has made
  /// room; closed where the client is gone (nobody will read the answer). While earlier requests of this lane are not
  /// answered it is memory of its own (**allocates**; counted as copied), from which the answer follows when they are.
  /// Again gives new room.
  Result<std::span<std::byte>> claim(std::size_t size) noexcept;
  /// Answers with the first n bytes of the room that was claimed (in place also without claim()).
  /// @return invalid_argument for n beyond the room (nothing was answered); handle_closed where it was answered
  /// already.
  Result<void> respond(std::size_t n, std::uint16_t type = 0) noexcept;
  /// claim(), copy, respond().
  Result<void> write(std::span<const std::byte> answer, std::uint16_t type = 0) noexcept;
  /// Answers with an error (type 127): the caller gets remote_error with this text, cut to the room there is.
  void fail(std::string_view text) noexcept;

 private:
  friend class duplex::Answerer;
  friend struct c_api::DuplexHandover;
  void finish() noexcept;
  void take(Request& other) noexcept {
    answerer_ = std::exchange(other.answerer_, nullptr);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    room_ = std::exchange(other.room_, nullptr);
    room_size_ = other.room_size_;
    sequence_ = other.sequence_;
    tag_ = other.tag_;
    client_ = other.client_;
    ticket_ = other.ticket_;
    held_ = other.held_;
    type_ = other.type_;
  }

  duplex::Answerer* answerer_ = nullptr;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::byte* room_ = nullptr;  // in place: the payload, writable
  std::size_t room_size_ = 0;  // in place: of the record; else of what was claimed
  std::uint64_t sequence_ = 0;
  std::uint64_t tag_ = 0;
  std::uint64_t client_ = 0;
  std::uint64_t ticket_ = 0;
  std::uint32_t held_ = 0;
  std::uint16_t type_ = 0;
};

/// Handlers by type of request, the fastest way first: `dispatch(on(128, f), on(129, g))`. A request of any other type
/// is answered with an error.
template <class Handler>
struct On {
  std::uint16_t type;
  Handler handler;
};
template <class Handler>
[[nodiscard]] On<std::decay_t<Handler>> on(std::uint16_t type, Handler&& handler) {
  return {type, std::forward<Handler>(handler)};
}
/// The answer to a request of a type that nobody handles.
void fail_unknown_type(Request& request) noexcept;

template <class... Handlers>
[[nodiscard]] auto dispatch(On<Handlers>... handlers) {
  return [... handlers = std::move(handlers)](Request& request) mutable {
    const bool handled = ((request.type() == handlers.type && (handlers.handler(request), true)) || ...);
    if (!handled) fail_unknown_type(request);
  };
}

namespace duplex {

/// Runs a handler on a request. What it throws is the answer.
template <class Handler>
void handle(Handler& handler, Request& request) {
  try {
    handler(request);
  } catch (const std::exception& error) {
    request.fail(error.what());
  } catch (...) {
    request.fail("the handler threw something that is no std::exception");
  }
}

/// Threads in the background that run a loop until it ends.
class Workers {
 public:
  Workers();
  ~Workers();
  Workers(Workers&&) noexcept;
  Workers& operator=(Workers&&) noexcept;
  /// @param loop run by every thread; it takes from `source`
  /// @return invalid_argument where they run already; system_error where a thread cannot be started (then none runs).
  Result<void> start(std::uint32_t threads, std::function<Result<void>()> loop, RequestSource& source);
  /// Ends and joins them. @return the failure that ended one of them before; invalid_argument in one of them.
  Result<void> stop() noexcept;
  [[nodiscard]] bool runs_this_thread() const noexcept;
  /// Threads whose loop has not ended.
  [[nodiscard]] std::uint32_t running() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// What takes requests: a server, and a client that its server calls. `Taker` has take(timeout).
template <class Taker, class Handler>
Result<void> serve(Taker& taker, Handler& handler, std::chrono::nanoseconds timeout) {
  for (;;) {
    Result<Request> request = taker.take(timeout);
    if (!request) return request.take_failure();
    handle(handler, *request);
  }
}

}  // namespace duplex

/// The calling end. Movable, not copyable; closes itself when destroyed.
///
/// Any thread may call any method at the same time, but close(), moves and destruction. Each call() takes a lane of its
/// own, so callers do not wait for each other as long as there are lanes. send() and receive() share one lane: one
/// thread may send while another receives.
class DuplexClient {
 public:
  using Timeout = std::chrono::nanoseconds;

  /// Attaches to a server's channel, and waits for it to appear.
  /// @return not_found, lanes_busy (every lane is another living client's), incompatible, corrupt, permission_denied.
  static Result<DuplexClient> open(std::string_view name, Timeout connect_timeout, const DuplexConfig& config = {});

  DuplexClient() noexcept = default;
  DuplexClient(DuplexClient&& other) noexcept;
  DuplexClient& operator=(DuplexClient&& other) noexcept;
  DuplexClient(const DuplexClient&) = delete;
  DuplexClient& operator=(const DuplexClient&) = delete;
  ~DuplexClient();

  /// Sends a copy of `request` and waits for its answer. An answer that comes after the timeout is discarded.
  /// @return timeout; remote_error with the server's text; frame_too_large; lanes_busy where no lane got free in time;
  ///         peer_dead where the server died meanwhile (calls that begin later wait for its successor), closed;
  ///         held_frames_block where only answers that are held here keep the lane full; interrupted, corrupt, evicted,
  ///         handle_closed, forked.
  /// **Thread** any. **Blocking** up to timeout. **Allocates** only with a lane that is used for the first time.
  Result<Response> call(std::span<const std::byte> request, Timeout timeout, RequestInfo info = {}) noexcept;
  /// The first half of call(): sends, waiting for a lane and for room. @return as call() up to there.
  Result<PendingCall> begin(std::span<const std::byte> request, Timeout timeout, RequestInfo info = {}) noexcept;
  /// Room for a request, to be built in place, in a lane of its own.
  /// @param response_capacity in place: bytes to reserve for the answer where it may be longer than the request
  Result<RequestClaim> claim_request(std::size_t size, std::size_t response_capacity, Timeout timeout) noexcept;

  /// Sends a copy of `request` without waiting for the answer; many may be on their way. @return its sequence.
  Result<std::uint64_t> send(std::span<const std::byte> request, Timeout timeout, RequestInfo info = {}) noexcept;
  /// The same, built in place; see RequestClaim::send.
  Result<RequestClaim> claim_send(std::size_t size, std::size_t response_capacity, Timeout timeout) noexcept;
  /// Waits for the next answer to what was sent with send(), in the order in which it was sent.
  /// @return as PendingCall::receive; remote_error carries the sequence in Failure::first().
  Result<Response> receive(Timeout timeout) noexcept;
  /// Copies it out. @return also buffer_too_small, with the needed and the given size: the answer comes again.
  Result<Received> receive_into(std::span<std::byte> buffer, Timeout timeout) noexcept;
  /// One call of `callback(context)` as soon as receive() with a zero timeout is worth calling; see Reader::when_ready.
  /// Other threads may call and send meanwhile.
  Result<void> when_ready(ReadyCallback callback, void* context);
  bool cancel_when() noexcept;

  // Calls of the server. A client that takes none lets its server's calls time out.
  /// The next call or notice of the server. Several threads may take. @return timeout, closed, peer_dead, interrupted,
  /// corrupt, handle_closed, forked; invalid_argument where the channel has none (callback_size 0).
  Result<Request> take(Timeout timeout) noexcept;
  /// See Reader::when_ready, for take() with a zero timeout.
  Result<void> when_call(ReadyCallback callback, void* context);
  bool cancel_when_call() noexcept;
  /// Runs `handler(Request&)` on every call of the server, in this thread, until a timeout passes without one,
  /// interrupt(), or a failure.
  template <class Handler>
  Result<void> serve(Handler&& handler, Timeout timeout = forever) {
    return duplex::serve(*this, handler, timeout);
  }
  /// The same in the background, until stop() or close().
  template <class Handler>
  Result<void> start(Handler handler, std::uint32_t threads = 1) {
    return start_workers(threads, [core = core_, handler = std::move(handler)]() mutable {
      Taker taker{core};
      return duplex::serve(taker, handler, forever);
    });
  }
  /// Ends start() and joins its threads; what they have taken is answered. @return the failure that ended one before;
  /// invalid_argument where a handler of start() calls it.
  Result<void> stop() noexcept;
  [[nodiscard]] std::uint32_t running() const noexcept { return workers_.running(); }

  /// Ends the waits of this client that run now, or else the next one, with `interrupted`. **Thread** any.
  void interrupt() noexcept;
  /// Sets what is called while this client waits (nullptr: nothing); see WaitHook. Before any call.
  void set_wait_hook(WaitHook hook, void* context) noexcept;
  [[nodiscard]] DuplexStats stats() const noexcept;
  [[nodiscard]] DuplexInfo info() const noexcept;
  /// This client, as the server knows it (Request::client).
  [[nodiscard]] std::uint64_t id() const noexcept;
  [[nodiscard]] bool is_open() const noexcept { return core_ != nullptr; }
  /// Keeps everything mapped that is mapped now (not the place): for pointers that may outlive answers and claims.
  [[nodiscard]] std::shared_ptr<const void> mapping() const;

  /// Detaches. Answers still held stay valid until they are released. Again is harmless; in a handler of start() it
  /// does nothing.
  void close() noexcept;

 private:
  struct Taker {
    duplex::ClientCore* core;
    Result<Request> take(Timeout timeout) noexcept;
  };
  explicit DuplexClient(duplex::ClientCore* core) noexcept : core_(core) {}
  Result<void> start_workers(std::uint32_t threads, std::function<Result<void>()> loop);

  duplex::ClientCore* core_ = nullptr;
  duplex::Workers workers_;
};

/// The answering end. Movable, not copyable; closes itself when destroyed.
///
/// Any thread may call any method at the same time, but close(), moves and destruction. Requests of one lane are
/// answered in the order in which they were sent, however many threads take them.
class DuplexServer {
 public:
  using Timeout = std::chrono::nanoseconds;

  DuplexServer(const DuplexServer&) = delete;
  DuplexServer& operator=(const DuplexServer&) = delete;

  /// The next request, of whichever client; they take turns. Several threads may take.
  /// What a predecessor had begun and not answered is answered with an error here, not handed out.
  /// @return timeout, interrupted, handle_closed, forked. A client that garbles its lane loses it (`evicted` there).
  Result<Request> take(Timeout timeout) noexcept;
  /// As take(), but would_block instead of waiting.
  Result<Request> try_take() noexcept;
  /// One call of `callback(context)` as soon as try_take() is worth calling; see Reader::when_ready.
  Result<void> when_ready(ReadyCallback callback, void* context);
  bool cancel_when() noexcept;

  /// Runs `handler(Request&)` on every request, in this thread, until a timeout passes without one, interrupt(), or a
  /// failure, which is returned. What the handler throws is answered as an error, and the next
  /// request is served.
  template <class Handler>
  Result<void> serve(Handler&& handler, Timeout timeout = forever) {
    return duplex::serve(*this, handler, timeout);
  }
  /// The same in the background, in `threads` threads (the handler is then called by all of them at once), until stop()
  /// or close(). @return invalid_argument where it runs already; system_error where a thread cannot be started.
  template <class Handler>
  Result<void> start(Handler handler, std::uint32_t threads = 1) {
    return start_workers(threads, [core = core_, handler = std::move(handler)]() mutable {
      Taker taker{core};
      return duplex::serve(taker, handler, forever);
    });
  }
  /// Ends start() and joins its threads. What they have taken is answered; what waits stays in the channel for the next
  /// start() or take(). @return the failure that ended one of them before; invalid_argument where a handler of start()
  /// calls it.
  Result<void> stop() noexcept;
  /// Threads of start() that are still serving.
  [[nodiscard]] std::uint32_t running() const noexcept { return workers_.running(); }

  // Calls to the clients.
  /// The clients that are attached and alive. Allocates.
  [[nodiscard]] std::vector<std::uint64_t> clients() const;
  /// Calls a client, which answers in place. One call to one client at a time, others wait their turn.
  /// @return as DuplexClient::call; not_found where this client is gone; invalid_argument where callback_size is 0.
  Result<Response> call_client(std::uint64_t client, std::span<const std::byte> request, Timeout timeout,
                               RequestInfo info = {}) noexcept;
  /// The same without waiting for an answer.
  Result<void> notify(std::uint64_t client, std::span<const std::byte> notice, Timeout timeout,
                      RequestInfo info = {}) noexcept;

  void interrupt() noexcept;
  void set_wait_hook(WaitHook hook, void* context) noexcept;
  [[nodiscard]] DuplexStats stats() const noexcept;
  [[nodiscard]] DuplexInfo info() const noexcept;
  [[nodiscard]] bool is_open() const noexcept { return core_ != nullptr; }
  /// Keeps everything mapped that is mapped now (not the place): for pointers that may outlive requests.
  [[nodiscard]] std::shared_ptr<const void> mapping() const;

  /// Ends start(), then the channel: clients that wait get `closed`, requests that were not taken included, and the
  /// name can be used again at once. Again is harmless; in a handler of start() it does nothing.
  void close() noexcept;

 protected:
  DuplexServer() noexcept = default;
  DuplexServer(DuplexServer&& other) noexcept;
  DuplexServer& operator=(DuplexServer&& other) noexcept;
  ~DuplexServer();
  static Result<duplex::ServerCore*> create_core(std::string_view name, bool in_place, const DuplexConfig& config);
  explicit DuplexServer(duplex::ServerCore* core) noexcept : core_(core) {}

 private:
  struct Taker {
    duplex::ServerCore* core;
    Result<Request> take(Timeout timeout) noexcept;
  };
  Result<void> start_workers(std::uint32_t threads, std::function<Result<void>()> loop);

  duplex::ServerCore* core_ = nullptr;
  duplex::Workers workers_;
};

/// A server that answers with new data: two rings per lane; a request is read-only.
class ImmutableDuplexServer : public DuplexServer {
 public:
  ImmutableDuplexServer() noexcept = default;
  /// Makes a channel. A stale one of that name (all users dead) is taken over; with exist_ok also one whose server died
  /// while clients are attached: this server is then its successor.
  /// @return already_exists, writer_exists (a living server), incompatible (other geometry), invalid_argument,
  /// no_space,
  ///         permission_denied, system_error.
  static Result<ImmutableDuplexServer> create(std::string_view name, const DuplexConfig& config = {}) {
    auto core = create_core(name, false, config);
    if (!core) return core.take_failure();
    return ImmutableDuplexServer(*core);
  }

 private:
  using DuplexServer::DuplexServer;
};

/// A server that answers by changing the request where it lies: one ring per lane.
class MutableDuplexServer : public DuplexServer {
 public:
  MutableDuplexServer() noexcept = default;
  /// See ImmutableDuplexServer::create.
  static Result<MutableDuplexServer> create(std::string_view name, const DuplexConfig& config = {}) {
    auto core = create_core(name, true, config);
    if (!core) return core.take_failure();
    return MutableDuplexServer(*core);
  }

 private:
  using DuplexServer::DuplexServer;
};

}  // namespace zerobuffer
