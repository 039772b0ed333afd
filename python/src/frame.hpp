// The Python Frame: a read-only buffer on the bytes in the ring, given back by release() and by the end of the last
// view. A type of CPython's own making, because the buffer protocol must count its exports and because one is made per
// frame.
#pragma once

#include <pybind11/pybind11.h>

#include "zerobuffer/frame.hpp"

namespace zerobuffer::python {

/// Makes `_core.Frame` and `_core.use_frame_type`, by which the package names the subclass that readers hand out.
void bind_frame(pybind11::module_& module);

/// Lends the frame behind a Python Frame to a call that may take it, without the GIL: meanwhile nobody else gives it
/// back. Raises TypeError; ReleasedError; InvalidArgumentError where views of it live.
class LentFrame {
 public:
  explicit LentFrame(pybind11::handle object);
  /// The call took it, where it is valid no more.
  ~LentFrame();
  LentFrame(const LentFrame&) = delete;
  LentFrame& operator=(const LentFrame&) = delete;
  [[nodiscard]] Frame& frame() noexcept;

 private:
  pybind11::object object_;
};

/// A new Frame object. `reader` is kept alive by it (the array format of a frame is found there).
pybind11::object make_frame(Frame&& frame, pybind11::handle reader);

}  // namespace zerobuffer::python
