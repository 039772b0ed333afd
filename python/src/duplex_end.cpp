// See duplex_end.hpp.
#include "duplex_end.hpp"

#include <chrono>
#include <thread>

namespace py = pybind11;

namespace zerobuffer::python {

thread_local DuplexEnd::Inside* DuplexEnd::here = nullptr;

DuplexEnd::Inside::Inside(const DuplexEnd& end, const StopSign* stop) : end_(end), stop_(stop), outer_(here) {
  here = this;
}

DuplexEnd::Inside::~Inside() { here = outer_; }

bool DuplexEnd::Inside::is_of(const DuplexEnd& end) noexcept {
  for (const Inside* inside = here; inside != nullptr; inside = inside->outer_) {
    if (&inside->end_ == &end) return true;
  }
  return false;
}

bool DuplexEnd::hook(void*) noexcept { return here != nullptr && here->should_end(); }

void DuplexEnd::close() {
  closing_ = true;
  if (open_ && Inside::is_of(*this)) {  // by a signal handler: when this thread leaves its call
    interrupt_end();
    return;
  }
  while (open_ && inside_ > 0) {
    interrupt_end();
    py::gil_scoped_release released;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (!open_) return;
  open_ = false;
  unregister();
  close_end();
}

}  // namespace zerobuffer::python
