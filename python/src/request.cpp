// See request.hpp.
#include "request.hpp"

#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <string>
#include <utility>

#include "convert.hpp"
#include "errors.hpp"
#include "held.hpp"

namespace py = pybind11;

namespace zerobuffer::python {

namespace {

constexpr std::uint16_t array_type = 2;       // docs/arrays.md
constexpr std::size_t small_copy = 32 << 10;  // see writer_handle.cpp

/// What outlives the answer is copied at once.
struct RequestObject {
  PyObject_HEAD Request request;
  std::shared_ptr<DuplexEnd> owner;
  std::shared_ptr<const void> mapping;  // views may outlive the answer and the owner
  std::span<const std::byte> data;
  std::span<std::byte> room;  // for the answer
  PyObject* lent;             // list of weak references to writable views; null where there are none
  std::uint64_t sequence;
  std::uint64_t tag;
  std::uint64_t client;
  std::uint16_t type;
  std::uint16_t room_type;
  bool in_place;
  bool claimed;
  bool busy;         // a thread waits inside
  bool interrupted;  // ... and was called away by an exception: nothing waits for this client's room any more
};

PyTypeObject* request_type = nullptr;  // what is handed out; borrowed from the module or the package

RequestObject* as_request(PyObject* self) noexcept { return reinterpret_cast<RequestObject*>(self); }

bool answered(const RequestObject* self) noexcept { return !self->request.valid(); }

void check_unanswered(const RequestObject* self) {
  self->owner->check_open();
  if (self->busy) raise_concurrent_use("request");
  if (answered(self)) raise(Status::handle_closed, "this request was answered before");
}

/// Runs a method body; C++ exceptions become Python's.
template <class Body>
PyObject* guarded(Body&& body) noexcept {
  try {
    return body();
  } catch (py::error_already_set& error) {
    error.restore();
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
  return nullptr;
}

/// A call that may wait.
template <class Call>
auto waiting(RequestObject* self, Call&& call) {
  StopSign at_once;
  if (self->interrupted) at_once.set();
  self->busy = true;
  self->interrupted = true;
  const auto done = [](RequestObject* object) { object->busy = false; };
  const std::unique_ptr<RequestObject, decltype(done)> release(self, done);
  auto result = self->owner->wait(std::forward<Call>(call), &at_once);
  self->interrupted = false;
  return result;
}

/// A writable piece of the channel as a buffer: the request in place, or room for the answer.
class Room {
 public:
  Room(py::object request, std::span<std::byte> bytes) : request_(std::move(request)), bytes_(bytes) {}
  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return bytes_; }
  [[nodiscard]] bool open() const noexcept { return !answered(as_request(request_.ptr())); }

 private:
  py::object request_;
  std::span<std::byte> bytes_;
};

int get_room_buffer(PyObject* object, Py_buffer* view, int flags) {
  const Room& room = py::cast<const Room&>(py::handle(object));
  if (!room.open()) {
    view->obj = nullptr;
    set_released_error("request");
    return -1;
  }
  static std::byte nothing;
  const auto size = static_cast<Py_ssize_t>(room.bytes().size());
  return PyBuffer_FillInfo(view, object, size == 0 ? &nothing : room.bytes().data(), size,
                           /*readonly=*/0, flags);
}

void set_up_room(PyHeapTypeObject* type) {
  type->ht_type.tp_as_buffer = &type->as_buffer;
  type->as_buffer.bf_getbuffer = &get_room_buffer;
  type->as_buffer.bf_releasebuffer = [](PyObject*, Py_buffer*) {};
}

void lend(RequestObject* self, py::handle view) {
  if (self->lent == nullptr) self->lent = PyList_New(0);
  const auto reference = py::reinterpret_steal<py::object>(PyWeakref_NewRef(view.ptr(), nullptr));
  if (self->lent == nullptr || !reference || PyList_Append(self->lent, reference.ptr()) != 0) {
    throw py::error_already_set();
  }
}

py::object writable_view(PyObject* object, std::span<std::byte> bytes) {
  const py::object room = py::cast(Room(py::reinterpret_borrow<py::object>(object), bytes));
  auto view = py::reinterpret_steal<py::object>(PyMemoryView_FromObject(room.ptr()));
  if (!view) throw py::error_already_set();
  lend(as_request(object), view);
  return view;
}

/// Before an answer: the views that were lent cannot write any more. Slices of them can; nothing finds those.
void revoke(RequestObject* self) {
  if (self->lent == nullptr) return;
  const auto lent = py::reinterpret_steal<py::list>(std::exchange(self->lent, nullptr));
  for (const py::handle reference : lent) {
    const auto view = py::reinterpret_borrow<py::object>(PyWeakref_GetObject(reference.ptr()));
    if (view.is_none()) continue;
    if (PyMemoryView_Check(view.ptr()) == 0) {
      view.attr("flags").attr("writeable") = false;
    } else if (!py::reinterpret_steal<py::object>(PyObject_CallMethod(view.ptr(), "release", nullptr))) {
      PyErr_Clear();  // something was made of it that lives
    }
  }
}

std::uint16_t to_type(PyObject* type) { return static_cast<std::uint16_t>(to_unsigned("type", type, UINT16_MAX)); }

PyObject* respond(PyObject* object, PyObject* arguments, PyObject* options) {
  return guarded([&]() -> PyObject* {
    RequestObject* self = as_request(object);
    static const char* names[] = {"n", "type", nullptr};
    PyObject* count = Py_None;
    PyObject* type = Py_None;
    if (PyArg_ParseTupleAndKeywords(arguments, options, "|O$O:respond", const_cast<char**>(names), &count, &type) ==
        0) {
      return nullptr;
    }
    check_unanswered(self);
    const bool has_room = self->in_place || self->claimed;
    if (!has_room && count == Py_None) {
      raise(Status::invalid_argument, "there is no room for an answer yet: claim() it, or write() the answer");
    }
    const std::size_t n = count == Py_None ? self->room.size() : to_unsigned("n", count, UINT64_MAX);
    const bool cut = self->room_type == array_type && n != self->room.size();  // no descriptor at its end
    const std::uint16_t as = type != Py_None ? to_type(type) : cut ? std::uint16_t{0} : self->room_type;
    revoke(self);
    const Result<void> done =
        has_room ? self->request.respond(n, as) : waiting(self, [&] { return self->request.respond(n, as); });
    if (!done) raise(done.failure());
    Py_RETURN_NONE;
  });
}

PyObject* write(PyObject* object, PyObject* arguments, PyObject* options) {
  return guarded([&]() -> PyObject* {
    RequestObject* self = as_request(object);
    static const char* names[] = {"answer", "type", nullptr};
    PyObject* answer = nullptr;
    PyObject* type = nullptr;
    if (PyArg_ParseTupleAndKeywords(arguments, options, "O|$O:write", const_cast<char**>(names), &answer, &type) == 0) {
      return nullptr;
    }
    const ReadBytes bytes(answer);
    const std::uint16_t as = type == nullptr ? std::uint16_t{0} : to_type(type);
    check_unanswered(self);
    revoke(self);
    const Result<void> done = self->in_place && bytes.bytes().size() <= small_copy
                                  ? self->request.write(bytes.bytes(), as)
                                  : waiting(self, [&] { return self->request.write(bytes.bytes(), as); });
    if (!done) raise(done.failure());
    Py_RETURN_NONE;
  });
}

PyObject* claim(PyObject* object, PyObject* arguments, PyObject* options) {
  return guarded([&]() -> PyObject* {
    RequestObject* self = as_request(object);
    static const char* names[] = {"size", "type", nullptr};
    PyObject* bytes = nullptr;
    PyObject* type = nullptr;
    if (PyArg_ParseTupleAndKeywords(arguments, options, "O|$O:claim", const_cast<char**>(names), &bytes, &type) == 0) {
      return nullptr;
    }
    const std::size_t size = python::to_size(bytes);
    const std::uint16_t as = type == nullptr ? std::uint16_t{0} : to_type(type);
    check_unanswered(self);
    Result<std::span<std::byte>> room = waiting(self, [&] { return self->request.claim(size); });
    if (!room) raise(room.failure());
    self->room = *room;
    self->room_type = as;
    self->claimed = true;
    return writable_view(object, *room).release().ptr();
  });
}

PyObject* fail(PyObject* object, PyObject* text) {
  return guarded([&]() -> PyObject* {
    RequestObject* self = as_request(object);
    const std::string words = py::cast<std::string>(py::handle(text));
    check_unanswered(self);
    revoke(self);
    (void)waiting(self, [&] {
      self->request.fail(words);
      return Result<void>();
    });
    Py_RETURN_NONE;
  });
}

PyObject* fail_unknown(PyObject* object, PyObject*) {
  return guarded([&]() -> PyObject* {
    RequestObject* self = as_request(object);
    check_unanswered(self);
    (void)waiting(self, [&] {
      fail_unknown_type(self->request);
      return Result<void>();
    });
    Py_RETURN_NONE;
  });
}

/// Answers what nobody answered: in place the bytes as they lie now, otherwise an error.
void answer_at_last(RequestObject* self) {
  if (self->in_place) {
    revoke(self);
    self->request = Request();
    return;
  }
  (void)waiting(self, [&] {
    self->request.fail("the handler gave no answer");
    return Result<void>();
  });
}

PyObject* finish(PyObject* object, PyObject*) {
  return guarded([&]() -> PyObject* {
    RequestObject* self = as_request(object);
    if (!answered(self) && self->owner->open()) {
      check_unanswered(self);
      answer_at_last(self);
    }
    Py_RETURN_NONE;
  });
}

PyObject* leave(PyObject* object, PyObject* const* arguments, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    RequestObject* self = as_request(object);
    if (answered(self) || !self->owner->open()) Py_RETURN_NONE;
    if (count < 2 || arguments[1] == Py_None) return finish(object, nullptr);
    const py::object words = py::module_::import("zerobuffer.handlers").attr("error_text")(py::handle(arguments[1]));
    return fail(object, words.ptr());
  });
}

