// Turns a Failure of the core into the Python exception of the same name. Owns the exception classes; knows nothing of
// readers and writers.
#pragma once

#include <pybind11/pybind11.h>

#include <string>

#include "zerobuffer/status.hpp"

namespace zerobuffer::python {

/// Makes the exception classes and puts them into the module.
void bind_errors(pybind11::module_& module);

/// Raises the exception that belongs to the status; a claim raises its own for timeout and dropped.
[[noreturn]] void raise(const Failure& failure);

/// The same for calls, whose timeout is a CallTimeoutError.
[[noreturn]] void raise_call(const Failure& failure);

/// The exception, not raised yet; with the numbers that belong to it as attributes.
pybind11::object make_error(const Failure& failure);
[[noreturn]] void raise_error(const pybind11::object& error);

/// Raises the exception of `status` with a text of the binding's own.
[[noreturn]] void raise(Status status, const std::string& text);

/// Two threads used one object at once.
[[noreturn]] void raise_concurrent_use(const char* what);

/// A buffer was asked of a frame or a slot that was given back. Sets the exception and does not throw.
void set_released_error(const char* what) noexcept;

}  // namespace zerobuffer::python
