// Configurations for common needs.
#include "zerobuffer/config.hpp"

#include <algorithm>
#include <limits>

#include "protocol/layout.hpp"

namespace zerobuffer {

BufferConfig BufferConfig::for_frames(std::uint64_t frame_size, std::uint32_t in_flight) {
  BufferConfig config;
  if (frame_size == 0 || frame_size > protocol::max_capacity) {  // refused with its number when the buffer is created
    config.payload_size = frame_size;
    return config;
  }
  // one record more than in flight: the one that is being written
  const std::uint64_t record = protocol::record_length(frame_size);
  const std::uint64_t records = std::uint64_t{std::max(in_flight, 1U)} + 1;
  if (record > std::numeric_limits<std::uint64_t>::max() / records) {  // refused too
    config.payload_size = std::numeric_limits<std::uint64_t>::max();
    return config;
  }
  config.payload_size = record * records - protocol::header_size;
  config.burst_size = record * (records - 1);
  return config;
}

}  // namespace zerobuffer