PyObject* enter(PyObject* object, PyObject*) {
  Py_INCREF(object);
  return object;
}

PyObject* lend_view(PyObject* object, PyObject* view) {
  return guarded([&]() -> PyObject* {
    lend(as_request(object), view);
    Py_RETURN_NONE;
  });
}

int get_buffer(PyObject* object, Py_buffer* view, int flags) {
  RequestObject* self = as_request(object);
  if (answered(self)) {
    view->obj = nullptr;
    set_released_error("request");
    return -1;
  }
  static std::byte nothing;
  auto* data = self->data.empty() ? &nothing : const_cast<std::byte*>(self->data.data());
  return PyBuffer_FillInfo(view, object, data, static_cast<Py_ssize_t>(self->data.size()),
                           /*readonly=*/1, flags);
}

void release_buffer(PyObject*, Py_buffer*) {}

void deallocate(PyObject* object) {
  RequestObject* self = as_request(object);
  PyTypeObject* type = Py_TYPE(object);
  if (!answered(self) && self->owner->open()) {
    // Nobody has a view of it any more, so nothing need be revoked. An exception may be on its way meanwhile.
    const py::error_scope keep;
    Py_CLEAR(self->lent);
    try {
      answer_at_last(self);
    } catch (py::error_already_set& error) {
      error.discard_as_unraisable("the answer to a request that was dropped");
    }
  }
  self->request.~Request();
  self->owner.~shared_ptr();
  self->mapping.~shared_ptr();
  Py_XDECREF(self->lent);
  type->tp_free(object);
  Py_DECREF(type);
}

