// The command `bench`: the library and the floors, measured in turn.
#include <CLI/CLI.hpp>

#include <memory>

#include "bench/runner.hpp"
#include "command.hpp"

namespace zerobuffer::cli {

void add_bench_command(CLI::App& program, ExitCode& exit_code) {
  auto options = std::make_shared<bench::BenchOptions>();
  CLI::App* command = program.add_subcommand(
      "bench", "Measure between two processes what the machine can do and what the library makes of it");
  bench::add_bench_options(*command, *options);
  command->callback([options, &exit_code] { exit_code = bench::run_plan(bench::own_plan(), *options); });
}

}  // namespace zerobuffer::cli
