// futex, membarrier and CPU placement on Linux.
#include "os/kernel.hpp"

#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <ctime>
#include <utility>

#include "os/cgroup.hpp"
#include "os/clock.hpp"

namespace zerobuffer::os {
namespace {
long membarrier(int command) noexcept { return syscall(SYS_membarrier, command, 0U, 0); }

bool supports(int commands) noexcept {
  const long supported = membarrier(MEMBARRIER_CMD_QUERY);
  return supported > 0 && (supported & commands) == commands;
}

/// What the kernel answers once and for all. Without a lock, which a forked child could find taken for ever: two
/// threads may both ask.
class Asked {
 public:
  template <class Ask>
  bool answer(Ask ask) noexcept {
    Known known = known_.load(std::memory_order_relaxed);  // the answer is all there is to see
    if (known == Known::not_yet) known_.store(known = ask() ? Known::yes : Known::no, std::memory_order_relaxed);
    return known == Known::yes;
  }

 private:
  enum class Known : std::uint8_t { not_yet, yes, no };
  std::atomic<Known> known_{Known::not_yet};
};

constexpr std::int64_t refused_sleep_ns = 1'000'000;

constexpr std::int64_t longest_way_ns = 20'000;  // a call that took longer was interrupted
// also written in signal handlers (interrupt), which must not allocate it
[[gnu::tls_model("initial-exec")]] thread_local std::int64_t on_its_way_until = 0;

timespec to_timespec(std::int64_t nanoseconds) noexcept {
  return {.tv_sec = nanoseconds / 1'000'000'000, .tv_nsec = nanoseconds % 1'000'000'000};
}
}  // namespace

FutexResult futex_wait(const std::uint32_t& word, std::uint32_t expected, std::int64_t timeout_ns) noexcept {
  const timespec timeout = to_timespec(timeout_ns);
  // FUTEX_WAIT measures its relative timeout with the monotonic clock
  if (syscall(SYS_futex, &word, FUTEX_WAIT, expected, &timeout, nullptr, 0) == 0) return FutexResult::woken;
  switch (errno) {
    case EAGAIN:
      return FutexResult::changed;
    case ETIMEDOUT:
      return FutexResult::timed_out;
    default:
      return FutexResult::interrupted;
  }
}

std::size_t most_futex_words() noexcept {
  // without any word a kernel that has the call refuses the arguments, one that has not refuses the call
  static constinit Asked available;
  return available.answer(
             [] { return syscall(SYS_futex_waitv, nullptr, 0U, 0U, nullptr, CLOCK_MONOTONIC) != 0 && errno == EINVAL; })
             ? FUTEX_WAITV_MAX
             : 1;
}

void futex_wait_any(std::span<const FutexWord> words, std::int64_t timeout_ns) noexcept {
  if (words.size() == 1) {
    futex_wait(*words[0].word, words[0].expected, timeout_ns);
    return;
  }
  std::array<::futex_waitv, FUTEX_WAITV_MAX> entries{};
  const std::size_t count = std::min(words.size(), entries.size());
  for (std::size_t i = 0; i < count; ++i) {
    entries[i].val = words[i].expected;
    entries[i].uaddr = reinterpret_cast<std::uintptr_t>(words[i].word);
    entries[i].flags = FUTEX_32;
  }
  const timespec until = to_timespec(now_ns() + timeout_ns);
  if (syscall(SYS_futex_waitv, entries.data(), static_cast<unsigned>(count), 0U, &until, CLOCK_MONOTONIC) >= 0) return;
  if (errno == EAGAIN || errno == ETIMEDOUT || errno == EINTR) return;
  // refused by a filter that came later, or a word is not mapped any more: the caller looks again, but not in a loop
  futex_wait(*words[0].word, words[0].expected, std::min(timeout_ns, refused_sleep_ns));
}

bool futex_wake_all(std::uint32_t& word) noexcept {
  const std::int64_t begin = now_ns();
  const bool woke = syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0) > 0;
  const std::int64_t end = now_ns();
  on_its_way_until = woke ? end + std::min(end - begin, longest_way_ns) : 0;
  return woke;
}

std::int64_t take_on_its_way_until() noexcept { return std::exchange(on_its_way_until, 0); }

bool register_for_remote_barrier() noexcept {
  // asked each time, since a forked child is another process
  return supports(MEMBARRIER_CMD_GLOBAL_EXPEDITED | MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED) &&
         membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED) == 0;
}

bool remote_barrier_available() noexcept {
  static constinit Asked available;
  return available.answer(
      [] { return supports(MEMBARRIER_CMD_GLOBAL_EXPEDITED) && membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED) == 0; });
}

void remote_barrier() noexcept { membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED); }

bool thread_barrier_available() noexcept {
  return supports(MEMBARRIER_CMD_PRIVATE_EXPEDITED | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) &&
         membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
}

void thread_barrier() noexcept { membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED); }

int current_cpu() noexcept { return sched_getcpu(); }

unsigned usable_cpus() noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  int cpus = 1;
  if (sched_getaffinity(0, sizeof set, &set) == 0) cpus = CPU_COUNT(&set);
  return std::max(1U, std::min(static_cast<unsigned>(cpus), cgroup_cpu_quota()));
}

void yield() noexcept { sched_yield(); }

}  // namespace zerobuffer::os
