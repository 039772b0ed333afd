// The physical floors: what the machine itself can do at best in each pattern, with nothing around it.
// Must not know the library.
#pragma once

#include "bench/two_processes.hpp"

namespace zerobuffer::cli::bench {

/// Frame of the bulk workloads: one picture of 1080p in RGB.
inline constexpr std::size_t frame_size = 1920 * 1080 * 3;
/// Memory that a cold copy walks through.
inline constexpr std::size_t cold_size = 64 << 20;
/// Slots of the textbook ring.
inline constexpr std::size_t spsc_slots = 4096;

/// One cache line that both sides write in turn, or one for each direction. Nanoseconds.
[[nodiscard]] Workload pingpong_one_line();
[[nodiscard]] Workload pingpong_two_lines();

/// Two lines for each direction: 64 bytes, and the position that says that they are there. Nanoseconds.
[[nodiscard]] Workload pingpong_records();

/// The textbook single-producer single-consumer ring of 64-byte slots with cached indices.
[[nodiscard]] Workload spsc_round_trip();
[[nodiscard]] Workload spsc_stream();
/// The same; the consumer pauses after it has drained more than one message.
[[nodiscard]] Workload spsc_stream_back_off();
/// Both with slots of 32 bytes.
[[nodiscard]] Workload spsc_stream32();
[[nodiscard]] Workload spsc_stream32_back_off();

/// Two sleeps and two wake-ups for each round trip. Nanoseconds.
[[nodiscard]] Workload futex_hand_over(bool one_cpu);

/// Copies of frame_size from one buffer, in one process. Gigabytes per second.
enum class CopyKind {
  cold,          ///< walks through cold_size
  warm,          ///< into two frames' room, again and again
  non_temporal,  ///< walks through cold_size, with stores past the cache
};
[[nodiscard]] Workload memory_copy(CopyKind kind);

}  // namespace zerobuffer::cli::bench
