// Which workloads there are, and which figure of ours is compared with which floor. Must not know how they are run.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/record.hpp"

namespace zerobuffer::cli::bench {

/// A figure of ours over a floor, or over another figure of ours, measured in turn.
struct Comparison {
  std::string ratio;             ///< its name
  std::string ours;              ///< names of workloads
  std::string floor;             ///< empty: `ours` is a ratio in itself
  std::optional<double> target;  ///< none: it is reported only
  bool at_most = false;          ///< the ratio should stay below its target, else above
};

[[nodiscard]] std::vector<Subject> all_subjects();
[[nodiscard]] std::vector<Comparison> all_comparisons();

}  // namespace zerobuffer::cli::bench
