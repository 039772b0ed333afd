// What a Python DuplexClient and a Python duplex server have in common: any number of threads inside calls at once,
// waits without the GIL in which signals are seen, one wait of an event loop for each thing that can be waited for,
// closing while others wait. Every field is protected by the GIL. Must not know what a lane is.
#pragma once

#include <pybind11/pybind11.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "convert.hpp"
#include "errors.hpp"
#include "open_end.hpp"
#include "waiting.hpp"
#include "wakeup.hpp"
#include "zerobuffer/config.hpp"
#include "zerobuffer/result.hpp"

namespace zerobuffer::python {

/// Ends the waits of those who were given it, and of nobody else, within 100 ms.
class StopSign {
 public:
  void set() noexcept { set_.store(true, std::memory_order_relaxed); }
  [[nodiscard]] bool is_set() const noexcept { return set_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> set_{false};
};

/// What one task waits for with the library.
class Wish {
 public:
  /// `ask` is given the callback and its context. Returns the descriptor that becomes readable when another look is
  /// worth it, or the end was closed.
  template <class Ask>
  int begin(const char* what, Ask&& ask) {
    if (awaited_) raise_concurrent_use(what);
    const int descriptor = wakeup_.descriptor();
    wakeup_.clear();
    const Result<void> asked = ask(&Wakeup::call, &wakeup_);
    if (!asked) raise(asked.failure());
    awaited_ = true;
    return descriptor;
  }
  /// The task waits no longer. `cancel` takes the wish back from the library.
  template <class Cancel>
  void end(bool open, Cancel&& cancel) noexcept {
    if (std::exchange(awaited_, false)) cancel();
    if (!open) wakeup_.close();
  }
  /// The end is being closed: wakes the task, which takes the descriptor out of its loop and then calls end().
  template <class Cancel>
  void close(Cancel&& cancel) noexcept {
    if (std::exchange(awaited_, false)) {
      cancel();
      wakeup_.signal();
    } else {
      wakeup_.close();
    }
  }
  void forget() noexcept { awaited_ = false; }

 private:
  bool awaited_ = false;
  Wakeup wakeup_;
};

class DuplexEnd : public OpenEnd {
 public:
  using OpenEnd::OpenEnd;

  [[nodiscard]] bool open() const noexcept { return open_; }
  /// Raises HandleClosedError.
  void check_open() const {
    if (!open_ || closing_) raise(Status::handle_closed, std::string("this ") + what() + " was closed");
  }
  void close() override;
  /// Keeps what is mapped now, for views that outlive what they are of.
  [[nodiscard]] virtual std::shared_ptr<const void> mapping() const = 0;
  void interrupt() {
    if (!open_) return;
    interrupted_ = true;
    interrupt_end();
  }
  /// Makes takers whose stop sign is set notice it at once; harmless to all others. Where it would not be, they notice
  /// it by themselves.
  void hurry() {
    if (open_ && inside_ == taking_ && taking_ > 0) interrupt_end();
  }

  /// Runs a call that may wait, without the GIL, with signals seen. Raises what a signal handler raised, and
  /// HandleClosedError where another thread closed the end meanwhile. `stop` ends it too, with `interrupted`.
  template <class Call>
  auto wait(Call&& call, const StopSign* stop = nullptr);

  /// The same for taking requests: where the wait was ended by nothing that concerns this taker, it goes on.
  template <class Take>
  auto wait_to_take(std::chrono::nanoseconds timeout, const StopSign* stop, Take&& take);
  /// Asks on behalf of a task, likewise.
  template <class Ask>
  Result<void> ask_to_take(Ask&& ask) {
    Result<void> asked = ask();
    if (asked.status() == Status::interrupted && !std::exchange(interrupted_, false)) asked = ask();
    return asked;
  }

  /// The wait hook of every end, set before its first call: looks after the thread that calls it.
  static bool hook(void*) noexcept;

 protected:
  virtual void interrupt_end() noexcept = 0;
  virtual void close_end() = 0;
  void forget_threads() noexcept override {
    inside_ = 0;
    taking_ = 0;
    closing_ = false;
  }

 private:
  /// A thread inside a call.
  class Inside {
   public:
    Inside(const DuplexEnd& end, const StopSign* stop);
    ~Inside();
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;
    /// Whether this thread is inside a call of that end, and here in a signal handler.
    [[nodiscard]] static bool is_of(const DuplexEnd& end) noexcept;
    [[nodiscard]] bool should_end() noexcept {
      return (stop_ != nullptr && stop_->is_set()) || waiting_.check_signals();
    }

   private:
    Waiting waiting_;
    const DuplexEnd& end_;
    const StopSign* stop_;
    Inside* outer_;
  };
  static thread_local Inside* here;

  bool open_ = true;
  bool closing_ = false;
  bool interrupted_ = false;  // interrupt() was called, and no taker has been told
  std::size_t inside_ = 0;
  std::size_t taking_ = 0;  // ... of which take requests
};

template <class Call>
auto DuplexEnd::wait(Call&& call, const StopSign* stop) {
  check_open();
  ++inside_;
  auto result = [&] {
    const Inside inside(*this, stop);
    return call();
  }();
  --inside_;
  if (closing_ && open_ && inside_ == 0 && !Inside::is_of(*this)) close();  // a signal handler asked for it
  if (PyErr_Occurred() != nullptr) throw pybind11::error_already_set();
  if (closing_ && result.status() == Status::interrupted) {
    raise(Status::handle_closed, std::string("the ") + what() + " was closed by another thread during the call");
  }
  return result;
}

template <class Take>
auto DuplexEnd::wait_to_take(std::chrono::nanoseconds timeout, const StopSign* stop, Take&& take) {
  const Deadline deadline(timeout);
  const auto leave = [](DuplexEnd* end) {
    if (end->taking_ > 0) --end->taking_;
  };
  for (;;) {
    ++taking_;
    const std::unique_ptr<DuplexEnd, decltype(leave)> taking(this, leave);
    auto result = wait([&] { return take(deadline.left()); }, stop);
    const bool mine = (stop != nullptr && stop->is_set()) || std::exchange(interrupted_, false);
    if (result.status() != Status::interrupted || mine) return result;
  }
}

}  // namespace zerobuffer::python
