// The program: parses the command line of relay/README.md and runs one verb.
#include <iostream>

#include "options.hpp"
#include "outcome.hpp"
#include "stop.hpp"
#include "verbs.hpp"

int main(int argc, char** argv) {
  namespace relay = zerobuffer::relay;
  CLI::App program(
      "Passes frames on from buffer to buffer, writes them and reads them, serves calls and makes them "
      "(relay/README.md).");
  bool print_defaults = false;
  program.add_flag("--defaults", print_defaults, "Print the table of defaults as JSON");
  program.require_subcommand(0, 1);

  relay::RelayOptions relay_options;
  relay::WriteOptions write_options;
  relay::ReadOptions read_options;
  relay::ServeOptions serve_options;
  relay::CallOptions call_options;
  CLI::App* relay_verb = program.add_subcommand("relay", "Frames of one buffer into another");
  CLI::App* write_verb = program.add_subcommand("write", "Frames from a pattern or a file");
  CLI::App* read_verb = program.add_subcommand("read", "Frames taken, checked, digested");
  CLI::App* serve_verb = program.add_subcommand("serve", "Requests answered");
  CLI::App* call_verb = program.add_subcommand("call", "Requests sent, their answers checked");
  relay_options.add_to(*relay_verb);
  write_options.add_to(*write_verb);
  read_options.add_to(*read_verb);
  serve_options.add_to(*serve_verb);
  call_options.add_to(*call_verb);
  try {
    program.parse(argc, argv);
    if (!print_defaults && program.get_subcommands().empty()) throw CLI::RequiredError("A verb");
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == 0 ? 0 : static_cast<int>(relay::ExitCode::usage);
  }
  if (print_defaults) {
    std::cout << relay::defaults().dump() << std::endl;
    return 0;
  }
  relay::catch_stop_signals();
  if (relay_verb->parsed()) return run(relay_options);
  if (write_verb->parsed()) return run(write_options);
  if (read_verb->parsed()) return run(read_options);
  if (serve_verb->parsed()) return run(serve_options);
  return run(call_options);
}
