// The small messages of fixed size, and the two patterns in which they travel: there and back, and one way.
// Every system measured, floors included, runs these same loops; only its endpoint differs.
#pragma once

#include <algorithm>
#include <cstdint>
#include <stdexcept>

#include "bench/processor.hpp"
#include "bench/statistics.hpp"
#include "bench/two_processes.hpp"
#include "clock.hpp"

namespace zerobuffer::cli::bench {

/// The sender stores the sequence as one 8-byte word just before it sends, as callers fill in a field and send.
struct alignas(64) Message {
  std::uint64_t sequence = 0;
  std::uint64_t rest[7] = {1, 2, 3, 4, 5, 6, 7};
};
static_assert(sizeof(Message) == 64);

/// The same, of half the size.
struct alignas(32) HalfMessage {
  std::uint64_t sequence = 0;
  std::uint64_t rest[3] = {1, 2, 3};
};
static_assert(sizeof(HalfMessage) == 32);

/// Ends a loop.
inline constexpr std::uint64_t stop_sequence = std::uint64_t{1} << 62;

inline void check_sequence(std::uint64_t got, std::uint64_t expected) {
  if (got != expected) throw std::runtime_error("a message came out of order or changed: the measurement is worthless");
}

/// Times round trips one by one, and then sends stop_sequence; the other side is ready when it comes to this meeting.
/// @param exchange called as exchange(const Message& request, Message& answer)
template <class Exchange>
void time_round_trips(Session& session, Exchange&& exchange) {
  Durations durations(400'000);
  Message message;
  Message answer;
  std::uint64_t sequence = 0;
  const auto once = [&](std::uint64_t value) {
    message.sequence = value;
    touch_memory();
    exchange(message, answer);
  };
  session.meet();
  const auto duration = static_cast<std::uint64_t>(session.duration().count());
  const auto long_ticks = static_cast<std::uint64_t>(100'000 / nanoseconds_per_tick());
  const std::uint64_t start_ns = monotonic_ns();
  // The first fifth of the time warms up.
  while (monotonic_ns() - start_ns < duration / 5) once(++sequence);
  while (!durations.full()) {
    const std::uint64_t start = ticks();
    once(++sequence);
    durations.add(ticks() - start);
    check_sequence(answer.sequence, sequence);
    // The clock is looked at now and then, and after whatever took long; a few are made even where time runs out at
    // once.
    if (((sequence & 63) == 0 || durations.last() > long_ticks) && durations.count() >= 8 &&
        monotonic_ns() - start_ns >= duration) {
      break;
    }
  }
  once(stop_sequence);
  const Latency latency = durations.latency();
  session.report(latency.at(0.5), durations.count(), latency);
}

/// There and back: figure is the median of single round trips in nanoseconds.
/// Endpoint: Endpoint(Session&, bool first); send(const Message&); receive(Message&).
template <class Endpoint>
Workload round_trip(std::size_t scratch_size = 0, bool one_cpu = false) {
  Workload workload;
  workload.scratch_size = scratch_size;
  workload.one_cpu = one_cpu;
  workload.first = [](Session& session) {
    Endpoint endpoint(session, true);
    time_round_trips(session, [&](const Message& request, Message& answer) {
      endpoint.send(request);
      endpoint.receive(answer);
    });
  };
  workload.second = [](Session& session) {
    Endpoint endpoint(session, false);
    Message message;
    session.meet();
    do {
      endpoint.receive(message);
      endpoint.send(message);
    } while (message.sequence != stop_sequence);
  };
  return workload;
}

/// Counts what comes until stop_sequence does, and reports million messages per second.
/// @param receive called as receive(count), which calls count(sequence) for one message or more
template <class Receive>
void count_arrivals(Session& session, Receive&& receive) {
  std::uint64_t expected = 1;
  std::uint64_t start_ns = 0;
  bool stopped = false;
  while (!stopped) {
    receive([&](std::uint64_t sequence) {
      if (sequence == expected) {
        if (expected == 1) start_ns = monotonic_ns();
        ++expected;
      } else {
        check_sequence(sequence, stop_sequence);
        stopped = true;
      }
    });
  }
  const auto elapsed_ns = static_cast<double>(monotonic_ns() - start_ns);
  session.report(static_cast<double>(expected - 1) * 1e3 / elapsed_ns, expected - 1);
}

/// One way: figure is million messages per second, as the receiver sees them.
/// Endpoint: Endpoint(Session&, bool first); send(const Message&); flush(); receive(visit), which calls visit(message)
/// for one message or more.
/// @tparam Content Message or HalfMessage
template <class Endpoint, class Content = Message>
Workload stream(std::size_t scratch_size = 0) {
  Workload workload;
  workload.scratch_size = scratch_size;
  workload.first = [](Session& session) {
    Endpoint endpoint(session, true);
    Content message;
    session.meet();
    const auto duration = static_cast<std::uint64_t>(session.duration().count());
    const std::uint64_t start_ns = monotonic_ns();
    std::uint64_t sequence = 0;
    do {
      for (int i = 0; i < 1024; ++i) {
        message.sequence = ++sequence;
        touch_memory();
        endpoint.send(message);
      }
    } while (monotonic_ns() - start_ns < duration);
    message.sequence = stop_sequence;
    touch_memory();
    endpoint.send(message);
    endpoint.flush();
    session.meet();
  };
  workload.second = [](Session& session) {
    Endpoint endpoint(session, false);
    session.meet();
    count_arrivals(session,
                   [&](auto&& count) { endpoint.receive([&](const Content& message) { count(message.sequence); }); });
    session.meet();
  };
  return workload;
}

}  // namespace zerobuffer::cli::bench
