// SIGINT and SIGTERM as a wish to stop: commands look at it, close what they opened, and end with the signal's exit
// code. Must not know buffers.
#pragma once

#include "exit_code.hpp"

namespace zerobuffer::cli {

/// Catches SIGINT and SIGTERM, ignores SIGPIPE (a write to a closed pipe then fails with EPIPE). After the first signal
/// every blocking system call of the process is interrupted again and again, so that none can miss it.
void catch_stop_signals();

/// Gives the signals their default meaning back: for a child that was forked after catch_stop_signals().
void forget_stop_signals();

[[nodiscard]] bool stop_requested() noexcept;

/// 130 for SIGINT, 143 for SIGTERM; `failed` where no signal came.
[[nodiscard]] ExitCode stop_exit_code() noexcept;

}  // namespace zerobuffer::cli
