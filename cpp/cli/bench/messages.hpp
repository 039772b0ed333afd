// Small and middle-sized messages through our rings: there and back and one way, by size, by wait policy, on one CPU
// and two, on a machine that is idle, busy or limited.
#pragma once

#include "bench/plan.hpp"

namespace zerobuffer::cli::bench {

/// Adds these workloads, and compares them with the floors of the brief plan.
void add_messages(Plan& plan);

}  // namespace zerobuffer::cli::bench
