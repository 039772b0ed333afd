// How the two sides of our measurements come to their rings: one that the first side writes, or one for each direction.
#pragma once

#include "bench/two_processes.hpp"
#include "zerobuffer/zerobuffer.hpp"

namespace zerobuffer::cli::bench {

inline constexpr std::chrono::seconds connect_timeout{5};

/// Ring of the small workloads.
inline constexpr std::uint64_t small_ring_size = 1 << 20;

[[nodiscard]] inline BufferConfig small_ring() {
  BufferConfig config;
  config.payload_size = small_ring_size;
  return config;
}

/// Two rings, one for each direction.
struct RingEnds {
  RingEnds(Session& session, bool first, const BufferConfig& config) {
    const std::string request = session.ring_name() + ".request";
    const std::string response = session.ring_name() + ".response";
    if (first) {
      writer = Writer::create(request, config).value();
      reader = Reader::create(response, config).value();
      session.meet();
    } else {
      session.meet();
      reader = Reader::open(request, connect_timeout, config).value();
      writer = Writer::open(response, connect_timeout, config).value();
    }
    session.meet();
  }
  Writer writer;
  Reader reader;
};

/// One ring; the first side writes.
struct RingEnd {
  RingEnd(Session& session, bool first, const BufferConfig& config) {
    if (first) {
      writer = Writer::create(session.ring_name(), config).value();
      session.meet();
    } else {
      session.meet();
      reader = Reader::open(session.ring_name(), connect_timeout, config).value();
    }
    session.meet();
  }
  Writer writer;
  Reader reader;
};

}  // namespace zerobuffer::cli::bench
