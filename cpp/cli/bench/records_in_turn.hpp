// What it costs how far apart the records of a ring lie, and how many there are before it begins again: a floor each.
// Must not know the library.
#pragma once

#include "bench/plan.hpp"

namespace zerobuffer::cli::bench {

void add_records_in_turn(Plan& plan);

}  // namespace zerobuffer::cli::bench
