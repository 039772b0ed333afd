// The four ways to make an end of a buffer, written once for Reader and Writer; a wait for the buffer to appear lets go
// of the GIL and sees signals.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>

#include "convert.hpp"
#include "errors.hpp"
#include "zerobuffer/config.hpp"
#include "zerobuffer/result.hpp"

namespace zerobuffer::python {

/// @param create makes the buffer, else attaches to one
/// @param name of a named buffer
/// @param fd of an anonymous one, to attach to
template <class End>
End attach(bool create, const std::optional<std::string>& name, std::optional<int> fd, pybind11::handle timeout,
           const BufferConfig& config) {
  namespace py = pybind11;
  const Deadline deadline(to_timeout(timeout));
  // A wait inside the core has no hook here, so it is cut into slices; the core notices a new buffer within a slice.
  constexpr std::chrono::nanoseconds slice = std::chrono::milliseconds(50);
  for (;;) {
    Result<End> result = [&]() -> Result<End> {
      py::gil_scoped_release released;
      if (create) return name ? End::create(*name, config) : End::create_anonymous(config);
      if (fd) return End::open_fd(*fd, config);
      return End::open(*name, std::min(deadline.left(), slice), config);
    }();
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    if (result) return std::move(*result);
    if (result.status() != Status::not_found || create || fd || deadline.left().count() == 0) raise(result.failure());
  }
}

}  // namespace zerobuffer::python
