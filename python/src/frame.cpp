// See frame.hpp. Every field is protected by the GIL.
#include "frame.hpp"

#include <new>
#include <utility>

#include "errors.hpp"

namespace py = pybind11;

namespace zerobuffer::python {

namespace {

struct FrameObject {
  PyObject_HEAD Frame frame;
  PyObject* reader;
  Py_ssize_t size;
  Py_ssize_t exports;  // views that live
  bool released;       // release() was called; it takes effect with the last view
};

PyTypeObject* frame_type = nullptr;  // what readers make; borrowed from the module or the package

FrameObject* as_frame(PyObject* self) noexcept { return reinterpret_cast<FrameObject*>(self); }

void give_back_if_unused(FrameObject* self) noexcept {
  if (self->released && self->exports == 0) self->frame.release();
}

int get_buffer(PyObject* object, Py_buffer* view, int flags) {
  FrameObject* self = as_frame(object);
  if (self->released) {
    view->obj = nullptr;
    set_released_error("frame");
    return -1;
  }
  static std::byte nothing;
  auto* data = self->size == 0 ? &nothing : const_cast<std::byte*>(self->frame.data().data());
  if (PyBuffer_FillInfo(view, object, data, self->size, /*readonly=*/1, flags) != 0) return -1;
  ++self->exports;
  return 0;
}

void release_buffer(PyObject* object, Py_buffer*) {
  FrameObject* self = as_frame(object);
  --self->exports;
  give_back_if_unused(self);
}

PyObject* release(PyObject* object, PyObject*) {
  FrameObject* self = as_frame(object);
  self->released = true;
  give_back_if_unused(self);
  Py_RETURN_NONE;
}

PyObject* enter(PyObject* object, PyObject*) {
  Py_INCREF(object);
  return object;
}

PyObject* leave(PyObject* object, PyObject* const*, Py_ssize_t) { return release(object, nullptr); }

PyObject* refuse_new(PyTypeObject*, PyObject*, PyObject*) {
  PyErr_SetString(PyExc_TypeError, "frames come from a Reader");
  return nullptr;
}

void deallocate(PyObject* object) {
  FrameObject* self = as_frame(object);
  PyTypeObject* type = Py_TYPE(object);
  self->frame.~Frame();
  Py_XDECREF(self->reader);
  type->tp_free(object);
  Py_DECREF(type);
}

Py_ssize_t length(PyObject* object) { return as_frame(object)->size; }

PyObject* get_sequence(PyObject* object, void*) {
  return PyLong_FromUnsignedLongLong(as_frame(object)->frame.sequence());
}
PyObject* get_tag(PyObject* object, void*) { return PyLong_FromUnsignedLongLong(as_frame(object)->frame.tag()); }
PyObject* get_type(PyObject* object, void*) { return PyLong_FromLong(as_frame(object)->frame.type()); }
PyObject* get_size(PyObject* object, void*) { return PyLong_FromSsize_t(as_frame(object)->size); }
PyObject* get_released(PyObject* object, void*) { return PyBool_FromLong(as_frame(object)->released ? 1 : 0); }
PyObject* get_exports(PyObject* object, void*) { return PyLong_FromSsize_t(as_frame(object)->exports); }
PyObject* get_data(PyObject* object, void*) { return PyMemoryView_FromObject(object); }
PyObject* get_reader(PyObject* object, void*) {
  PyObject* reader = as_frame(object)->reader;
  Py_INCREF(reader);
  return reader;
}

PyMethodDef methods[] = {
    {"release", &release, METH_NOARGS,
     "Gives the bytes back to the writer, at once or with the last view (memoryview, numpy array, DLPack capsule).\n\n"
     "Again is harmless. Any thread may call it, also after the reader was closed. Holds the GIL, never waits."},
    {"__enter__", &enter, METH_NOARGS, "Returns the frame itself."},
    {"__exit__", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&leave)), METH_FASTCALL,
     "Calls release()."},
    {nullptr, nullptr, 0, nullptr}};

PyGetSetDef attributes[] = {
    {"sequence", &get_sequence, nullptr, "1 for the first frame of the buffer, one more for each; valid after release.",
     nullptr},
    {"type", &get_type, nullptr, "0 normal, 2 array frame (docs/arrays.md), from 128 on the application's.", nullptr},
    {"tag", &get_tag, nullptr, "A number of the application's, 0 … 2**64 - 1.", nullptr},
    {"size", &get_size, nullptr, "Bytes of the frame; `len(frame)` too.", nullptr},
    {"data", &get_data, nullptr, "A read-only memoryview of the bytes: `memoryview(frame)`.", nullptr},
    {"released", &get_released, nullptr, "True once release() was called; views that live stay valid.", nullptr},
    {"exports", &get_exports, nullptr, "How many views of the bytes live now.", nullptr},
    {"_reader", &get_reader, nullptr, "The reader that handed the frame out.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyType_Slot slots[] = {
    {Py_tp_doc,
     const_cast<char*>("A received frame: read-only bytes in shared memory, held until they are given back.")},
    {Py_tp_new, reinterpret_cast<void*>(&refuse_new)},
    {Py_tp_dealloc, reinterpret_cast<void*>(&deallocate)},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {Py_bf_getbuffer, reinterpret_cast<void*>(&get_buffer)},
    {Py_bf_releasebuffer, reinterpret_cast<void*>(&release_buffer)},
    {Py_sq_length, reinterpret_cast<void*>(&length)},
    {0, nullptr}};

PyType_Spec spec = {"zerobuffer._core.Frame", sizeof(FrameObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};

void use_frame_type(const py::type& type) {
  const py::handle base = reinterpret_cast<PyObject*>(frame_type);
  if (PyObject_IsSubclass(type.ptr(), base.ptr()) != 1) throw py::type_error("not a subclass of _core.Frame");
  Py_INCREF(type.ptr());
  frame_type = reinterpret_cast<PyTypeObject*>(type.ptr());
}

}  // namespace

void bind_frame(py::module_& module) {
  PyObject* type = PyType_FromSpec(&spec);
  if (type == nullptr) throw py::error_already_set();
  frame_type = reinterpret_cast<PyTypeObject*>(type);
  module.add_object("Frame", type);
  module.def("use_frame_type", &use_frame_type, py::arg("type"), "Names the subclass of Frame that readers hand out.");
}

py::object make_frame(Frame&& frame, py::handle reader) {
  PyObject* object = frame_type->tp_alloc(frame_type, 0);
  if (object == nullptr) throw py::error_already_set();
  FrameObject* self = as_frame(object);
  self->size = static_cast<Py_ssize_t>(frame.size());
  new (&self->frame) Frame(std::move(frame));
  self->reader = reader.inc_ref().ptr();
  self->exports = 0;
  self->released = false;
  return py::reinterpret_steal<py::object>(object);
}

}  // namespace zerobuffer::python
