// The command `write`: bytes from a file, standard input or a pattern become frames, filled in place in the ring.
#include <CLI/CLI.hpp>
#include <cerrno>
#include <cmath>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <system_error>
#include <vector>

#include "buffer_options.hpp"
#include "byte_source.hpp"
#include "clock.hpp"
#include "command.hpp"
#include "progress.hpp"
#include "report.hpp"
#include "signals.hpp"
#include "zerobuffer/writer.hpp"

namespace zerobuffer::cli {
namespace {

struct WriteOptions {
  BufferOptions buffer;
  std::string input = "-";
  std::string pattern;
  std::uint64_t seed = 1;
  std::uint64_t frame_size = 0;
  std::uint64_t block_size = 0;
  std::uint64_t frames = 0;
  std::string metadata_file;
  std::optional<std::string> metadata_text;
  std::uint16_t type = 0;
  std::uint64_t tag = 0;
  bool stamp = false;
  bool drop = false;
  double linger = std::numeric_limits<double>::infinity();
  double rate = 0;
  std::uint32_t readers = 0;
  bool json = false;
};

/// Lets the n-th frame go when it is due, so that errors of single waits do not add up.
class Pace {
 public:
  explicit Pace(double frames_per_second)
      : period_ns_(frames_per_second > 0 ? 1e9 / frames_per_second : 0), start_ns_(monotonic_ns()) {}

  void wait() {
    if (period_ns_ == 0) return;
    const auto due = start_ns_ + static_cast<std::uint64_t>(std::llround(period_ns_ * static_cast<double>(count_++)));
    const timespec until{static_cast<time_t>(due / 1'000'000'000u), static_cast<long>(due % 1'000'000'000u)};
    while (!stop_requested() && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) == EINTR) {
    }
  }

 private:
  double period_ns_;
  std::uint64_t start_ns_;
  std::uint64_t count_ = 0;
};

class WriteRun {
 public:
  explicit WriteRun(const WriteOptions& options) : options_(options) {}

  ExitCode run() {
    Outcome outcome;
    try {
      outcome = transfer();
    } catch (const std::system_error& error) {
      outcome = {ExitCode::failed, "system_error", error.what()};
    }
    print_message("write", options_.buffer.name, outcome);
    if (options_.json) {
      print_json(summary(outcome));
    } else if (attached_) {
      std::cerr << "sent " << totals_.frames << " frames, " << human_bytes(static_cast<double>(totals_.bytes)) << " in "
                << seconds_ << " s";
      if (dropped_ != 0) std::cerr << ", " << dropped_ << " dropped";
      std::cerr << "\n";
    }
    return outcome.exit_code;
  }

 private:
  Outcome transfer() {
    // What can be wrong with the input is found before a place in the buffer is taken.
    const auto source =
        options_.pattern.empty() ? open_input(options_.input) : make_pattern(options_.pattern, options_.seed);
    const std::vector<char> metadata = read_metadata();

    BufferConfig config = options_.buffer.resolve(options_.frame_size);
    config.full = options_.drop ? FullPolicy::drop : FullPolicy::wait;
    Result<Writer> attached = attach<Writer>(options_.buffer, config);
    if (!attached) return Outcome::of(attached.failure());
    Writer writer = std::move(*attached);
    attached_ = true;

    Outcome outcome;
    {
      Progress progress("write " + options_.buffer.name, totals_, [&] {
        return static_cast<double>(writer.stats().unread_bytes) / static_cast<double>(writer.info().capacity);
      });
      writer.set_wait_hook(Progress::wait_hook, &progress);
      outcome = prepare(writer, metadata);
      if (outcome.ok()) outcome = send_all(writer, *source, progress);
      if (outcome.ok()) outcome = wait_until_read(writer);
      writer.set_wait_hook(nullptr, nullptr);
    }
    stats_ = writer.stats();
    const Result<std::uint64_t> closed = writer.close();
    unread_ = closed ? *closed : 0;
    if (outcome.ok() && unread_ != 0) {
      outcome = {ExitCode::unread, "unread", std::to_string(unread_) + " frames were sent that nobody will read"};
    }
    return outcome;
  }

