// Our own figures: the library as a user of its documentation would use it, in the same patterns as the floors.
#pragma once

#include <cstdint>

#include "bench/two_processes.hpp"

namespace zerobuffer::cli::bench {

/// Ring of the small workloads.
inline constexpr std::uint64_t small_ring_size = 1 << 20;

/// A 64-byte message there through one ring and back through another, default policy. Nanoseconds.
[[nodiscard]] Workload ring_round_trip(bool one_cpu);

/// 64-byte messages one way, each written by write() and published alone, or in batches of 16. Million per second.
[[nodiscard]] Workload ring_stream();
[[nodiscard]] Workload ring_stream_batch16();

/// Frames of frame_size (floors.hpp), written by copy and read in place, one byte of each page. Gigabytes per second.
[[nodiscard]] Workload ring_frames();

/// Rate of the first lap of a fresh pre-touched ring of 64 MiB over the median rate of the next four.
[[nodiscard]] Workload ring_first_lap();

}  // namespace zerobuffer::cli::bench
