// Runs a measurement between two processes: both are forked for it, pinned, and watched. The caller itself opens no
// buffer, so that neither side inherits anything. Must not know what is measured.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace zerobuffer::cli::bench {

struct CpuPair {
  int first = 0;
  int second = 0;
};

/// What a side reports. `value` is the figure itself in the unit of the workload; the others where they make sense.
struct Measurement {
  double value = 0;
  double mean = 0;
  double p99 = 0;
  double p999 = 0;
  std::uint64_t operations = 0;
  double p50 = 0;  ///< Nanoseconds of one operation, where `value` is something else.
};

/// Shared by the two sides and whoever started them; in memory that fork() hands on.
struct ControlPage {
  alignas(128) std::atomic<std::uint64_t> probe{0};
  alignas(128) std::atomic<std::uint32_t> arrived{0};
  std::atomic<bool> reported{false};
  Measurement measurement;
  double probe_before_ns = 0;
  double probe_after_ns = 0;
  char error[2][512] = {};
};

/// What one side sees of the run.
class Session {
 public:
  Session(ControlPage& control, void* scratch, std::string ring_name, std::chrono::nanoseconds duration)
      : control_(control), scratch_(scratch), ring_name_(std::move(ring_name)), duration_(duration) {}

  /// Waits for the other side; both call it equally often.
  void meet();
  /// Leaves the figure. One side does it, once.
  void report(const Measurement& measurement);

  /// Memory shared by both sides, zeroed, pre-touched, of Workload::scratch_size bytes.
  [[nodiscard]] void* scratch() const noexcept { return scratch_; }
  /// A name for buffers that nobody else uses; sides may append to it.
  [[nodiscard]] const std::string& ring_name() const noexcept { return ring_name_; }
  /// How long to measure, about.
  [[nodiscard]] std::chrono::nanoseconds duration() const noexcept { return duration_; }

 private:
  ControlPage& control_;
  void* scratch_;
  std::string ring_name_;
  std::chrono::nanoseconds duration_;
  std::uint32_t meetings_ = 0;
};

/// Two functions that run at the same time in two processes. An exception fails the run with its text.
struct Workload {
  std::function<void(Session&)> first;
  std::function<void(Session&)> second;
  std::size_t scratch_size = 0;
  bool one_cpu = false;  ///< Both sides on the first CPU.
};

/// How a run went. The probes are the round trip of one cache line between the two, before and after (0 on one CPU).
struct RunResult {
  Measurement measurement;
  double probe_before_ns = 0;
  double probe_after_ns = 0;
};

/// Forks the two sides and waits for them. Throws std::runtime_error with the text of a side that failed, where a side
/// did not end in time, and where a stop signal came; then both sides are gone and their buffers removed.
[[nodiscard]] RunResult run_two_processes(const Workload& workload, CpuPair cpus, std::chrono::nanoseconds duration);

/// The round trip of one cache line between two CPUs, in nanoseconds.
[[nodiscard]] double probe_cpus(CpuPair cpus);

}  // namespace zerobuffer::cli::bench