  [[nodiscard]] std::vector<char> read_metadata() const {
    if (options_.metadata_text) return {options_.metadata_text->begin(), options_.metadata_text->end()};
    if (options_.metadata_file.empty()) return {};
    std::ifstream file(options_.metadata_file, std::ios::binary);
    std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    if (!file) throw std::system_error(errno, std::generic_category(), options_.metadata_file);
    return bytes;
  }

  Outcome prepare(Writer& writer, const std::vector<char>& metadata) {
    if (options_.metadata_text || !options_.metadata_file.empty()) {
      const Result<void> written = writer.write_metadata(std::as_bytes(std::span(metadata)));
      if (!written) return Outcome::of(written.failure());
    }
    if (options_.readers != 0) {
      const Result<void> there = writer.wait_for_readers(options_.readers, to_timeout(options_.buffer.timeout));
      if (!there) return Outcome::of(there.failure());
    }
    return {};
  }

  Outcome send_all(Writer& writer, ByteSource& source, Progress& progress) {
    constexpr std::uint64_t default_block_size = 1 << 20;
    const bool fixed = options_.frame_size != 0;
    const std::uint64_t size = fixed                      ? options_.frame_size
                               : options_.block_size != 0 ? options_.block_size
                                                          : std::min(default_block_size, writer.info().max_frame_size);
    Pace pace(options_.rate);
    const std::uint64_t start_ns = monotonic_ns();
    Outcome outcome;
    while (options_.frames == 0 || totals_.frames + dropped_ < options_.frames) {
      pace.wait();
      if (stop_requested() || source.at_end()) break;
      std::size_t filled = 0;
      Result<Claim> claim = writer.claim(size, to_timeout(options_.buffer.timeout));
      if (claim) {
        filled = source.fill(claim->data());
      } else if (claim.status() == Status::dropped) {
        filled = source.skip(size);
      } else {
        outcome = Outcome::of(claim.failure());
        if (claim.status() == Status::closed) {
          outcome = {ExitCode::unread, "closed", "every reader has closed before the input was at its end"};
        }
        break;
      }
      if (filled < size && (fixed || filled == 0 || stop_requested())) {
        discarded_bytes_ = filled;
        if (fixed && filled != 0 && !stop_requested()) outcome = short_frame(filled);
        break;
      }
      if (!claim) {
        ++dropped_;
        continue;
      }
      const std::uint64_t tag = options_.stamp ? monotonic_ns() : options_.tag;
      const Result<void> committed = claim->commit(filled, {options_.type, tag});
      if (!committed) {
        outcome = Outcome::of(committed.failure());
        break;
      }
      ++totals_.frames;
      totals_.bytes += filled;
      progress.tick();
    }
    seconds_ = static_cast<double>(monotonic_ns() - start_ns) * 1e-9;
    if (outcome.ok() && stop_requested()) outcome = {stop_exit_code(), "interrupted", ""};
    return outcome;
  }

  [[nodiscard]] Outcome short_frame(std::size_t got) const {
    return {ExitCode::short_frame, "short_frame",
            "the input ended after " + std::to_string(got) + " of the " + std::to_string(options_.frame_size) +
                " bytes of a frame; these " + std::to_string(got) + " bytes were not sent (" +
                std::to_string(totals_.frames) + " frames, " + std::to_string(totals_.bytes) + " bytes were)"};
  }

  /// A reader that left with frames unread is found by close(), which counts them.
  Outcome wait_until_read(Writer& writer) const {
    const Result<void> drained = writer.drain(to_timeout(options_.linger));
    if (drained || drained.status() == Status::timeout || drained.status() == Status::closed) return {};
    return Outcome::of(drained.failure());
  }

