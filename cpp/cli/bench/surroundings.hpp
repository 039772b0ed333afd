// What goes on around a measurement: a machine whose CPUs are all busy, a group of processes that has a share of the
// CPUs only, sides that are stopped again and again. Must not know what is measured.
#pragma once

#include "bench/two_processes.hpp"

namespace zerobuffer::cli::bench {

/// On each side's CPU another process computes without end, from before the side opens anything until it has ended.
[[nodiscard]] Workload on_busy_machine(Workload workload);

/// Both sides together get the time of one CPU: `quota_period_us` in every one, by a control group. NotRun where none
/// can be made.
inline constexpr unsigned quota_period_us = 10'000;
[[nodiscard]] Workload under_quota(Workload workload);

/// Each side is stopped by a signal, and goes on by another one: it may run for half of the time.
inline constexpr unsigned stop_period_us = 10'000;
[[nodiscard]] Workload stop_and_go(Workload workload);

}  // namespace zerobuffer::cli::bench