PyObject* refuse_new(PyTypeObject*, PyObject*, PyObject*) {
  PyErr_SetString(PyExc_TypeError, "requests come from a server, or from a client that its server calls");
  return nullptr;
}

Py_ssize_t length(PyObject* object) { return static_cast<Py_ssize_t>(as_request(object)->data.size()); }

PyObject* get_sequence(PyObject* object, void*) { return PyLong_FromUnsignedLongLong(as_request(object)->sequence); }
PyObject* get_tag(PyObject* object, void*) { return PyLong_FromUnsignedLongLong(as_request(object)->tag); }
PyObject* get_client(PyObject* object, void*) { return PyLong_FromUnsignedLongLong(as_request(object)->client); }
PyObject* get_type(PyObject* object, void*) { return PyLong_FromLong(as_request(object)->type); }
PyObject* get_size(PyObject* object, void*) { return PyLong_FromSsize_t(length(object)); }
PyObject* get_in_place(PyObject* object, void*) { return PyBool_FromLong(as_request(object)->in_place ? 1 : 0); }
PyObject* get_answered(PyObject* object, void*) { return PyBool_FromLong(answered(as_request(object)) ? 1 : 0); }
PyObject* get_data(PyObject* object, void*) { return PyMemoryView_FromObject(object); }
PyObject* get_bytes(PyObject* object, void*) {
  return guarded([&]() -> PyObject* {
    RequestObject* self = as_request(object);
    check_unanswered(self);
    if (!self->in_place) {
      raise(Status::invalid_argument, "a request of an immutable server is read-only: answer with new data");
    }
    return writable_view(object, self->request.bytes()).release().ptr();
  });
}

