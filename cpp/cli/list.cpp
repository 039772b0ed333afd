// The command `list`: one line for each buffer of this user, also for those that cannot be read.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <iostream>
#include <vector>

#include "command.hpp"
#include "progress.hpp"
#include "report.hpp"
#include "state_json.hpp"
#include "zerobuffer/inspect.hpp"

namespace zerobuffer::cli {
namespace {

constexpr std::size_t column_count = 7;
using Row = std::array<std::string, column_count>;

std::string owner(const ParticipantState& participant) {
  std::string text(to_string(participant.presence));
  if (participant.presence == Presence::attached || participant.presence == Presence::dead) {
    text += " " + std::to_string(participant.pid);
  }
  return text;
}

Row row_of(const BufferState& state) {
  std::size_t attached = 0;
  std::size_t dead = 0;
  for (const ReaderState& reader : state.readers) {
    attached += reader.presence == Presence::attached ? 1 : 0;
    dead += reader.presence == Presence::dead ? 1 : 0;
  }
  for (const LaneState& lane : state.lanes) {
    attached += lane.presence == Presence::attached ? 1 : 0;
    dead += lane.presence == Presence::dead ? 1 : 0;
  }
  std::string readers = std::to_string(attached) + "/" + std::to_string(state.max_readers);
  if (dead != 0) readers += ", " + std::to_string(dead) + " dead";
  const double share =
      state.capacity == 0 ? 0 : static_cast<double>(state.used_bytes) / static_cast<double>(state.capacity);
  return {state.name,
          state.stale ? "stale" : state.state,
          owner(state.writer),
          readers,
          std::to_string(state.frames),
          human_bytes(static_cast<double>(state.capacity)),
          std::to_string(static_cast<int>(share * 100)) + " %"};
}

void print_table(const std::vector<Row>& rows) {
  std::array<std::size_t, column_count> widths{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < column_count; ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < column_count; ++i) line += row[i] + std::string(widths[i] + 2 - row[i].size(), ' ');
    line.erase(line.find_last_not_of(' ') + 1);
    std::cout << line << "\n";
  }
}

ExitCode list(bool as_json) {
  const Result<std::vector<std::string>> names = list_buffers();
  if (!names) {
    const Outcome outcome = Outcome::of(names.failure());
    print_message("list", "", outcome);
    return outcome.exit_code;
  }
  Json buffers = Json::array();
  std::vector<Row> rows{{"NAME", "STATE", "WRITER", "READERS", "FRAMES", "RING", "USED"}};
  std::vector<std::string> problems;
  for (const std::string& name : *names) {
    const Result<BufferState> state = dump_state(name);
    if (state.status() == Status::not_found) continue;  // it went away in between
    if (!state) {
      buffers.push_back({{"name", name}, {"problem", state.failure().message()}});
      problems.push_back(name + ": " + state.failure().message());
      continue;
    }
    buffers.push_back(state_json(*state, false));
    if (state->problem.empty()) {
      rows.push_back(row_of(*state));
    } else {
      problems.push_back(name + ": " + state->problem);
    }
  }
  if (as_json) {
    print_json({{"buffers", buffers}});
    return ExitCode::ok;
  }
  if (rows.size() > 1) print_table(rows);
  for (const std::string& problem : problems) std::cout << "cannot be read: " << problem << "\n";
  if (buffers.empty()) std::cerr << "no buffers\n";
  return ExitCode::ok;
}

}  // namespace

void add_list_command(CLI::App& program, ExitCode& exit_code) {
  auto as_json = std::make_shared<bool>(false);
  CLI::App* command = program.add_subcommand("list", "Show the buffers of this user, without taking a place in them");
  command->add_flag("--json", *as_json, "As JSON on standard output");
  command->footer(exit_code_table());
  command->callback([as_json, &exit_code] { exit_code = list(*as_json); });
}

}  // namespace zerobuffer::cli
