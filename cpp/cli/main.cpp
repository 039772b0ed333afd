// The program `zerobuffer`: parses the arguments and runs one command. An ordinary user of the library's public
// headers.
#include <cstdio>
#include <exception>
#include <iostream>

#include "command.hpp"
#include "signals.hpp"
#include "zerobuffer/version.hpp"

int main(int argc, char** argv) {
  using zerobuffer::cli::ExitCode;
  CLI::App program("Frames between processes through shared memory, without copying.", "zerobuffer");
  program.set_version_flag("--version", "zerobuffer " + std::string(zerobuffer::library_version()) + ", protocol " +
                                            std::string(zerobuffer::protocol_version()));
  program.require_subcommand(1);
  program.footer(zerobuffer::cli::exit_code_table());
  ExitCode exit_code = ExitCode::ok;
  zerobuffer::cli::add_write_command(program, exit_code);
  zerobuffer::cli::add_read_command(program, exit_code);
  zerobuffer::cli::add_list_command(program, exit_code);
  zerobuffer::cli::add_dump_command(program, exit_code);
  zerobuffer::cli::add_clean_command(program, exit_code);
  zerobuffer::cli::add_bench_command(program, exit_code);

  zerobuffer::cli::catch_stop_signals();
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::usage);
  } catch (const std::exception& error) {
    std::cerr << "zerobuffer: " << error.what() << "\n";
    return static_cast<int>(ExitCode::failed);
  }
  return static_cast<int>(exit_code);
}
