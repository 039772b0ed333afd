// What it takes to make a buffer, to attach to it, until its first frame is there, and to close it.
#pragma once

#include "bench/plan.hpp"

namespace zerobuffer::cli::bench {

void add_life(Plan& plan);

}  // namespace zerobuffer::cli::bench
