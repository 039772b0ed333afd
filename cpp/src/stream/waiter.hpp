// How one end waits for the other: look again and again for about one wake-up's time, then sleep in the kernel; less of
// the former where both run on one CPU, or where the policy is to sleep. The only place that sleeps. Knows nothing of
// frames; what it waits for is a `Side`:
//   bool ready()                       worth looking closer?
//   std::uint32_t arm() / disarm()     the sleeper's half of the handshake (ring/signal.hpp)
//   const std::uint32_t& word()        the futex word
//   void seen_on(int cpu)              tells the other side where this thread runs
//   PeerCpu peer_cpu(int cpu)          whether the other side was last seen there
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

#include "buffer/machine.hpp"
#include "os/cgroup.hpp"
#include "os/clock.hpp"
#include "os/kernel.hpp"
#include "zerobuffer/config.hpp"
#include "zerobuffer/status.hpp"

namespace zerobuffer::stream {

/// A counter that one thread advances and any may read.
class Counter {
 public:
  void add(std::uint64_t amount = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// Part of the protocol's correctness, not tuning: nobody sleeps longer, and the other side's life is looked at as
/// often.
inline constexpr std::int64_t longest_sleep_ns = 100'000'000;

/// Where the other side was last seen, for one who runs on a CPU.
enum class PeerCpu : std::uint8_t { unknown, mine, another };

/// When a timeout ends: it begins when the clock is first read for it, so that a call that need not wait reads none.
class Deadline {
 public:
  explicit Deadline(std::chrono::nanoseconds timeout) noexcept : timeout_(timeout.count()) {}
  [[nodiscard]] bool at_once() const noexcept { return timeout_ <= 0; }
  [[nodiscard]] std::int64_t at(std::int64_t now) noexcept {
    if (end_ == 0) end_ = timeout_ > os::never - now ? os::never : now + timeout_;
    return end_;
  }
  /// For loops whose waits may be over at once, again and again.
  [[nodiscard]] bool is_over() noexcept {
    const std::int64_t now = os::now_ns();
    return now >= at(now);
  }

 private:
  std::int64_t timeout_;
  std::int64_t end_ = 0;
};

class Waiter {
 public:
  Waiter(const BufferConfig& config, bool first_sleep_bounded) noexcept
      : policy_(config.wait),
        spin_pauses_(config.wait == WaitPolicy::block ? 0 : config.spin_pauses),
        one_cpu_(os::usable_cpus() == 1),
        quota_of_one_(os::cgroup_cpu_quota() == 1),
        bounded_(first_sleep_bounded) {}

  /// Any thread, also a signal handler. The caller then pokes the futex word.
  void interrupt() noexcept { interrupted_.store(true, std::memory_order_seq_cst); }
  void set_hook(WaitHook hook, void* context) noexcept {
    hook_ = hook;
    hook_context_ = context;
  }
  [[nodiscard]] bool take_interrupt() noexcept {
    return interrupted_.load(std::memory_order_relaxed) && interrupted_.exchange(false, std::memory_order_seq_cst);
  }

  /// A wait was interrupted, and its caller is not told yet: the next one hears of it. A hook speaks again by itself.
  void interrupt_again() noexcept {
    if (!ended_by_hook_) interrupt();
  }

  [[nodiscard]] bool interrupt_pending() const noexcept { return interrupted_.load(std::memory_order_seq_cst); }
  /// How long the next sleep may last, for one that sleeps elsewhere.
  [[nodiscard]] std::int64_t next_sleep() noexcept {
    const bool first = bounded_.load(std::memory_order_relaxed) && bounded_.exchange(false, std::memory_order_relaxed);
    return first ? bounded_sleep_ns : longest_sleep_ns;
  }

  [[nodiscard]] std::uint64_t sleeps() const noexcept { return sleeps_.get(); }
  [[nodiscard]] std::uint64_t barriers() const noexcept { return barriers_.get(); }

  /// Waits until side.ready(), or until it is time to look after the other side's life (both `ok`); timeout;
  /// interrupted.
  template <class Side>
  [[nodiscard]] Status wait(Side&& side, Deadline& deadline) noexcept {
    ended_by_hook_ = false;
    std::int64_t end = 0;  // of this call; the clock is read only when the first looks were in vain
    std::int64_t next_hook = 0;
    const auto time_is_up = [&](std::int64_t now) {
      if (end == 0) {
        end = now + longest_sleep_ns;
        next_hook = now + hook_interval_ns;
      }
      return now >= end;
    };
    for (;;) {
      const int cpu = os::current_cpu();
      side.seen_on(cpu);
      // a process that is bound to one CPU may well wait for one that is bound to another
      const PeerCpu peer = side.peer_cpu(cpu);
      const bool same_cpu = quota_of_one_ || peer == PeerCpu::mine || (one_cpu_ && peer == PeerCpu::unknown);
      const std::uint32_t looks = policy_ == WaitPolicy::block ? 0 : same_cpu ? yields : spin_pauses_;
      for (std::uint32_t i = 0; i < looks; ++i) {
        if (side.ready()) return Status::ok;
        if (same_cpu) {
          os::yield();
        } else {
          buffer::Machine::pause();
        }
        if (i % looks_per_clock == looks_per_clock - 1) {
          const std::int64_t now = os::now_ns();
          if (time_is_up(now)) return call_hook() ? Status::interrupted : Status::ok;
          if (const Status status = check(now, deadline, next_hook); status != Status::ok) return status;
        }
      }
      if (policy_ == WaitPolicy::block && !same_cpu && comes(side)) return Status::ok;
      const std::int64_t now = os::now_ns();
      if (time_is_up(now)) return call_hook() ? Status::interrupted : Status::ok;
      if (const Status status = check(now, deadline, next_hook); status != Status::ok) return status;
      if (policy_ != WaitPolicy::spin && sleep(side, now, std::min(end, deadline.at(now)))) return Status::ok;
      if (ended_by_hook_) return Status::interrupted;
    }
  }

 private:
  static constexpr std::uint32_t yields = 20;
  static constexpr std::uint32_t looks_per_clock = 64;
  static constexpr std::uint32_t pauses_per_look = 8;
  static constexpr std::uint32_t most_in_vain = 6;
  static constexpr std::int64_t hook_interval_ns = 10'000'000;
  static constexpr std::int64_t bounded_sleep_ns = 1'000'000;

  // Where this thread has just woken the other side, that one is on its way, and to meet it awake saves both a sleep.
  // Looks no longer than waking it took, and after looks in vain only now and then.
  template <class Side>
  [[nodiscard]] bool comes(Side&& side) noexcept {
    const std::int64_t until = os::take_on_its_way_until();
    if (until == 0) return false;
    if (sleeps_at_once_ != 0) {
      --sleeps_at_once_;
      return false;
    }
    do {
      for (std::uint32_t i = 0; i < pauses_per_look; ++i) buffer::Machine::pause();
      if (side.ready()) {
        looks_in_vain_ = 0;
        return true;
      }
    } while (os::now_ns() < until);
    if (looks_in_vain_ < most_in_vain) ++looks_in_vain_;
    sleeps_at_once_ = (1U << looks_in_vain_) - 1;
    return false;
  }

  // A sleep that ends for any reason starts the whole procedure again, unless the hook ends the wait. True where it is
  // ready.
  template <class Side>
  bool sleep(Side&& side, std::int64_t now, std::int64_t until) noexcept {
    const std::uint32_t value = side.arm();
    barriers_.add();
    if (side.ready() || interrupted_.load(std::memory_order_seq_cst)) {
      side.disarm();
      return side.ready();
    }
    // bounded: the other side may have stored before it could know that this one needs its fence; by then it is visible
    const std::int64_t duration = std::min(until - now, next_sleep());
    ZEROBUFFER_POINT("sleep.before_futex");
    sleeps_.add();
    const os::FutexResult result = os::futex_wait(side.word(), value, duration);
    if (result != os::FutexResult::woken) side.disarm();
    if (result == os::FutexResult::interrupted && call_hook()) return false;  // whatever is there: it must be told
    return side.ready();
  }

  [[nodiscard]] Status check(std::int64_t now, Deadline& deadline, std::int64_t& next_hook) noexcept {
    if (take_interrupt()) return Status::interrupted;
    if (now >= next_hook) {
      next_hook = now + hook_interval_ns;
      if (call_hook()) return Status::interrupted;
    }
    return now >= deadline.at(now) ? Status::timeout : Status::ok;
  }
  [[nodiscard]] bool call_hook() noexcept {
    ended_by_hook_ = hook_ != nullptr && hook_(hook_context_);
    return ended_by_hook_;
  }

  WaitPolicy policy_;
  std::uint32_t spin_pauses_;
  bool one_cpu_;
  bool quota_of_one_;
  std::atomic<bool> bounded_;  // two may wait at one end, one of them by a watch
  std::atomic<bool> interrupted_{false};
  bool ended_by_hook_ = false;  // the last wait that was interrupted
  WaitHook hook_ = nullptr;
  void* hook_context_ = nullptr;
  std::uint32_t looks_in_vain_ = 0;   // for one that comes: how often one after the other
  std::uint32_t sleeps_at_once_ = 0;  // so many sleeps more
  Counter sleeps_;
  Counter barriers_;
};

}  // namespace zerobuffer::stream
