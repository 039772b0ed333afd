// What is measured and what is compared with what, and which of it is ours: the workloads of the library and the
// floors. Must not know how they are run.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/record.hpp"

namespace zerobuffer::cli::bench {

/// A figure over another one, measured directly one after the other. Any subject can be either.
struct Comparison {
  std::string ratio;             ///< its name, unique
  std::string ours;              ///< names of workloads
  std::string floor;             ///< empty: `ours` is a ratio in itself
  std::optional<double> target;  ///< none: it is reported only
  bool at_most = false;          ///< the ratio should stay below its target, else above
};

struct Plan {
  std::vector<Subject> subjects;
  std::vector<Comparison> comparisons;
};

/// The library and the floors. Programs that know more systems add them to it.
[[nodiscard]] Plan own_plan();

}  // namespace zerobuffer::cli::bench
