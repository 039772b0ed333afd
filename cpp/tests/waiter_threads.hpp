// The library's waiting threads as the kernel sees them, and a kernel that refuses futex_waitv. Knows nothing of
// readers and writers.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace zerobuffer::support {

/// Thread ids of this process's threads that wait for others.
inline std::vector<int> waiter_threads() {
  std::vector<int> found;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream file(task.path() / "comm");
    std::string name;
    if (std::getline(file, name) && name == "zerobuffer-wait") found.push_back(std::stoi(task.path().filename()));
  }
  return found;
}

struct Wakeups {
  std::uint64_t voluntary = 0;  ///< Times that it went to sleep.
  std::uint64_t cpu_ticks = 0;  ///< 1/100 s of processor time.
};
inline Wakeups wakeups_of(int thread) {
  const std::string folder = "/proc/self/task/" + std::to_string(thread);
  Wakeups result;
  std::ifstream status(folder + "/status");
  for (std::string word; status >> word;) {
    if (word == "voluntary_ctxt_switches:") status >> result.voluntary;
  }
  std::ifstream stat(folder + "/stat");
  std::string field;
  for (int i = 1; i <= 13 && stat >> field; ++i) {
  }
  std::uint64_t user = 0;
  std::uint64_t system = 0;
  stat >> user >> system;
  result.cpu_ticks = user + system;
  return result;
}

/// From now on futex_waitv fails with `error` in every thread of this process.
inline void refuse_futex_waitv(int error) {
  sock_filter code[] = {
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, 0},  // the number of the call
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_futex_waitv},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error)},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  };
  const sock_fprog program{4, code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0) {
    std::perror("seccomp");
    std::abort();
  }
}

}  // namespace zerobuffer::support
