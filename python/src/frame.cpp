// See frame.hpp. What it shares with other held bytes is in held.hpp.
#include "frame.hpp"

#include <cstdint>
#include <string>
#include <utility>

#include "entry.hpp"
#include "held.hpp"
#include "reader.hpp"

namespace py = pybind11;

namespace zerobuffer::python {

namespace {

constexpr char word[] = "frame";
constexpr std::uint16_t plain_type = 0;
using Type = HeldType<Frame, word>;

PyTypeObject* compiled_type = nullptr;  // borrowed from the module
PyTypeObject* frame_type = nullptr;     // what readers make; borrowed from the module or the package

PyObject* refuse_new(PyTypeObject*, PyObject*, PyObject*) {
  PyErr_SetString(PyExc_TypeError, "frames come from a Reader");
  return nullptr;
}

PyObject* get_tag(PyObject* object, void*) { return PyLong_FromUnsignedLongLong(Type::as(object)->held.tag()); }
PyObject* get_reader(PyObject* object, void*) {
  PyObject* reader = Type::as(object)->owner;
  Py_INCREF(reader);
  return reader;
}

// The array of a plain frame, where the reader knows at once what every one holds; else None.
PyObject* known_array(PyObject* object, PyObject*) {
  return answer([&]() -> py::object {
    const auto* self = Type::as(object);
    if (self->held.type() != plain_type) return py::none();
    const auto layout = known_layout(self->owner);
    if (!layout || layout->nbytes() != self->size) return py::none();
    PyObject* array = layout->view(object);
    if (array == nullptr) throw py::error_already_set();
    return py::reinterpret_steal<py::object>(array);
  });
}

PyMethodDef methods[] = {
    {"release", &Type::release, METH_NOARGS,
     "Gives the bytes back to the writer, at once or with the last view (memoryview, numpy array, DLPack capsule).\n\n"
     "Again is harmless. Any thread may call it, also after the reader was closed. Holds the GIL, never waits."},
    {"__enter__", &Type::enter, METH_NOARGS, "Returns the frame itself."},
    {"__exit__", Type::leave_method(), METH_FASTCALL, "Calls release()."},
    {"_known_array", &known_array, METH_NOARGS,
     "The array of a plain frame where the reader has been told what its metadata means; else None."},
    {nullptr, nullptr, 0, nullptr}};

PyGetSetDef attributes[] = {
    {"sequence", &Type::get_sequence, nullptr,
     "1 for the first frame of the buffer, one more for each; valid after release.", nullptr},
    {"type", &Type::get_type, nullptr, "0 normal, 2 array frame (docs/arrays.md), from 128 on the application's.",
     nullptr},
    {"tag", &get_tag, nullptr, "A number of the application's, 0 … 2**64 - 1.", nullptr},
    {"size", &Type::get_size, nullptr, "Bytes of the frame; `len(frame)` too.", nullptr},
    {"data", &Type::get_data, nullptr, "A read-only memoryview of the bytes: `memoryview(frame)`.", nullptr},
    {"released", &Type::get_released, nullptr, "True once release() was called; views that live stay valid.", nullptr},
    {"exports", &Type::get_exports, nullptr, "How many views of the bytes live now.", nullptr},
    {"_reader", &get_reader, nullptr, "The reader that handed the frame out.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyType_Slot slots[] = {
    {Py_tp_doc,
     const_cast<char*>("A received frame: read-only bytes in shared memory, held until they are given back.")},
    {Py_tp_new, reinterpret_cast<void*>(&refuse_new)},
    {Py_tp_dealloc, reinterpret_cast<void*>(&Type::deallocate)},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {Py_bf_getbuffer, reinterpret_cast<void*>(&Type::get_buffer)},
    {Py_bf_releasebuffer, reinterpret_cast<void*>(&Type::release_buffer)},
    {Py_sq_length, reinterpret_cast<void*>(&Type::length)},
    {0, nullptr}};

PyType_Spec spec = {"zerobuffer._core.Frame", sizeof(Type::Object), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};

}  // namespace

void bind_frame(py::module_& module) {
  PyObject* type = PyType_FromSpec(&spec);
  if (type == nullptr) throw py::error_already_set();
  compiled_type = reinterpret_cast<PyTypeObject*>(type);
  frame_type = compiled_type;
  module.add_object("Frame", type);
  module.def(
      "use_frame_type", [](const py::type& subclass) { use_subclass(frame_type, subclass); }, py::arg("type"),
      "Names the subclass of Frame that readers hand out.");
}

LentFrame::LentFrame(py::handle object) : object_(py::reinterpret_borrow<py::object>(object)) {
  if (PyObject_TypeCheck(object.ptr(), compiled_type) == 0) throw py::type_error("a Frame of a Reader is needed");
  auto* self = Type::as(object.ptr());
  if (self->released) {
    set_released_error(word);
    throw py::error_already_set();
  }
  if (self->exports != 0) {
    raise(Status::invalid_argument,
          "the frame has " + std::to_string(self->exports) + " view(s) that live: it cannot be given away");
  }
  ++self->exports;
}

LentFrame::~LentFrame() {
  auto* self = Type::as(object_.ptr());
  --self->exports;
  if (!self->held.valid()) self->released = true;
  Type::give_back_if_unused(self);
}

Frame& LentFrame::frame() noexcept { return Type::as(object_.ptr())->held; }

py::object make_frame(Frame&& frame, py::handle reader) {
  return py::reinterpret_steal<py::object>(Type::make(frame_type, std::move(frame), reader.ptr()));
}

}  // namespace zerobuffer::python
