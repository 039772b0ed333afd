// See calls.hpp.
#include "calls.hpp"

#include <pybind11/stl.h>

#include <optional>
#include <span>
#include <utility>

#include "convert.hpp"
#include "errors.hpp"
#include "response.hpp"

namespace py = pybind11;

namespace zerobuffer::python {

namespace {

/// The Python RequestClaim: a writable buffer. Views of it keep the mapping alive, never the place.
class ClaimedRoom {
 public:
  ClaimedRoom(RequestClaim&& claim, std::shared_ptr<CallingEnd> owner)
      : owner_(std::move(owner)), claim_(std::move(claim)), mapping_(owner_->mapping()), data_(claim_.data()) {}

  [[nodiscard]] std::span<std::byte> data() const noexcept { return data_; }
  [[nodiscard]] bool open() const noexcept { return claim_.valid() && owner_->open(); }

  std::unique_ptr<PendingAnswer> begin(const py::object& n, py::handle type, py::handle tag) {
    const std::size_t size = count(n);
    Result<PendingCall> call = claim_.begin(size, info(type, tag));
    if (!call) raise(call.failure());
    return std::make_unique<PendingAnswer>(std::move(*call), owner_);
  }

  py::object call(const py::object& n, const py::object& timeout, py::handle type, py::handle tag, py::handle into) {
    const std::size_t size = count(n);
    const auto wait = to_timeout(timeout);
    Result<PendingCall> call = claim_.begin(size, info(type, tag));
    if (!call) raise(call.failure());
    return wait_for_answer(*owner_, *call, wait, into);
  }

  std::uint64_t send(const py::object& n, py::handle type, py::handle tag) {
    const std::size_t size = count(n);
    const Result<std::uint64_t> sent = claim_.send(size, info(type, tag));
    if (!sent) raise(sent.failure());
    owner_->count_sent();
    return *sent;
  }

  void discard() { claim_.discard(); }

 private:
  std::size_t count(const py::object& n) const {
    owner_->check_open();
    if (!claim_.valid()) raise(Status::handle_closed, "this request was sent or discarded before");
    return n.is_none() ? data_.size() : to_unsigned("n", n, UINT64_MAX);
  }
  static RequestInfo info(py::handle type, py::handle tag) {
    const FrameInfo frame = to_frame_info(type, tag);
    return {frame.type, frame.tag, 0};
  }

  std::shared_ptr<CallingEnd> owner_;
  RequestClaim claim_;
  std::shared_ptr<const void> mapping_;
  std::span<std::byte> data_;
};

int get_buffer(PyObject* object, Py_buffer* view, int flags) {
  const ClaimedRoom& claim = py::cast<const ClaimedRoom&>(py::handle(object));
  if (!claim.open()) {
    view->obj = nullptr;
    set_released_error("claim");
    return -1;
  }
  static std::byte nothing;
  const auto size = static_cast<Py_ssize_t>(claim.data().size());
  return PyBuffer_FillInfo(view, object, size == 0 ? &nothing : claim.data().data(), size,
                           /*readonly=*/0, flags);
}

void set_up_type(PyHeapTypeObject* type) {
  type->ht_type.tp_as_buffer = &type->as_buffer;
  type->as_buffer.bf_getbuffer = &get_buffer;
  // numpy wraps an exporter in a memoryview, and so keeps it alive, only where it has this function.
  type->as_buffer.bf_releasebuffer = [](PyObject*, Py_buffer*) {};
}

class Busy {
 public:
  explicit Busy(bool& busy) : busy_(busy) {
    if (busy) raise_concurrent_use("pending call");
    busy = true;
  }
  ~Busy() { busy_ = false; }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;

