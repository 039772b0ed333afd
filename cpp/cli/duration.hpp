// Seconds as people write them, and the durations that the library takes.
#pragma once

#include <chrono>

namespace zerobuffer::cli {

/// Seconds to a timeout of the library; anything that does not fit is for ever.
[[nodiscard]] std::chrono::nanoseconds to_timeout(double seconds) noexcept;

[[nodiscard]] inline double to_seconds(std::chrono::nanoseconds duration) noexcept {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace zerobuffer::cli
