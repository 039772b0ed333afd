// Small messages, many in one call: what the languages' batches are compared with.
#pragma once

#include "bench/plan.hpp"

namespace zerobuffer::cli::bench {

/// Adds the workload stream64_batch.
void add_batches(Plan& plan);

}  // namespace zerobuffer::cli::bench
