// Our own figures: the library as a user of its documentation would use it, in the same patterns as the floors.
#pragma once

#include <cstdint>

#include "bench/ring_ends.hpp"
#include "bench/two_processes.hpp"

namespace zerobuffer::cli::bench {

/// A 64-byte message there through one ring and back through another. Nanoseconds.
[[nodiscard]] Workload ring_round_trip(bool one_cpu, WaitPolicy wait = WaitPolicy::spin_then_block);

/// 64-byte messages one way, each written by write() and published alone, or in batches of 16. Million per second.
[[nodiscard]] Workload ring_stream();
[[nodiscard]] Workload ring_stream_batch16();
/// 32-byte messages.
[[nodiscard]] Workload ring_stream32();
/// 64-byte messages; the reader tells the writer after so many (16 or 256) that it let them go, or after 256 of them or
/// 100 us.
[[nodiscard]] Workload ring_stream_acknowledged(unsigned frames);
[[nodiscard]] Workload ring_stream_acknowledged_by_time();

/// Frames of frame_size (floors.hpp), written by copy and read in place, one byte of each page. Gigabytes per second.
[[nodiscard]] Workload ring_frames();

/// Rate of the first lap of a fresh ring of 64 MiB over the median rate of the next four.
[[nodiscard]] Workload ring_first_lap(bool pre_touch = true);
/// What the later ones carry, in gigabytes per second.
[[nodiscard]] Workload ring_laps(bool huge_pages);

}  // namespace zerobuffer::cli::bench
