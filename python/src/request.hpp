// The Python Request: what a server (or a client that its server calls) has taken, and the way to answer it. A type of
// CPython's own making, because one is made per request. Every field is protected by the GIL.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>

#include "duplex_end.hpp"
#include "zerobuffer/duplex.hpp"

namespace zerobuffer::python {

/// Makes `_core.Request` and `_core.use_request_type`, by which the package names the subclass that is handed out.
void bind_request(pybind11::module_& module);

/// @param owner whom it was taken from; kept alive by it
pybind11::object make_request(Request&& request, std::shared_ptr<DuplexEnd> owner);

}  // namespace zerobuffer::python
