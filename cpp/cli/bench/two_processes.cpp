// See two_processes.hpp.
#include "bench/two_processes.hpp"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <list>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "bench/processor.hpp"
#include "clock.hpp"
#include "signals.hpp"
#include "zerobuffer/inspect.hpp"

namespace zerobuffer::cli::bench {
namespace {

/// Only what hangs takes so long, however busy the machine is.
constexpr std::chrono::seconds longest_run{60};
/// Says in the probed line that there will be no more.
constexpr std::uint64_t probe_ended = UINT64_MAX;

[[noreturn]] void throw_errno(const char* call) { throw std::system_error(errno, std::generic_category(), call); }

/// Anonymous memory that children share, touched.
class SharedMemory {
 public:
  explicit SharedMemory(std::size_t size) : size_(size) {
    if (size_ == 0) return;
    address_ = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (address_ == MAP_FAILED) throw_errno("mmap");
  }
  ~SharedMemory() {
    if (size_ != 0) ::munmap(address_, size_);
  }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  [[nodiscard]] void* address() const noexcept { return address_; }

 private:
  std::size_t size_;
  void* address_ = nullptr;
};

/// Maps all pages into this process: a child does not inherit the page tables of shared memory.
void touch(void* memory, std::size_t size) {
  auto* bytes = static_cast<unsigned char*>(memory);
  for (std::size_t i = 0; i < size; i += 4096) std::atomic_ref(bytes[i]).fetch_add(0, std::memory_order_relaxed);
}

void pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  if (::sched_setaffinity(0, sizeof set, &set) != 0) throw_errno("sched_setaffinity");
}

/// Bounces one cache line. The median of small groups, so that an interruption does not count.
double bounce_first(std::atomic<std::uint64_t>& line) {
  constexpr std::size_t groups = 40;
  constexpr unsigned round_trips = 50;
  constexpr std::uint64_t longest_ns = 20'000'000;  // where others have the CPUs, a few have to do
  constexpr unsigned many_pauses = 10'000;
  std::vector<double> means;
  const std::uint64_t start_ns = monotonic_ns();
  std::uint64_t turn = 0;
  bool goes_on = true;
  while (goes_on && means.size() < groups) {
    const std::uint64_t group_start_ns = monotonic_ns();
    unsigned done = 0;
    while (goes_on && done < round_trips) {
      // release / acquire: each store is awaited by the other side's load of the same word
      line.store(turn + 1, std::memory_order_release);
      unsigned pauses = 0;
      for (; line.load(std::memory_order_acquire) != turn + 2; ++pauses) pause();
      turn += 2;
      ++done;
      goes_on = pauses < many_pauses || monotonic_ns() - start_ns < longest_ns;
    }
    means.push_back(static_cast<double>(monotonic_ns() - group_start_ns) / done);
  }
  line.store(probe_ended, std::memory_order_release);
  while (line.load(std::memory_order_acquire) != 0) pause();
  return spread_of(means).median;
}

void bounce_second(std::atomic<std::uint64_t>& line) {
  std::uint64_t last = 0;
  for (;;) {
    std::uint64_t value = 0;
    while ((value = line.load(std::memory_order_acquire)) == last) pause();  // pairs with bounce_first()
    last = value == probe_ended ? 0 : value + 1;
    line.store(last, std::memory_order_release);
    if (value == probe_ended) return;
  }
}

/// One forked side; killed and reaped at the latest when this object goes.
class Side {
 public:
  explicit Side(const std::function<int()>& body) {
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) throw_errno("fork");
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      forget_stop_signals();
      ::_exit(::getppid() == parent ? body() : 1);
    }
    handle_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
  }
  ~Side() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      reap();
    }
    if (handle_ >= 0) ::close(handle_);
  }
  Side(const Side&) = delete;
  Side& operator=(const Side&) = delete;

  [[nodiscard]] int handle() const noexcept { return handle_; }
  /// Waits for the end of a side that is ending. @return whether it ended well
  bool reap() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }

 private:
  pid_t pid_ = 0;
  int handle_ = -1;
};

/// Waits without disturbing the CPUs until all have ended or one has failed. The first one is the first side.
void wait_for_all(std::list<Side>& sides, const ControlPage& control) {
  std::vector<pollfd> ends;
  for (const Side& side : sides) ends.push_back({side.handle(), POLLIN, 0});
  const std::uint64_t deadline = monotonic_ns() + std::uint64_t{std::chrono::nanoseconds(longest_run).count()};
  std::size_t running = sides.size();
  while (running > 0) {
    if (stop_requested()) throw std::runtime_error("interrupted");
    const std::uint64_t now = monotonic_ns();
    if (now >= deadline) throw std::runtime_error("a side of the measurement did not end in time");
    const int ready = ::poll(ends.data(), ends.size(), static_cast<int>((deadline - now) / 1'000'000u) + 1);
    if (ready < 0 && errno != EINTR) throw_errno("poll");
    auto side = sides.begin();
    for (std::size_t i = 0; ready > 0 && i < ends.size(); ++i, ++side) {
      if (ends[i].revents == 0) continue;
      ends[i].fd = -1;
      ends[i].revents = 0;
      --running;
      if (!side->reap()) {
        const char* error = control.error[i == 0 ? 0 : 1];
        const std::string reason = error[0] != 0 ? error : "a side of the measurement was killed";
        if (control.not_run) throw NotRun(reason);
        throw std::runtime_error(reason);
      }
    }
  }
}

