// A drawing of the ring: what lies where, and who stands where. Copes with any values in the state.
#pragma once

#include <cstddef>
#include <string>

#include "zerobuffer/inspect.hpp"

namespace zerobuffer::cli {

/// Several lines: the ring as one row of `width` cells, and a row for each participant's place in it.
[[nodiscard]] std::string draw_ring(const BufferState& state, std::size_t width);

}  // namespace zerobuffer::cli
