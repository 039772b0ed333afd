// What the hot path must not do: allocate, make system calls that are not counted, look at the wall clock. Allocations
// and clock calls are counted by replacements in this binary, system calls by tracing a child.
#include <dlfcn.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include <map>
#include <new>

#include "os/kernel.hpp"
#include "support.hpp"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ZEROBUFFER_REPLACEMENTS 0
#else
#define ZEROBUFFER_REPLACEMENTS 1
#endif

namespace {
thread_local std::uint64_t allocations = 0;
thread_local std::uint64_t wall_clock_calls = 0;
thread_local std::uint64_t clock_calls = 0;
std::atomic<bool> wall_clock_jumps{false};
}  // namespace

#if ZEROBUFFER_REPLACEMENTS
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size != 0 ? size : 1)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

// Every clock of the binary goes through here.
extern "C" int clock_gettime(clockid_t id, timespec* time) {
  using Function = int (*)(clockid_t, timespec*);
  static const auto real = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "clock_gettime"));
  ++clock_calls;
  if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE) ++wall_clock_calls;
  const int result = real(id, time);
  // the wall clock jumps by a day with every look at it
  if (id == CLOCK_REALTIME && wall_clock_jumps.load())
    time->tv_sec += 86400 * static_cast<time_t>(wall_clock_calls % 7);
  return result;
}
#endif

namespace zerobuffer {
namespace {
using namespace support;

struct Ends {
  explicit Ends(const BufferConfig& config)
      : reader(Reader::create_anonymous(config).value()), writer(Writer::open_fd(reader.fd(), config).value()) {}
  Reader reader;
  Writer writer;
};

TEST(HotPath, allocates_nothing) {
  if (!ZEROBUFFER_REPLACEMENTS) GTEST_SKIP() << "a sanitizer has its own operator new";
  Ends ends(ring_of(4000));
  const auto data = payload(700, 1);
  Frame some[3];
  const auto everything = [&] {
    for (int i = 0; i < 500; ++i) {
      static_cast<void>(ends.writer.write(data, 1ms, {.type = 200, .tag = 4}));
      if (auto claim = ends.writer.try_claim(100)) static_cast<void>(claim->commit(50));
      if (auto claim = ends.writer.claim(100, 0s)) claim->discard();
      {
        Batch batch = ends.writer.batch();
        static_cast<void>(ends.writer.try_write(data));
      }
      static_cast<void>(ends.writer.write(std::span(data), i % 100 == 0 ? 1ms : 0ms));  // full now and then
      static_cast<void>(ends.reader.read(1ms));
      static_cast<void>(ends.reader.read_many(some, 0s));
      some[0] = Frame();
      static_cast<void>(ends.reader.read_newest(0s));
      for (Frame& frame : some) frame.release();
      if (i % 100 == 0) static_cast<void>(ends.reader.read(1ms));  // empty: waits
      static_cast<void>(ends.reader.stats());
      static_cast<void>(ends.writer.stats());
      static_cast<void>(ends.writer.claim(1 << 20, forever).status());  // refusals carry numbers, no text
      static_cast<void>(ends.writer.drain(0s));
    }
  };
  everything();  // what is made once per thread or process
  const std::uint64_t before = allocations;
  everything();
  EXPECT_EQ(allocations - before, 0U);
  EXPECT_GT(ends.reader.stats().sleeps, 0U) << "waiting was a part of it";
  static_cast<void>(ends.writer.claim(1 << 20, forever).failure().message());
  EXPECT_GT(allocations, before) << "the counter counts";
}

// Scenario 4.13: here the clock itself is watched, and made to jump.
TEST(HotPath, no_wait_looks_at_the_wall_clock) {
  if (!ZEROBUFFER_REPLACEMENTS) GTEST_SKIP() << "a sanitizer intercepts the clock itself";
  wall_clock_jumps = true;
  for (const WaitPolicy policy : {WaitPolicy::spin, WaitPolicy::spin_then_block, WaitPolicy::block}) {
    BufferConfig config = ring_of(100);
    config.wait = policy;
    config.max_readers = 2;
    Ends ends(config);
    const std::uint64_t before = wall_clock_calls;
    const std::uint64_t any_before = clock_calls;
    timespec from{};
    timespec to{};
    clock_gettime(CLOCK_MONOTONIC, &from);
    EXPECT_STATUS(ends.reader.read(40ms), Status::timeout);
    EXPECT_STATUS(ends.reader.metadata(40ms), Status::timeout);
    EXPECT_STATUS(ends.writer.wait_for_readers(2, 40ms), Status::timeout);
    EXPECT_OK(ends.writer.try_write(payload(100, 1)));
    EXPECT_STATUS(ends.writer.write(payload(100, 1), 40ms), Status::timeout);
    EXPECT_STATUS(ends.writer.drain(40ms), Status::timeout);
    EXPECT_STATUS(Reader::open(unique_name(), 40ms), Status::not_found);
    clock_gettime(CLOCK_MONOTONIC, &to);
    EXPECT_EQ(wall_clock_calls, before);
    EXPECT_GT(clock_calls, any_before + 2) << "no clock was seen at all: the test sees nothing";
    const double took =
        static_cast<double>(to.tv_sec - from.tv_sec) + static_cast<double>(to.tv_nsec - from.tv_nsec) * 1e-9;
    EXPECT_GE(took, 0.24);
    EXPECT_LT(took, 60.0);
  }
  wall_clock_jumps = false;
}

// ---------------------------------------------------------------- system calls

struct Calls {
  std::map<long, std::uint64_t> by_number;
  std::uint64_t futex_waits = 0;
  std::uint64_t futex_wakes = 0;
  std::uint64_t wall_clock_futexes = 0;
  int exit_code = -1;