/// Where the processes of the second side run: the first of them on the CPU of the pair, the others on those that are
/// left over, if there are any.
std::vector<int> cpus_of_seconds(const Workload& workload, CpuPair cpus) {
  std::vector<int> left;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(static_cast<std::size_t>(cpu), &set) && cpu != cpus.first && cpu != cpus.second)
        left.push_back(cpu);
    }
  }
  std::vector<int> all{workload.one_cpu ? cpus.first : cpus.second};
  left.insert(left.begin(), all.front());
  while (all.size() < workload.second_processes) all.push_back(left[all.size() % left.size()]);
  return all;
}

int run_side(const Workload& workload, ControlPage& control, Session session, bool first, int cpu) {
  const bool probed = !workload.one_cpu && session.place() == 0;
  const auto fail = [&](const std::exception& error) {
    std::snprintf(control.error[first ? 0 : 1], sizeof control.error[0], "%s", error.what());
    return 1;
  };
  try {
    pin_to(cpu);
    touch(session.scratch(), workload.scratch_size);
    session.meet();
    if (probed) {
      if (first) control.probe_before_ns = bounce_first(control.probe);
      if (!first) bounce_second(control.probe);
    }
    session.meet();
    (first ? workload.first : workload.second)(session);
    session.meet();
    if (probed) {
      if (first) control.probe_after_ns = bounce_first(control.probe);
      if (!first) bounce_second(control.probe);
    }
    return 0;
  } catch (const NotRun& reason) {
    control.not_run = true;
    return fail(reason);
  } catch (const std::exception& error) {
    return fail(error);
  }
}

/// Buffers of a side that was killed: it could not close them.
void remove_left_buffers(const std::string& ring_name) {
  const Result<std::vector<std::string>> names = list_buffers();
  if (!names) return;
  for (const std::string& name : *names) {
    if (name.rfind(ring_name, 0) == 0) static_cast<void>(remove_dead(name));
  }
}

/// Calls what a workload wants to be called at the end.
struct Afterwards {
  const Workload& workload;
  ~Afterwards() {
    if (workload.afterwards) workload.afterwards();
  }
};

}  // namespace

void Session::meet() {
  ++meetings_;
  control_.arrived.fetch_add(1, std::memory_order_acq_rel);  // pairs with the acquire below, in the other process
  while (control_.arrived.load(std::memory_order_acquire) < control_.processes * meetings_) ::sched_yield();
}

void Session::report(double value, std::uint64_t operations, const Latency& latency) {
  control_.measurement.value = value;
  control_.measurement.operations = operations;
  control_.measurement.latency = latency;
  control_.reported.store(true, std::memory_order_release);  // read after both sides have ended
}

void Session::report_cpu(double share) { control_.measurement.cpu[first_ ? 0 : 1] = share; }

void Session::note(std::string_view name, double value) {
  std::array<Note, 8>& notes = control_.measurement.notes;
  const unsigned slots = static_cast<unsigned>(notes.size()) / 2;
  if (notes_ >= slots || name.size() >= sizeof Note{}.name) throw std::logic_error("no room for such a note");
  Note& note = notes[(first_ ? 0 : slots) + notes_++];
  name.copy(note.name, name.size());
  note.value = value;
}

RunResult run_two_processes(const Workload& workload, CpuPair cpus, std::chrono::nanoseconds duration) {
  static_cast<void>(nanoseconds_per_tick());  // measured once, here, not in each child
  static std::uint64_t run_number = 0;
  const std::string ring_name = "zerobuffer-bench-" + std::to_string(::getpid()) + "-" + std::to_string(++run_number);
  const SharedMemory control_memory(sizeof(ControlPage));
  const SharedMemory scratch(workload.scratch_size);
  auto& control = *new (control_memory.address()) ControlPage;
  control.processes = 1 + workload.second_processes;
  const Afterwards at_the_end{workload};
  const auto session = [&](bool first, unsigned place) {
    return Session(control, first, place, scratch.address(), ring_name, duration * workload.times_as_long);
  };
  try {
    std::list<Side> sides;  // gone, whatever happens, before their buffers are removed
    sides.emplace_back([&] { return run_side(workload, control, session(true, 0), true, cpus.first); });
    const std::vector<int> cpus_of_second = cpus_of_seconds(workload, cpus);
    for (unsigned place = 0; place < workload.second_processes; ++place) {
      sides.emplace_back(
          [&] { return run_side(workload, control, session(false, place), false, cpus_of_second[place]); });
    }
    wait_for_all(sides, control);
  } catch (...) {
    remove_left_buffers(ring_name);
    throw;
  }
  if (!control.reported.load(std::memory_order_acquire)) throw std::runtime_error("no side reported a figure");
  if (workload.mean_counts) control.measurement.value = control.measurement.latency.mean;
  return {control.measurement, control.probe_before_ns, control.probe_after_ns};
}

double probe_cpus(CpuPair cpus) {
  Workload nothing;
  nothing.first = [](Session& session) { session.report(0, 0); };
  nothing.second = [](Session&) {};
  const RunResult result = run_two_processes(nothing, cpus, std::chrono::nanoseconds::zero());
  return std::min(result.probe_before_ns, result.probe_after_ns);
}

}  // namespace zerobuffer::cli::bench
