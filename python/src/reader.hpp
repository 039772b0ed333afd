// The Python Reader's C++ side.
#pragma once

#include <pybind11/pybind11.h>

#include "zerobuffer/reader.hpp"

namespace zerobuffer::python {

void bind_reader(pybind11::module_& module);

/// The open end behind a Python Reader that nobody else is using. Raises TypeError, HandleClosedError,
/// ConcurrentUseError.
Reader& reader_end(pybind11::handle reader);

}  // namespace zerobuffer::python