  std::uint64_t take(long number) {
    const auto found = by_number.find(number);
    if (found == by_number.end()) return 0;
    const std::uint64_t count = found->second;
    by_number.erase(found);
    return count;
  }
  std::string rest() const {
    std::string text;
    for (const auto& [number, count] : by_number) text += " " + std::to_string(number) + "×" + std::to_string(count);
    return text;
  }
};

// In the traced child, around what is counted: a call that nothing else makes.
void mark() { syscall(SYS_getpgid, 0); }
void bind_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(cpu), &set);
  sched_setaffinity(0, sizeof set, &set);
}
std::vector<int> usable() {
  cpu_set_t set;
  sched_getaffinity(0, sizeof set, &set);
  std::vector<int> cpus;
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(static_cast<unsigned>(i), &set)) cpus.push_back(i);
  }
  return cpus;
}

// Runs `body` in a traced child and counts its system calls between its two marks.
template <class Body>
Calls trace(Body&& body) {
  Calls calls;
  std::fflush(nullptr);
  const pid_t pid = fork();
  if (pid == 0) {
    start_watchdog();
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    raise(SIGSTOP);
    int code = 99;
    try {
      code = body();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "traced child: %s\n", error.what());
    }
    _exit(code);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  ptrace(PTRACE_SETOPTIONS, pid, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  bool counting = false;
  int deliver = 0;
  for (;;) {
    if (ptrace(PTRACE_SYSCALL, pid, nullptr, deliver) != 0) break;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    deliver = 0;
    if (WIFEXITED(status)) {
      calls.exit_code = WEXITSTATUS(status);
      break;
    }
    if (WIFSIGNALED(status)) break;
    if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
      deliver = WSTOPSIG(status);
      continue;
    }
    struct __ptrace_syscall_info info {};
    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) <= 0) break;
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY) continue;
    const long number = static_cast<long>(info.entry.nr);
    if (number == SYS_getpgid) {
      counting = !counting;
      continue;
    }
    if (!counting) continue;
    if (number == SYS_futex) {
      const auto operation = static_cast<int>(info.entry.args[1]);
      if ((operation & FUTEX_CLOCK_REALTIME) != 0) ++calls.wall_clock_futexes;
      const int command = operation & FUTEX_CMD_MASK;
      if (command == FUTEX_WAIT) ++calls.futex_waits;
      if (command == FUTEX_WAKE) ++calls.futex_wakes;
      if (command == FUTEX_WAIT || command == FUTEX_WAKE) continue;
    }
    ++calls.by_number[number];
  }
  return calls;
}

struct Counted {
  std::uint64_t sleeps = 0;
  std::uint64_t barriers = 0;
  std::uint64_t wakes = 0;
  std::uint64_t looks = 0;
};
template <class Stats>
Counted difference(const Stats& before, const Stats& after) {
  return {after.sleeps - before.sleeps, after.barriers - before.barriers, after.wakes - before.wakes,
          after.liveness_checks - before.liveness_checks};
}

// @param calls_barrier whether the end that is traced calls membarrier before a sleep, or has asked for fences
void expect_only_counted_calls(Calls calls, const Counted& counted, bool calls_barrier = true) {
  EXPECT_EQ(calls.exit_code, 0);
  EXPECT_EQ(calls.futex_waits, counted.sleeps);
  EXPECT_EQ(calls.futex_wakes, counted.wakes);
  EXPECT_EQ(calls.wall_clock_futexes, 0U);
  EXPECT_EQ(calls.take(SYS_membarrier), calls_barrier && os::remote_barrier_available() ? counted.barriers : 0U);
  EXPECT_EQ(calls.take(SYS_fcntl), counted.looks) << "one look at one lock for each liveness check";
  calls.take(SYS_sched_yield);  // where both ends were seen on one CPU
  calls.take(SYS_getcpu);       // where the C library has no faster way
  calls.take(SYS_clock_gettime);
  EXPECT_TRUE(calls.by_number.empty()) << "other system calls (number×count):" << calls.rest();
}

