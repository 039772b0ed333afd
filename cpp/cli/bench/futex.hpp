// Sleeping on a shared word and waking who sleeps on it: the bare system call, for the floors.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace zerobuffer::cli::bench {

/// Sleeps while the word has this value; may return for no reason.
inline void sleep_on_futex(std::atomic<std::uint32_t>& word, std::uint32_t value) {
  ::syscall(SYS_futex, &word, FUTEX_WAIT, value, nullptr, nullptr, 0);
}

inline void wake_futex(std::atomic<std::uint32_t>& word) {
  ::syscall(SYS_futex, &word, FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

}  // namespace zerobuffer::cli::bench
