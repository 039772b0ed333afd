// The plain records of duplex channels: DuplexConfig going in; DuplexInfo, the counters and Received coming out.
#pragma once

#include <pybind11/pybind11.h>

namespace zerobuffer::python {

void bind_duplex_records(pybind11::module_& module);

}  // namespace zerobuffer::python
