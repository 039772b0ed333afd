// How an end of a duplex channel attaches and waits: what its configuration says of that, as that of any buffer. Knows
// nothing of sizes and lanes.
#pragma once

#include "zerobuffer/config.hpp"
#include "zerobuffer/duplex.hpp"

namespace zerobuffer::duplex {

[[nodiscard]] inline BufferConfig behaviour_of(const DuplexConfig& config) noexcept {
  BufferConfig behaviour;
  behaviour.huge_pages = config.huge_pages;
  behaviour.exist_ok = config.exist_ok;
  behaviour.wait = config.wait;
  behaviour.spin_pauses = config.spin_pauses;
  behaviour.pre_touch = config.pre_touch;
  behaviour.lock_in_memory = config.lock_in_memory;
  behaviour.join = JoinAt::now;
  return behaviour;
}

}  // namespace zerobuffer::duplex
