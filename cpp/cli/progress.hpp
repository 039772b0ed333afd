// A line on standard error that tells how a transfer goes, rewritten a few times a second. Shown only where standard
// error is a terminal. Must not know what is transferred.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace zerobuffer::cli {

/// What has gone through so far.
struct Totals {
  std::uint64_t frames = 0;
  std::uint64_t bytes = 0;
};

class Progress {
 public:
  /// @param used_share how full the ring is, 0 … 1; called a few times a second
  Progress(std::string label, const Totals& totals, std::function<double()> used_share);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Rewrites the line when it is time to. Cheap enough for every frame.
  void tick();

  /// A WaitHook of the library with a Progress as context: keeps the line alive, ends the wait when a signal came.
  static bool wait_hook(void* progress) noexcept;

 private:
  using Clock = std::chrono::steady_clock;
  void show(Clock::time_point now);

  std::string label_;
  const Totals& totals_;
  std::function<double()> used_share_;
  bool enabled_;
  bool shown_ = false;
  Clock::time_point last_;
  Totals last_totals_;
};

/// 1234567 as "1.2 MB": decimal units, as throughput is given.
[[nodiscard]] std::string human_bytes(double bytes);

}  // namespace zerobuffer::cli
