// See array_layout.hpp.
#include "array_layout.hpp"

#include <pybind11/numpy.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "entry.hpp"

namespace py = pybind11;

namespace zerobuffer::python {

namespace {

const py::detail::PyArray_Proxy& fields_of(PyObject* array) {
  return *reinterpret_cast<const py::detail::PyArray_Proxy*>(array);
}

PyObject* view(PyObject* self, PyObject* buffer) {
  return answer([&] {
    PyObject* array = instance_of<ArrayLayout>(self).view(buffer);
    if (array == nullptr) throw py::error_already_set();
    return py::reinterpret_steal<py::object>(array);
  });
}

PyMethodDef methods[] = {
    {"view", &view, METH_O,
     "view($self, buffer, /)\n--\n\nA numpy array on the bytes of a buffer, which it keeps; as writable as that."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

ArrayLayout::ArrayLayout(py::object dtype, const py::tuple& shape, const py::tuple& strides, Py_ssize_t nbytes,
                         bool fortran)
    : dtype_(std::move(dtype)), dimensions_(shape.size()), nbytes_(nbytes), fortran_(fortran) {
  if (!py::detail::npy_api::get().PyArrayDescr_Check_(dtype_.ptr())) throw py::type_error("a dtype is needed");
  if (dimensions_ > most_dimensions || strides.size() != dimensions_ || nbytes < 0) {
    throw py::type_error("shape and strides are tuples of as many numbers, at most 32");
  }
  for (std::size_t i = 0; i < dimensions_; ++i) {
    shape_[i] = py::cast<Py_intptr_t>(shape[i]);
    strides_[i] = py::cast<Py_intptr_t>(strides[i]);
  }
}

bool ArrayLayout::fits(PyObject* object) const {
  const auto& numpy = py::detail::npy_api::get();
  if (Py_TYPE(object) != numpy.PyArray_Type_) return false;
  const auto& array = fields_of(object);
  const int in_order =
      fortran_ ? py::detail::npy_api::NPY_ARRAY_F_CONTIGUOUS_ : py::detail::npy_api::NPY_ARRAY_C_CONTIGUOUS_;
  return (array.flags & in_order) != 0 && static_cast<std::size_t>(array.nd) == dimensions_ &&
         std::equal(array.dimensions, array.dimensions + dimensions_, shape_.begin()) &&
         (array.descr == dtype_.ptr() || numpy.PyArray_EquivTypes_(array.descr, dtype_.ptr()));
}

std::span<const std::byte> ArrayLayout::bytes(PyObject* array) const noexcept {
  return {reinterpret_cast<const std::byte*>(fields_of(array).data), static_cast<std::size_t>(nbytes_)};
}

PyObject* ArrayLayout::view(PyObject* buffer) const {
  const auto& numpy = py::detail::npy_api::get();
  // what keeps the bytes: numpy itself gives a buffer back as soon as it has seen its address
  PyObject* held = PyMemoryView_FromObject(buffer);
  if (held == nullptr) return nullptr;
  const Py_buffer* bytes = PyMemoryView_GET_BUFFER(held);
  if (nbytes_ > bytes->len || PyBuffer_IsContiguous(bytes, 'C') == 0) {
    PyErr_Format(PyExc_ValueError, "an array of %zd bytes does not fit a buffer of %zd", nbytes_, bytes->len);
    Py_DECREF(held);
    return nullptr;
  }
  const int flags = bytes->readonly != 0 ? 0 : py::detail::npy_api::NPY_ARRAY_WRITEABLE_;
  Py_INCREF(dtype_.ptr());  // taken by the array
  PyObject* array = numpy.PyArray_NewFromDescr_(numpy.PyArray_Type_, dtype_.ptr(), static_cast<int>(dimensions_),
                                                shape_.data(), strides_.data(), bytes->buf, flags, nullptr);
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

void bind_array_layout(py::module_& module) {
  const py::custom_type_setup with_methods([](PyHeapTypeObject* type) { type->ht_type.tp_methods = methods; });
  py::class_<ArrayLayout, std::shared_ptr<ArrayLayout>>(module, "ArrayLayout", with_methods,
                                                        "Dtype, shape and strides of arrays that are all alike.")
      .def(py::init<py::object, const py::tuple&, const py::tuple&, Py_ssize_t, bool>(), py::arg("dtype"),
           py::arg("shape"), py::arg("strides"), py::arg("nbytes"), py::arg("fortran"));
}

}  // namespace zerobuffer::python
