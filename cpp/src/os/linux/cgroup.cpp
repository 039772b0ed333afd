// Reads /proc/self/cgroup and the control files under /sys/fs/cgroup.
#include "os/cgroup.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>

#include "os/linux/kernel_text.hpp"

namespace zerobuffer::os {
namespace {
constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

std::uint64_t read_number(const std::string& path) {
  return number_in(read_kernel_text(path)).value_or(unlimited);  // missing, or the word "max"
}

struct Group {
  std::string root;  // where its hierarchy is mounted
  std::string path;  // below it
  bool version2 = false;
};

// The group that `controller` belongs to: a line "N:a,b:/path" (version 1) or "0::/path" (version 2).
Group find_group(const std::string& controller) {
  Group found{"/sys/fs/cgroup", "", true};
  const std::string text = read_kernel_text("/proc/self/cgroup");
  for (std::string_view rest = text; !rest.empty();) {
    const std::string line(take_line(rest));
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string names = std::string(1, ',').append(line, first + 1, second - first - 1).append(1, ',');
    const std::string path = line.substr(second + 1);
    if (names.find("," + controller + ",") != std::string::npos) {
      return {"/sys/fs/cgroup/" + line.substr(first + 1, second - first - 1), path, false};
    }
    if (names == ",,") found.path = path;
  }
  return found;
}

template <class Visit>
void for_each_level(const Group& group, Visit&& visit) {
  std::string path = group.path == "/" ? "" : group.path;
  for (;;) {
    visit(group.root + path + "/");
    if (path.empty()) return;
    path.erase(path.rfind('/'));
  }
}
}  // namespace

std::uint64_t cgroup_memory_left() {
  std::uint64_t left = unlimited;
  const Group group = find_group("memory");
  for_each_level(group, [&](const std::string& folder) {
    const std::uint64_t limit = read_number(folder + (group.version2 ? "memory.max" : "memory.limit_in_bytes"));
    const std::uint64_t used = read_number(folder + (group.version2 ? "memory.current" : "memory.usage_in_bytes"));
    if (limit == unlimited || used == unlimited) return;
    const std::uint64_t reclaimable =
        number_after(read_kernel_text(folder + "memory.stat"), group.version2 ? "inactive_file" : "total_inactive_file")
            .value_or(0);
    const std::uint64_t needed = used - std::min(used, reclaimable);
    left = std::min(left, limit - std::min(limit, needed));
  });
  return left;
}

unsigned cgroup_cpu_quota() noexcept {
  double cpus = std::numeric_limits<unsigned>::max();
  try {
    const Group group = find_group("cpu");
    for_each_level(group, [&](const std::string& folder) {
      const std::string text = group.version2 ? read_kernel_text(folder + "cpu.max")
                                              : read_kernel_text(folder + "cpu.cfs_quota_us") + " " +
                                                    read_kernel_text(folder + "cpu.cfs_period_us");
      std::string_view words = text;
      const double quota = static_cast<double>(number_in(take_word(words)).value_or(0));  // "max" or -1: none
      const double period = static_cast<double>(number_in(take_word(words)).value_or(0));
      if (quota > 0 && period > 0) cpus = std::min(cpus, quota / period);
    });
  } catch (...) {
    return std::numeric_limits<unsigned>::max();  // out of memory while reading: as if there were no quota
  }
  return cpus >= std::numeric_limits<unsigned>::max() ? std::numeric_limits<unsigned>::max()
                                                      : static_cast<unsigned>(cpus + 0.999);
}

}  // namespace zerobuffer::os
