// Copying a payload into the ring, by size (PEERS figures of 2026-11-21: docs/design.md, "Copying").
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "ring/atomics.hpp"

namespace zerobuffer::stream {

/// Copies n bytes. `to` is 64-byte aligned and has room for n rounded up to 32 bytes beyond a multiple of 64.
inline void copy_payload(std::byte* to, const std::byte* from, std::size_t n) noexcept {
  if (n <= 64) {
    // A caller has usually just stored 8-byte fields; a wider load could not be forwarded from the narrower stores.
    std::size_t at = 0;
    for (; at + 8 <= n; at += 8) {
      std::uint64_t word;
      std::memcpy(&word, from + at, 8);
      std::memcpy(to + at, &word, 8);
#if defined(__GNUC__) && !defined(__clang__)
      asm volatile("" ::: "memory");  // or the compiler makes wide loads of it again
#endif
    }
    for (; at < n; ++at) to[at] = from[at];
    return;
  }
#ifdef ZEROBUFFER_TEST_POINTS
  const std::size_t half = n / 2;  // so that a test can end the process in the middle of the copy
  std::memcpy(to, from, half);
  ZEROBUFFER_POINT("write.half_copied");
  to += half;
  from += half;
  n -= half;
#endif
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
  constexpr std::size_t string_move_from = 1 << 20;
  if (n >= string_move_from) {
    asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n)::"memory");
    return;
  }
#endif
  std::memcpy(to, from, n);
}

}  // namespace zerobuffer::stream
