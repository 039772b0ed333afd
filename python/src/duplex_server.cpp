// `_core.DuplexServer`: the calls of zerobuffer's two duplex servers with Python's types, errors and threads.
#include "duplex_server.hpp"

#include <pybind11/stl.h>

#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "convert.hpp"
#include "duplex_end.hpp"
#include "errors.hpp"
#include "request.hpp"
#include "response.hpp"
#include "zerobuffer/duplex.hpp"

namespace py = pybind11;

namespace zerobuffer::python {

namespace {

constexpr const char* what_it_is = "duplex server";

class ServerEnd final : public DuplexEnd {
 public:
  using Made = std::variant<ImmutableDuplexServer, MutableDuplexServer>;

  explicit ServerEnd(Made&& made)
      : DuplexEnd(what_it_is),
        made_(std::move(made)),
        end_(std::visit([](auto& server) -> DuplexServer& { return server; }, made_)),
        info_(end_.info()) {
    end_.set_wait_hook(&DuplexEnd::hook, nullptr);
  }

  static std::shared_ptr<ServerEnd> make(const std::string& name, bool in_place, const DuplexConfig& config) {
    return in_place ? make_one<MutableDuplexServer>(name, config) : make_one<ImmutableDuplexServer>(name, config);
  }

  /// None where the time ran out or `stop` is set.
  static py::object take(const std::shared_ptr<ServerEnd>& self, const py::object& timeout, const StopSign* stop) {
    const auto limit = to_timeout(timeout);
    self->check_open();
    if (stop != nullptr && stop->is_set()) return py::none();
    Result<Request> request = self->end_.try_take();
    if (request.status() == Status::would_block && limit.count() != 0) {
      request = self->wait_to_take(limit, stop, [&](std::chrono::nanoseconds left) { return self->end_.take(left); });
    }
    return handed_out(self, std::move(request), stop);
  }

  static py::object try_take(const std::shared_ptr<ServerEnd>& self) {
    self->check_open();
    return handed_out(self, self->end_.try_take(), nullptr);
  }

  py::object call_client(std::uint64_t client, py::handle data, const py::object& timeout, py::handle type,
                         py::handle tag, py::handle response_capacity) {
    const ReadBytes bytes(data);
    const FrameInfo frame = to_frame_info(type, tag);
    const RequestInfo info{frame.type, frame.tag, to_unsigned("response_capacity", response_capacity, UINT64_MAX)};
    const auto limit = to_timeout(timeout);
    Result<Response> response = wait([&] { return end_.call_client(client, bytes.bytes(), limit, info); });
    if (!response) raise_call(response.failure());
    return make_response(std::move(*response));
  }

  void notify(std::uint64_t client, py::handle data, const py::object& timeout, py::handle type, py::handle tag) {
    const ReadBytes bytes(data);
    const FrameInfo frame = to_frame_info(type, tag);
    const auto limit = to_timeout(timeout);
    const Result<void> done = wait([&] {
      return end_.notify(client, bytes.bytes(), limit, {frame.type, frame.tag, 0});
    });
    if (!done) raise_call(done.failure());
  }

  [[nodiscard]] std::vector<std::uint64_t> clients() const {
    check_open();
    return end_.clients();
  }

  int ask() {
    check_open();
    return request_.begin(what_it_is, [&](ReadyCallback callback, void* context) {
      return ask_to_take([&] { return end_.when_ready(callback, context); });
    });
  }
  void end_wait() {
    request_.end(open(), [&] { end_.cancel_when(); });
  }

  [[nodiscard]] std::shared_ptr<const void> mapping() const override { return end_.mapping(); }
  [[nodiscard]] DuplexStats stats() const { return open() ? end_.stats() : stats_; }
  [[nodiscard]] DuplexInfo info() const { return info_; }

 private:
  template <class Server>
  static std::shared_ptr<ServerEnd> make_one(const std::string& name, const DuplexConfig& config) {
    Result<Server> server = [&] {
      const py::gil_scoped_release released;
      return Server::create(name, config);
    }();
    if (!server) raise(server.failure());
    return std::make_shared<ServerEnd>(Made(std::move(*server)));
  }

