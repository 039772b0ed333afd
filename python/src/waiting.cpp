// See waiting.hpp.
#include "waiting.hpp"

#include "open_end.hpp"

namespace zerobuffer::python {

bool Waiting::check_signals() noexcept {
  if (raised_ || interpreter_finalizing()) return raised_;  // with an error set no other handler may run
  PyEval_RestoreThread(saved_);
  raised_ = PyErr_CheckSignals() != 0;
  saved_ = PyEval_SaveThread();
  return raised_;
}

}  // namespace zerobuffer::python
