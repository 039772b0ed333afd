// The plain records: BufferConfig going in; BufferInfo, the counters and the state of a buffer coming out.
#pragma once

#include <pybind11/pybind11.h>

namespace zerobuffer::python {

void bind_records(pybind11::module_& module);

}  // namespace zerobuffer::python
