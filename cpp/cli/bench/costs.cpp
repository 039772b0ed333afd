// See costs.hpp.
#include "bench/costs.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <thread>
#include <vector>

#include "bench/futex.hpp"
#include "bench/message.hpp"
#include "bench/ring_ends.hpp"
#include "bench/workloads.hpp"

namespace zerobuffer::cli::bench {
namespace {

constexpr std::uint64_t large_ring_size = 64 << 20;

// ---------------------------------------------------------------- in one process

/// The least of many rounds: what the operation takes where nothing interrupts it.
constexpr int operations_in_round = 200;

template <class Operation>
double least_ns(Session& session, Operation&& operation) {
  const std::uint64_t start_ns = monotonic_ns();
  std::uint64_t least = UINT64_MAX;
  do {
    const std::uint64_t start = ticks();
    for (int i = 0; i < operations_in_round; ++i) operation();
    least = std::min(least, ticks() - start);
  } while (monotonic_ns() - start_ns < static_cast<std::uint64_t>(session.duration().count()));
  return static_cast<double>(least) * nanoseconds_per_tick() / operations_in_round;
}

/// @param body returns the figure
template <class Body>
Workload alone(Body body) {
  Workload workload;
  workload.first = [body](Session& session) { session.report(body(session), 1); };
  workload.second = [](Session&) {};
  return workload;
}

Workload clock_read() {
  return alone([](Session& session) { return least_ns(session, [] { static_cast<void>(monotonic_ns()); }); });
}

/// A store, and a full fence after it.
Workload fence() {
  return alone([](Session& session) {
    std::atomic<std::uint64_t> word{0};
    return least_ns(session, [&] {
      word.store(1, std::memory_order_relaxed);
      std::atomic_thread_fence(std::memory_order_seq_cst);
    });
  });
}

/// Writer and reader of one ring in one process.
class BothEnds {
 public:
  BothEnds(Session& session, const std::string& name, std::uint64_t ring_size) {
    BufferConfig config;
    config.payload_size = ring_size;
    writer_ = Writer::create(session.ring_name() + name, config).value();
    reader_ = Reader::open(session.ring_name() + name, connect_timeout, config).value();
  }
  /// One message through the ring.
  void pass() {
    message_.sequence += 1;
    touch_memory();
    writer_.write(std::as_bytes(std::span(&message_, 1)), forever).value();
    const Frame frame = reader_.read(forever).value();
    std::uint64_t sequence = 0;
    std::memcpy(&sequence, frame.data().data(), sizeof sequence);
    check_sequence(sequence, message_.sequence);
  }
  [[nodiscard]] std::uint64_t wraps() const { return writer_.stats().wraps; }
  [[nodiscard]] std::uint64_t passed() const { return message_.sequence; }

