// The Python Response: a read-only buffer on an answer in the channel.
#pragma once

#include <pybind11/pybind11.h>

#include "zerobuffer/duplex.hpp"

namespace zerobuffer::python {

/// Makes `_core.Response` and `_core.use_response_type`, by which the package names the subclass that calls give.
void bind_response(pybind11::module_& module);

pybind11::object make_response(Response&& response);

}  // namespace zerobuffer::python
