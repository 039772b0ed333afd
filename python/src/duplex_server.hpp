// The C++ side of the Python duplex servers.
#pragma once

#include <pybind11/pybind11.h>

namespace zerobuffer::python {

void bind_duplex_server(pybind11::module_& module);

}  // namespace zerobuffer::python
