// Messages of any size, known at run time, in the patterns of message.hpp: there and back, and one way. Every system
// measured runs these same loops; only its endpoint differs.
//
// Endpoint: Endpoint(Session&, bool first, std::size_t size, settings...); send(std::span<const std::byte>), which
// publishes or may wait for flush(); flush(); receive(visit), which calls visit(std::span<const std::byte>) for one
// message or more (in a round trip for one), valid during the call.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

#include "bench/message.hpp"

namespace zerobuffer::cli::bench {

/// A message in private memory. Its first 8 bytes are the sequence, stored just before it is sent.
class SizedMessage {
 public:
  /// @param size at least 8
  explicit SizedMessage(std::size_t size) : bytes_(size, std::byte{3}) {
    if (size < sizeof(std::uint64_t)) throw std::logic_error("a message has room for its sequence");
  }
  void put(std::uint64_t sequence) {
    std::memcpy(bytes_.data(), &sequence, sizeof sequence);
    touch_memory();
  }
  /// Copies another one of the same size in.
  void take(std::span<const std::byte> other) {
    check_size(other);
    std::memcpy(bytes_.data(), other.data(), bytes_.size());
    touch_memory();
  }
  void check_size(std::span<const std::byte> other) const {
    if (other.size() != bytes_.size()) throw std::runtime_error("a message changed its size");
  }
  [[nodiscard]] static std::uint64_t sequence_in(std::span<const std::byte> bytes) {
    std::uint64_t sequence = 0;
    std::memcpy(&sequence, bytes.data(), sizeof sequence);
    return sequence;
  }
  [[nodiscard]] std::uint64_t sequence() const { return sequence_in(bytes_); }
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

/// There and back, copied out at both ends: figure is the median of single round trips in nanoseconds.
template <class Endpoint, class... Settings>
Workload round_trip_of(std::size_t size, Settings... settings) {
  Workload workload;
  workload.first = [=](Session& session) {
    Endpoint endpoint(session, true, size, settings...);
    SizedMessage message(size);
    SizedMessage answer(size);
    Durations durations(400'000);
    std::uint64_t sequence = 0;
    const auto once = [&](std::uint64_t value) {
      message.put(value);
      endpoint.send(message.bytes());
      endpoint.flush();
      endpoint.receive([&](std::span<const std::byte> bytes) { answer.take(bytes); });
    };
    session.meet();
    const auto duration = static_cast<std::uint64_t>(session.duration().count());
    const std::uint64_t start_ns = monotonic_ns();
    // The first fifth of the time warms up.
    do once(++sequence);
    while (monotonic_ns() - start_ns < duration / 5);
    // A few even on a machine that is so busy, or with messages so long, that time runs out at once.
    while (!durations.full() && (durations.count() < 8 || monotonic_ns() - start_ns < duration)) {
      for (int i = 0; i < 8; ++i) {
        const std::uint64_t start = ticks();
        once(++sequence);
        durations.add(ticks() - start);
        check_sequence(answer.sequence(), sequence);
      }
    }
    once(stop_sequence);
    const Latency latency = durations.latency();
    session.report(latency.at(0.5), durations.count(), latency);
    session.meet();
  };
  workload.second = [=](Session& session) {
    Endpoint endpoint(session, false, size, settings...);
    SizedMessage message(size);
    session.meet();
    do {
      endpoint.receive([&](std::span<const std::byte> bytes) { message.take(bytes); });
      endpoint.send(message.bytes());
      endpoint.flush();
    } while (message.sequence() != stop_sequence);
    session.meet();  // the answer has come: an endpoint that goes takes nothing with it
  };
  return workload;
}

/// One way, looked at where the endpoint has them: figure is million messages per second, as the receiver sees them.
template <class Endpoint, class... Settings>
Workload one_way_of(std::size_t size, Settings... settings) {
  Workload workload;
  workload.first = [=](Session& session) {
    Endpoint endpoint(session, true, size, settings...);
    SizedMessage message(size);
    session.meet();
    const auto duration = static_cast<std::uint64_t>(session.duration().count());
    const int between_looks = size <= 1024 ? 1024 : 64;
    const std::uint64_t start_ns = monotonic_ns();
    std::uint64_t sequence = 0;
    do {
      for (int i = 0; i < between_looks; ++i) {
        message.put(++sequence);
        endpoint.send(message.bytes());
      }
    } while (monotonic_ns() - start_ns < duration);
    message.put(stop_sequence);
    endpoint.send(message.bytes());
    endpoint.flush();
    session.meet();
  };
  workload.second = [=](Session& session) {
    Endpoint endpoint(session, false, size, settings...);
    const SizedMessage message(size);
    session.meet();
    count_arrivals(session, [&](auto&& count) {
      endpoint.receive([&](std::span<const std::byte> bytes) {
        message.check_size(bytes);
        count(SizedMessage::sequence_in(bytes));
      });
    });
    session.meet();
  };
  return workload;
}

}  // namespace zerobuffer::cli::bench
