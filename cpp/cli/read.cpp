// The command `read`: frames go from the ring straight into a file or standard output, or are only counted.
#include <CLI/CLI.hpp>
#include <iostream>
#include <map>
#include <optional>
#include <system_error>
#include <vector>

#include "buffer_options.hpp"
#include "byte_sink.hpp"
#include "clock.hpp"
#include "command.hpp"
#include "latency_histogram.hpp"
#include "progress.hpp"
#include "report.hpp"
#include "signals.hpp"
#include "zerobuffer/reader.hpp"

namespace zerobuffer::cli {
namespace {

struct ReadOptions {
  BufferOptions buffer;
  std::string output;
  std::uint64_t frames = 0;
  bool newest = false;
  bool latency = false;
  std::string metadata_file;
  bool json = false;
};

class ReadRun {
 public:
  explicit ReadRun(const ReadOptions& options) : options_(options) {}

  ExitCode run() {
    Outcome outcome;
    try {
      outcome = transfer();
    } catch (const std::system_error& error) {
      outcome = {ExitCode::failed, "system_error", error.what()};
    }
    print_message("read", options_.buffer.name, outcome);
    if (options_.json) {
      print_json(summary(outcome), options_.output == "-" || options_.metadata_file == "-");
    } else if (attached_) {
      print_summary();
    }
    return outcome.exit_code;
  }

 private:
  Outcome transfer() {
    if (!options_.output.empty()) output_.emplace(options_.output);
    std::optional<ByteSink> metadata_output;
    if (!options_.metadata_file.empty()) metadata_output.emplace(options_.metadata_file);

    Result<Reader> attached = attach<Reader>(options_.buffer, options_.buffer.resolve(0));
    if (!attached) return Outcome::of(attached.failure());
    Reader reader = std::move(*attached);
    attached_ = true;

    Progress progress("read " + options_.buffer.name, totals_, [&] {
      return static_cast<double>(reader.stats().unread_bytes) / static_cast<double>(reader.info().capacity);
    });
    reader.set_wait_hook(Progress::wait_hook, &progress);
    Outcome outcome;
    if (metadata_output) outcome = copy_metadata(reader, *metadata_output);
    if (outcome.ok()) outcome = receive_all(reader, progress);
    reader.set_wait_hook(nullptr, nullptr);
    stats_ = reader.stats();
    reader.close();
    return outcome;
  }

  Outcome copy_metadata(Reader& reader, ByteSink& output) {
    const Result<std::vector<std::byte>> metadata = reader.metadata(to_timeout(options_.buffer.timeout));
    if (!metadata) return Outcome::of(metadata.failure());
    metadata_bytes_ = (*metadata).size();
    if (!output.write(*metadata)) return {stop_exit_code(), "interrupted", ""};
    return {};
  }

  Outcome receive_all(Reader& reader, Progress& progress) {
    const auto timeout = to_timeout(options_.buffer.timeout);
    std::uint64_t start_ns = 0;
    while (options_.frames == 0 || totals_.frames < options_.frames) {
      if (stop_requested()) return {stop_exit_code(), "interrupted", ""};
      Result<Frame> frame = options_.newest ? reader.read_newest(timeout) : reader.read(timeout);
      if (frame.status() == Status::frame_lost) continue;  // it is counted; the next one may be there
      if (!frame) return Outcome::of(frame.failure());
      if (options_.latency) latency_.add(age_of(*frame));
      if (totals_.frames == 0) {
        start_ns = monotonic_ns();
        first_sequence_ = frame->sequence();
      }
      if (output_ && !output_->write(frame->data())) return {stop_exit_code(), "interrupted", ""};
      last_sequence_ = frame->sequence();
      ++totals_.frames;
      totals_.bytes += frame->size();
      frame->release();
      seconds_ = static_cast<double>(monotonic_ns() - start_ns) * 1e-9;
      progress.tick();
    }
    return {};
  }

  [[nodiscard]] static std::uint64_t age_of(const Frame& frame) noexcept {
    const std::uint64_t now = monotonic_ns();
    return now > frame.tag() ? now - frame.tag() : 0;
  }

