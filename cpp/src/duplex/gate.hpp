// A lock whose holder may sleep for long: whoever waits for it does so up to a deadline. One word; by futex.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "os/clock.hpp"
#include "os/kernel.hpp"
#include "stream/waiter.hpp"

namespace zerobuffer::duplex {

class Gate {
 public:
  [[nodiscard]] bool try_enter() noexcept {
    std::uint32_t free = 0;
    return word_.compare_exchange_strong(free, 1, std::memory_order_acquire);  // pairs with the release in leave()
  }

  /// False where the deadline passed, or `give_up()` said so; it is asked at least every 100 ms.
  template <class GiveUp>
  [[nodiscard]] bool enter(stream::Deadline& deadline, GiveUp&& give_up) noexcept {
    if (try_enter()) [[likely]] {
      return true;
    }
    for (;;) {
      // 2: somebody sleeps. Whoever gets in after a sleep leaves it so, and so wakes the next one.
      if (word_.exchange(2, std::memory_order_acquire) == 0) return true;
      const std::int64_t now = os::now_ns();
      const std::int64_t left = deadline.at(now) == os::never ? stream::longest_sleep_ns : deadline.at(now) - now;
      if (deadline.at_once() || left <= 0 || give_up()) return false;
      os::futex_wait(raw(), 2, std::min(left, stream::longest_sleep_ns));
    }
  }

  void leave() noexcept {
    if (word_.exchange(0, std::memory_order_release) == 2) os::futex_wake_all(raw());
  }

 private:
  std::uint32_t& raw() noexcept { return reinterpret_cast<std::uint32_t&>(word_); }
  static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t));

  std::atomic<std::uint32_t> word_{0};
};

/// Holds a gate that was entered.
class Inside {
 public:
  explicit Inside(Gate& gate) noexcept : gate_(gate) {}
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;
  ~Inside() { gate_.leave(); }

 private:
  Gate& gate_;
};

}  // namespace zerobuffer::duplex
