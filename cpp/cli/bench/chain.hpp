// Frames through a chain of relays that pass every frame on unchanged: by descriptor, or by copying it.
#pragma once

#include "bench/two_processes.hpp"

namespace zerobuffer::cli::bench {

/// Relays between the writer and the reader.
inline constexpr unsigned chained_relays = 3;

/// Frames of frame_size (floors.hpp), written by copy; one process writes, the other relays, a thread for each relay,
/// and reads at the end, one byte of each page. Gigabytes per second.
[[nodiscard]] Workload relay_chain(bool shared);

}  // namespace zerobuffer::cli::bench