template <class Function>
PyCFunction as_method(Function* function) noexcept {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

PyMethodDef methods[] = {
    {"respond", as_method(&respond), METH_VARARGS | METH_KEYWORDS,
     R"(respond($self, /, n=None, *, type=None)
--

Answers with the first n bytes of the room: of what was claimed; in place, without a claim, of the request itself.

Args:
    n: bytes; None for all of it.
    type: 0 normal, from 128 to 65535 the application's; None keeps the request's own where the answer lies in its place,
        and says 2 where an array was asked for, 0 otherwise.

Raises:
    InvalidArgumentError: n is beyond the room, or there is none; nothing was answered.
    HandleClosedError: it was answered before, or the server was closed. ForkedError.

Views that were lent (`bytes`, `as_array()`, `claim()`) cannot write from then on; slices of them can, and then change what
the client reads. Holds the GIL, does not wait.
)"},
    {"write", as_method(&write), METH_VARARGS | METH_KEYWORDS,
     R"(write($self, /, answer, *, type=0)
--

Answers with a copy of `answer`.

Args:
    answer: a C-contiguous bytes-like object; it may be a view of the request.
    type: 0 normal, from 128 to 65535 the application's.

Raises:
    FrameTooLargeError: it does not fit; in place: the call has not reserved as much.
    PeerClosedError: the client is gone and nobody will read it.
    HandleClosedError: it was answered before, or the server was closed. InterruptedWaitError, ForkedError.

An immutable server waits, without the GIL, until earlier requests of this lane are answered and its client has made room.
)"},
    {"claim", as_method(&claim), METH_VARARGS | METH_KEYWORDS,
     R"(claim($self, /, size, *, type=0)
--

Room for an answer, to be filled in place; then respond(n).

Args:
    size: bytes. In place the room begins with the request's own bytes.
    type: what respond() says where it is given none.

Returns:
    A writable memoryview, until the answer.

Raises:
    As write(), which waits likewise.
)"},
    {"fail", &fail, METH_O,
     "fail($self, text, /)\n--\n\nAnswers with an error: the caller gets RemoteError with this text, cut to the room "
     "there is.\n\n"
     "Waits, without the GIL, as write() does. Raises HandleClosedError where it was answered before."},
    {"_fail_unknown_type", &fail_unknown, METH_NOARGS, "The answer to a request of a type that nobody handles."},
    {"_lend", &lend_view, METH_O, "Remembers a writable array, which becomes read-only with the answer."},
    {"finish", &finish, METH_NOARGS,
     "finish($self, /)\n--\n\nAnswers what is not answered yet: in place with the bytes as they lie, otherwise with an "
     "error.\n\n"
     "Again is harmless. The end of a `with` block, the next turn of `for request in server` and the end of the "
     "object\n"
     "do it too."},
    {"__enter__", &enter, METH_NOARGS, "Returns the request itself."},
    {"__exit__", as_method(&leave), METH_FASTCALL, "Calls finish(); on an exception fail() with its text."},
    {nullptr, nullptr, 0, nullptr}};

PyGetSetDef attributes[] = {
    {"sequence", &get_sequence, nullptr, "Counts the requests of a lane from 1; valid after the answer.", nullptr},
    {"type", &get_type, nullptr, "0 normal, 2 array frame (docs/arrays.md), from 128 on the application's.", nullptr},
    {"tag", &get_tag, nullptr, "A number of the application's, 0 … 2**64 - 1.", nullptr},
    {"client", &get_client, nullptr, "Who sent it, for call_client(); 0 where the server sent it.", nullptr},
    {"size", &get_size, nullptr, "Bytes of the request; `len(request)` too.", nullptr},
    {"data", &get_data, nullptr,
     "A read-only memoryview of the request: `memoryview(request)`. Valid until the answer.", nullptr},
    {"bytes", &get_bytes, nullptr,
     "In place: a writable memoryview of the request, until the answer. InvalidArgumentError otherwise.", nullptr},
    {"in_place", &get_in_place, nullptr, "True where the answer lies where the request lies.", nullptr},
    {"answered", &get_answered, nullptr, "True once it was answered.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyType_Slot slots[] = {{Py_tp_doc, const_cast<char*>("A request that was taken, and the way to answer it.")},
                       {Py_tp_new, reinterpret_cast<void*>(&refuse_new)},
                       {Py_tp_dealloc, reinterpret_cast<void*>(&deallocate)},
                       {Py_tp_methods, methods},
                       {Py_tp_getset, attributes},
                       {Py_bf_getbuffer, reinterpret_cast<void*>(&get_buffer)},
                       // numpy wraps an exporter in a memoryview, and so keeps it alive, only where it has this.
                       {Py_bf_releasebuffer, reinterpret_cast<void*>(&release_buffer)},
                       {Py_sq_length, reinterpret_cast<void*>(&length)},
                       {0, nullptr}};

PyType_Spec spec = {"zerobuffer._core.Request", sizeof(RequestObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                    slots};

}  // namespace

void bind_request(py::module_& module) {
  py::class_<Room>(module, "_Room", py::custom_type_setup(&set_up_room), "A writable piece of the channel.");
  PyObject* type = PyType_FromSpec(&spec);
  if (type == nullptr) throw py::error_already_set();
  request_type = reinterpret_cast<PyTypeObject*>(type);
  module.add_object("Request", type);
  module.def(
      "use_request_type", [](const py::type& subclass) { use_subclass(request_type, subclass); }, py::arg("type"),
      "Names the subclass of Request that is handed out.");
}

py::object make_request(Request&& request, std::shared_ptr<DuplexEnd> owner) {
  PyObject* object = request_type->tp_alloc(request_type, 0);
  if (object == nullptr) throw py::error_already_set();
  RequestObject* self = as_request(object);
  new (&self->mapping) std::shared_ptr<const void>(owner->mapping());
  new (&self->owner) std::shared_ptr<DuplexEnd>(std::move(owner));
  self->data = request.data();
  self->in_place = request.in_place();
  self->room = request.bytes();
  self->lent = nullptr;
  self->sequence = request.sequence();
  self->tag = request.tag();
  self->client = request.client();
  self->type = request.type();
  self->room_type = request.in_place() ? request.type() : std::uint16_t{0};
  self->claimed = false;
  self->busy = false;
  self->interrupted = false;
  new (&self->request) Request(std::move(request));
  return py::reinterpret_steal<py::object>(object);
}

}  // namespace zerobuffer::python
