// SIGINT and SIGTERM as a wish to stop, seen by every wait of the program within a tenth of a second. Must not know
// buffers.
#pragma once

#include <cstdint>

namespace zerobuffer::relay {

enum class ExitCode : int;

/// Catches SIGINT and SIGTERM, ignores SIGPIPE (writing to a closed pipe then fails with EPIPE).
void catch_stop_signals();
[[nodiscard]] bool stop_requested() noexcept;
/// 130 for SIGINT, 143 for SIGTERM; `failed` where no signal came.
[[nodiscard]] ExitCode stop_exit_code() noexcept;

/// Sleeps, or less long where a signal came.
void sleep_us(std::uint64_t microseconds);

/// CLOCK_MONOTONIC: the same for all processes of a machine, in whatever language.
[[nodiscard]] std::uint64_t monotonic_ns() noexcept;

}  // namespace zerobuffer::relay
