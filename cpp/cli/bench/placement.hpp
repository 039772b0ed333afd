// Finds a pair of CPUs whose caches are near each other, and lets a measurement count only while they are: a hypervisor
// moves virtual CPUs about, and a far pair measures the machine, not the software.
#pragma once

#include <chrono>
#include <vector>

#include "bench/two_processes.hpp"

namespace zerobuffer::cli::bench {

class Placement {
 public:
  /// Below this round trip of one cache line a pair is near.
  static constexpr double near_ns = 250;
  /// So long, all in all, a full run waits for a near pair.
  static constexpr std::chrono::seconds patience{20};

  /// Looks for a pair among the CPUs that this process may use. Throws std::runtime_error where it may use only one.
  explicit Placement(std::chrono::nanoseconds longest_wait);

  /// Runs the workload again and again until the pair was near before and after, or patience is at its end: then the
  /// placement is far, and stays so.
  [[nodiscard]] Measurement measure(const Workload& workload, std::chrono::nanoseconds duration);

  [[nodiscard]] bool far() const noexcept { return far_; }
  [[nodiscard]] CpuPair cpus() const noexcept { return cpus_; }
  /// The shortest round trip of one cache line that any probe saw.
  [[nodiscard]] double best_probe_ns() const noexcept { return best_probe_ns_; }

 private:
  /// Looks at all pairs; takes the nearest. @return whether it is near
  bool choose();
  [[nodiscard]] bool near(double probe_ns);

  std::chrono::nanoseconds longest_wait_;
  std::vector<int> allowed_;
  CpuPair cpus_;
  double best_probe_ns_ = 0;
  std::chrono::nanoseconds waited_{0};
  bool far_ = false;
};

}  // namespace zerobuffer::cli::bench
