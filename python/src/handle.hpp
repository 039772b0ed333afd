// What a Python Reader and a Python Writer have in common: one call at a time, waits without the GIL in which signals
// are seen, waits of an event loop, and closing while somebody waits. Every field is protected by the GIL. Must not
// know what a ring is.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <string>

#include "errors.hpp"
#include "open_end.hpp"
#include "waiting.hpp"
#include "wakeup.hpp"
#include "zerobuffer/config.hpp"
#include "zerobuffer/result.hpp"

namespace zerobuffer::python {

class Handle : public OpenEnd {
 public:
  explicit Handle(const char* what) : OpenEnd(what) {}

  [[nodiscard]] bool busy() const noexcept { return busy_; }
  [[nodiscard]] bool open() const noexcept { return open_; }
  /// Whether a task waits: its wish is with the library.
  [[nodiscard]] bool awaited() const noexcept { return awaited_; }

  /// Takes a wish back, or ends what it has led to. After it, others may use the handle again.
  void end_wait() noexcept;

  /// Ends what another thread waits for, waits until it has left, then closes. Harmless when closed.
  void close() override;

 protected:
  virtual void interrupt_end() noexcept = 0;
  virtual void close_end() = 0;
  virtual void cancel_wish() noexcept = 0;
  virtual void set_hook(WaitHook hook, void* context) noexcept = 0;
  void forget_threads() noexcept override;
  /// Called when a call has ended: what another thread could not do while it lasted.
  virtual void after_use() noexcept {}

  /// Begins the wait of a task: `ask` is given the callback and its context. Until end_wait() nobody else may use the
  /// handle. Returns the descriptor that becomes readable when another look is worth it, or the handle was closed.
  template <class Ask>
  int begin_wait(Ask&& ask);

 private:
  friend class Use;
  template <class Call>
  friend auto without_gil(Handle& handle, Call&& call);

  bool open_ = true;
  bool busy_ = false;
  bool closing_ = false;
  bool awaited_ = false;
  Wakeup wakeup_;  // outlives every wish: the ends, which are members of derived classes, go first
};

/// One call of one thread. Raises HandleClosedError or ConcurrentUseError.
class Use {
 public:
  explicit Use(Handle& handle);
  ~Use();
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;

 private:
  Handle& handle_;
};

template <class Ask>
int Handle::begin_wait(Ask&& ask) {
  const Use use(*this);
  const int descriptor = wakeup_.descriptor();
  wakeup_.clear();
  const Result<void> asked = ask(&Wakeup::call, &wakeup_);
  if (!asked) raise(asked.failure());
  awaited_ = true;
  return descriptor;
}

/// Runs a call that may wait, inside a Use: without the GIL, with signals seen. Raises what a signal handler raised,
/// and HandleClosedError where another thread closed the handle meanwhile.
template <class Call>
auto without_gil(Handle& handle, Call&& call) {
  auto result = [&] {
    Waiting waiting;
    handle.set_hook(&Waiting::hook, &waiting);
    auto answer = call();
    handle.set_hook(nullptr, nullptr);
    return answer;
  }();
  if (PyErr_Occurred() != nullptr) throw pybind11::error_already_set();
  if (handle.closing_ && result.status() == Status::interrupted) {
    raise(Status::handle_closed, std::string("the ") + handle.what() + " was closed by another thread during the call");
  }
  return result;
}

}  // namespace zerobuffer::python
