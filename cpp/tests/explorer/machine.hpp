// The atomics policy of the ring as the explorer offers it: the same static functions as ring::NativeAtomics and the
// three of the kernel. Plain stores are delayed, locked instructions and fences drain, a compiler barrier is nothing.
#pragma once

#include <cstdint>
#include <cstring>

#include "explorer/explorer.hpp"

namespace zerobuffer::explorer {

struct ExplorerMachine {
  template <class T>
  static T load_relaxed(const T& word) noexcept {
    return narrow<T>(Explorer::now().load(&word, sizeof word));
  }
  template <class T>
  static T load_acquire(const T& word) noexcept {
    return load_relaxed(word);
  }
  template <class T>
  static void store_relaxed(T& word, T value) noexcept {
    Explorer::now().store(&word, sizeof word, widen(value));
  }
  template <class T>
  static void store_release(T& word, T value) noexcept {
    store_relaxed(word, value);
  }
  template <class T>
  static T exchange(T& word, T value) noexcept {
    return update(word, [&](T) { return value; });
  }
  template <class T>
  static T fetch_add(T& word, T value) noexcept {
    return update(word, [&](T old) { return static_cast<T>(old + value); });
  }
  template <class T>
  static T fetch_sub(T& word, T value) noexcept {
    return update(word, [&](T old) { return static_cast<T>(old - value); });
  }
  template <class T>
  static T fetch_or(T& word, T value) noexcept {
    return update(word, [&](T old) { return static_cast<T>(old | value); });
  }
  template <class T>
  static T fetch_and(T& word, T value) noexcept {
    return update(word, [&](T old) { return static_cast<T>(old & value); });
  }
  template <class T>
  static bool compare_exchange(T& word, T expected, T desired) noexcept {
    return update(word, [&](T old) { return old == expected ? desired : old; }) == expected;
  }
  static void fence() noexcept { Explorer::now().fence(); }
  static void compiler_barrier() noexcept {}
  static void load_fence() noexcept {}
  static void store_fence() noexcept {}
  static void prefetch_for_write(const void*) noexcept {}
  static void pause() noexcept { Explorer::now().pause(); }
  static std::uintptr_t this_thread() noexcept { return Explorer::now().self() + 1; }

  static void futex_wake(std::uint32_t& word) noexcept { Explorer::now().futex_wake(&word); }
  static void remote_barrier() noexcept { Explorer::now().remote_barrier(); }
  static void thread_barrier() noexcept { Explorer::now().remote_barrier(); }

  template <class T>
  static std::uint64_t widen(T value) noexcept {
    std::uint64_t wide = 0;
    std::memcpy(&wide, &value, sizeof value);
    return wide;
  }
  template <class T>
  static T narrow(std::uint64_t wide) noexcept {
    T value;
    std::memcpy(&value, &wide, sizeof value);
    return value;
  }

 private:
  template <class T, class Next>
  static T update(T& word, Next&& next) noexcept {
    return narrow<T>(
        Explorer::now().update(&word, sizeof word, [&](std::uint64_t old) { return widen(next(narrow<T>(old))); }));
  }
};

}  // namespace zerobuffer::explorer
