// See duration.hpp.
#include "duration.hpp"

#include "zerobuffer/config.hpp"

namespace zerobuffer::cli {

std::chrono::nanoseconds to_timeout(double seconds) noexcept {
  constexpr double longest = 9e9;  // seconds; just below what 63 bits of nanoseconds hold
  if (!(seconds < longest)) return forever;
  return std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
}

}  // namespace zerobuffer::cli
