// See array_view.hpp.
#include "array_view.hpp"

#include <pybind11/numpy.h>

#include <array>

namespace py = pybind11;

namespace zerobuffer::python {

namespace {

constexpr Py_ssize_t most_dimensions = 32;
using Numbers = std::array<Py_intptr_t, most_dimensions>;

bool fetch(PyObject* tuple, Py_ssize_t count, Numbers& numbers) {
  if (!PyTuple_Check(tuple) || PyTuple_GET_SIZE(tuple) != count) {
    PyErr_SetString(PyExc_TypeError, "shape and strides are tuples of at most 32 numbers each");
    return false;
  }
  for (Py_ssize_t i = 0; i < count; ++i) {
    numbers[static_cast<std::size_t>(i)] = PyLong_AsSsize_t(PyTuple_GET_ITEM(tuple, i));
  }
  return PyErr_Occurred() == nullptr;
}

// (buffer, dtype, shape, strides, nbytes): strides that fit the shape and stay within nbytes are the caller's business.
PyObject* view_array(PyObject*, PyObject* const* arguments, Py_ssize_t count) {
  const auto& numpy = py::detail::npy_api::get();
  if (count != 5 || !PyTuple_Check(arguments[2]) || PyTuple_GET_SIZE(arguments[2]) > most_dimensions ||
      !numpy.PyArrayDescr_Check_(arguments[1])) {
    PyErr_SetString(PyExc_TypeError, "buffer, dtype, shape, strides and nbytes are needed");
    return nullptr;
  }
  const Py_ssize_t dimensions = PyTuple_GET_SIZE(arguments[2]);
  Numbers shape;
  Numbers strides;
  if (!fetch(arguments[2], dimensions, shape) || !fetch(arguments[3], dimensions, strides)) return nullptr;
  const Py_ssize_t nbytes = PyLong_AsSsize_t(arguments[4]);
  if (nbytes == -1 && PyErr_Occurred() != nullptr) return nullptr;
  // what keeps the bytes: numpy itself gives a buffer back as soon as it has seen its address
  PyObject* held = PyMemoryView_FromObject(arguments[0]);
  if (held == nullptr) return nullptr;
  const Py_buffer* bytes = PyMemoryView_GET_BUFFER(held);
  if (nbytes < 0 || nbytes > bytes->len || PyBuffer_IsContiguous(bytes, 'C') == 0) {
    PyErr_Format(PyExc_ValueError, "an array of %zd bytes does not fit a buffer of %zd", nbytes, bytes->len);
    Py_DECREF(held);
    return nullptr;
  }
  const int flags = bytes->readonly != 0 ? 0 : py::detail::npy_api::NPY_ARRAY_WRITEABLE_;
  Py_INCREF(arguments[1]);  // taken by the array
  PyObject* array = numpy.PyArray_NewFromDescr_(numpy.PyArray_Type_, arguments[1], static_cast<int>(dimensions),
                                                shape.data(), strides.data(), bytes->buf, flags, nullptr);
  if (array == nullptr) {
    Py_DECREF(held);
    return nullptr;
  }
  if (numpy.PyArray_SetBaseObject_(array, held) != 0) {  // takes it, either way
    Py_DECREF(array);
    return nullptr;
  }
  return array;
}

PyMethodDef method = {"_view_array", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&view_array)),
                      METH_FASTCALL, "A numpy array on the bytes of a buffer, which it keeps; as writable as that."};

}  // namespace

void bind_array_view(py::module_& module) {
  module.add_object("_view_array", py::reinterpret_steal<py::object>(PyCFunction_New(&method, nullptr)));
}

}  // namespace zerobuffer::python
