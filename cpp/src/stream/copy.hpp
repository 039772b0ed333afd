// Copying a payload into the ring, by size. The figures behind the choices: docs/design.md, "Copying". Which routine a
// writer's large frames get is not decided here: copy_choice.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "ring/atomics.hpp"

// Sanitizers see no stores that bypass the cache.
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
#define ZEROBUFFER_STREAMS_LARGE_FRAMES 1
#include <emmintrin.h>
#endif

namespace zerobuffer::stream {

/// How a large payload is copied.
enum class CopyRoutine : std::uint8_t {
  through_cache,  ///< The C library's.
  past_cache,     ///< Stores that bypass the cache.
};

/// From this size on there is a choice.
inline constexpr std::size_t large_copy = 64 << 10;

#ifdef ZEROBUFFER_STREAMS_LARGE_FRAMES
inline constexpr bool can_copy_past_cache = true;
/// Copies n bytes past the cache, `to` being 64-byte aligned. The fence orders these stores before the publication.
inline void copy_past_cache(std::byte* to, const std::byte* from, std::size_t n) noexcept {
  const std::byte* const lines_end = from + n / 64 * 64;
  for (; from != lines_end; from += 64, to += 64) {
    const auto* source = reinterpret_cast<const __m128i*>(from);
    auto* target = reinterpret_cast<__m128i*>(to);
    const __m128i words[4] = {_mm_loadu_si128(source), _mm_loadu_si128(source + 1), _mm_loadu_si128(source + 2),
                              _mm_loadu_si128(source + 3)};
    for (int i = 0; i < 4; ++i) _mm_stream_si128(target + i, words[i]);
  }
  _mm_sfence();
  std::memcpy(to, from, n % 64);
}
#else
inline constexpr bool can_copy_past_cache = false;
inline void copy_past_cache(std::byte* to, const std::byte* from, std::size_t n) noexcept { std::memcpy(to, from, n); }
#endif

/// Copies n bytes, `to` being 64-byte aligned.
inline void copy_large(std::byte* to, const std::byte* from, std::size_t n, CopyRoutine routine) noexcept {
#ifdef ZEROBUFFER_TEST_POINTS
  const std::size_t half = n / 128 * 64;  // so that a test can end the process in the middle of the copy
  std::memcpy(to, from, half);
  ZEROBUFFER_POINT("write.half_copied");
  to += half;
  from += half;
  n -= half;
#endif
  if (routine == CopyRoutine::past_cache) return copy_past_cache(to, from, n);
  std::memcpy(to, from, n);
}

/// Copies 8-byte words one by one: a caller has usually just stored 8-byte fields, and a wider load could not be
/// forwarded from the narrower stores.
template <int count>
inline void copy_words(std::byte* to, const std::byte* from) noexcept {
#pragma GCC unroll 8
  for (int i = 0; i < count; ++i) {
    std::uint64_t word;
    std::memcpy(&word, from + 8 * i, 8);
    std::memcpy(to + 8 * i, &word, 8);
#if defined(__GNUC__) && !defined(__clang__)
    asm volatile("" ::: "memory");  // or the compiler makes wide loads of it again
#endif
  }
}

/// Copies n bytes. `to` is 64-byte aligned and has room for n rounded up to 32 bytes beyond a multiple of 64.
inline void copy_payload(std::byte* to, const std::byte* from, std::size_t n) noexcept {
  if (n == 64) return copy_words<8>(to, from);
  if (n < 64) {
    std::size_t at = 0;
    for (; at + 8 <= n; at += 8) copy_words<1>(to + at, from + at);
    for (; at < n; ++at) to[at] = from[at];
    return;
  }
  constexpr std::size_t past_cache_from = 1 << 20;
  copy_large(to, from, n, n >= past_cache_from ? CopyRoutine::past_cache : CopyRoutine::through_cache);
}

}  // namespace zerobuffer::stream