  [[nodiscard]] Json summary(const Outcome& outcome) const {
    Json json{{"command", "write"},
              {"buffer", options_.buffer.name},
              {"frames", totals_.frames},
              {"bytes", totals_.bytes},
              {"seconds", seconds_},
              {"frames_per_second", seconds_ > 0 ? static_cast<double>(totals_.frames) / seconds_ : 0},
              {"bytes_per_second", seconds_ > 0 ? static_cast<double>(totals_.bytes) / seconds_ : 0},
              {"last_sequence", stats_.frames},
              {"dropped", dropped_},
              {"discarded_bytes", discarded_bytes_},
              {"unread", unread_},
              {"blocked_count", stats_.blocked_count},
              {"blocked_seconds", to_seconds(stats_.blocked_time)},
              {"readers_lost", stats_.readers_lost}};
    add_outcome(json, outcome);
    return json;
  }

  const WriteOptions& options_;
  Totals totals_;
  WriterStats stats_;
  bool attached_ = false;
  double seconds_ = 0;
  std::uint64_t dropped_ = 0;
  std::uint64_t discarded_bytes_ = 0;
  std::uint64_t unread_ = 0;
};

}  // namespace

void add_write_command(CLI::App& program, ExitCode& exit_code) {
  auto options = std::make_shared<WriteOptions>();
  CLI::App* command = program.add_subcommand("write", "Send frames from a file, standard input or a pattern");
  options->buffer.add_to(*command);
  auto* input = command->add_option("--input", options->input, "File to read, - for standard input")
                    ->capture_default_str()
                    ->type_name("FILE");
  auto* pattern = command->add_option("--pattern", options->pattern, "Make the bytes up: zeros, sequential or random")
                      ->check(CLI::IsMember({"zeros", "sequential", "random"}))
                      ->excludes(input);
  command->add_option("--seed", options->seed, "Seed of --pattern random")->capture_default_str()->needs(pattern);
  auto* frame_size =
      command
          ->add_option("--frame-size", options->frame_size, "Frames of exactly this size; a short last one is not sent")
          ->type_name("SIZE")
          ->transform(CLI::AsSizeValue(false))
          ->check(CLI::PositiveNumber);
  command
      ->add_option("--block-size", options->block_size,
                   "Blocks of this size, the last one may be shorter (default: 1 MiB)")
      ->type_name("SIZE")
      ->transform(CLI::AsSizeValue(false))
      ->check(CLI::PositiveNumber)
      ->excludes(frame_size);
  command->add_option("--frames", options->frames, "Stop after so many frames (0: at the end of the input)")
      ->capture_default_str();
  auto* metadata =
      command->add_option("--metadata", options->metadata_file, "File with the metadata")->type_name("FILE");
  command->add_option("--metadata-text", options->metadata_text, "The metadata itself")->excludes(metadata);
  command->add_option("--type", options->type, "Type of the frames; from 128 on the application's")
      ->capture_default_str();
  auto* tag = command->add_option("--tag", options->tag, "Tag of the frames")->capture_default_str();
  command->add_flag("--stamp", options->stamp, "Tag each frame with its send time, for read --latency")->excludes(tag);
  command->add_flag("--drop", options->drop, "Drop frames (and count them) while the ring is full, instead of waiting");
  command->add_option("--rate", options->rate, "At most so many frames per second")
      ->type_name("FPS")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--readers", options->readers, "Wait for so many readers before the first frame")
      ->capture_default_str();
  command
      ->add_option("--linger", options->linger,
                   "At the end, wait so long until everything was read (default: for ever)")
      ->type_name("SECONDS")
      ->check(CLI::NonNegativeNumber);
  command->add_flag("--json", options->json, "Summary as JSON on standard output");
  command->footer(exit_code_table());
  command->callback([options, &exit_code] { exit_code = WriteRun(*options).run(); });
}

}  // namespace zerobuffer::cli
