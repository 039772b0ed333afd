// What the verbs share while they run: attaching, looking at frames, counting, progress, and the report at the
// end. Must not know what a verb does with a frame.
#pragma once

#include <cstdint>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "array_format.hpp"
#include "options.hpp"
#include "outcome.hpp"
#include "stop.hpp"
#include "zerobuffer/duplex.hpp"
#include "zerobuffer/frame.hpp"
#include "zerobuffer/reader.hpp"
#include "zerobuffer/writer.hpp"

namespace zerobuffer::relay {

using Json = nlohmann::ordered_json;

/// A frame's content, and its descriptor where it has one.
struct Content {
  std::span<const std::byte> bytes;
  std::optional<ArrayDescriptor> descriptor;
};
/// Throws Outcome (corrupt) for a wrong descriptor.
[[nodiscard]] Content content_of(const Frame& frame);

/// Counts frames and the time from the first to the last.
class Totals {
 public:
  void add(std::uint64_t sequence, std::uint64_t bytes, std::uint64_t now_ns) noexcept;
  /// Frames missing before this one. Throws Outcome (corrupt) where the sequence does not rise.
  void check_order(std::uint64_t sequence);
  /// Frames that the reader counted as lost.
  void add_lost(std::uint64_t frames) noexcept { lost_ += frames; }
  /// The next frame was lost and is counted by the reader.
  void pass_over() noexcept { ++passed_over_; }
  [[nodiscard]] std::uint64_t frames() const noexcept { return frames_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }
  void report(Json& json) const;

 private:
  std::uint64_t frames_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t passed_over_ = 0;  // since the last frame
  std::uint64_t first_bytes_ = 0;
  std::uint64_t first_sequence_ = 0;
  std::uint64_t last_sequence_ = 0;
  std::uint64_t first_ns_ = 0;
  std::uint64_t last_ns_ = 0;
};

/// The metadata that passed: its length and CRC in the report.
struct SeenMetadata {
  std::optional<std::vector<std::byte>> bytes;
  void report(Json& json) const;
};

class Session {
 public:
  Session(std::string program, const CommonOptions& options)
      : program_(std::move(program)), options_(options), last_log_ns_(monotonic_ns()) {}

  /// Makes the buffer, or opens it as soon as it appears.
  template <class End>
  [[nodiscard]] End attach(const std::string& name, bool create, const BufferConfig& config, Side side = Side::none) {
    Result<End> end = create ? End::create(name, config) : open<End>(name, config);
    if (!end) throw Outcome::of(end.failure(), name, side);
    end->set_wait_hook(&Session::wait_hook, this);
    if (options_.verbose) std::cerr << program_ << ": " << (create ? "made " : "opened ") << name << "\n";
    return std::move(*end);
  }

  /// A channel's client, as soon as the channel appears.
  template <class End>
  [[nodiscard]] End attach(const std::string& name, const DuplexConfig& config) {
    Result<End> end = open<End>(name, config);
    if (!end) throw Outcome::of(end.failure(), name);
    watch(*end);
    if (options_.verbose) std::cerr << program_ << ": opened " << name << "\n";
    return std::move(*end);
  }
  /// Signals end the waits of a channel's end, in whatever thread.
  template <class End>
  static void watch(End& end) {
    end.set_wait_hook([](void*) noexcept { return stop_requested(); }, nullptr);
  }

  /// A line of progress where one is due; with --verbose also the frame.
  void note_frame(std::uint64_t sequence, FrameInfo info, std::size_t size);

  /// Runs `work`, which throws Outcome where it ends early; closes with `finish`; prints the report. @return exit code
  int run(const std::function<void()>& work, const std::function<void()>& finish,
          const std::function<void(Json&)>& report, bool json_to_standard_error = false);

  Totals totals;
  std::string remark;  ///< The message of a good end.

 private:
  static bool wait_hook(void* session) noexcept;
  void log();

  template <class End, class Config>
  [[nodiscard]] Result<End> open(const std::string& name, const Config& config) {
    const auto whole = options_.timeout();
    const std::uint64_t start = monotonic_ns();
    for (;;) {
      const auto elapsed = std::chrono::nanoseconds(monotonic_ns() - start);
      const auto left = whole > elapsed ? whole - elapsed : std::chrono::nanoseconds::zero();
      const auto slice = std::min(left, std::chrono::nanoseconds(std::chrono::milliseconds(100)));
      Result<End> end = End::open(name, slice, config);
      if (end.status() != Status::not_found || left <= slice) return end;
      if (stop_requested()) return Status::interrupted;
    }
  }

  std::string program_;
  const CommonOptions& options_;
  std::uint64_t last_log_ns_;
  std::uint64_t logged_frames_ = 0;
  std::uint64_t logged_bytes_ = 0;
};

}  // namespace zerobuffer::relay
