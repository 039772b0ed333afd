// The program `zerobuffer-bench-peers`: measures other systems in the loops of `zerobuffer bench`, each in turn with
// the workload of ours that it is compared with. Owns what all peers need beside them: RouDi, and tidying up.
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>
#include <optional>
#include <set>

#include "bench/runner.hpp"
#include "peers.hpp"
#include "place.hpp"
#include "roudi.hpp"
#include "signals.hpp"

namespace zerobuffer::peers {
namespace {

using cli::ExitCode;
using cli::bench::BenchOptions;
using cli::bench::Plan;
using cli::bench::Subject;

/// The peers, and of ours what they are compared with.
Plan peer_plan() {
  Plan peers;
  for (const auto add : {add_pipe, add_unix_socket, add_boost_queue, add_iceoryx, add_zeromq, add_nng, add_shmsink}) {
    add(peers);
  }
  std::set<std::string> compared;
  for (const auto& comparison : peers.comparisons) compared.insert(comparison.ours);
  Plan plan;
  for (Subject& subject : cli::bench::own_plan().subjects) {
    if (compared.count(subject.workload) != 0) plan.subjects.push_back(std::move(subject));
  }
  plan.subjects.insert(plan.subjects.end(), peers.subjects.begin(), peers.subjects.end());
  plan.comparisons = std::move(peers.comparisons);
  return plan;
}

bool needs_roudi(const Plan& plan, const BenchOptions& options) {
  const auto is_ours = [&](const std::string& name) {
    return std::any_of(plan.subjects.begin(), plan.subjects.end(), [&](const Subject& subject) {
      return subject.workload == name && subject.system == "zerobuffer";
    });
  };
  return options.all || !options.groups.empty() ||
         std::any_of(options.only.begin(), options.only.end(), [&](const std::string& name) {
           // A workload of ours brings all that it is compared with.
           return name.find("iceoryx") != std::string::npos || is_ours(name);
         });
}

ExitCode run(BenchOptions options) {
  if (options.only.empty() && options.groups.empty()) options.all = true;
  const Plan plan = peer_plan();
  const Sweep sweep;
  std::optional<RouDi> roudi;
  if (needs_roudi(plan, options)) roudi.emplace();
  return run_plan(plan, options);
}

}  // namespace
}  // namespace zerobuffer::peers

int main(int argc, char** argv) {
  using zerobuffer::cli::ExitCode;
  CLI::App program("Measure other systems between two processes, each in turn with what the library makes of the same.",
                   "zerobuffer-bench-peers");
  zerobuffer::cli::bench::BenchOptions options;
  zerobuffer::cli::bench::add_bench_options(program, options);
  zerobuffer::cli::catch_stop_signals();
  try {
    program.parse(argc, argv);
    return static_cast<int>(zerobuffer::peers::run(options));
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::usage);
  } catch (const std::exception& error) {
    std::cerr << "zerobuffer-bench-peers: " << error.what() << "\n";
    return static_cast<int>(zerobuffer::cli::stop_requested() ? zerobuffer::cli::stop_exit_code() : ExitCode::failed);
  }
}
