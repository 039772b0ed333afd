// Frames from 64 KB to 64 MB between two processes: copied in or written in place, read in place or copied out, through
// small rings and large ones, by readers that keep up, hold frames, or lag.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bench/two_processes.hpp"

namespace zerobuffer::cli::bench {

/// How frames travel in a workload.
struct FrameFlow {
  std::size_t frame_bytes = 0;
  std::uint64_t ring_bytes = 0;  ///< 0: a ring for just three frames in flight, BufferConfig::for_frames
  bool walks_through =
      false;                ///< No early restart: every lap goes through the whole ring. Else three frames have room.
  bool in_place = false;    ///< The payload is stored where it lies, whole; else write() copies it in.
  bool copied_out = false;  ///< The reader copies all of it into warm memory; else it looks at a byte of each page.
  unsigned held = 0;        ///< So many frames the reader holds beside the one it looks at.
  unsigned behind = 0;      ///< So many frames the reader stays behind.
};

/// Gigabytes of payload per second, as the reader sees them.
[[nodiscard]] Workload frame_stream(const FrameFlow& flow);

}  // namespace zerobuffer::cli::bench
