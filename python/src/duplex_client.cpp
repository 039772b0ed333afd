// `_core.DuplexClient`: the calls of zerobuffer::DuplexClient with Python's types, errors and threads.
#include "duplex_client.hpp"

#include <pybind11/stl.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "calls.hpp"
#include "convert.hpp"
#include "errors.hpp"
#include "request.hpp"
#include "response.hpp"
#include "zerobuffer/duplex.hpp"

namespace py = pybind11;

namespace zerobuffer::python {

namespace {

constexpr const char* what_it_is = "duplex client";

class ClientEnd final : public CallingEnd {
 public:
  explicit ClientEnd(DuplexClient&& end)
      : CallingEnd(what_it_is), end_(std::move(end)), info_(end_.info()), id_(end_.id()) {
    end_.set_wait_hook(&DuplexEnd::hook, nullptr);
  }

  static std::shared_ptr<ClientEnd> make(const std::string& name, const py::object& timeout,
                                         const DuplexConfig& config) {
    const Deadline deadline(to_timeout(timeout));
    // A wait inside the core has no hook here, so it is cut into slices; the core notices a new channel within a slice.
    constexpr std::chrono::nanoseconds slice = std::chrono::milliseconds(50);
    for (;;) {
      Result<DuplexClient> client = [&] {
        const py::gil_scoped_release released;
        return DuplexClient::open(name, std::min(deadline.left(), slice), config);
      }();
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
      if (client) return std::make_shared<ClientEnd>(std::move(*client));
      if (client.status() != Status::not_found || deadline.left().count() == 0) raise(client.failure());
    }
  }

  static py::object call(const std::shared_ptr<ClientEnd>& self, py::handle data, const py::object& timeout,
                         py::handle type, py::handle tag, py::handle response_capacity, py::handle into) {
    const ReadBytes bytes(data);
    const RequestInfo info = to_request_info(type, tag, response_capacity);
    const auto limit = to_timeout(timeout);
    if (into.is_none()) {
      Result<Response> response = self->wait([&] { return self->end_.call(bytes.bytes(), limit, info); });
      if (!response) raise_call(response.failure());
      return make_response(std::move(*response));
    }
    const Deadline deadline(limit);
    Result<PendingCall> call = self->wait([&] { return self->end_.begin(bytes.bytes(), limit, info); });
    if (!call) raise_call(call.failure());
    return wait_for_answer(*self, *call, deadline.left(), into);
  }

  static std::unique_ptr<PendingAnswer> begin(const std::shared_ptr<ClientEnd>& self, py::handle data,
                                              const py::object& timeout, py::handle type, py::handle tag,
                                              py::handle response_capacity) {
    const ReadBytes bytes(data);
    const RequestInfo info = to_request_info(type, tag, response_capacity);
    const auto limit = to_timeout(timeout);
    Result<PendingCall> call = self->wait([&] { return self->end_.begin(bytes.bytes(), limit, info); });
    if (!call) raise_call(call.failure());
    return std::make_unique<PendingAnswer>(std::move(*call), self);
  }

  static py::object claim_request(const std::shared_ptr<ClientEnd>& self, py::handle size, py::handle response_capacity,
                                  const py::object& timeout) {
    return claim(self, size, response_capacity, timeout, &DuplexClient::claim_request);
  }
  static py::object claim_send(const std::shared_ptr<ClientEnd>& self, py::handle size, py::handle response_capacity,
                               const py::object& timeout) {
    return claim(self, size, response_capacity, timeout, &DuplexClient::claim_send);
  }

  std::uint64_t send(py::handle data, const py::object& timeout, py::handle type, py::handle tag,
                     py::handle response_capacity) {
    const ReadBytes bytes(data);
    const RequestInfo info = to_request_info(type, tag, response_capacity);
    const auto limit = to_timeout(timeout);
    const Result<std::uint64_t> sent = wait([&] { return end_.send(bytes.bytes(), limit, info); });
    if (!sent) raise_call(sent.failure());
    count_sent();
    return *sent;
  }

  py::object receive(const py::object& timeout) {
    const auto limit = to_timeout(timeout);
    check_open();
    Result<Response> response = limit.count() == 0 ? end_.receive(limit) : wait([&] { return end_.receive(limit); });
    count_received(response.status());
    if (response) return make_response(std::move(*response));
    if (response.nothing_yet()) return py::none();
    raise(response.failure());
  }

  py::object receive_into(py::handle buffer, const py::object& timeout) {
    const WriteBytes bytes(buffer);
    const auto limit = to_timeout(timeout);
    const Result<Received> received = wait([&] { return end_.receive_into(bytes.bytes(), limit); });
    count_received(received.status());
    if (received) return py::cast(*received);
    if (received.nothing_yet()) return py::none();
    raise(received.failure());
  }

  void count_sent() noexcept override { ++on_its_way_; }
  [[nodiscard]] std::uint64_t on_its_way() const noexcept {
    return on_its_way_ > 0 ? static_cast<std::uint64_t>(on_its_way_) : 0;
  }

