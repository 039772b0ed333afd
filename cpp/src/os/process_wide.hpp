// State of which a process has one, with the lock around it: there before any code of the program runs, never
// destroyed, and whole in a forked child, whatever other threads did meanwhile.
#pragma once

#include <mutex>

#include "os/process.hpp"

namespace zerobuffer::os {

/// State is a struct with a constexpr default constructor, a `std::mutex mutex`, and `void after_fork() noexcept`,
/// which runs in a child, under the lock. Constant initialisation, and no destruction: the library's threads and the
/// exit handlers outlive main(), and a lock made at its first use could be half made when another thread forks.
template <class State>
class ProcessWide {
 public:
  constexpr ProcessWide() noexcept : state_{} {}
  ~ProcessWide() {}  // NOLINT: = default would be deleted
  ProcessWide(const ProcessWide&) = delete;
  ProcessWide& operator=(const ProcessWide&) = delete;
  State* operator->() noexcept { return &state_; }

 private:
  union {
    State state_;
  };
};

/// When the functions that call hold_across_fork() run, while the program or library is loaded ([[gnu::constructor]]).
/// fork() takes the lock that was named last first: no lock of the second is taken under one of the first.
inline constexpr int load_first = 101;
inline constexpr int load_second = 102;

/// Lets fork() wait for the lock of `state`, so that a child finds the state whole.
template <auto& state>
void hold_across_fork() noexcept {
  at_fork([] { state->mutex.lock(); }, [] { state->mutex.unlock(); },
          [] {
            state->after_fork();
            state->mutex.unlock();
          });
}

}  // namespace zerobuffer::os
