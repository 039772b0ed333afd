// The Python Reader's C++ side.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>

#include "array_layout.hpp"
#include "zerobuffer/reader.hpp"

namespace zerobuffer::python {

void bind_reader(pybind11::module_& module);

/// The open end behind a Python Reader that nobody else is using. Raises TypeError, HandleClosedError,
/// ConcurrentUseError.
Reader& reader_end(pybind11::handle reader);

/// The arrays in the plain frames that a Python Reader holds, as its metadata says; null where nobody has told it what
/// that means.
std::shared_ptr<const ArrayLayout> known_layout(pybind11::handle reader);

}  // namespace zerobuffer::python
