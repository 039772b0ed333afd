// A numpy array on the bytes of a buffer, made in one step: one is made per frame.
#pragma once

#include <pybind11/pybind11.h>

namespace zerobuffer::python {

/// Makes `_core._view_array`.
void bind_array_view(pybind11::module_& module);

}  // namespace zerobuffer::python
