// See placement.hpp.
#include "bench/placement.hpp"

#include <sched.h>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <thread>

#include "signals.hpp"

namespace zerobuffer::cli::bench {
namespace {

/// On a large machine the pairs among the first CPUs are enough.
constexpr std::size_t most_cpus = 8;

using Clock = std::chrono::steady_clock;

}  // namespace

Placement::Placement(std::chrono::nanoseconds longest_wait) : longest_wait_(longest_wait) {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE && allowed_.size() < most_cpus; ++cpu) {
      if (CPU_ISSET(static_cast<std::size_t>(cpu), &set)) allowed_.push_back(cpu);
    }
  }
  if (allowed_.size() < 2)
    throw std::runtime_error("the measurements need two CPUs, and this process may use only one");
  const auto start = Clock::now();
  while (!choose()) {
    if (stop_requested()) throw std::runtime_error("interrupted");
    waited_ = Clock::now() - start;
    if (waited_ >= longest_wait_) {
      far_ = true;
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

bool Placement::choose() {
  double best = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < allowed_.size(); ++i) {
    for (std::size_t j = i + 1; j < allowed_.size(); ++j) {
      const CpuPair pair{allowed_[i], allowed_[j]};
      const double probe_ns = probe_cpus(pair);
      if (probe_ns < best) {
        best = probe_ns;
        cpus_ = pair;
      }
    }
  }
  return near(best);
}

bool Placement::near(double probe_ns) {
  if (best_probe_ns_ == 0 || probe_ns < best_probe_ns_) best_probe_ns_ = probe_ns;
  return probe_ns < near_ns;
}

Measurement Placement::measure(const Workload& workload, std::chrono::nanoseconds duration) {
  for (;;) {
    const auto start = Clock::now();
    const RunResult result = run_two_processes(workload, cpus_, duration);
    if (workload.one_cpu || far_) return result.measurement;
    if (near(result.probe_before_ns) && near(result.probe_after_ns)) return result.measurement;
    choose();
    waited_ += Clock::now() - start;
    if (waited_ >= longest_wait_) {
      far_ = true;
      return result.measurement;
    }
  }
}

}  // namespace zerobuffer::cli::bench
