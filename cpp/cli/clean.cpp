// The command `clean`: removes buffers that are proved dead, leaves the others and says why.
#include <CLI/CLI.hpp>
#include <iostream>
#include <vector>

#include "command.hpp"
#include "report.hpp"
#include "zerobuffer/inspect.hpp"

namespace zerobuffer::cli {
namespace {

struct CleanOptions {
  std::vector<std::string> names;
  bool all = false;
  bool json = false;
};

ExitCode clean(const CleanOptions& options) {
  std::vector<std::string> names = options.names;
  if (options.all) {
    Result<std::vector<std::string>> found = list_buffers();
    if (!found) {
      const Outcome outcome = Outcome::of(found.failure());
      print_message("clean", "", outcome);
      return outcome.exit_code;
    }
    names = std::move(*found);
  }
  ExitCode exit_code = ExitCode::ok;
  Json removed = Json::array();
  Json left = Json::array();
  for (const std::string& name : names) {
    const Result<void> result = remove_dead(name);
    if (result) {
      removed.push_back(name);
      if (!options.json) std::cout << "removed " << name << "\n";
      continue;
    }
    if (options.all && result.status() == Status::not_found) continue;  // it went away in between
    const Outcome outcome = Outcome::of(result.failure());
    left.push_back({{"name", name}, {"status", outcome.status}, {"message", outcome.message}});
    if (!options.json) std::cout << "left " << name << ": " << outcome.message << "\n";
    // Who cleans everything expects that the living stay; who names a buffer wants to know that it is still there.
    const bool expected = options.all && result.status() == Status::already_exists;
    if (exit_code == ExitCode::ok && !expected) exit_code = outcome.exit_code;
  }
  if (options.json) {
    print_json(
        {{"command", "clean"}, {"removed", removed}, {"left", left}, {"exit_code", static_cast<int>(exit_code)}});
  }
  return exit_code;
}

}  // namespace

void add_clean_command(CLI::App& program, ExitCode& exit_code) {
  auto options = std::make_shared<CleanOptions>();
  CLI::App* command = program.add_subcommand("clean", "Remove buffers that nobody alive uses, and nothing else");
  auto* names = command->add_option("names", options->names, "Names of buffers");
  command->add_flag("--all", options->all, "All buffers of this user")->excludes(names);
  command->add_flag("--json", options->json, "What was removed and what was left, as JSON on standard output");
  command->footer(exit_code_table());
  command->callback([options, &exit_code] {
    if (options->names.empty() && !options->all) throw CLI::RequiredError("a name or --all");
    exit_code = clean(*options);
  });
}

}  // namespace zerobuffer::cli
