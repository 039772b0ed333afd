// DLPack capsules over any Python buffer: the capsule holds the buffer (and so a frame) until the consumer's deleter
// runs.
#pragma once

#include <pybind11/pybind11.h>

namespace zerobuffer::python {

void bind_dlpack(pybind11::module_& module);

}  // namespace zerobuffer::python
