// `_core.Writer`, `_core.Batch`: the calls of zerobuffer::Writer with Python's types, errors and threads.
#include "writer.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "convert.hpp"
#include "entry.hpp"
#include "errors.hpp"
#include "slot.hpp"
#include "writer_handle.hpp"

namespace py = pybind11;

namespace zerobuffer::python {

namespace {

using Shared = std::shared_ptr<WriterHandle>;

std::unique_ptr<Slot> make_slot(const Shared& self, Result<Claim>&& claim, FrameInfo info) {
  const auto [ticket, data] = self->keep(std::move(*claim));
  return std::make_unique<Slot>(self, ticket, data, info);
}

std::unique_ptr<Slot> claim(const Shared& self, py::handle bytes, const py::object& timeout, py::handle type,
                            py::handle tag) {
  Use use(*self);
  const std::size_t size = to_size(bytes);
  const FrameInfo info = to_frame_info(type, tag);
  const auto wait = to_timeout(timeout);
  Result<Claim> room = self->end().try_claim(size);
  if (room.status() == Status::would_block) {
    room = without_gil(*self, [&] { return self->end().claim(size, wait); });
  }
  if (!room) raise(room.failure());
  return make_slot(self, std::move(room), info);
}

std::unique_ptr<Slot> try_claim(const Shared& self, py::handle size, py::handle type, py::handle tag) {
  Use use(*self);
  const FrameInfo info = to_frame_info(type, tag);
  Result<Claim> room = self->end().try_claim(to_size(size));
  if (room.nothing_yet()) return nullptr;
  if (!room) raise(room.failure());
  return make_slot(self, std::move(room), info);
}

/// `with writer.batch():`
class BatchBlock {
 public:
  explicit BatchBlock(Shared writer) : writer_(std::move(writer)) {}
  void enter() const { writer_->begin_batch(); }
  void leave() const {
    if (!writer_->open()) return;  // closing published it
    Use use(*writer_);
    writer_->end_batch();
  }

