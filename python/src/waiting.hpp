// A thread that waits without the GIL and sees signals all the same. Knows nothing of what it waits for.
#pragma once

#include <pybind11/pybind11.h>

namespace zerobuffer::python {

/// The state of a thread that waits without the GIL.
class Waiting {
 public:
  Waiting() : saved_(PyEval_SaveThread()) {}
  ~Waiting() { PyEval_RestoreThread(saved_); }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  /// Runs the handlers of signals that came; true when one of them raised.
  bool check_signals() noexcept;
  static bool hook(void* self) noexcept { return static_cast<Waiting*>(self)->check_signals(); }

 private:
  PyThreadState* saved_;
  bool raised_ = false;
};

}  // namespace zerobuffer::python
