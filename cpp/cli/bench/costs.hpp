// Single costs: what one wrap, one wake-up, one barrier, one fence, one look at the clock takes, what acknowledging
// less often brings, and what huge pages and touching pages in advance do.
#pragma once

#include "bench/plan.hpp"

namespace zerobuffer::cli::bench {

void add_costs(Plan& plan);

}  // namespace zerobuffer::cli::bench
