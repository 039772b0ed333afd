// The monotonic clock in nanoseconds: what `write --stamp` puts into a frame's tag and `read --latency` compares with.
// The same for all processes of a machine, in whatever language (CLOCK_MONOTONIC).
#pragma once

#include <ctime>

#include <cstdint>

namespace zerobuffer::cli {

[[nodiscard]] inline std::uint64_t monotonic_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace zerobuffer::cli
