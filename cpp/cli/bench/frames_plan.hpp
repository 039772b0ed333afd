// Which frames are measured through which rings, and what is compared. Must not know how.
#pragma once

#include "bench/plan.hpp"

namespace zerobuffer::cli::bench {

void add_frames(Plan& plan);

}  // namespace zerobuffer::cli::bench
