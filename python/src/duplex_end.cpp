// See duplex_end.hpp.
#include "duplex_end.hpp"

#include <chrono>
#include <thread>

namespace py = pybind11;

namespace zerobuffer::python {

thread_local DuplexEnd::Inside* DuplexEnd::here = nullptr;

DuplexEnd::Inside::Inside(const StopSign* stop) : stop_(stop), outer_(here) { here = this; }

DuplexEnd::Inside::~Inside() { here = outer_; }

bool DuplexEnd::hook(void*) noexcept { return here != nullptr && here->should_end(); }

void DuplexEnd::close() {
  closing_ = true;
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
