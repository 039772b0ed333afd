// The commands of the program: each adds itself to the argument parser and leaves its exit code when it has run.
#pragma once

#include <CLI/CLI.hpp>

#include "exit_code.hpp"

namespace zerobuffer::cli {

void add_write_command(CLI::App& program, ExitCode& exit_code);
void add_read_command(CLI::App& program, ExitCode& exit_code);
void add_list_command(CLI::App& program, ExitCode& exit_code);
void add_dump_command(CLI::App& program, ExitCode& exit_code);
void add_clean_command(CLI::App& program, ExitCode& exit_code);
void add_bench_command(CLI::App& program, ExitCode& exit_code);

}  // namespace zerobuffer::cli
