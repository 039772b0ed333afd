// What the tests share: names that nobody else uses, a watchdog and a check for leftovers around every test, forked
// children, and payloads that can be checked. Knows nothing of single rules; those stand in the tests.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "zerobuffer/zerobuffer.hpp"

namespace zerobuffer::support {

using namespace std::chrono_literals;

/// Longer than anything takes on a busy machine, shorter than the watchdog. A test never asserts less.
inline constexpr std::chrono::seconds generous{20};
inline constexpr unsigned watchdog_seconds = 120;

// ---------------------------------------------------------------- names and leftovers

/// Begins every name of this test run; the same in forked children.
inline const std::string name_prefix =
    "zbtest-" + std::to_string(getpid()) + "-" + std::to_string(std::random_device{}() % 1'000'000) + "-";

/// A buffer name that nobody else uses.
inline std::string unique_name() {
  static std::atomic<unsigned> count{0};
  return name_prefix + std::to_string(getpid()) + "-" + std::to_string(++count);
}
inline std::string path_of(std::string_view name) { return "/dev/shm/" + std::string(name); }
inline bool exists(std::string_view name) {
  return std::filesystem::exists(std::filesystem::symlink_status(path_of(name)));
}

inline std::vector<std::string> leftovers() {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator("/dev/shm")) {
    if (entry.path().filename().string().starts_with(name_prefix)) found.push_back(entry.path().filename());
  }
  return found;
}

/// Ends this process, loudly, when it takes longer. Every test of the binary runs under one; each child has its own.
inline void start_watchdog(unsigned seconds = watchdog_seconds) {
  struct sigaction action {};
  action.sa_handler = [](int) {
    constexpr char text[] = "watchdog: this test hangs\n";
    static_cast<void>(!write(STDERR_FILENO, text, sizeof text - 1));
    abort();
  };
  sigaction(SIGALRM, &action, nullptr);
  alarm(seconds);
}

/// Around every test: the watchdog, and afterwards nothing of it in /dev/shm and no child.
class Guard : public ::testing::EmptyTestEventListener {
  void OnTestStart(const ::testing::TestInfo&) override { start_watchdog(); }
  void OnTestEnd(const ::testing::TestInfo&) override {
    alarm(0);
    for (const std::string& name : leftovers()) {
      ADD_FAILURE() << "left in /dev/shm: " << name;
      std::filesystem::remove_all(path_of(name));
    }
    const pid_t child = waitpid(-1, nullptr, WNOHANG);
    EXPECT_TRUE(child < 0 && errno == ECHILD) << "a child process was left (" << child << ")";
  }
};
inline const bool guard_installed = [] {
  ::testing::UnitTest::GetInstance()->listeners().Append(new Guard);
  return true;
}();

// ---------------------------------------------------------------- waiting

/// Looks every millisecond; false where it did not come true in time.
template <class Condition>
[[nodiscard]] bool wait_until(Condition&& condition, std::chrono::nanoseconds limit = generous) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

/// Threads that begin one wait each; whoever wants to end these waits first sees them all asleep.
class Sleepers {
 public:
  template <class Body>
  void add(Body body) {
    auto& id = *ids_.emplace_back(std::make_unique<std::atomic<pid_t>>(0));
    threads_.emplace_back([&id, body = std::move(body)] {
      id = gettid();
      body();
    });
  }
  /// Waits until the kernel has put each of them to sleep.
  [[nodiscard]] bool all_asleep() const {
    return std::all_of(ids_.begin(), ids_.end(), [](const auto& id) {
      return wait_until([&] {
        std::string stat;
        std::getline(std::ifstream("/proc/self/task/" + std::to_string(*id) + "/stat"), stat);
        const auto name_end = stat.rfind(") ");
        return *id != 0 && name_end != std::string::npos && stat[name_end + 2] == 'S';
      });
    });
  }
  void join() {
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  ~Sleepers() { join(); }

 private:
  std::vector<std::unique_ptr<std::atomic<pid_t>>> ids_;
  std::vector<std::thread> threads_;
};

// ---------------------------------------------------------------- processes

/// A pipe across fork(): one side sends values, the other takes them in order.
class Channel {
 public:
  Channel() {
    if (pipe(fds_) != 0) abort();
  }
  ~Channel() {
    close(fds_[0]);
    close(fds_[1]);
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  template <class T = char>
  void send(const T& value = {}) const {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 4096);
    if (write(fds_[1], &value, sizeof value) != static_cast<ssize_t>(sizeof value)) abort();
  }
  /// False where nothing came in time.
  template <class T = char>
  [[nodiscard]] bool receive(T& value, std::chrono::milliseconds limit = generous) const {
    const auto end = std::chrono::steady_clock::now() + limit;
    for (;;) {
      pollfd ready{fds_[0], POLLIN, 0};
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
      const int count = poll(&ready, 1, static_cast<int>(std::max<std::int64_t>(0, left.count())));
      if (count < 0 && errno == EINTR) continue;
      return count == 1 && read(fds_[0], &value, sizeof value) == static_cast<ssize_t>(sizeof value);
    }
  }
  [[nodiscard]] bool receive(std::chrono::milliseconds limit = generous) const {
    char value;
    return receive(value, limit);
  }

