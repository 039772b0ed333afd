// See processor.hpp.
#include "bench/processor.hpp"

#include "clock.hpp"

namespace zerobuffer::cli::bench {

double nanoseconds_per_tick() {
  static const double measured = [] {
    constexpr std::uint64_t long_enough_ns = 20'000'000;
    const std::uint64_t start_ns = monotonic_ns();
    const std::uint64_t start = ticks();
    std::uint64_t now_ns = start_ns;
    while (now_ns - start_ns < long_enough_ns) now_ns = monotonic_ns();
    return static_cast<double>(now_ns - start_ns) / static_cast<double>(ticks() - start);
  }();
  return measured;
}

}  // namespace zerobuffer::cli::bench
