// Lets SIGINT and SIGTERM end what an example waits for, so that it closes its buffers properly. Knows nothing of
// buffers but the form of a wait hook.
#pragma once

#include <csignal>

namespace stop_signal {

inline volatile std::sig_atomic_t received = 0;

/// From now on the first SIGINT or SIGTERM is noted and interrupts system calls; a second one ends the program.
inline void watch() {
  struct sigaction action = {};
  action.sa_handler = [](int number) { received = number; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

/// A zerobuffer::WaitHook: true ends the wait.
inline bool hook(void*) { return received != 0; }

}  // namespace stop_signal
