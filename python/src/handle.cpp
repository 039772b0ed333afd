// See handle.hpp.
#include "handle.hpp"

#include <chrono>
#include <thread>

namespace py = pybind11;

namespace zerobuffer::python {

void Handle::close() {
  closing_ = true;
  while (open_ && busy_) {
    interrupt_end();
    py::gil_scoped_release released;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (!open_) return;
  const bool task_waits = awaited_;
  if (task_waits) cancel_wish();
  awaited_ = false;
  open_ = false;
  unregister();
  close_end();
  if (task_waits) {
    wakeup_.signal();  // the task takes the descriptor out of its loop, and then closes it
  } else {
    wakeup_.close();
  }
}

void Handle::end_wait() noexcept {
  if (awaited_) {
    awaited_ = false;
    cancel_wish();
  }
  if (!open_) wakeup_.close();
}

void Handle::forget_threads() noexcept {
  busy_ = false;
  closing_ = false;
  awaited_ = false;
}

Use::Use(Handle& handle) : handle_(handle) {
  if (!handle.open_ || handle.closing_) {
    raise(Status::handle_closed, std::string("this ") + handle.what() + " was closed");
  }
  if (handle.busy_ || handle.awaited_) raise_concurrent_use(handle.what());
  handle.busy_ = true;
}

Use::~Use() {
  handle_.busy_ = false;
  handle_.after_use();
}

}  // namespace zerobuffer::python