 private:
  bool& busy_;
};

}  // namespace

void CallingEnd::close_calls() noexcept {
  while (awaited_ != nullptr) {
    PendingAnswer* call = awaited_;
    call->unlink();
    call->wish_.close([&] { call->call_.cancel_when(); });
  }
}

void CallingEnd::forget_threads() noexcept {
  DuplexEnd::forget_threads();
  for (PendingAnswer* call = awaited_; call != nullptr; call = call->next_) {
    call->busy_ = false;
    call->wish_.forget();
  }
}

void PendingAnswer::check() const {
  owner_->check_open();
  if (busy_) raise_concurrent_use("pending call");
  if (!call_.valid()) raise(Status::handle_closed, "this call was answered or abandoned before");
}

py::object PendingAnswer::handed_out(Result<Response>&& response) {
  if (response) return make_response(std::move(*response));
  if (response.nothing_yet()) return py::none();
  raise(response.failure());
}

py::object PendingAnswer::receive(const py::object& timeout) {
  check();
  const auto wait = to_timeout(timeout);
  const Busy busy(busy_);
  return handed_out(owner_->wait([&] { return call_.receive(wait); }));
}

py::object PendingAnswer::try_receive() {
  check();
  return handed_out(call_.try_receive());
}

py::object PendingAnswer::receive_into(py::handle buffer, const py::object& timeout) {
  const WriteBytes bytes(buffer);
  check();
  const auto wait = to_timeout(timeout);
  const Busy busy(busy_);
  const Result<Received> received = owner_->wait([&] { return call_.receive_into(bytes.bytes(), wait); });
  if (received) return py::cast(*received);
  if (received.nothing_yet()) return py::none();
  raise(received.failure());
}

void PendingAnswer::abandon() {
  if (busy_) raise_concurrent_use("pending call");
  call_.abandon();
}

int PendingAnswer::ask() {
  check();
  const int descriptor = wish_.begin(
      "pending call", [&](ReadyCallback callback, void* context) { return call_.when_ready(callback, context); });
  linked_ = true;
  previous_ = nullptr;
  next_ = std::exchange(owner_->awaited_, this);
  if (next_ != nullptr) next_->previous_ = this;
  return descriptor;
}

void PendingAnswer::end_wait() noexcept {
  unlink();
  wish_.end(owner_->open(), [&] { call_.cancel_when(); });
}

void PendingAnswer::unlink() noexcept {
  if (!std::exchange(linked_, false)) return;
  (previous_ != nullptr ? previous_->next_ : owner_->awaited_) = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
}

py::object wait_for_answer(CallingEnd& owner, PendingCall& call, std::chrono::nanoseconds timeout, py::handle into) {
  if (into.is_none()) {
    Result<Response> response = owner.wait([&] { return call.receive(timeout); });
    if (!response) raise_call(response.failure());
    return make_response(std::move(*response));
  }
  const WriteBytes bytes(into);
  const Result<Received> received = owner.wait([&] { return call.receive_into(bytes.bytes(), timeout); });
  if (received) return py::cast(*received);
  if (received.status() != Status::buffer_too_small) raise_call(received.failure());
  const py::object error = make_error(received.failure());
  Result<Response> whole = call.try_receive();
  if (whole) error.attr("response") = make_response(std::move(*whole));
  raise_error(error);
}

py::object make_claim(RequestClaim&& claim, std::shared_ptr<CallingEnd> owner) {
  return py::cast(std::make_unique<ClaimedRoom>(std::move(claim), std::move(owner)));
}

RequestInfo to_request_info(py::handle type, py::handle tag, py::handle response_capacity) {
  const FrameInfo frame = to_frame_info(type, tag);
  return {frame.type, frame.tag, to_unsigned("response_capacity", response_capacity, UINT64_MAX)};
}

void bind_calls(py::module_& module) {
  py::class_<PendingAnswer>(module, "PendingCall",
                            R"(A request that was sent and whose answer was not fetched yet. Comes from begin().

Dropping it abandons the call: a late answer is discarded and never given to anybody else. One thread at a time.
)")
      .def("receive", &PendingAnswer::receive, py::arg("timeout") = py::none(),
           R"(Waits for the answer.

Args:
    timeout: seconds; 0 looks once, None waits for ever.

Returns:
    The Response; or None where the time ran out (the call goes on; call again).

Raises:
    RemoteError: the server answered with an error; the text is its own.
    PeerDeadError: the server died. PeerClosedError: it closed.
    HeldFramesBlockError: answers that are held here keep the server from answering; release some.
    HandleClosedError: it was answered or abandoned before, or the client was closed.
    InterruptedWaitError, EvictedError, CorruptError, ForkedError, ConcurrentUseError.

The GIL is released while waiting; Ctrl-C ends the wait at once, and the call goes on.
)")
      .def("try_receive", &PendingAnswer::try_receive,
           "The answer if it is there, else None. Raises as receive(). Never waits, keeps the GIL.")
      .def("receive_into", &PendingAnswer::receive_into, py::arg("buffer"), py::arg("timeout") = py::none(),
           R"(Waits for the answer and copies it into a buffer; allocates nothing for it.

Args:
    buffer: a writable, C-contiguous bytes-like object.
    timeout: seconds; 0 looks once, None waits for ever.

Returns:
    What was received (Received), or None where the time ran out.

Raises:
    BufferTooSmallError: `needed` says the size; the answer stays, call again.
    As receive().
)")
      .def("abandon", &PendingAnswer::abandon, "Gives the call up; a late answer is discarded. Again is harmless.")
      .def_property_readonly("sequence", &PendingAnswer::sequence, "Of the request.")
      .def_property_readonly("pending", &PendingAnswer::pending, "True until it was answered or abandoned.")
      .def("_ask", &PendingAnswer::ask)
      .def("_end_wait", &PendingAnswer::end_wait)
      .def("__enter__", [](const py::object& self) { return self; })
      .def("__exit__",
           [](PendingAnswer& self, const py::object&, const py::object&, const py::object&) { self.abandon(); });

  py::class_<ClaimedRoom>(
      module, "RequestClaim", py::custom_type_setup(&set_up_type),
      R"(Room for one request in the channel: a writable buffer of the claimed size, 64-byte aligned.

It comes from claim_request() (then begin() or call() sends it) or from claim_send() (then send()). Leaving the `with`
block without having sent it gives the room back. Its content is undefined at first. Views kept beyond that do not fault,
also after close(), but what is written through them then may reach the server. One thread at a time.
)")
      .def("begin", &ClaimedRoom::begin, py::arg("n") = py::none(), py::kw_only(), py::arg("type") = 0,
           py::arg("tag") = 0,
           R"(Sends the first n bytes as a request.

Args:
    n: bytes, at most len(claim); None for all.
    type: 0 normal, from 128 to 65535 the application's.
    tag: a number of the application's, 0 … 2**64 - 1.

Returns:
    The PendingCall.

Raises:
    InvalidArgumentError: n is too large (the claim stays), or the claim is one of claim_send().
    HandleClosedError: it was sent or discarded before, or the client was closed. ForkedError.
)")
      .def("call", &ClaimedRoom::call, py::arg("n") = py::none(), py::kw_only(), py::arg("timeout") = py::none(),
           py::arg("type") = 0, py::arg("tag") = 0, py::arg("into") = py::none(),
           R"(Sends the first n bytes as a request and waits for the answer; see DuplexClient.call().

Args:
    n, type, tag: see begin().
    timeout: seconds; None waits for ever.
    into: a writable buffer that takes the answer, instead of a Response.
)")
      .def(
          "send", &ClaimedRoom::send, py::arg("n") = py::none(), py::kw_only(), py::arg("type") = 0, py::arg("tag") = 0,
          "Sends the first n bytes; the answer comes from DuplexClient.receive(). Only for a claim of claim_send().\n\n"
          "Returns the request's sequence. Raises as begin().")
      .def("discard", &ClaimedRoom::discard, "Gives the room back; nothing is sent. Again is harmless.")
      .def_property_readonly(
          "data", [](const py::object& self) { return py::memoryview(self); },
          "A writable memoryview of the room: `memoryview(claim)`.")
      .def_property_readonly("open", &ClaimedRoom::open, "True until it is sent, discarded, or its client closed.")
      .def_property_readonly(
          "size", [](const ClaimedRoom& self) { return self.data().size(); }, "Bytes claimed; `len(claim)` too.")
      .def("__len__", [](const ClaimedRoom& self) { return self.data().size(); })
      .def("__enter__", [](const py::object& self) { return self; })
      .def("__exit__",
           [](ClaimedRoom& self, const py::object&, const py::object&, const py::object&) { self.discard(); });
}

}  // namespace zerobuffer::python
