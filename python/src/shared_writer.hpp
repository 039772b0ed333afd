// The Python SharedWriter's C++ side.
#pragma once

#include <pybind11/pybind11.h>

namespace zerobuffer::python {

void bind_shared_writer(pybind11::module_& module);

}  // namespace zerobuffer::python
