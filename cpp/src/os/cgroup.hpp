// The limits that a container puts on this process: memory and CPU quota of its cgroups, version 1 and 2.
#pragma once

#include <cstdint>

namespace zerobuffer::os {

/// Bytes that the cgroup (and its parents) still allow, reclaimable file pages counted as free; all ones: no limit.
[[nodiscard]] std::uint64_t cgroup_memory_left();
/// Whole CPUs of the cgroup's quota, rounded up; all ones: no quota.
[[nodiscard]] unsigned cgroup_cpu_quota() noexcept;

}  // namespace zerobuffer::os