 private:
  Writer writer_;
  Reader reader_;
  Message message_;
};

/// Beyond a message that does not wrap.
Workload wrap() {
  return alone([](Session& session) {
    BothEnds large(session, ".large", small_ring_size);
    // Room for a record of 128 bytes and a little more: nearly every one begins at the beginning again.
    BothEnds tiny(session, ".tiny", 192);
    const double without = least_ns(session, [&] { large.pass(); });
    const double with = least_ns(session, [&] { tiny.pass(); });
    const double share = static_cast<double>(tiny.wraps()) / static_cast<double>(tiny.passed());
    session.note("write_and_read_ns", without);
    session.note("wraps_per_message", share);
    if (share == 0) throw std::runtime_error("a ring of one message never wrapped: the measurement is worthless");
    return (with - without) / share;
  });
}

/// Until a ring of 64 MiB is made, in microseconds.
Workload creation(bool pre_touch, bool huge_pages) {
  return alone([=](Session& session) {
    BufferConfig config;
    config.payload_size = large_ring_size;
    config.pre_touch = pre_touch;
    config.huge_pages = huge_pages;
    const std::uint64_t start_ns = monotonic_ns();
    const Writer writer = Writer::create(session.ring_name(), config).value();
    const std::uint64_t end_ns = monotonic_ns();
    if (huge_pages && writer.info().huge_bytes == 0) throw NotRun("this machine gives shared memory no huge pages");
    return static_cast<double>(end_ns - start_ns) * 1e-3;
  });
}

// ---------------------------------------------------------------- between two processes

/// A full barrier in the running threads of all registered processes, while one of them computes on the other CPU.
Workload barrier() {
  struct Beats {
    alignas(128) std::atomic<std::uint64_t> made;
    alignas(128) std::atomic<bool> ended;
  };
  Workload workload;
  const auto call = [](int command) { return ::syscall(SYS_membarrier, command, 0U, 0); };
  const auto enter = [call](Session& session) {
    if (call(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED) != 0) throw NotRun("this machine has no membarrier()");
    session.meet();
    return static_cast<Beats*>(session.scratch());
  };
  workload.scratch_size = sizeof(Beats);
  // The words are flags alone, they guard nothing: relaxed.
  workload.first = [=](Session& session) {
    Beats& beats = *enter(session);
    Durations durations(100'000);
    const std::uint64_t start_ns = monotonic_ns();
    do {
      // Only where the other side really runs is there anything to reach.
      const std::uint64_t seen = beats.made.load(std::memory_order_relaxed);
      while (beats.made.load(std::memory_order_relaxed) == seen) pause();
      const std::uint64_t start = ticks();
      call(MEMBARRIER_CMD_GLOBAL_EXPEDITED);
      durations.add(ticks() - start);
    } while (!durations.full() && monotonic_ns() - start_ns < static_cast<std::uint64_t>(session.duration().count()));
    beats.ended.store(true, std::memory_order_relaxed);
    const Latency latency = durations.latency();
    session.report(latency.at(0.5) * 1e-3, durations.count(), latency);
  };
  workload.second = [=](Session& session) {
    Beats& beats = *enter(session);
    for (std::uint64_t i = 1; !beats.ended.load(std::memory_order_relaxed); ++i)
      beats.made.store(i, std::memory_order_relaxed);
  };
  return workload;
}

/// A sleeper is woken every now and then; from the call that wakes it until it runs and has the message. The figure is
/// the median in microseconds; what the waking call itself took is in the notes.
/// @tparam Bell Bell(Session&, bool first); ring(std::uint64_t stamp); answer() sleeps and returns the stamp
template <class Bell>
Workload wake_up() {
  Workload workload;
  workload.scratch_size = 4096;
  workload.times_as_long = 2;
  workload.first = [](Session& session) {
    Bell bell(session, true);
    Durations calls(10'000);
    session.meet();
    const std::uint64_t start_ns = monotonic_ns();
    do {
      // long enough for the other side to fall asleep
      std::this_thread::sleep_for(std::chrono::microseconds(200));
      const std::uint64_t start = ticks();
      bell.ring(start);
      calls.add(ticks() - start);
    } while (calls.count() < 8 ||
             (!calls.full() && monotonic_ns() - start_ns < static_cast<std::uint64_t>(session.duration().count())));
    bell.ring(stop_sequence);
    calls.sort();
    session.note("waking_call_ns", calls.percentile(0.5));
    session.meet();
  };
  workload.second = [](Session& session) {
    Bell bell(session, false);
    Durations durations(10'000);
    session.meet();
    for (;;) {
      const std::uint64_t stamp = bell.answer();
      const std::uint64_t now = ticks();
      if (stamp == stop_sequence) break;
      durations.add(now - std::min(stamp, now));
    }
    const Latency latency = durations.latency();
    session.report(latency.at(0.5) * 1e-3, durations.count(), latency);
    session.meet();
  };
  return workload;
}

/// The bare system call.
class FutexBell {
 public:
  FutexBell(Session& session, bool) : box_(*static_cast<Box*>(session.scratch())) {}
  void ring(std::uint64_t stamp) {
    box_.stamp = stamp;
    box_.rung.store(++rung_, std::memory_order_release);  // pairs with the acquire in answer()
    wake_futex(box_.rung);
  }
  std::uint64_t answer() {
    while (box_.rung.load(std::memory_order_acquire) == rung_) sleep_on_futex(box_.rung, rung_);
    rung_ = box_.rung.load(std::memory_order_acquire);
    return box_.stamp;
  }

 private:
  struct Box {
    std::atomic<std::uint32_t> rung;
    std::uint64_t stamp;
  };
  Box& box_;
  std::uint32_t rung_ = 0;
};

/// A ring whose reader sleeps at once.
class RingBell {
 public:
  RingBell(Session& session, bool first) : end_(session, first, config()) {}
  void ring(std::uint64_t stamp) {
    touch_memory();
    end_.writer.write(std::as_bytes(std::span(&stamp, 1)), forever).value();
  }
  std::uint64_t answer() {
    const Frame frame = end_.reader.read(forever).value();
    std::uint64_t stamp = 0;
    std::memcpy(&stamp, frame.data().data(), sizeof stamp);
    return stamp;
  }

 private:
  static BufferConfig config() {
    BufferConfig config = small_ring();
    config.wait = WaitPolicy::block;
    return config;
  }
  RingEnd end_;
};

}  // namespace

void add_costs(Plan& plan) {
  const Json none = Json::object();
  const Json ring{{"ring_bytes", large_ring_size}};
  const auto acknowledged = [](unsigned frames, unsigned interval_us) {
    return Json{{"message_bytes", 64},
                {"ring_bytes", small_ring_size},
                {"acknowledge_frames", frames},
                {"acknowledge_interval_us", interval_us}};
  };
  plan.subjects.insert(
      plan.subjects.end(),
      {{"floor", "clock_read", "ns", none, clock_read(), "cost"},
       {"floor", "fence", "ns", none, fence(), "cost"},
       {"floor", "barrier", "us", none, barrier(), "cost"},
       {"floor", "wake_up_futex", "us", none, wake_up<FutexBell>(), "cost"},
       {"zerobuffer", "wake_up", "us", {{"message_bytes", 8}}, wake_up<RingBell>(), "cost"},
       {"zerobuffer", "wrap", "ns", {{"message_bytes", 64}}, wrap(), "cost"},
       {"zerobuffer", "acknowledge16", "M/s", acknowledged(16, 0), ring_stream_acknowledged(16), "cost"},
       {"zerobuffer", "acknowledge256", "M/s", acknowledged(256, 0), ring_stream_acknowledged(256), "cost"},
       {"zerobuffer", "acknowledge_interval", "M/s", acknowledged(256, 100), ring_stream_acknowledged_by_time(),
        "cost"},
       {"zerobuffer", "create64m", "us", ring, creation(true, false), "cost"},
       {"zerobuffer", "create64m_huge_pages", "us", ring, creation(true, true), "cost"},
       {"zerobuffer", "create64m_untouched", "us", ring, creation(false, false), "cost"},
       {"zerobuffer", "lap64m", "GB/s", ring, ring_laps(false), "cost"},
       {"zerobuffer", "lap64m_huge_pages", "GB/s", ring, ring_laps(true), "cost"},
       {"zerobuffer", "first_lap_untouched", "ratio", ring, ring_first_lap(false), "cost"}});
  plan.comparisons.insert(plan.comparisons.end(),
                          {{"wake_up_over_futex", "wake_up", "wake_up_futex", {}, true},
                           {"acknowledge16_over_each", "acknowledge16", "stream64", {}, false},
                           {"acknowledge256_over_each", "acknowledge256", "stream64", {}, false},
                           {"acknowledge_interval_over_each", "acknowledge_interval", "stream64", {}, false},
                           {"create64m_huge_pages_over_usual", "create64m_huge_pages", "create64m", {}, true},
                           {"create64m_untouched_over_usual", "create64m_untouched", "create64m", {}, true},
                           {"lap64m_huge_pages_over_usual", "lap64m_huge_pages", "lap64m", {}, false},
                           {"first_lap_untouched_over_later", "first_lap_untouched", "", {}, false}});
}

}  // namespace zerobuffer::cli::bench
