// One writer and up to sixteen readers, each a process of its own, each of which gets every frame.
#pragma once

#include "bench/plan.hpp"

namespace zerobuffer::cli::bench {

void add_readers(Plan& plan);

}  // namespace zerobuffer::cli::bench