  static py::object take(const std::shared_ptr<ClientEnd>& self, const py::object& timeout, const StopSign* stop) {
    const auto limit = to_timeout(timeout);
    self->check_open();
    if (stop != nullptr && stop->is_set()) return py::none();
    Result<Request> request =
        limit.count() == 0
            ? self->end_.take(limit)
            : self->wait_to_take(limit, stop, [&](std::chrono::nanoseconds left) { return self->end_.take(left); });
    if (request) return make_request(std::move(*request), self);
    if (request.nothing_yet()) return py::none();
    if (request.status() == Status::interrupted && stop != nullptr && stop->is_set()) return py::none();
    raise(request.failure());
  }

  int ask_answer() {
    check_open();
    return answer_.begin(what_it_is,
                         [&](ReadyCallback callback, void* context) { return end_.when_ready(callback, context); });
  }
  void end_answer_wait() {
    answer_.end(open(), [&] { end_.cancel_when(); });
  }
  int ask_call() {
    check_open();
    return call_.begin(what_it_is, [&](ReadyCallback callback, void* context) {
      return ask_to_take([&] { return end_.when_call(callback, context); });
    });
  }
  void end_call_wait() {
    call_.end(open(), [&] { end_.cancel_when_call(); });
  }

  [[nodiscard]] std::shared_ptr<const void> mapping() const override { return end_.mapping(); }
  [[nodiscard]] DuplexStats stats() const { return open() ? end_.stats() : stats_; }
  [[nodiscard]] DuplexInfo info() const { return info_; }
  [[nodiscard]] std::uint64_t id() const { return id_; }

 private:
  using Claim = Result<RequestClaim> (DuplexClient::*)(std::size_t, std::size_t, DuplexClient::Timeout) noexcept;

  static py::object claim(const std::shared_ptr<ClientEnd>& self, py::handle size, py::handle response_capacity,
                          const py::object& timeout, Claim function) {
    const std::size_t bytes = to_size(size);
    const std::uint64_t capacity = to_unsigned("response_capacity", response_capacity, UINT64_MAX);
    const auto limit = to_timeout(timeout);
    Result<RequestClaim> room = self->wait([&] { return (self->end_.*function)(bytes, capacity, limit); });
    if (!room) raise(room.failure());
    return make_claim(std::move(*room), self);
  }

  void count_received(Status status) noexcept {
    if (status == Status::ok || status == Status::remote_error) --on_its_way_;
  }

  void interrupt_end() noexcept override { end_.interrupt(); }
  void forget_threads() noexcept override {
    CallingEnd::forget_threads();
    answer_.forget();
    call_.forget();
  }
  void close_end() override {
    close_calls();
    answer_.close([&] { end_.cancel_when(); });
    call_.close([&] { end_.cancel_when_call(); });
    stats_ = end_.stats();
    end_.close();
  }

