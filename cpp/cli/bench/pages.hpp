// Looking at a frame where it lies: one byte of each page, as somebody who reads it in place at least does. Every
// system measured looks in this way.
#pragma once

#include <cstddef>
#include <span>

namespace zerobuffer::cli::bench {

[[nodiscard]] inline unsigned touch_pages(std::span<const std::byte> data) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < data.size(); i += 4096) sum += std::to_integer<unsigned>(data[i]);
  return sum;
}

/// The compiler must not leave out what gave this value.
inline void must_be_made(unsigned value) { asm volatile("" ::"r"(value)); }

}  // namespace zerobuffer::cli::bench
