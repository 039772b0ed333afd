// The Python Writer's C++ side, with the slots that it claims and its batches.
#pragma once

#include <pybind11/pybind11.h>

namespace zerobuffer::python {

void bind_writer(pybind11::module_& module);

}  // namespace zerobuffer::python
