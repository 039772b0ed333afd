// Runs a measurement between two processes: both are forked for it, pinned, and watched. The caller itself opens no
// buffer, so that neither side inherits anything. Must not know what is measured.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "bench/statistics.hpp"

namespace zerobuffer::cli::bench {

struct CpuPair {
  int first = 0;
  int second = 0;
};

/// Thrown by a side whose workload this machine cannot run, with the reason: no failure, but it is told at the end.
struct NotRun : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A further figure of a measurement, by name.
struct Note {
  char name[24] = {};
  double value = 0;
};

/// What a measurement gave. `value` is the figure itself in the unit of the workload; a side reports it with the
/// operations and, where single ones were timed, their latency. The rest comes by other ways.
struct Measurement {
  double value = 0;
  std::uint64_t operations = 0;
  Latency latency{};
  std::array<double, 2> cpu{-1, -1};  ///< CPU time over time of each side; below 0 where it was not measured.
  std::array<Note, 8> notes{};
};

/// Shared by the two sides and whoever started them; in memory that fork() hands on.
struct ControlPage {
  alignas(128) std::atomic<std::uint64_t> probe{0};
  alignas(128) std::atomic<std::uint32_t> arrived{0};
  std::uint32_t processes = 2;  ///< Set before there is a second one.
  std::atomic<bool> reported{false};
  Measurement measurement;
  double probe_before_ns = 0;
  double probe_after_ns = 0;
  char error[2][512] = {};
  bool not_run = false;  ///< An error says why the workload cannot run here.
};

/// What one side sees of the run.
class Session {
 public:
  Session(ControlPage& control, bool first, unsigned place, void* scratch, std::string ring_name,
          std::chrono::nanoseconds duration)
      : control_(control),
        first_(first),
        place_(place),
        scratch_(scratch),
        ring_name_(std::move(ring_name)),
        duration_(duration) {}

  /// Waits for the other side, for each process of it; all call it equally often.
  void meet();
  /// Leaves the figure. One side does it, once.
  void report(double value, std::uint64_t operations, const Latency& latency = {});
  /// Leaves the CPU time over time of this side, 1 for a whole CPU.
  void report_cpu(double share);
  /// Leaves a further figure; four for each side, names of 23 characters at most.
  void note(std::string_view name, double value);

  /// Which of the processes of the second side this is, from 0.
  [[nodiscard]] unsigned place() const noexcept { return place_; }
  /// Memory shared by both sides, zeroed, pre-touched, of Workload::scratch_size bytes.
  [[nodiscard]] void* scratch() const noexcept { return scratch_; }
  /// A name for buffers that nobody else uses; sides may append to it.
  [[nodiscard]] const std::string& ring_name() const noexcept { return ring_name_; }
  /// How long to measure, about.
  [[nodiscard]] std::chrono::nanoseconds duration() const noexcept { return duration_; }

 private:
  ControlPage& control_;
  bool first_;
  unsigned place_;
  unsigned notes_ = 0;
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
  bool one_cpu = false;      ///< Both sides on the first CPU.
  bool mean_counts = false;  ///< The figure is the mean of what single operations took, not their median.
  unsigned second_processes =
      1;  ///< So many processes run `second`. All but one have the CPUs left over, or the second one.
  unsigned times_as_long = 1;        ///< How long it is measured, for what needs more than the usual time.
  std::function<void()> afterwards;  ///< Called by whoever started the sides when all have ended, however they did.
};

/// How a run went. The probes are the round trip of one cache line between the two, before and after (0 on one CPU).
struct RunResult {
  Measurement measurement;
  double probe_before_ns = 0;
  double probe_after_ns = 0;
};

/// Forks the two sides and waits for them. Throws std::runtime_error with the text of a side that failed, where a side
/// did not end in time, and where a stop signal came, and NotRun where a side did; then both sides are gone and their
/// buffers removed.
[[nodiscard]] RunResult run_two_processes(const Workload& workload, CpuPair cpus, std::chrono::nanoseconds duration);

/// The round trip of one cache line between two CPUs, in nanoseconds.
[[nodiscard]] double probe_cpus(CpuPair cpus);

}  // namespace zerobuffer::cli::bench
