// The other systems, each in a file of its own: an endpoint for the loops that our own workloads run, set up as well as
// we know how. Must not know how rows are measured.
#pragma once

#include "bench/plan.hpp"

namespace zerobuffer::peers {

void add_pipe(cli::bench::Plan& plan);
void add_unix_socket(cli::bench::Plan& plan);
void add_boost_queue(cli::bench::Plan& plan);
void add_iceoryx(cli::bench::Plan& plan);
void add_zeromq(cli::bench::Plan& plan);
void add_nng(cli::bench::Plan& plan);
void add_shmsink(cli::bench::Plan& plan);

}  // namespace zerobuffer::peers
