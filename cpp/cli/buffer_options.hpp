// The options that `write` and `read` share: which buffer, who makes it, its geometry, and how this end waits.
// Must not know what is done with the buffer.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <limits>
#include <string>

#include "duration.hpp"
#include "signals.hpp"
#include "zerobuffer/config.hpp"
#include "zerobuffer/result.hpp"

namespace zerobuffer::cli {

struct BufferOptions {
  std::string name;
  bool create = false;
  std::uint64_t payload_size = 0;  ///< 0: not given
  std::uint32_t in_flight = 3;
  std::uint64_t burst_size = 0;
  bool no_pre_touch = false;
  double timeout = std::numeric_limits<double>::infinity();
  double connect_timeout = 10;
  BufferConfig config;

  /// Adds the options to a command. `max_readers` and the like are refused by the library where they are wrong.
  void add_to(CLI::App& command);

  /// The configuration to make or open the buffer with.
  /// @param frame_size size of the frames where it is known (then a ring for a few of them is made), else 0
  [[nodiscard]] BufferConfig resolve(std::uint64_t frame_size) const;
};

/// Makes or opens the buffer as a Reader or Writer. A signal ends the wait for the buffer with `interrupted`.
template <class End>
[[nodiscard]] Result<End> attach(const BufferOptions& options, const BufferConfig& config) {
  if (options.create) return End::create(options.name, config);
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  const auto whole = to_timeout(options.connect_timeout);
  for (;;) {
    const auto elapsed = std::chrono::nanoseconds(Clock::now() - start);
    const auto left = whole > elapsed ? whole - elapsed : std::chrono::nanoseconds::zero();
    const auto slice = std::min(left, std::chrono::nanoseconds(std::chrono::milliseconds(100)));
    Result<End> end = End::open(options.name, slice, config);
    if (end.status() != Status::not_found || left <= slice) return end;
    if (stop_requested()) return Status::interrupted;
  }
}

}  // namespace zerobuffer::cli
