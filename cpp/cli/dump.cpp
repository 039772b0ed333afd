// The command `dump`: everything that can be seen of one buffer from outside, with a drawing of its ring.
#include <CLI/CLI.hpp>
#include <iostream>

#include "command.hpp"
#include "progress.hpp"
#include "report.hpp"
#include "ring_drawing.hpp"
#include "state_json.hpp"
#include "zerobuffer/inspect.hpp"

namespace zerobuffer::cli {
namespace {

struct DumpOptions {
  std::string name;
  std::size_t width = 64;
  std::size_t records = 10;
  bool json = false;
};

void print_participant(const char* role, const ParticipantState& participant) {
  std::cout << role << to_string(participant.presence);
  if (participant.presence != Presence::never_attached) {
    std::cout << ", pid " << participant.pid << ", epoch " << participant.epoch;
  }
}

// The buffer with this id, as people call it.
std::string name_of(const std::string& segment_id) {
  const Result<std::vector<std::string>> names = list_buffers();
  for (std::size_t i = 0; names.ok() && i < names->size(); ++i) {
    const Result<BufferState> state = dump_state((*names)[i]);
    if (state.ok() && state->segment_id == segment_id) return (*names)[i];
  }
  return "a buffer of id " + segment_id;
}

// Who looks at frames of this buffer for another one, and whose frames this one shows.
void print_sharing(const BufferState& state) {
  for (const PinState& pin : state.pins) {
    print_participant(("pin " + std::to_string(pin.slot) + (pin.slot < 10 ? "      " : "     ")).c_str(), pin);
    if (pin.presence != Presence::closed) {
      std::cout << ", for a reader of " << name_of(pin.pinned_for)
                << (pin.holds ? ", holds from position " + std::to_string(pin.position) : std::string(", idle"));
    }
    std::cout << "\n";
  }
  for (const SourceState& source : state.sources) {
    std::cout << "source " << source.index << (source.index < 10 ? "   " : "  ") << source.name << ", id "
              << source.segment_id << ", named before position " << source.last_pos << "\n";
  }
}

// A channel for calls: who serves, who calls, and what is on its way.
void print_duplex(const BufferState& state) {
  std::cout << "kind       " << state.kind << ", largest request " << state.max_frame_size << " bytes, "
            << state.lanes.size() << " of " << state.max_readers << " lanes were used\n"
            << "segment    " << state.segment_size << " bytes, id " << state.segment_id << "\n";
  print_participant("server     ", state.writer);
  std::cout << "\n";
  for (const LaneState& lane : state.lanes) {
    print_participant(("lane " + std::to_string(lane.lane) + (lane.lane < 10 ? "     " : "    ")).c_str(), lane);
    if (lane.state == "broken") std::cout << ", broken";
    std::cout << ", client " << lane.client << ", " << lane.sent << " sent, " << lane.answered << " answered, "
              << lane.waiting << " waiting (" << lane.begun << " begun); positions sent " << lane.sent_pos
              << ", answered " << lane.answered_pos << ", let go " << lane.let_go_pos;
    if (lane.calls_sent != 0)
      std::cout << "; " << lane.calls_sent << " calls back, " << lane.calls_waiting << " waiting";
    if (!lane.problem.empty()) std::cout << "; problem: " << lane.problem;
    std::cout << "\n";
  }
}

void print_state(const BufferState& state, const DumpOptions& options) {
  std::cout << "buffer     " << state.name << "\n"
            << "state      " << state.state << (state.stale ? ", stale: nobody alive uses it" : "") << "\n"
            << "file       " << state.file_size << " bytes, " << state.allocated_bytes << " allocated\n";
  if (!state.problem.empty()) {
    std::cout << "problem    " << state.problem << "\n";
    return;
  }
  if (state.kind != "stream") return print_duplex(state);
  std::cout << "segment    " << state.segment_size << " bytes, id " << state.segment_id << "\n"
            << "ring       " << state.capacity << " bytes, " << state.used_bytes << " used ("
            << state.used_bytes * 100 / std::max<std::uint64_t>(state.capacity, 1) << " %), largest frame "
            << state.max_frame_size << "\n"
            << "metadata   " << (state.metadata_written ? std::to_string(state.metadata_used) + " bytes" : "none yet")
            << ", room for " << state.metadata_size << "\n"
            << "positions  written " << state.write_pos << ", reclaimed " << state.reclaim_pos << ", counted from "
            << state.origin_pos << "\n"
            << "counts     " << state.frames << " frames, " << state.dropped << " dropped, " << state.wraps
            << " wraps, " << state.readers_lost << " readers lost\n"
            << "blocked    " << state.blocked_count << " times, " << static_cast<double>(state.blocked_ns) * 1e-9
            << " s\n";
  print_participant("writer     ", state.writer);
  std::cout << (state.writer_waiting ? ", waits for room\n" : "\n");
  for (const ReaderState& reader : state.readers) {
    if (reader.presence == Presence::never_attached) continue;
    print_participant(("reader " + std::to_string(reader.slot) + (reader.slot < 10 ? "   " : "  ")).c_str(), reader);
    std::cout << ", let go up to frame " << reader.read_count << ", " << reader.unread_bytes << " bytes unread";
    if (reader.lost != 0) std::cout << ", " << reader.lost << " lost";
    if (reader.skipped != 0) std::cout << ", " << reader.skipped << " skipped";
    std::cout << (reader.waiting ? ", waits for a frame\n" : "\n");
  }
  print_sharing(state);
  std::cout << "\n" << draw_ring(state, options.width);
  std::size_t shown = 0;
  for (const RecordState& record : state.records) {
    if (shown++ == options.records) {
      std::cout << "  ... " << state.records.size() - options.records << " more (--records)\n";
      break;
    }
    std::cout << "  at " << record.position << ": ";
    if (record.padding) {
      std::cout << "padding, " << record.length << " bytes of ring\n";
    } else {
      std::cout << "frame " << record.sequence << ", " << record.size << " bytes (" << record.length
                << " of ring), type " << record.type << ", tag " << record.tag;
      if (record.shared) {
        std::cout << ", is frame " << record.source_sequence << " of source " << record.source << " at "
                  << record.source_position;
      }
      std::cout << "\n";
    }
  }
}

ExitCode dump(const DumpOptions& options) {
  const Result<BufferState> state = dump_state(options.name);
  if (!state) {
    const Outcome outcome = Outcome::of(state.failure());
    print_message("dump", options.name, outcome);
    if (options.json) {
      Json json{{"name", options.name}};
      add_outcome(json, outcome);
      print_json(json);
    }
    return outcome.exit_code;
  }
  if (options.json) {
    print_json(state_json(*state, true));
  } else {
    print_state(*state, options);
  }
  return state->problem.empty() ? ExitCode::ok : ExitCode::refused;
}

}  // namespace

void add_dump_command(CLI::App& program, ExitCode& exit_code) {
  auto options = std::make_shared<DumpOptions>();
  CLI::App* command = program.add_subcommand("dump", "Show all about one buffer, without taking a place in it");
  command->add_option("name", options->name, "Name of the buffer")->required();
  command->add_option("--width", options->width, "Cells of the drawing")
      ->capture_default_str()
      ->check(CLI::Range(8, 1000));
  command->add_option("--records", options->records, "List so many records (JSON has them all, up to 1,000)")
      ->capture_default_str();
  command->add_flag("--json", options->json, "As JSON on standard output");
  command->footer(exit_code_table());
  command->callback([options, &exit_code] { exit_code = dump(*options); });
}

}  // namespace zerobuffer::cli