// The traced end is a writer or a reader; the other end is a process of its own, on another CPU.
Calls traced_stream(bool trace_writer, const BufferConfig& config, std::uint64_t frames,
                    std::chrono::microseconds pause, Counted& counted) {
  const std::vector<int> cpus = usable();
  const std::string name = unique_name();
  Channel stats;
  Channel ready;
  constexpr int warm_up = 20;
  const auto write = [&](bool traced) {
    bind_to(cpus.front());
    auto writer = Writer::create(name, config).value();
    REQUIRE(writer.wait_for_readers(1, generous));
    ready.send();
    const auto data = payload(500, 1);
    for (int i = 0; i < warm_up; ++i) {  // until each has waited, and so told the other where it runs
      REQUIRE(writer.write(data, generous));
      std::this_thread::sleep_for(1ms);
    }
    const WriterStats before = writer.stats();
    if (traced) mark();
    for (std::uint64_t i = 0; i < frames; ++i) {
      const Status status = writer.write(data, generous).status();
      if (status != Status::ok) {
        mark();
        REQUIRE(status == Status::ok);
      }
      if (!traced && pause.count() != 0) std::this_thread::sleep_for(pause);
    }
    if (traced) mark();
    if (traced) stats.send(difference(before, writer.stats()));
    REQUIRE(writer.drain(generous));
    return 0;
  };
  const auto read = [&](bool traced) {
    bind_to(cpus.back());
    auto reader = Reader::open(name, generous, config).value();
    REQUIRE(ready.receive());
    for (int i = 0; i < warm_up; ++i) REQUIRE(reader.read(generous));
    const ReaderStats before = reader.stats();
    if (traced) mark();
    for (std::uint64_t i = 0; i < frames; ++i) {
      const Status status = reader.read(generous).status();
      if (status != Status::ok) {
        mark();
        REQUIRE(status == Status::ok);
      }
      if (!traced && pause.count() != 0) std::this_thread::sleep_for(pause);
    }
    if (traced) mark();
    if (traced) stats.send(difference(before, reader.stats()));
    return 0;
  };
  Calls calls;
  if (trace_writer) {
    Child other([&] { return read(false); });
    calls = trace([&] { return write(true); });
    EXPECT_EQ(other.wait(), 0);
  } else {
    Child other([&] { return write(false); });
    calls = trace([&] { return read(true); });
    EXPECT_EQ(other.wait(), 0);
  }
  EXPECT_TRUE(stats.receive(counted, 100ms));
  return calls;
}

// Twenty milliseconds of spinning may hold one liveness check, which is counted; sleeps, barriers and wakes there are
// none.
TEST(ProcessHotPath, with_the_spin_policy_there_is_no_system_call_but_counted_liveness_checks) {
  if (usable().size() < 2) GTEST_SKIP() << "both ends on one CPU yield to each other, which is a system call";
  for (const bool trace_writer : {true, false}) {
    SCOPED_TRACE(trace_writer ? "the writer" : "the reader");
    BufferConfig config = ring_of(20'000);
    config.wait = WaitPolicy::spin;
    Counted counted;
    Calls calls = traced_stream(trace_writer, config, 20'000, 0us, counted);
    EXPECT_EQ(counted.sleeps + counted.barriers + counted.wakes, 0U);
    EXPECT_EQ(calls.take(SYS_sched_yield), 0U) << "they run on two CPUs";
    expect_only_counted_calls(calls, counted);
  }
}

TEST(ProcessHotPath, system_calls_are_the_counted_sleeps_wakes_barriers_and_liveness_checks) {
  for (const bool trace_writer : {true, false}) {
    SCOPED_TRACE(trace_writer ? "the writer" : "the reader");
    for (const WaitPolicy policy : {WaitPolicy::spin_then_block, WaitPolicy::block}) {
      BufferConfig config = ring_of(2000);
      config.wait = policy;
      Counted counted;
      // the other end is slow, so that the traced one sleeps
      const Calls calls = traced_stream(trace_writer, config, 60, 5000us, counted);
      EXPECT_GT(counted.sleeps, 10U);
      expect_only_counted_calls(calls, counted, policy != WaitPolicy::block);
    }
  }
}

TEST(ProcessHotPath, publishing_to_a_reader_that_is_awake_makes_no_system_call) {
  Counted counted;
  const Calls calls = trace([&] {
    Ends ends(ring_of(100'000));
    const auto data = payload(500, 1);
    mark();
    for (int i = 0; i < 2000; ++i) {
      REQUIRE(ends.writer.try_write(data));
      REQUIRE(ends.reader.try_read());
    }
    mark();
    return 0;
  });
  expect_only_counted_calls(calls, counted);
}

}  // namespace
}  // namespace zerobuffer