  static py::object handed_out(const std::shared_ptr<ServerEnd>& self, Result<Request>&& request,
                               const StopSign* stop) {
    if (request) return make_request(std::move(*request), self);
    if (request.nothing_yet()) return py::none();
    if (request.status() == Status::interrupted && stop != nullptr && stop->is_set()) return py::none();
    raise(request.failure());
  }

  void interrupt_end() noexcept override { end_.interrupt(); }
  void forget_threads() noexcept override {
    DuplexEnd::forget_threads();
    request_.forget();
  }
  void close_end() override {
    request_.close([&] { end_.cancel_when(); });
    stats_ = end_.stats();
    end_.close();
  }

  Wish request_;  // outlives what it asks of end_
  Made made_;
  DuplexServer& end_;
  DuplexInfo info_;
  DuplexStats stats_;
};

}  // namespace

void bind_duplex_server(py::module_& module) {
  py::class_<StopSign>(module, "StopSign", "Ends the waits of those who were given it, and of nobody else.")
      .def(py::init<>())
      .def("set", &StopSign::set, "Ends them, within 100 ms; and every later one at once.")
      .def_property_readonly("is_set", &StopSign::is_set, "True once it was set.");

  py::class_<ServerEnd, std::shared_ptr<ServerEnd>>(
      module, "DuplexServer",
      "The calls of a server. See zerobuffer.ImmutableDuplexServer and zerobuffer.MutableDuplexServer.")
      .def(py::init(&ServerEnd::make), py::kw_only(), py::arg("name"), py::arg("in_place"), py::arg("config"))
      .def("take", &ServerEnd::take, py::arg("timeout") = py::none(), py::arg("stop") = nullptr,
           R"(Waits for the next request, of whichever client; they take turns. Several threads may take.

Args:
    timeout: seconds; 0 looks once, None waits for ever.
    stop: ends the wait when it is set, with None.

Returns:
    The Request, to be answered once; or None where the time ran out.

Raises:
    InterruptedWaitError, HandleClosedError, ForkedError.

The GIL is released while waiting; Ctrl-C ends the wait at once.

Example:
    >>> with server.take(timeout=1) as request:
    ...     request.write(bytes(request).upper())
)")
      .def("try_take", &ServerEnd::try_take,
           "The next request if there is one, else None. Raises as take(). Never waits, keeps the GIL.")
      .def("call_client", &ServerEnd::call_client, py::arg("client"), py::arg("data"), py::kw_only(),
           py::arg("timeout") = py::none(), py::arg("type") = 0, py::arg("tag") = 0, py::arg("response_capacity") = 0,
           R"(Calls a client, which answers in place. One call to one client at a time, others wait their turn.

Args:
    client: of clients(), or Request.client.
    data: a bytes-like object, at most info.max_callback_size bytes.
    timeout: seconds; None waits for ever. A client that takes no calls lets them time out.
    type, tag, response_capacity: see DuplexClient.call().

Returns:
    The Response.

Raises:
    BufferNotFoundError: this client is gone. InvalidArgumentError: the channel has no such calls (callback_size 0).
    As DuplexClient.call(). The GIL is released while waiting.
)")
      .def("notify", &ServerEnd::notify, py::arg("client"), py::arg("data"), py::kw_only(),
           py::arg("timeout") = py::none(), py::arg("type") = 0, py::arg("tag") = 0,
           "Sends a client a notice, to which there is no answer. Arguments and errors: see call_client().")
      .def("clients", &ServerEnd::clients, "The clients that are attached and alive: a list of numbers. Any thread.")
      .def("_ask", &ServerEnd::ask)
      .def("_end_wait", &ServerEnd::end_wait)
      .def("_hurry", &ServerEnd::hurry)
      .def("interrupt", &ServerEnd::interrupt,
           "Ends the waits of other threads in this server, or else the next one, with InterruptedWaitError. Any "
           "thread.")
      .def("stats", &ServerEnd::stats, "A snapshot of the counters (DuplexStats). Any thread, also after close().")
      .def_property_readonly("info", &ServerEnd::info, "What the channel really is (DuplexInfo).")
      .def_property_readonly(
          "closed", [](const ServerEnd& self) { return !self.open(); }, "True after close().")
      .def("close", &ServerEnd::close, "Ends the channel. See the classes of the package.");
}

}  // namespace zerobuffer::python
