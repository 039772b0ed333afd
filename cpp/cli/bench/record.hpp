// The result format: one JSON line for each workload, with who was measured, how, on what, and how the repetitions
// spread. Later benchmarks write the same lines.
#pragma once

#include <string>
#include <vector>

#include "bench/placement.hpp"
#include "bench/statistics.hpp"
#include "report.hpp"

namespace zerobuffer::cli::bench {

/// Who is measured doing what.
struct Subject {
  std::string system;    ///< "zerobuffer", "floor", or a peer
  std::string workload;  ///< unique among all
  std::string unit;
  Json parameters;
  Workload sides;
  std::string family;  ///< what is compared across systems: "rtt", "one_way", "frames" ...
  bool brief = false;  ///< part of the plan that runs where nobody asks for more
};

/// All repetitions of a subject.
struct Record {
  Subject subject;
  std::vector<Measurement> repetitions;

  [[nodiscard]] std::vector<double> values() const;
  [[nodiscard]] Spread spread() const { return spread_of(values()); }
  /// Of what single operations took, each point the median of the repetitions.
  [[nodiscard]] Latency latency() const;
};

/// Processor, CPUs, kernel, and the library's version.
[[nodiscard]] Json describe_machine();

[[nodiscard]] Json spread_json(const Spread& spread);
[[nodiscard]] Json record_json(const Record& record, const Json& machine);

}  // namespace zerobuffer::cli::bench
