// What the measurements need from the processor itself: a pause, a cheap counter of time, stores past the cache.
// The only place of the program that knows architectures.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#include <x86intrin.h>
#endif

namespace zerobuffer::cli::bench {

inline void pause() noexcept {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");
#endif
}

/// A counter that runs at a constant rate on all CPUs; see nanoseconds_per_tick().
inline std::uint64_t ticks() noexcept {
#if defined(__x86_64__)
  return __rdtsc();
#elif defined(__aarch64__)
  std::uint64_t value;
  asm volatile("mrs %0, cntvct_el0" : "=r"(value));
  return value;
#endif
}

/// Makes the compiler store everything and load it again: the copies measured really read memory, as a caller's do.
inline void touch_memory() noexcept { asm volatile("" ::: "memory"); }

#if defined(__x86_64__)
inline constexpr bool has_non_temporal_copy = true;
/// A copy with stores past the cache. `target` is aligned to 16 bytes.
inline void copy_non_temporal(void* target, const void* source, std::size_t size) noexcept {
  auto* to = static_cast<__m128i*>(target);
  const auto* from = static_cast<const __m128i*>(source);
  const std::size_t lines = size / 64;
  for (std::size_t i = 0; i < lines * 4; i += 4) {
    const __m128i a = _mm_loadu_si128(from + i);
    const __m128i b = _mm_loadu_si128(from + i + 1);
    const __m128i c = _mm_loadu_si128(from + i + 2);
    const __m128i d = _mm_loadu_si128(from + i + 3);
    _mm_stream_si128(to + i, a);
    _mm_stream_si128(to + i + 1, b);
    _mm_stream_si128(to + i + 2, c);
    _mm_stream_si128(to + i + 3, d);
  }
  _mm_sfence();
  std::memcpy(to + lines * 4, from + lines * 4, size % 64);
}
#else
inline constexpr bool has_non_temporal_copy = false;
inline void copy_non_temporal(void*, const void*, std::size_t) noexcept {}
#endif

/// Measured once, against the monotonic clock.
[[nodiscard]] double nanoseconds_per_tick();

}  // namespace zerobuffer::cli::bench
