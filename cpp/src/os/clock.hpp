// Time for deadlines and statistics: the monotonic clock, never the wall clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>

namespace zerobuffer::os {

inline constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

/// Nanoseconds of the monotonic clock.
[[nodiscard]] std::int64_t now_ns() noexcept;
/// The same, a few milliseconds old at most, without reading a hardware counter.
[[nodiscard]] std::int64_t now_coarse_ns() noexcept;
/// When a timeout that begins now ends; `never` for one that does not.
[[nodiscard]] std::int64_t deadline_after(std::chrono::nanoseconds timeout) noexcept;
/// Sleeps without holding anything; a signal may end it early.
void sleep_ns(std::int64_t duration) noexcept;

}  // namespace zerobuffer::os
