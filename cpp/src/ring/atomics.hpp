// The atomic operations of the ring on plain words of shared memory, by name. Every access to a shared word goes
// through a policy of this shape, so that a test can run the real algorithm under a scheduler with store buffers of its
// own. A `Machine` (template parameter M throughout ring/) offers these and three things of the kernel:
//   static void futex_wake(std::uint32_t&)     wakes everybody who sleeps on the word
//   static void remote_barrier()               a full barrier in every process that publishes (membarrier)
//   static void thread_barrier()               a full barrier in every thread of this process (membarrier)
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#ifdef ZEROBUFFER_TEST_POINTS
namespace zerobuffer::ring {
// A test installs a function here to stop or kill the process at a named step.
using TestPointHook = void (*)(const char* name);
inline std::atomic<TestPointHook> test_point_hook{nullptr};
}  // namespace zerobuffer::ring
#define ZEROBUFFER_POINT(name)                                                                                 \
  do {                                                                                                         \
    if (auto at_point_ = ::zerobuffer::ring::test_point_hook.load(std::memory_order_relaxed)) at_point_(name); \
  } while (false)
#else
#define ZEROBUFFER_POINT(name) static_cast<void>(0)
#endif

namespace zerobuffer::ring {

struct NativeAtomics {
  template <class T>
  static T load_relaxed(const T& word) noexcept {
    return ref(word).load(std::memory_order_relaxed);
  }
  template <class T>
  static T load_acquire(const T& word) noexcept {
    return ref(word).load(std::memory_order_acquire);
  }
  template <class T>
  static void store_relaxed(T& word, T value) noexcept {
    ref(word).store(value, std::memory_order_relaxed);
  }
  template <class T>
  static void store_release(T& word, T value) noexcept {
    ref(word).store(value, std::memory_order_release);
  }
  template <class T>
  static T exchange(T& word, T value) noexcept {
    return ref(word).exchange(value, std::memory_order_seq_cst);
  }
  template <class T>
  static T fetch_add(T& word, T value) noexcept {
    return ref(word).fetch_add(value, std::memory_order_seq_cst);
  }
  template <class T>
  static T fetch_sub(T& word, T value) noexcept {
    return ref(word).fetch_sub(value, std::memory_order_seq_cst);
  }
  template <class T>
  static T fetch_or(T& word, T value) noexcept {
    return ref(word).fetch_or(value, std::memory_order_seq_cst);
  }
  template <class T>
  static T fetch_and(T& word, T value) noexcept {
    return ref(word).fetch_and(value, std::memory_order_seq_cst);
  }
  template <class T>
  static bool compare_exchange(T& word, T expected, T desired) noexcept {
    return ref(word).compare_exchange_strong(expected, desired, std::memory_order_seq_cst);
  }
  /// A full fence: nothing of before may pass anything of after.
  static void fence() noexcept {
#if defined(__SANITIZE_THREAD__)
    // ThreadSanitizer knows no fences; a sequentially consistent read-modify-write is one that it understands.
    static std::atomic<std::uint32_t> word{0};
    word.fetch_add(1, std::memory_order_seq_cst);
#else
    std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
  }
  /// Keeps the compiler from reordering; nothing on the machine. The other side's membarrier() does the rest.
  static void compiler_barrier() noexcept { std::atomic_signal_fence(std::memory_order_seq_cst); }
  /// Everything loaded before stays before what is loaded after (a sequence lock's second look).
  static void load_fence() noexcept {
#if defined(__SANITIZE_THREAD__)
    fence();
#else
    std::atomic_thread_fence(std::memory_order_acquire);
#endif
  }
  /// Everything stored before stays before what is stored after (a sequence lock's first mark).
  static void store_fence() noexcept {
#if defined(__SANITIZE_THREAD__)
    fence();
#else
    std::atomic_thread_fence(std::memory_order_release);
#endif
  }
  /// Asks for a line that is going to be stored to in the state that storing needs, and does not wait for it.
  static void prefetch_for_writing(const std::byte* at) noexcept {
#if defined(__x86_64__)
    asm volatile("prefetchw %0" : : "m"(*at));
#else
    __builtin_prefetch(at, 1);
#endif
  }
  /// Identity of the calling thread: cheap, never zero, different for threads that live at the same time.
  static std::uintptr_t this_thread() noexcept {
#if defined(__GNUC__) && !defined(__clang__)
    return reinterpret_cast<std::uintptr_t>(__builtin_thread_pointer());
#else
    static thread_local char token;
    return reinterpret_cast<std::uintptr_t>(&token);
#endif
  }
  /// Tells the processor that this is a spinning loop.
  static void pause() noexcept {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("isb" ::: "memory");
#endif
  }

 private:
  template <class T>
  static std::atomic_ref<T> ref(const T& word) noexcept {
    static_assert(std::atomic_ref<T>::is_always_lock_free);
    return std::atomic_ref<T>(const_cast<T&>(word));
  }
};

}  // namespace zerobuffer::ring
