// The Python DuplexClient's C++ side.
#pragma once

#include <pybind11/pybind11.h>

namespace zerobuffer::python {

void bind_duplex_client(pybind11::module_& module);

}  // namespace zerobuffer::python
