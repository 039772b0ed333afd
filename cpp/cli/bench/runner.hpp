// Runs a plan, or the part of it that was asked for, and reports it: what `zerobuffer bench` and every other program
// that measures in the same way have in common. Must not know single workloads.
#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

#include "bench/plan.hpp"
#include "exit_code.hpp"

namespace zerobuffer::cli::bench {

struct BenchOptions {
  std::vector<std::string> only;    ///< Names of workloads or ratios.
  std::vector<std::string> groups;  ///< Names of families.
  bool all = false;                 ///< With none of these three: what the plan calls brief.
  unsigned repetitions = 11;
  double limit_s = 0;  ///< No new repetition of anything is begun after it; 0: 48 s for the brief plan, else none.
  bool short_run = false;
  bool json = false;
};

/// Adds the options and the exit codes to a command or program.
void add_bench_options(CLI::App& command, BenchOptions& options);

/// Measures and prints. Where a stop signal came (signals.hpp; the program catches them) it ends with the signal's
/// code.
[[nodiscard]] ExitCode run_plan(const Plan& plan, const BenchOptions& options);

}  // namespace zerobuffer::cli::bench
