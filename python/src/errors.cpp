// The table of exceptions: one class for each failure of zerobuffer::Status, all below ZeroBufferError.
#include "errors.hpp"

#include <array>

namespace py = pybind11;

namespace zerobuffer::python {

namespace {

enum class AlsoBase : std::uint8_t { none, value_error, timeout_error };

struct Row {
  Status status;
  const char* name;
  AlsoBase also;
  const char* doc;
};

constexpr std::array rows{
    Row{Status::timeout, "ClaimTimeoutError", AlsoBase::none,
        "No room came free in the time given to `claim` or `claim_array`.\n\nTry again, or give up the frame."},
    Row{Status::dropped, "FrameDroppedError", AlsoBase::none,
        "The ring is full and its policy is to drop: the frame was not sent, and was counted."},
    Row{Status::interrupted, "InterruptedWaitError", AlsoBase::none, "interrupt() ended the wait."},
    Row{Status::closed, "PeerClosedError", AlsoBase::none,
        "The other side has closed.\n\nFor a reader: end of stream, everything was read. For a writer: every reader "
        "has closed and the ring is full."},
    Row{Status::peer_dead, "PeerDeadError", AlsoBase::none,
        "The other side died without closing.\n\nRaised once for each dead writer, after everything it committed was "
        "read; the reader may go on with a successor. A writer may wait for a reader that resumes, or call "
        "forget_dead_readers()."},
    Row{Status::evicted, "EvictedError", AlsoBase::none,
        "This reader's place was taken away, because its position was impossible. Close it and open again."},
    Row{Status::held_frames_block, "HeldFramesBlockError", AlsoBase::none,
        "Waiting would never end: this reader holds the frames whose room the writer waits for. Release some."},
    Row{Status::too_many_held, "TooManyHeldError", AlsoBase::none,
        "`max_held` frames are held already. Release some, or raise `max_held`."},
    Row{Status::frame_too_large, "FrameTooLargeError", AlsoBase::none,
        "The frame can never fit this ring. Make the ring larger (`payload_size`)."},
    Row{Status::claim_open, "ClaimOpenError", AlsoBase::none,
        "The writer has a claim that is neither published nor discarded."},
    Row{Status::invalid_argument, "InvalidArgumentError", AlsoBase::value_error,
        "An argument is wrong; the text says which and why. It is a ValueError too."},
    Row{Status::handle_closed, "HandleClosedError", AlsoBase::none,
        "The reader or writer was closed before this call."},
    Row{Status::forked, "ForkedError", AlsoBase::none,
        "The object belongs to the parent process. Open the buffer again in this one."},
    Row{Status::metadata_too_large, "MetadataTooLargeError", AlsoBase::none,
        "The metadata does not fit its block. Raise `metadata_size`."},
    Row{Status::metadata_exists, "MetadataExistsError", AlsoBase::none,
        "Metadata is written once, before the first frame."},
    Row{Status::metadata_in_use, "MetadataInUseError", AlsoBase::none,
        "A successor's metadata differs, and readers have frames of the old stream still to read."},
    Row{Status::not_found, "BufferNotFoundError", AlsoBase::none, "No buffer of this name appeared in time."},
    Row{Status::already_exists, "BufferExistsError", AlsoBase::none,
        "Somebody alive uses a buffer of this name. Open it (`exist_ok`), or choose another name."},
    Row{Status::writer_exists, "WriterExistsError", AlsoBase::none, "The buffer has a living writer already."},
    Row{Status::too_many_readers, "TooManyReadersError", AlsoBase::none,
        "All places for readers are taken by the living. Raise `max_readers`."},
    Row{Status::nothing_to_resume, "NothingToResumeError", AlsoBase::none,
        "No reader of this buffer died; there is no position to resume from."},
    Row{Status::incompatible, "IncompatibleError", AlsoBase::none,
        "Not a buffer of this protocol version, of other geometry, or with unknown features."},
    Row{Status::corrupt, "CorruptError", AlsoBase::none,
        "A value in shared memory is impossible; nothing was read from it. The text says which."},
    Row{Status::permission_denied, "PermissionDeniedError", AlsoBase::none,
        "The operating system refused access, or the file belongs to another user."},
    Row{Status::no_space, "SharedMemoryFullError", AlsoBase::none,
        "Shared memory cannot hold the buffer; the text has the needed and the free bytes."},
    Row{Status::system_error, "SystemCallError", AlsoBase::none,
        "The operating system refused a call for another reason; the text names the call and errno."},
    Row{Status::remote_error, "RemoteError", AlsoBase::none,
        "The other side answered with an error; the text is its own.\n\n`sequence` is that of the request. The channel "
        "goes on: the next call works."},
    Row{Status::buffer_too_small, "BufferTooSmallError", AlsoBase::none,
        "The answer does not fit the buffer given; nothing is lost.\n\n`needed` is its size in bytes. `response` is "
        "the answer where the call has no other place for it; else it comes again from the next receive()."},
    Row{Status::frame_lost, "FrameLostError", AlsoBase::none,
        "The next frame lay in another buffer and is gone: whoever forwarded it died, or let it go.\n\nIt was stepped "
        "over and counted (`stats().lost`): read on."},
    Row{Status::wrong_size, "WrongSizeError", AlsoBase::none,
        "The next frame has another size than the messages asked for, and stays.\n\n`needed` is its size in bytes. "
        "read() it, or ask for messages of its size."},
    Row{Status::lanes_busy, "LanesBusyError", AlsoBase::none,
        "Every lane is taken by other calls or clients. Wait, or make the channel with more lanes."},
};
// Beside the one for claims: a second class for a time that ran out.
constexpr Row call_timeout_row{
    Status::timeout, "CallTimeoutError", AlsoBase::timeout_error,
    "No answer came in the time given to a call; a late one is discarded.\n\nFor `begin`, `send` and `notify`: there "
    "was no room in that time, and nothing was sent. It is a TimeoutError too."};

// Borrowed from the module, which lives as long as the interpreter.
PyObject* base_class = nullptr;
PyObject* concurrent_use_class = nullptr;
PyObject* released_class = nullptr;
PyObject* call_timeout_class = nullptr;
std::array<PyObject*, rows.size()> classes{};

PyObject* make(py::module_& module, const char* name, const char* doc, const py::object& bases, const char* status) {
  const std::string full = std::string("zerobuffer.") + name;
  py::dict attributes;
  attributes["status"] = status;
  PyObject* made = PyErr_NewExceptionWithDoc(full.c_str(), doc, bases.ptr(), attributes.ptr());
  if (made == nullptr) throw py::error_already_set();
  module.add_object(name, made);
  return made;
}

PyObject* make(py::module_& module, const Row& row) {
  py::object bases = py::reinterpret_borrow<py::object>(base_class);
  if (row.also != AlsoBase::none) {
    PyObject* also = row.also == AlsoBase::value_error ? PyExc_ValueError : PyExc_TimeoutError;
    bases = py::make_tuple(bases, py::reinterpret_borrow<py::object>(also));
  }
  return make(module, row.name, row.doc, bases, std::string(to_string(row.status)).c_str());
}

PyObject* class_of(Status status) noexcept {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].status == status) return classes[i];
  }
  return base_class;
}