  void print_summary() const {
    std::cerr << "read " << totals_.frames << " frames, " << human_bytes(static_cast<double>(totals_.bytes)) << " in "
              << seconds_ << " s";
    if (stats_.lost != 0) std::cerr << ", " << stats_.lost << " lost";
    if (stats_.skipped != 0) std::cerr << ", " << stats_.skipped << " skipped";
    if (stats_.dropped != 0) std::cerr << ", " << stats_.dropped << " dropped by the writer";
    if (latency_.count() != 0) {
      std::cerr << ", latency p50 " << static_cast<double>(latency_.percentile(0.5)) * 1e-3 << " us, p99 "
                << static_cast<double>(latency_.percentile(0.99)) * 1e-3 << " us";
    }
    std::cerr << "\n";
  }

  [[nodiscard]] Json summary(const Outcome& outcome) const {
    Json json{{"command", "read"},
              {"buffer", options_.buffer.name},
              {"frames", totals_.frames},
              {"bytes", totals_.bytes},
              {"seconds", seconds_},
              {"frames_per_second", seconds_ > 0 ? static_cast<double>(totals_.frames) / seconds_ : 0},
              {"bytes_per_second", seconds_ > 0 ? static_cast<double>(totals_.bytes) / seconds_ : 0},
              {"first_sequence", first_sequence_},
              {"last_sequence", last_sequence_},
              {"lost", stats_.lost},
              {"skipped", stats_.skipped},
              {"dropped", stats_.dropped},
              {"metadata_bytes", metadata_bytes_}};
    if (options_.latency) {
      const auto microseconds = [](std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) * 1e-3; };
      json["latency_us"] = {{"p50", microseconds(latency_.percentile(0.5))},
                            {"p99", microseconds(latency_.percentile(0.99))},
                            {"p999", microseconds(latency_.percentile(0.999))},
                            {"max", microseconds(latency_.max())},
                            {"frames", latency_.count()}};
    }
    add_outcome(json, outcome);
    return json;
  }

  const ReadOptions& options_;
  std::optional<ByteSink> output_;
  Totals totals_;
  ReaderStats stats_;
  LatencyHistogram latency_;
  bool attached_ = false;
  double seconds_ = 0;
  std::uint64_t first_sequence_ = 0;
  std::uint64_t last_sequence_ = 0;
  std::uint64_t metadata_bytes_ = 0;
};

}  // namespace

void add_read_command(CLI::App& program, ExitCode& exit_code) {
  auto options = std::make_shared<ReadOptions>();
  CLI::App* command =
      program.add_subcommand("read", "Receive frames into a file or standard output, or only count them");
  options->buffer.add_to(*command);
  command->add_option("--output", options->output, "File to write, - for standard output (default: only count)")
      ->type_name("FILE");
  command->add_option("--frames", options->frames, "Stop after so many frames (0: at the end of the stream)")
      ->capture_default_str();
  command->add_flag("--newest", options->newest, "Always take the newest frame and count those passed over");
  command->add_flag("--latency", options->latency,
                    "The frames come from write --stamp: tell how old they are on arrival");
  command->add_option("--metadata", options->metadata_file, "Wait for the metadata and write it to this file")
      ->type_name("FILE");
  const std::map<std::string, JoinAt> places{
      {"automatic", JoinAt::automatic}, {"now", JoinAt::now}, {"oldest", JoinAt::oldest}, {"resume", JoinAt::resume}};
  command
      ->add_option("--join", options->buffer.config.join, "Where to begin: automatic (default), now, oldest or resume")
      ->type_name("PLACE")
      ->transform(CLI::CheckedTransformer(places));
  command->add_flag("--json", options->json,
                    "Summary as JSON on standard output (on standard error where that carries frames)");
  command->footer(exit_code_table());
  command->callback([options, &exit_code] { exit_code = ReadRun(*options).run(); });
}

}  // namespace zerobuffer::cli
