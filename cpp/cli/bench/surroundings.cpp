// See surroundings.hpp.
#include "bench/surroundings.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

namespace zerobuffer::cli::bench {
namespace {

using SideBody = std::function<void(Session&)>;

/// A child of this side, on its CPU, that runs `body` until this object goes.
class Companion {
 public:
  /// @param body called as body(parent, wanted), has to end when `wanted` becomes false
  template <class Body>
  explicit Companion(Body&& body) {
    void* page = ::mmap(nullptr, sizeof *wanted_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
    wanted_ = new (page) std::atomic<bool>(true);
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::getppid() == parent) body(parent, *wanted_);
      ::_exit(0);
    }
  }
  ~Companion() {
    wanted_->store(false, std::memory_order_relaxed);  // a flag alone: it guards nothing
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    ::munmap(wanted_, sizeof *wanted_);
  }
  Companion(const Companion&) = delete;
  Companion& operator=(const Companion&) = delete;

 private:
  std::atomic<bool>* wanted_ = nullptr;
  pid_t pid_ = 0;
};

void compute(pid_t, const std::atomic<bool>& wanted) {
  std::uint64_t value = 1;
  while (wanted.load(std::memory_order_relaxed)) {
    for (int i = 0; i < 1000; ++i) value = value * 6364136223846793005u + 1442695040888963407u;
    asm volatile("" ::"r"(value));
  }
}

/// Ends only when its parent runs.
void stop_again_and_again(pid_t parent, const std::atomic<bool>& wanted) {
  while (wanted.load(std::memory_order_relaxed)) {
    ::kill(parent, SIGSTOP);
    ::usleep(stop_period_us / 2);
    ::kill(parent, SIGCONT);
    ::usleep(stop_period_us / 2);
  }
}

SideBody beside(SideBody inner, void (*companion)(pid_t, const std::atomic<bool>&)) {
  return [inner = std::move(inner), companion](Session& session) {
    const Companion running(companion);
    inner(session);
  };
}

void put(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  if (!(file << text << std::flush)) throw NotRun("a control group refuses " + path + ": " + std::strerror(errno));
}

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

/// Where this process stands in the hierarchy that limits CPUs.
struct Place {
  std::string folder;
  bool unified = false;  ///< cgroup v2
};

Place current_place() {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string path = line.substr(second + 1) == "/" ? "" : line.substr(second + 1);
    if (controllers.find(",cpu,") != std::string::npos) {
      for (const char* root : {"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"})
        if (exists(root + path + "/cpu.cfs_quota_us")) return {root + path, false};
    }
    std::string has;
    std::ifstream controllers_here("/sys/fs/cgroup" + path + "/cgroup.subtree_control");
    if (controllers == ",," && std::getline(controllers_here, has) &&
        (" " + has + " ").find(" cpu ") != std::string::npos)
      return {"/sys/fs/cgroup" + path, true};
  }
  throw NotRun("no control group that limits CPUs can be made here");
}

std::string group_in(const Place& place, pid_t owner) {
  return place.folder + "/zerobuffer-bench-" + std::to_string(owner);
}

void make_group(const Place& place, const std::string& group) {
  if (::mkdir(group.c_str(), 0700) != 0 && errno != EEXIST)
    throw NotRun("no control group can be made here: " + std::string(std::strerror(errno)));
  const std::string period = std::to_string(quota_period_us);
  if (place.unified) {
    put(group + "/cpu.max", period + " " + period);
  } else {
    put(group + "/cpu.cfs_period_us", period);
    put(group + "/cpu.cfs_quota_us", period);
  }
}

SideBody in_group(SideBody inner, bool makes) {
  return [inner = std::move(inner), makes](Session& session) {
    const Place place = current_place();
    const std::string group = group_in(place, ::getppid());
    if (makes) make_group(place, group);
    session.meet();
    put(group + "/cgroup.procs", std::to_string(::getpid()));
    inner(session);
    put(place.folder + "/cgroup.procs", std::to_string(::getpid()));
  };
}

void remove_group() {
  try {
    ::rmdir(group_in(current_place(), ::getpid()).c_str());
  } catch (const NotRun&) {
    // then none was made
  }
}

}  // namespace

Workload on_busy_machine(Workload workload) {
  workload.first = beside(std::move(workload.first), compute);
  workload.second = beside(std::move(workload.second), compute);
  return workload;
}

Workload stop_and_go(Workload workload) {
  workload.first = beside(std::move(workload.first), stop_again_and_again);
  workload.second = beside(std::move(workload.second), stop_again_and_again);
  return workload;
}

Workload under_quota(Workload workload) {
  workload.first = in_group(std::move(workload.first), true);
  workload.second = in_group(std::move(workload.second), false);
  workload.afterwards = remove_group;
  return workload;
}

}  // namespace zerobuffer::cli::bench
