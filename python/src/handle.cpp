// See handle.hpp.
#include "handle.hpp"

#include <chrono>
#include <thread>
#include <unordered_set>

namespace py = pybind11;

namespace zerobuffer::python {

namespace {

std::unordered_set<Handle*>& open_handles() {
  static auto* handles = new std::unordered_set<Handle*>;  // never destroyed: objects may outlive static destructors
  return *handles;
}

}  // namespace

bool interpreter_finalizing() noexcept {
#if PY_VERSION_HEX >= 0x030d0000
  return Py_IsFinalizing() != 0;
#else
  return _Py_IsFinalizing() != 0;
#endif
}

Handle::Handle(const char* what) : what_(what) { open_handles().insert(this); }

Handle::~Handle() { open_handles().erase(this); }

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
  open_handles().erase(this);
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

void Handle::close_all() {
  while (!open_handles().empty()) {
    // Shared: while close() waits without the GIL, the thread inside the call may drop the last Python reference.
    const std::shared_ptr<Handle> handle = (*open_handles().begin())->shared_from_this();
    handle->close();
  }
}

void Handle::after_fork_in_child() {
  for (Handle* handle : open_handles()) {
    handle->busy_ = false;
    handle->closing_ = false;
    handle->awaited_ = false;
  }
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

bool Waiting::check_signals() noexcept {
  if (raised_ || interpreter_finalizing()) return raised_;  // with an error set no other handler may run
  PyEval_RestoreThread(saved_);
  raised_ = PyErr_CheckSignals() != 0;
  saved_ = PyEval_SaveThread();
  return raised_;
}

}  // namespace zerobuffer::python