 private:
  int fds_[2];
};

/// fork() whose child can allocate. GCC 12's AddressSanitizer does not hold its locks across fork() (LLVM's does since
/// version 18, https://github.com/llvm/llvm-project/pull/75290): where another thread allocates at that moment, the
/// child may wait for ever. There it first takes more blocks of every size than a thread keeps in store, which needs
/// each of these locks, and another child is forked where it cannot.
inline pid_t fork_child() {
#ifndef __SANITIZE_ADDRESS__
  return fork();
#else
  for (;;) {
    const Channel able;
    const pid_t pid = fork();
    if (pid < 0) return pid;
    if (pid == 0) {
      for (std::size_t size = 16; size <= 1 << 18; size += std::max<std::size_t>(16, size / 8)) {
        std::vector<std::unique_ptr<std::byte[]>> blocks(
            std::max<std::size_t>(2, std::min<std::size_t>(257, (1 << 17) / size + 1)));
        for (auto& block : blocks) block.reset(new std::byte[size]);
      }
      able.send();
      return 0;
    }
    if (able.receive(5s)) return pid;
    ::kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
#endif
}

/// A forked child that runs `body` and exits with what it returns (an int; 0 where it returns nothing). It must open
/// its own handles. Exit code 97: it threw; 98: an EXPECT failed in it. Killed and reaped where nobody waited for it.
class Child {
 public:
  template <class Body>
  explicit Child(Body&& body, unsigned seconds = watchdog_seconds) {
    std::fflush(nullptr);
    pid_ = fork_child();
    if (pid_ < 0) abort();
    if (pid_ != 0) return;
    start_watchdog(seconds);
    const bool failed_before = ::testing::Test::HasFailure();
    int code = 0;
    try {
      if constexpr (std::is_void_v<std::invoke_result_t<Body>>) {
        body();
      } else {
        code = body();
      }
    } catch (const std::exception& error) {
      std::fprintf(stderr, "child: %s\n", error.what());
      code = 97;
    }
    if (code == 0 && !failed_before && ::testing::Test::HasFailure()) code = 98;
    std::fflush(nullptr);
    _exit(code);
  }
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, 0)) {}
  Child(const Child&) = delete;
  Child& operator=(Child&&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      static_cast<void>(wait());
    }
  }

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  void signal(int number) const { ASSERT_EQ(::kill(pid_, number), 0); }
  /// SIGKILL, and reaped: afterwards it is gone.
  void kill() {
    ::kill(pid_, SIGKILL);
    EXPECT_EQ(wait(), 128 + SIGKILL);
  }
  /// The exit code; 128 + number where a signal ended it.
  [[nodiscard]] int wait() {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_ = 0;
};

/// A scenario runs with its other side in a thread of this process and in a process of its own.
enum class Where : std::uint8_t { thread, process };

