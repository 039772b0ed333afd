// What the waiting protocol needs of the kernel: sleeping on a shared word, and barriers in other processes and
// threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace zerobuffer::os {

enum class FutexResult : std::uint8_t { woken, changed, timed_out, interrupted };

/// Sleeps while the shared word has the value `expected`, at most `timeout_ns` of the monotonic clock.
FutexResult futex_wait(const std::uint32_t& word, std::uint32_t expected, std::int64_t timeout_ns) noexcept;
/// A shared word and the value that it has while there is nothing to wake for.
struct FutexWord {
  const std::uint32_t* word;
  std::uint32_t expected;
};
/// How many words futex_wait_any() can watch: 128, or 1 where the kernel has no futex_waitv (before Linux 5.16) or a
/// seccomp filter refuses it.
[[nodiscard]] std::size_t most_futex_words() noexcept;
/// Sleeps while every one of the words, at least one, has its value; at most `timeout_ns` of the monotonic clock. May
/// return for no reason, also where a word other than the first is not mapped any more.
void futex_wait_any(std::span<const FutexWord> words, std::int64_t timeout_ns) noexcept;

/// Wakes everybody who sleeps on the word, in whatever process. Returns whether somebody did.
bool futex_wake_all(std::uint32_t& word) noexcept;
/// Until when somebody whom this thread's last futex_wake_all() woke may be expected to run: as long again as that call
/// took. 0 where it woke nobody, or this was asked before.
[[nodiscard]] std::int64_t take_on_its_way_until() noexcept;

/// Registers this process, so that other processes' remote_barrier() reaches it. False where the kernel or a
/// seccomp filter refuses: then publishing needs a full fence.
[[nodiscard]] bool register_for_remote_barrier() noexcept;
/// Whether remote_barrier() works here.
[[nodiscard]] bool remote_barrier_available() noexcept;
/// A full barrier in every running thread of every registered process, this one included.
void remote_barrier() noexcept;

/// Whether thread_barrier() works here (registers this process).
[[nodiscard]] bool thread_barrier_available() noexcept;
/// A full barrier in every running thread of this process.
void thread_barrier() noexcept;

/// The CPU that this thread runs on now.
[[nodiscard]] int current_cpu() noexcept;
/// How many CPUs this process may use: affinity and cgroup quota, at least 1.
[[nodiscard]] unsigned usable_cpus() noexcept;
void yield() noexcept;

}  // namespace zerobuffer::os
