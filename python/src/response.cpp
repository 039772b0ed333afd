// See response.hpp. What it shares with other held bytes is in held.hpp.
#include "response.hpp"

#include <utility>

#include "held.hpp"

namespace py = pybind11;

namespace zerobuffer::python {

namespace {

constexpr char word[] = "response";
using Type = HeldType<Response, word>;

PyTypeObject* response_type = nullptr;  // what calls give; borrowed from the module or the package

PyObject* refuse_new(PyTypeObject*, PyObject*, PyObject*) {
  PyErr_SetString(PyExc_TypeError, "responses come from a call");
  return nullptr;
}

PyMethodDef methods[] = {
    {"release", &Type::release, METH_NOARGS,
     "Gives the bytes back to the channel, at once or with the last view (memoryview, numpy array, DLPack capsule).\n\n"
     "Again is harmless. Any thread may call it, also after the client was closed. Holds the GIL, never waits."},
    {"__enter__", &Type::enter, METH_NOARGS, "Returns the response itself."},
    {"__exit__", Type::leave_method(), METH_FASTCALL, "Calls release()."},
    {nullptr, nullptr, 0, nullptr}};

PyGetSetDef attributes[] = {
    {"sequence", &Type::get_sequence, nullptr, "Of the request that this answers; valid after release.", nullptr},
    {"type", &Type::get_type, nullptr, "0 normal, 2 array frame (docs/arrays.md), from 128 on the application's.",
     nullptr},
    {"size", &Type::get_size, nullptr, "Bytes of the answer; `len(response)` too.", nullptr},
    {"data", &Type::get_data, nullptr, "A read-only memoryview of the bytes: `memoryview(response)`.", nullptr},
    {"released", &Type::get_released, nullptr, "True once release() was called; views that live stay valid.", nullptr},
    {"exports", &Type::get_exports, nullptr, "How many views of the bytes live now.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyType_Slot slots[] = {
    {Py_tp_doc, const_cast<char*>("An answer: read-only bytes in shared memory, held until they are given back.")},
    {Py_tp_new, reinterpret_cast<void*>(&refuse_new)},
    {Py_tp_dealloc, reinterpret_cast<void*>(&Type::deallocate)},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {Py_bf_getbuffer, reinterpret_cast<void*>(&Type::get_buffer)},
    {Py_bf_releasebuffer, reinterpret_cast<void*>(&Type::release_buffer)},
    {Py_sq_length, reinterpret_cast<void*>(&Type::length)},
    {0, nullptr}};

PyType_Spec spec = {"zerobuffer._core.Response", sizeof(Type::Object), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                    slots};

}  // namespace

void bind_response(py::module_& module) {
  PyObject* type = PyType_FromSpec(&spec);
  if (type == nullptr) throw py::error_already_set();
  response_type = reinterpret_cast<PyTypeObject*>(type);
  module.add_object("Response", type);
  module.def(
      "use_response_type", [](const py::type& subclass) { use_subclass(response_type, subclass); }, py::arg("type"),
      "Names the subclass of Response that calls give.");
}

py::object make_response(Response&& response) {
  return py::reinterpret_steal<py::object>(Type::make(response_type, std::move(response), nullptr));
}

}  // namespace zerobuffer::python