/// The other side: runs `body`, which returns 0 where all went well. It must open its own handles.
class Peer {
 public:
  template <class Body>
  Peer(Where where, Body body) {
    if (where == Where::process) {
      child_ = std::make_unique<Child>(std::move(body));
    } else {
      thread_ = std::thread([this, body = std::move(body)] { code_ = body(); });
    }
  }
  ~Peer() {
    if (thread_.joinable()) thread_.join();
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  [[nodiscard]] int join() {
    if (child_) return child_->wait();
    thread_.join();
    return code_;
  }

 private:
  std::unique_ptr<Child> child_;
  std::thread thread_;
  int code_ = 0;
};

/// Suites that run their scenarios both ways. Those with processes are named Process/….
class BothWays : public ::testing::TestWithParam<Where> {};

// ---------------------------------------------------------------- payloads

inline std::uint64_t mix(std::uint64_t value) noexcept {
  value = (value ^ (value >> 31)) * 0x9e3779b97f4a7c15ULL;
  return value ^ (value >> 29);
}
/// Bytes that only `seed` gives, and that are different at every place.
inline void fill(std::span<std::byte> data, std::uint64_t seed) noexcept {
  std::uint64_t value = mix(seed + 1);
  std::size_t at = 0;
  for (; at + 8 <= data.size(); at += 8) {
    std::memcpy(data.data() + at, &value, 8);
    value += 0x9e3779b97f4a7c15ULL;
  }
  for (; at < data.size(); ++at) data[at] = static_cast<std::byte>(value >> (8 * (at % 8)));
}
[[nodiscard]] inline bool holds(std::span<const std::byte> data, std::uint64_t seed) noexcept {
  std::uint64_t value = mix(seed + 1);
  std::size_t at = 0;
  for (; at + 8 <= data.size(); at += 8) {
    if (std::memcmp(data.data() + at, &value, 8) != 0) return false;
    value += 0x9e3779b97f4a7c15ULL;
  }
  for (; at < data.size(); ++at) {
    if (data[at] != static_cast<std::byte>(value >> (8 * (at % 8)))) return false;
  }
  return true;
}
[[nodiscard]] inline std::vector<std::byte> payload(std::size_t size, std::uint64_t seed) {
  std::vector<std::byte> data(size);
  fill(data, seed);
  return data;
}
[[nodiscard]] inline std::span<const std::byte> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string text_of(std::span<const std::byte> data) {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

/// A small ring: tests need no more, and creating it costs little.
[[nodiscard]] inline BufferConfig ring_of(std::uint64_t payload_size) {
  BufferConfig config;
  config.payload_size = payload_size;
  config.metadata_size = 256;
  return config;
}

}  // namespace zerobuffer::support

/// The status of a Result, for EXPECT_EQ with a readable message.
#define EXPECT_STATUS(expression, expected)                                                 \
  do {                                                                                      \
    const auto& result_ = (expression);                                                     \
    EXPECT_EQ(::zerobuffer::to_string(result_.status()), ::zerobuffer::to_string(expected)) \
        << (result_.ok() ? std::string("it succeeded") : result_.failure().message());      \
  } while (false)
#define ASSERT_STATUS(expression, expected)                                                 \
  do {                                                                                      \
    const auto& result_ = (expression);                                                     \
    ASSERT_EQ(::zerobuffer::to_string(result_.status()), ::zerobuffer::to_string(expected)) \
        << (result_.ok() ? std::string("it succeeded") : result_.failure().message());      \
  } while (false)
#define EXPECT_OK(expression) EXPECT_STATUS(expression, ::zerobuffer::Status::ok)
#define ASSERT_OK(expression) ASSERT_STATUS(expression, ::zerobuffer::Status::ok)

/// In the body of a Peer or Child: says where it went wrong, and ends the body with 1.
#define REQUIRE(condition)                                                                         \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      std::fprintf(stderr, "%s:%d: the other side: not so: %s\n", __FILE__, __LINE__, #condition); \
      return 1;                                                                                    \
    }                                                                                              \
  } while (false)

#define RUN_BOTH_WAYS(suite)                                                                         \
  INSTANTIATE_TEST_SUITE_P(Thread, suite, ::testing::Values(::zerobuffer::support::Where::thread),   \
                           [](const auto&) { return "with_a_thread"; });                             \
  INSTANTIATE_TEST_SUITE_P(Process, suite, ::testing::Values(::zerobuffer::support::Where::process), \
                           [](const auto&) { return "with_a_process"; })
