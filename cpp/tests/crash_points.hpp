// What the tests of life and death share: a process that kills or stops itself at a named step of the library, memory
// shared across fork(), and streams of frames that can be checked one by one. Knows nothing of single rules.
#pragma once

#include <sched.h>
#include <sys/mman.h>

#include <optional>
#include <ostream>

#include "ring/atomics.hpp"
#include "support.hpp"

namespace zerobuffer::support {

/// A value in memory that forked children share with their parent.
template <class T>
class Shared {
  static_assert(std::is_trivially_destructible_v<T>);

 public:
  Shared() {
    void* memory = mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) abort();
    value_ = new (memory) T();
  }
  ~Shared() { munmap(value_, sizeof(T)); }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  T* operator->() const noexcept { return value_; }
  T& operator*() const noexcept { return *value_; }

 private:
  T* value_;
};

/// A point where `count` processes wait for each other, as often as they like, without sleeping long.
class Meeting {
 public:
  explicit Meeting(unsigned count = 2) : count_(count) {}
  void wait() noexcept {
    const unsigned round = round_.load();
    if (arrived_.fetch_add(1) + 1 == count_) {
      arrived_.store(0);
      round_.store(round + 1);
      return;
    }
    while (round_.load() == round) sched_yield();
  }

 private:
  unsigned count_;
  std::atomic<unsigned> arrived_{0};
  std::atomic<unsigned> round_{0};
};

inline std::int64_t steady_ns() noexcept { return std::chrono::steady_clock::now().time_since_epoch().count(); }

// ---------------------------------------------------------------- named steps

/// A step of the library: its `nth` passage of `point`.
struct Step {
  const char* point;
  int nth = 1;
};
inline std::ostream& operator<<(std::ostream& out, const Step& step) { return out << step.point << " #" << step.nth; }
/// For the names of parameterised tests.
inline std::string identifier(const Step& step) {
  std::string text = std::string(step.point) + "_" + std::to_string(step.nth);
  for (char& c : text) {
    if (c == '.') c = '_';
  }
  return text;
}

namespace detail {
inline Step armed_step{};
inline int armed_signal = 0;
inline int passages = 0;
inline std::atomic<std::int64_t>* reached_at = nullptr;
}  // namespace detail

/// In a child: sends itself `signal` at the step, once. `reached_at` (shared memory) gets the time.
inline void signal_self_at(const Step& step, int signal, std::atomic<std::int64_t>* reached_at = nullptr) {
  detail::armed_step = step;
  detail::armed_signal = signal;
  detail::passages = 0;
  detail::reached_at = reached_at;
  ring::test_point_hook.store([](const char* name) {
    if (std::strcmp(name, detail::armed_step.point) != 0 || ++detail::passages != detail::armed_step.nth) return;
    if (detail::reached_at != nullptr) detail::reached_at->store(steady_ns());
    raise(detail::armed_signal);
  });
}

/// Waits until the child has stopped itself; false where it ended instead.
[[nodiscard]] inline bool wait_stopped(const Child& child) {
  int status = 0;
  while (waitpid(child.pid(), &status, WUNTRACED) < 0 && errno == EINTR) {
  }
  return WIFSTOPPED(status);
}
/// Waits until the child is dead, without reaping it.
inline void wait_dead(const Child& child) {
  siginfo_t info;
  while (waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOWAIT) < 0 && errno == EINTR) {
  }
}

// ---------------------------------------------------------------- streams

/// Frames of different sizes; the payload tells the number.
[[nodiscard]] inline std::size_t size_of_frame(std::uint64_t number) noexcept { return 70 + number * 37 % 400; }

/// Sends frames number `from` … `to`, every other one in place. `committed` gets the number of the last one sent.
inline Status send_frames(Writer& writer, std::uint64_t from, std::uint64_t to,
                          std::atomic<std::uint64_t>* committed = nullptr, std::chrono::microseconds pause = {}) {
  for (std::uint64_t number = from; number <= to; ++number) {
    const auto data = payload(size_of_frame(number), number);
    if (number % 2 == 0) {
      if (auto done = writer.write(data, forever); !done) return done.status();
    } else {
      auto claim = writer.claim(data.size(), forever);
      if (!claim) return claim.status();
      std::memcpy(claim->data().data(), data.data(), data.size());
      if (auto done = claim->commit(data.size()); !done) return done.status();
    }
    if (committed != nullptr) committed->store(number);
    if (pause.count() != 0) std::this_thread::sleep_for(pause);
  }
  return Status::ok;
}

/// How a reader waits: the policies, and calling try_read() again and again.
enum class Waiting { block, spin_then_block, spin, poll };
inline std::string_view name_of(Waiting waiting) {
  constexpr std::string_view names[] = {"block", "spin_then_block", "spin", "poll"};
  return names[static_cast<std::size_t>(waiting)];
}
inline WaitPolicy policy_of(Waiting waiting) {
  switch (waiting) {
    case Waiting::block:
      return WaitPolicy::block;
    case Waiting::spin:
      return WaitPolicy::spin;
    default:
      return WaitPolicy::spin_then_block;
  }
}

inline Result<Frame> next_frame(Reader& reader, Waiting waiting, std::chrono::nanoseconds limit = generous) {
  if (waiting != Waiting::poll) return reader.read(limit);
  for (const std::int64_t end = steady_ns() + limit.count();;) {
    auto frame = reader.try_read();
    if (frame.status() != Status::would_block) return frame;
    if (steady_ns() > end) return Status::timeout;
    sched_yield();
  }
}

struct Seen {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  Status end = Status::ok;
  std::int64_t ended_at = 0;
};
/// Reads to the end, whatever it is. Every frame must be whole and, after the first one, the one after the last.
inline Seen read_to_end(Reader& reader, Waiting waiting = Waiting::spin_then_block, std::uint64_t expected = 0,
                        std::chrono::microseconds pause = {}) {
  Seen seen;
  for (;;) {
    auto frame = next_frame(reader, waiting);
    if (!frame) {
      seen.end = frame.status();
      seen.ended_at = steady_ns();
      return seen;
    }
    const std::uint64_t number = frame->sequence();
    if (expected != 0 && number != expected)
      ADD_FAILURE() << "frame " << number << " came where " << expected << " was due";
    if (frame->size() != size_of_frame(number) || !holds(frame->data(), number)) {
      ADD_FAILURE() << "frame " << number << " is not what was sent";
    }
    if (seen.first == 0) seen.first = number;
    seen.last = number;
    expected = number + 1;
    if (pause.count() != 0) std::this_thread::sleep_for(pause);
  }
}

}  // namespace zerobuffer::support
