// `_core.Reader`: the calls of zerobuffer::Reader with Python's types, errors and threads.
#include "reader.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "attach.hpp"
#include "convert.hpp"
#include "entry.hpp"
#include "errors.hpp"
#include "frame.hpp"
#include "handle.hpp"
#include "messages.hpp"
#include "zerobuffer/reader.hpp"

namespace py = pybind11;

namespace zerobuffer::python {

namespace {

py::bytes to_bytes(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class ReaderHandle final : public Handle {
 public:
  explicit ReaderHandle(Reader&& end) : Handle("reader"), end_(std::move(end)), info_(end_.info()) {}

  static std::shared_ptr<ReaderHandle> make(bool create, const std::optional<std::string>& name, std::optional<int> fd,
                                            const py::object& timeout, const BufferConfig& config) {
    return std::make_shared<ReaderHandle>(attach<Reader>(create, name, fd, timeout, config));
  }

  /// None where the time ran out.
  static py::object read(const py::object& self, const py::object& timeout) {
    auto& handle = instance_of<ReaderHandle>(self);
    Use use(handle);
    Result<Frame> frame = handle.end_.try_read();
    if (frame.status() == Status::would_block) {
      const auto wait = to_timeout(timeout);
      frame = without_gil(handle, [&] { return handle.end_.read(wait); });
    }
    return handed_out(self, std::move(frame));
  }

  static py::object try_read(const py::object& self) {
    auto& handle = py::cast<ReaderHandle&>(self);
    Use use(handle);
    return handed_out(self, handle.end_.try_read());
  }

  static py::object read_newest(const py::object& self, const py::object& timeout) {
    auto& handle = py::cast<ReaderHandle&>(self);
    Use use(handle);
    const auto wait = to_timeout(timeout);
    return handed_out(self, without_gil(handle, [&] { return handle.end_.read_newest(wait); }));
  }

  static py::list read_many(const py::object& self, std::size_t max, const py::object& timeout) {
    auto& handle = py::cast<ReaderHandle&>(self);
    Use use(handle);
    if (max < 1 || max > 65536)
      raise(Status::invalid_argument, "max is " + std::to_string(max) + "; it must be 1 … 65536");
    const auto wait = to_timeout(timeout);
    std::vector<Frame> frames(max);
    const Result<std::size_t> taken = without_gil(handle, [&] { return handle.end_.read_many(frames, wait); });
    py::list list;
    if (!taken) {
      if (taken.nothing_yet()) return list;
      raise(taken.failure());
    }
    for (std::size_t i = 0; i < *taken; ++i) list.append(make_frame(std::move(frames[i]), self));
    return list;
  }

  std::size_t read_messages(py::handle into, py::handle message_size, const py::object& timeout) {
    const Messages room(into, message_size, PyBUF_WRITABLE);
    Use use(*this);
    const auto wait = to_timeout(timeout);
    Result<std::size_t> taken = Status::timeout;
    if (room.bytes().size() <= small_copy) taken = end_.read_messages(room.bytes(), room.size(), {});
    if (taken.status() == Status::timeout) {
      taken = without_gil(*this, [&] { return end_.read_messages(room.bytes(), room.size(), wait); });
    }
    if (taken) return *taken;
    if (taken.nothing_yet()) return 0;
    raise(taken.failure());
  }

  static py::object next(const py::object& self) {
    auto& handle = instance_of<ReaderHandle>(self);
    Use use(handle);
    Result<Frame> frame = handle.end_.try_read();
    if (frame.status() == Status::would_block) {
      frame = without_gil(handle, [&] { return handle.end_.read(forever); });
    }
    if (frame.status() == Status::closed) throw py::stop_iteration();
    if (!frame) raise(frame.failure());
    return make_frame(std::move(*frame), self);
  }

  py::object metadata(const py::object& timeout) {
    Use use(*this);
    const auto wait = to_timeout(timeout);
    const Result<std::vector<std::byte>> bytes = without_gil(*this, [&] { return end_.metadata(wait); });
    if (bytes) return to_bytes(*bytes);
    if (bytes.nothing_yet()) return py::none();
    raise(bytes.failure());
  }

  /// The metadata that held frames belong to, or None. From any thread, also while another one is inside a call (where
  /// there is metadata, the core reads it from any thread), also after close().
  py::object peek_metadata() {
    if (open()) refresh_metadata();
    return metadata_;
  }

  /// What this metadata says of every plain frame; null: nothing that this class knows.
  void know(const py::object& metadata, std::shared_ptr<ArrayLayout> layout) {
    known_for_ = metadata;
    known_ = std::move(layout);
  }
  [[nodiscard]] std::shared_ptr<const ArrayLayout> known() {
    if (known_ && open()) refresh_metadata();
    return metadata_.is(known_for_) ? known_ : nullptr;
  }

  /// The wait of a task for a frame, or for metadata; see Handle::begin_wait.
  int ask(bool for_metadata) {
    return begin_wait([&](ReadyCallback callback, void* context) {
      return for_metadata ? end_.when_metadata(callback, context) : end_.when_ready(callback, context);
    });
  }

  Reader& end() {
    const Use use(*this);
    return end_;
  }

  void interrupt() {
    if (open()) end_.interrupt();
  }

  [[nodiscard]] ReaderStats stats() const { return open() ? end_.stats() : stats_; }
  [[nodiscard]] BufferInfo info() const { return open() ? end_.info() : info_; }
  [[nodiscard]] int fileno() const { return open() ? end_.fd() : -1; }

 private:
  static py::object handed_out(const py::object& self, Result<Frame> frame) {
    if (frame) return make_frame(std::move(*frame), self);
    if (frame.nothing_yet()) return py::none();
    raise(frame.failure());
  }

  void refresh_metadata() {
    const Result<std::vector<std::byte>> bytes = end_.metadata(std::chrono::nanoseconds::zero());
    if (!bytes) return;
    const std::string_view now(reinterpret_cast<const char*>(bytes->data()), bytes->size());
    if (metadata_.is_none() || std::string_view(py::reinterpret_borrow<py::bytes>(metadata_)) != now) {
      metadata_ = to_bytes(*bytes);
    }
  }

  void interrupt_end() noexcept override { end_.interrupt(); }
  void set_hook(WaitHook hook, void* context) noexcept override { end_.set_wait_hook(hook, context); }
  void cancel_wish() noexcept override { end_.cancel_when(); }
  void close_end() override {
    refresh_metadata();
    stats_ = end_.stats();
    end_.close();
  }

  Reader end_;
  BufferInfo info_;
  ReaderStats stats_;
  py::object metadata_ = py::none();
  py::object known_for_ = py::none();
  std::shared_ptr<const ArrayLayout> known_;
};

// read(timeout=None)
PyObject* read(PyObject* self, PyObject* const* arguments, Py_ssize_t count, PyObject* names) {
  return answer([&] {
    const Py_ssize_t given = count + (names != nullptr ? PyTuple_GET_SIZE(names) : 0);
    const bool known = count == given || PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "timeout") == 0;
    if (given > 1 || !known) throw py::type_error("read() takes one argument, timeout");
    PyObject* timeout = given == 1 ? arguments[0] : Py_None;
    return ReaderHandle::read(py::reinterpret_borrow<py::object>(self), py::reinterpret_borrow<py::object>(timeout));
  });
}

PyObject* next(PyObject* self) {
  return answer([&] { return ReaderHandle::next(py::reinterpret_borrow<py::object>(self)); });
}

PyObject* peek_metadata(PyObject* self, PyObject*) {
  return answer([&] { return instance_of<ReaderHandle>(self).peek_metadata(); });
}

PyMethodDef methods[] = {
    {"read", as_method(&read), METH_FASTCALL | METH_KEYWORDS,
     R"(read($self, /, timeout=None)
--

Waits for the next frame.

Args:
    timeout: seconds; 0 looks once, None waits for ever.

Returns:
    The frame, read-only bytes in shared memory, held until it is given back; or None where the time ran out.

Raises:
    PeerClosedError: the writer has closed and everything was read: end of stream.
    PeerDeadError: the writer died; once per dead writer, after everything that it committed was read.
    HeldFramesBlockError: this reader holds the frames whose room the writer waits for.
    TooManyHeldError, EvictedError, CorruptError, InterruptedWaitError, HandleClosedError, ForkedError.

The GIL is released while waiting; Ctrl-C ends the wait at once. One thread at a time.

Example:
    >>> with reader.read(timeout=1) as frame:
    ...     total = sum(frame.data)
)"},
    {"peek_metadata", &peek_metadata, METH_NOARGS,
     "peek_metadata($self, /)\n--\n\nThe metadata that the frames held belong to, or None while there is none. From "
     "any thread, also after close()."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

Reader& reader_end(py::handle reader) { return py::cast<ReaderHandle&>(reader).end(); }

std::shared_ptr<const ArrayLayout> known_layout(py::handle reader) { return instance_of<ReaderHandle>(reader).known(); }

void bind_reader(py::module_& module) {
  const py::custom_type_setup with_methods([](PyHeapTypeObject* type) {
    type->ht_type.tp_methods = methods;
    type->ht_type.tp_iter = PyObject_SelfIter;
    type->ht_type.tp_iternext = &next;
  });
  py::class_<ReaderHandle, std::shared_ptr<ReaderHandle>>(module, "Reader", with_methods,
                                                          "The calls of a reader. See zerobuffer.Reader.")
      .def(py::init(&ReaderHandle::make), py::kw_only(), py::arg("create"), py::arg("name"), py::arg("fd"),
           py::arg("timeout"), py::arg("config"))
      .def("try_read", &ReaderHandle::try_read,
           "The next frame if there is one, else None. Raises as read(). Never waits, keeps the GIL.")
      .def("read_many", &ReaderHandle::read_many, py::arg("max"), py::kw_only(), py::arg("timeout") = py::none(),
           R"(Waits for a frame, then takes as many as there are.

Args:
    max: how many at most, 1 … 65536 (`max_held` of the reader bounds it too).
    timeout: seconds; None waits for ever.

Returns:
    A list of frames, oldest first; empty where the time ran out.

Raises:
    As read(). The GIL is released while waiting.
)")
      .def("read_messages", &ReaderHandle::read_messages, py::arg("into"), py::arg("message_size") = py::none(),
           py::kw_only(), py::arg("timeout") = py::none(),
           R"(Waits for a frame, then copies as many as there are: many small messages of one size in one call.

Args:
    into: where to: a writable C-contiguous array with room for a message in each row (for a structured dtype: in each
        item), or plain bytes. It bounds how many.
    message_size: bytes of one; needed for plain bytes only.
    timeout: seconds; 0 looks once, None waits for ever.

Returns:
    How many were copied, oldest first; 0 where the time ran out. What is behind them in `into` is as it was.

Raises:
    WrongSizeError: the next frame has another size; it stays for read(). One behind others ends the call before it.
    InvalidArgumentError: no whole number of messages. As read() otherwise.

Nothing is held: their room goes back to the writer at once. The GIL is released while waiting, and where `into` has more
than 32 KiB.

Example:
    >>> room = np.empty((1000, 8))
    >>> for row in room[: reader.read_messages(room)]:
    ...     use(row)
)")
      .def("read_newest", &ReaderHandle::read_newest, py::arg("timeout") = py::none(),
           R"(Waits for a frame that was not handed out yet, then takes the newest.

Those in between are given back and counted in `stats().skipped`.

Args:
    timeout: seconds; None waits for ever.

Returns:
    The frame, or None where the time ran out.

Raises:
    As read(). The GIL is released while waiting.
)")
      .def("metadata", &ReaderHandle::metadata, py::arg("timeout") = py::none(),
           R"(Waits until the writer has written the metadata.

Args:
    timeout: seconds; None waits for ever.

Returns:
    A copy of it as bytes (empty where it is empty); None where the time ran out.

Raises:
    PeerClosedError, PeerDeadError: the writer left without writing any.
    CorruptError, InterruptedWaitError, HandleClosedError, ForkedError.

The GIL is released while waiting.
)")
      .def("_know", &ReaderHandle::know, py::arg("metadata"), py::arg("layout"))
      .def("_ask", &ReaderHandle::ask, py::arg("for_metadata"))
      .def("_end_wait", [](ReaderHandle& self) { self.end_wait(); })
      .def("interrupt", &ReaderHandle::interrupt,
           "Ends the wait of another thread in this reader, or else its next one, with InterruptedWaitError. Any "
           "thread.")
      .def("stats", &ReaderHandle::stats, "A snapshot of the counters (ReaderStats). Any thread, also after close().")
      .def_property_readonly("info", &ReaderHandle::info, "What the buffer really is (BufferInfo).")
      .def("fileno", &ReaderHandle::fileno,
           "The descriptor of an anonymous buffer, owned by this reader; -1 for a named one and after close().")
      .def_property_readonly(
          "closed", [](const ReaderHandle& self) { return !self.open(); }, "True after close().")
      .def("close", &ReaderHandle::close,
           "Detaches. Frames and views that live stay valid; their room comes back when they end.\n\n"
           "A wait in another thread is ended (HandleClosedError there). Again is harmless.");
}

}  // namespace zerobuffer::python
