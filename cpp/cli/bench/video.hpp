// A camera: pictures of 1080p in RGB at a fixed rate through a ring of three, with the default policies. How long after
// it was sent a picture is there, how long after it was due, and what CPU time both sides spend beyond the copies.
#pragma once

#include "bench/plan.hpp"

namespace zerobuffer::cli::bench {

/// 30 to 1,000 pictures a second.
void add_video(Plan& plan);

}  // namespace zerobuffer::cli::bench