// The text of another process may be cut in the middle of a character.
py::object text_of(const Failure& failure) {
  const std::string text = failure.message();
  return py::reinterpret_steal<py::object>(
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace"));
}

}  // namespace

void bind_errors(py::module_& module) {
  base_class = make(module, "ZeroBufferError",
                    "Base of every error of this package.\n\n`status` is the name of the core's status, `os_error` the "
                    "errno of a refused system call (0: none).",
                    py::reinterpret_borrow<py::object>(PyExc_Exception), "");
  const auto base = py::reinterpret_borrow<py::object>(base_class);
  base.attr("os_error") = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) classes[i] = make(module, rows[i]);
  call_timeout_class = make(module, call_timeout_row);
  py::handle(class_of(Status::remote_error)).attr("sequence") = 0;
  const py::handle too_small = class_of(Status::buffer_too_small);
  too_small.attr("needed") = 0;
  too_small.attr("response") = py::none();
  py::handle(class_of(Status::wrong_size)).attr("needed") = 0;
  concurrent_use_class =
      make(module, "ConcurrentUseError",
           "Another thread is inside a call of this object, or another task waits with it. Use one object per thread "
           "or task, or a lock; interrupt(), stats(), close() and the release of frames are free.",
           base, "");
  released_class = make(module, "ReleasedError",
                        "The frame or slot was given back; its bytes are no longer there. It is a BufferError too.",
                        py::make_tuple(base, py::reinterpret_borrow<py::object>(PyExc_BufferError)), "");
}

py::object make_error(const Failure& failure) {
  const py::handle type = class_of(failure.status());
  py::object error = type(text_of(failure));
  if (failure.os_error() != 0) error.attr("os_error") = failure.os_error();
  if (failure.status() == Status::remote_error) error.attr("sequence") = failure.first();
  if (failure.status() == Status::buffer_too_small || failure.status() == Status::wrong_size) {
    error.attr("needed") = failure.first();
  }
  return error;
}

void raise_error(const py::object& error) {
  PyErr_SetObject(py::type::handle_of(error).ptr(), error.ptr());
  throw py::error_already_set();
}

void raise(const Failure& failure) { raise_error(make_error(failure)); }

void raise_call(const Failure& failure) {
  if (failure.status() != Status::timeout) raise(failure);
  PyErr_SetObject(call_timeout_class, text_of(failure).ptr());
  throw py::error_already_set();
}

void raise(Status status, const std::string& text) { raise(Failure(status, text)); }

void raise_concurrent_use(const char* what) {
  PyErr_Format(concurrent_use_class, "another thread or task is inside a call of this %s; one at a time uses it", what);
  throw py::error_already_set();
}

void set_released_error(const char* what) noexcept {
  PyErr_Format(released_class, "this %s was given back; its bytes are no longer there", what);
}

}  // namespace zerobuffer::python
