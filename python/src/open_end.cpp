// See open_end.hpp.
#include "open_end.hpp"

#include <pybind11/pybind11.h>

#include <unordered_set>

namespace zerobuffer::python {

namespace {

std::unordered_set<OpenEnd*>& open_ends() {
  static auto* ends = new std::unordered_set<OpenEnd*>;  // never destroyed: objects may outlive static destructors
  return *ends;
}

}  // namespace

bool interpreter_finalizing() noexcept {
#if PY_VERSION_HEX >= 0x030d0000
  return Py_IsFinalizing() != 0;
#else
  return _Py_IsFinalizing() != 0;
#endif
}

OpenEnd::OpenEnd(const char* what) : what_(what) { open_ends().insert(this); }

OpenEnd::~OpenEnd() { unregister(); }

void OpenEnd::unregister() noexcept { open_ends().erase(this); }

void OpenEnd::close_all() {
  while (!open_ends().empty()) {
    // Shared: while close() waits without the GIL, the thread inside the call may drop the last Python reference.
    const std::shared_ptr<OpenEnd> end = (*open_ends().begin())->shared_from_this();
    end->close();
  }
}

void OpenEnd::after_fork_in_child() {
  for (OpenEnd* end : open_ends()) end->forget_threads();
}

}  // namespace zerobuffer::python