 private:
  Shared writer_;
};

// write(data, *, timeout=None, type=0, tag=0)
PyObject* write(PyObject* self, PyObject* const* arguments, Py_ssize_t count, PyObject* names) {
  return answer([&] {
    py::handle data = count >= 1 ? arguments[0] : nullptr;
    py::handle timeout = Py_None;
    py::handle type;
    py::handle tag;
    for (Py_ssize_t i = 0, named = names != nullptr ? PyTuple_GET_SIZE(names) : 0; i < named; ++i) {
      PyObject* name = PyTuple_GET_ITEM(names, i);
      const auto is = [&](const char* known) { return PyUnicode_CompareWithASCIIString(name, known) == 0; };
      py::handle* wanted = is("timeout") ? &timeout : is("type") ? &type : is("tag") ? &tag : nullptr;
      if (wanted == nullptr && is("data") && !data) wanted = &data;
      if (wanted == nullptr) throw py::type_error("write() takes data and the keywords timeout, type and tag");
      *wanted = arguments[count + i];
    }
    if (count > 1 || !data) throw py::type_error("write() takes data and the keywords timeout, type and tag");
    FrameInfo info;
    const py::int_ zero(0);
    if (type || tag) info = to_frame_info(type ? type : py::handle(zero), tag ? tag : py::handle(zero));
    auto& handle = instance_of<WriterHandle>(self);
    return py::bool_(handle.write(data, py::reinterpret_borrow<py::object>(timeout), info));
  });
}

// _write_known(array, timeout, tag)
PyObject* write_known(PyObject* self, PyObject* const* arguments, Py_ssize_t count) {
  return answer([&]() -> py::object {
    if (count != 3) throw py::type_error("_write_known() takes array, timeout and tag");
    const FrameInfo info = to_frame_info(py::int_(0), arguments[2]);
    const auto sent = instance_of<WriterHandle>(self).write_known(
        arguments[0], py::reinterpret_borrow<py::object>(arguments[1]), info);
    return sent ? py::object(py::bool_(*sent)) : py::none();
  });
}

PyMethodDef methods[] = {{"write", as_method(&write), METH_FASTCALL | METH_KEYWORDS,
                          R"(write($self, /, data, *, timeout=None, type=0, tag=0)
--

Sends a copy of `data`.

Args:
    data: a C-contiguous bytes-like object.
    timeout: seconds to wait for room; 0 looks once, None waits for ever.
    type, tag: see claim().

Returns:
    True when it was sent; False where the time ran out or the frame was dropped.

Raises:
    As claim(), but for ClaimTimeoutError and FrameDroppedError.

The GIL is released while waiting, and while more than 32 KiB are copied.
)"},
                         {"_write_known", as_method(&write_known), METH_FASTCALL,
                          "_write_known($self, array, timeout, tag, /)\n--\n\nAs write() with an array that is as the "
                          "metadata says of all; None where it is not."},
                         {nullptr, nullptr, 0, nullptr}};

}  // namespace

void bind_writer(py::module_& module) {
  bind_slot(module);
  py::class_<BatchBlock>(module, "Batch",
                         "Frames published together when the `with` block is left. See Writer.batch().")
      .def("__enter__", &BatchBlock::enter)
      .def("__exit__",
           [](const BatchBlock& self, const py::object&, const py::object&, const py::object&) { self.leave(); });

  const py::custom_type_setup with_methods([](PyHeapTypeObject* type) { type->ht_type.tp_methods = methods; });
  py::class_<WriterHandle, Shared>(module, "Writer", with_methods, "The calls of a writer. See zerobuffer.Writer.")
      .def(py::init(&WriterHandle::make), py::kw_only(), py::arg("create"), py::arg("name"), py::arg("fd"),
           py::arg("timeout"), py::arg("config"))
      .def("claim", &claim, py::arg("size"), py::kw_only(), py::arg("timeout") = py::none(), py::arg("type") = 0,
           py::arg("tag") = 0,
           R"(Takes room for a frame, to be filled in place.

Args:
    size: bytes, 0 … info.max_frame_size.
    timeout: seconds to wait for room; 0 looks once, None waits for ever.
    type: 0 normal, from 128 to 65535 the application's.
    tag: a number of the application's, 0 … 2**64 - 1.

Returns:
    A Slot: a writable buffer. As a context manager it is published on leaving, discarded on an exception.

Raises:
    ClaimTimeoutError: no room came free in time.
    FrameDroppedError: the ring is full and this writer's policy is "drop".
    FrameTooLargeError: the frame can never fit. ClaimOpenError: another slot of this writer is open.
    PeerDeadError: the last reader died and the ring is full. PeerClosedError: every reader has closed, likewise.
    InterruptedWaitError, HandleClosedError, ForkedError, CorruptError.

The GIL is released while waiting; Ctrl-C ends the wait at once. One thread at a time.

Example:
    >>> with writer.claim(5) as slot:
    ...     slot.data[:] = b"hello"
)")
      .def("try_claim", &try_claim, py::arg("size"), py::kw_only(), py::arg("type") = 0, py::arg("tag") = 0,
           "As claim(), but None where there is no room now (or the frame was dropped). Never waits, keeps the GIL.")
      .def(
          "try_write",
          [](WriterHandle& self, py::handle data, py::handle type, py::handle tag) {
            return self.try_write(data, to_frame_info(type, tag));
          },
          py::arg("data"), py::kw_only(), py::arg("type") = 0, py::arg("tag") = 0,
          "As write(), but False where there is no room now. Never waits.")
      .def(
          "write_messages",
          [](WriterHandle& self, py::handle messages, py::handle size, const py::object& timeout, py::handle type,
             py::handle tag) { return self.write_messages(messages, size, timeout, to_frame_info(type, tag)); },
          py::arg("messages"), py::arg("message_size") = py::none(), py::kw_only(), py::arg("timeout") = py::none(),
          py::arg("type") = 0, py::arg("tag") = 0,
          R"(Sends many small messages of one size in one call, each as a frame of its own.

Args:
    messages: a C-contiguous array with a message in each row (for a structured dtype: in each item), or plain bytes.
    message_size: bytes of one; needed for plain bytes only.
    timeout: seconds to wait for room; 0 looks once, None waits for ever.
    type, tag: of each of them; see claim().

Returns:
    How many were sent, always the first ones: all, or fewer where the time ran out, the wait was interrupted, or the
    readers have gone. Call again with the rest to go on, or to hear why. With full="drop" the others were dropped.

Raises:
    InvalidArgumentError: no whole number of messages. Where none was sent, as write(). When Ctrl-C ends the wait,
    `stats().frames` says how many were sent.

They are published some at a time, so that readers start early. The GIL is released while waiting, and while more than 32
KiB are copied.

Example:
    >>> writer.write_messages(np.zeros((1000, 8)))  # 1000 messages of 64 bytes
)")
      .def(
          "batch", [](const Shared& self) { return BatchBlock(self); },
          R"(`with writer.batch():` frames written in the block are published together, with one wake-up.

Not atomic: where a batch would have to wait for room it publishes what it has. Leaving the block on an exception
publishes what was written; only a slot that is open is discarded.

Raises:
    InvalidArgumentError: on entering, while a batch of this writer is open.
)")
      .def("write_metadata", &WriterHandle::write_metadata, py::arg("metadata"),
           R"(Writes the metadata, once, before the first frame.

Args:
    metadata: a bytes-like object of at most info.metadata_size bytes.

Raises:
    MetadataTooLargeError, MetadataExistsError (identical bytes from a successor are no change), MetadataInUseError,
    HandleClosedError, ForkedError.
)")
      .def("wait_for_readers", &WriterHandle::wait_for_readers, py::arg("n") = 1, py::kw_only(),
           py::arg("timeout") = py::none(),
           R"(Waits until at least n readers are attached.

Args:
    n: how many. timeout: seconds; None waits for ever.

Returns:
    True when they are; False where the time ran out.

Raises:
    InvalidArgumentError (more than max_readers), InterruptedWaitError, HandleClosedError, ForkedError.

The GIL is released while waiting.
)")
      .def("drain", &WriterHandle::drain, py::arg("timeout") = py::none(),
           R"(Waits until the readers have given every frame back.

Args:
    timeout: seconds; None waits for ever.

Returns:
    True when they have; False where the time ran out.

Raises:
    PeerClosedError, PeerDeadError: no reader is left that could.
    InterruptedWaitError, HandleClosedError, ForkedError.

The GIL is released while waiting.
)")
      .def("forget_dead_readers", &WriterHandle::forget_dead_readers,
           "Gives up what dead readers had not read, and forgets that they came. Returns how many there were.")
      .def("_ask", &WriterHandle::ask, py::arg("size"))
      .def("_end_wait", [](WriterHandle& self) { self.end_wait(); })
      .def_property_readonly("_drops", &WriterHandle::drops)
      .def("_know", &WriterHandle::know, py::arg("layout"))
      .def("interrupt", &WriterHandle::interrupt,
           "Ends the wait of another thread in this writer, or else its next one, with InterruptedWaitError. Any "
           "thread.")
      .def("stats", &WriterHandle::stats, "A snapshot of the counters (WriterStats). Any thread, also after close().")
      .def_property_readonly("info", &WriterHandle::info, "What the buffer really is (BufferInfo).")
      .def("fileno", &WriterHandle::fileno,
           "The descriptor of an anonymous buffer, owned by this writer; -1 for a named one and after close().")
      .def_property_readonly(
          "closed", [](const WriterHandle& self) { return !self.open(); }, "True after close().")
      .def("close", &WriterHandle::close_after, py::arg("linger") = 0,
           R"(Closes. An open slot is discarded; readers read what was published and then get the end of the stream.

A wait in another thread is ended (HandleClosedError there). Again is harmless. Views of slots do not fault afterwards.

Args:
    linger: seconds to wait for the readers to give everything back; 0 does not wait, None waits for ever.

Returns:
    How many published frames nobody will read (0 where readers are attached that go on reading).

The GIL is released while waiting.
)");
}

}  // namespace zerobuffer::python
