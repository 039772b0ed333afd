// See messages.hpp.
#include "messages.hpp"

#include <limits>
#include <string>

#include "convert.hpp"
#include "errors.hpp"

namespace py = pybind11;

namespace zerobuffer::python {

Messages::Messages(py::handle object, py::handle message_size, int flags) {
  if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_C_CONTIGUOUS | flags) != 0) throw py::error_already_set();
  try {
    size_ = size_of_one(message_size);
    if (size_ == 0 || bytes().size() % size_ != 0) {
      raise(Status::invalid_argument, std::to_string(bytes().size()) + " bytes are no whole number of messages of " +
                                          std::to_string(size_) + " bytes");
    }
  } catch (...) {
    PyBuffer_Release(&view_);
    throw;
  }
}

std::size_t Messages::size_of_one(py::handle message_size) const {
  if (!message_size.is_none()) {
    return to_unsigned("message_size", message_size, std::numeric_limits<Py_ssize_t>::max());
  }
  if (view_.ndim < 2 && view_.itemsize <= 1) {
    raise(Status::invalid_argument,
          "plain bytes do not say where a message ends; give message_size, or an array of one "
          "message in each row");
  }
  Py_ssize_t size = view_.itemsize;
  for (int i = 1; i < view_.ndim; ++i) size *= view_.shape[i];
  return static_cast<std::size_t>(size);
}

}  // namespace zerobuffer::python