  Wish answer_;  // outlives what it asks of end_
  Wish call_;    // likewise
  DuplexClient end_;
  DuplexInfo info_;
  DuplexStats stats_;
  std::uint64_t id_;
  std::int64_t on_its_way_ = 0;  // sent by send(), not received; an answer may be counted before its request
};

}  // namespace

void bind_duplex_client(py::module_& module) {
  py::class_<ClientEnd, std::shared_ptr<ClientEnd>>(module, "DuplexClient",
                                                    "The calls of a client. See zerobuffer.DuplexClient.")
      .def(py::init(&ClientEnd::make), py::kw_only(), py::arg("name"), py::arg("timeout"), py::arg("config"))
      .def("call", &ClientEnd::call, py::arg("data"), py::kw_only(), py::arg("timeout") = py::none(),
           py::arg("type") = 0, py::arg("tag") = 0, py::arg("response_capacity") = 0, py::arg("into") = py::none(),
           R"(Sends a copy of `data` and waits for its answer.

Args:
    data: a C-contiguous bytes-like object, at most info.max_request_size bytes.
    timeout: seconds for all of it; None waits for ever.
    type: 0 normal, from 128 to 65535 the application's (servers dispatch by it).
    tag: a number of the application's, 0 … 2**64 - 1.
    response_capacity: in place: bytes to reserve for an answer that is longer than the request. 256 are always there.
    into: a writable buffer that takes the answer; nothing is allocated for it then.

Returns:
    A Response: read-only bytes in shared memory, held until they are given back. With `into` a Received: size, sequence
    and type of what lies in the buffer now.

Raises:
    CallTimeoutError: no answer came in time; a late one is discarded, never given to another call.
    RemoteError: the server answered with an error; the text is its own. The next call works.
    BufferTooSmallError: `into` is too small; `needed` says the size, `response` is the answer.
    LanesBusyError: no lane came free in time. FrameTooLargeError: the request can never fit.
    PeerDeadError: the server died, once for each; its successor answers later calls. PeerClosedError: it closed.
    HeldFramesBlockError: only answers that are held here keep the lane full; release some.
    InterruptedWaitError, EvictedError, CorruptError, HandleClosedError, ForkedError.

Any number of threads may call at once, each in a lane of its own. The GIL is released while waiting; Ctrl-C ends the wait
at once and abandons the call.

Example:
    >>> with client.call(b"question", timeout=1) as response:
    ...     answer = bytes(response)
)")
      .def("begin", &ClientEnd::begin, py::arg("data"), py::kw_only(), py::arg("timeout") = py::none(),
           py::arg("type") = 0, py::arg("tag") = 0, py::arg("response_capacity") = 0,
           R"(Sends a copy of `data`, in a lane of its own; the answer comes from the PendingCall.

Args:
    data, type, tag, response_capacity: see call().
    timeout: seconds to wait for a lane and for room; None waits for ever.

Raises:
    CallTimeoutError: there was no room in time; nothing was sent. As call() otherwise.

Example:
    >>> first, second = client.begin(b"one"), client.begin(b"two")
    >>> bytes(second.receive()), bytes(first.receive())
)")
      .def("claim_request", &ClientEnd::claim_request, py::arg("size"), py::kw_only(), py::arg("response_capacity") = 0,
           py::arg("timeout") = py::none(),
           R"(Room for a request, to be built in place, in a lane of its own.

Args:
    size: bytes, 0 … info.max_request_size.
    response_capacity: see call().
    timeout: seconds to wait for a lane and for room; None waits for ever.

Returns:
    A RequestClaim: a writable buffer, then begin() or call().

Raises:
    ClaimTimeoutError: no room came free in time. As call() otherwise.

Example:
    >>> with client.claim_request(5) as claim:
    ...     claim.data[:] = b"hello"
    ...     response = claim.call(timeout=1)
)")
      .def("claim_send", &ClientEnd::claim_send, py::arg("size"), py::kw_only(), py::arg("response_capacity") = 0,
           py::arg("timeout") = py::none(),
           "Room for a request that is sent without waiting for its answer: as claim_request(), then send().")
      .def("send", &ClientEnd::send, py::arg("data"), py::kw_only(), py::arg("timeout") = py::none(),
           py::arg("type") = 0, py::arg("tag") = 0, py::arg("response_capacity") = 0,
           R"(Sends a copy of `data` without waiting for the answer; many may be on their way.

One thread may send while another one receives.

Args:
    data, type, tag, response_capacity: see call().
    timeout: seconds to wait for room; None waits for ever.

Returns:
    The request's sequence.

Raises:
    CallTimeoutError: there was no room in time; nothing was sent. As call() otherwise.
)")
      .def("receive", &ClientEnd::receive, py::arg("timeout") = py::none(),
           R"(Waits for the next answer to what was sent with send(), in the order in which it was sent.

Args:
    timeout: seconds; 0 looks once, None waits for ever.

Returns:
    The Response, whose `sequence` is that of the request; or None where the time ran out.

Raises:
    RemoteError: with the `sequence` of the request.
    As PendingCall.receive().
)")
      .def("receive_into", &ClientEnd::receive_into, py::arg("buffer"), py::arg("timeout") = py::none(),
           "As receive(), but copies the answer into a writable buffer and returns what it was (Received), or None.\n\n"
           "BufferTooSmallError says the `needed` size; the answer comes again from the next call.")
      .def_property_readonly("on_its_way", &ClientEnd::on_its_way,
                             "How many requests of send() have an answer that receive() has not given yet.")
      .def("take", &ClientEnd::take, py::arg("timeout") = py::none(), py::arg("stop") = nullptr,
           R"(Waits for the next call or notice of the server. Several threads may take.

Args:
    timeout: seconds; 0 looks once, None waits for ever.
    stop: ends the wait when it is set, with None.

Returns:
    The Request, or None where the time ran out.

Raises:
    InvalidArgumentError: the channel has no calls of the server (callback_size 0).
    PeerClosedError, PeerDeadError, InterruptedWaitError, CorruptError, HandleClosedError, ForkedError.

The GIL is released while waiting.
)")
      .def("_ask_answer", &ClientEnd::ask_answer)
      .def("_end_answer_wait", &ClientEnd::end_answer_wait)
      .def("_ask_call", &ClientEnd::ask_call)
      .def("_end_call_wait", &ClientEnd::end_call_wait)
      .def("_hurry", &ClientEnd::hurry)
      .def("interrupt", &ClientEnd::interrupt,
           "Ends the waits of other threads in this client, or else the next one, with InterruptedWaitError. Any "
           "thread.")
      .def("stats", &ClientEnd::stats, "A snapshot of the counters (DuplexStats). Any thread, also after close().")
      .def_property_readonly("info", &ClientEnd::info, "What the channel really is (DuplexInfo).")
      .def_property_readonly("id", &ClientEnd::id, "This client, as its server knows it (Request.client).")
      .def_property_readonly(
          "closed", [](const ClientEnd& self) { return !self.open(); }, "True after close().")
      .def("close", &ClientEnd::close,
           "Detaches. Responses and views that live stay valid.\n\n"
           "Waits of other threads are ended (HandleClosedError there). Again "
           "is harmless.");
}

}  // namespace zerobuffer::python
