// See workloads.hpp.
#include "bench/workloads.hpp"

#include <array>
#include <cstring>
#include <numeric>
#include <optional>
#include <vector>

#include "bench/floors.hpp"
#include "bench/message.hpp"
#include "bench/ring_ends.hpp"
#include "zerobuffer/zerobuffer.hpp"

namespace zerobuffer::cli::bench {
namespace {

template <class Content>
std::span<const std::byte> bytes_of(const Content& message) {
  return std::as_bytes(std::span(&message, 1));
}

template <WaitPolicy wait>
class TwoRings {
 public:
  TwoRings(Session& session, bool first) : ends_(session, first, config()) {}
  void send(const Message& message) { ends_.writer.write(bytes_of(message), forever).value(); }
  void receive(Message& message) {
    Result<Frame> frame = ends_.reader.read(forever);
    if (!frame) throw Error(frame.failure());
    std::memcpy(&message, frame->data().data(), sizeof message);
  }

 private:
  static BufferConfig config() {
    BufferConfig config = small_ring();
    config.wait = wait;
    return config;
  }
  RingEnds ends_;
};

template <class Content>
class StreamRing {
 public:
  StreamRing(Session& session, bool first, const BufferConfig& config = small_ring()) : end_(session, first, config) {}
  void send(const Content& message) { end_.writer.write(bytes_of(message), forever).value(); }
  void flush() {}
  template <class Visit>
  void receive(Visit&& visit) {
    Result<Frame> frame = end_.reader.read(forever);
    if (!frame) throw Error(frame.failure());
    visit(*reinterpret_cast<const Content*>(frame->data().data()));
  }

 protected:
  RingEnd end_;
};

/// Tells the writer now and then only that frames were let go.
/// @tparam interval_us with an interval, too; 0: without
template <std::uint32_t frames, std::uint32_t interval_us>
class AcknowledgedRing : public StreamRing<Message> {
 public:
  AcknowledgedRing(Session& session, bool first) : StreamRing(session, first, config()) {}

 private:
  static BufferConfig config() {
    BufferConfig config = small_ring();
    config.acknowledge = {frames, std::chrono::microseconds(interval_us)};
    return config;
  }
};

class BatchedStreamRing : public StreamRing<Message> {
 public:
  using StreamRing::StreamRing;
  void send(const Message& message) {
    if (!batch_) batch_.emplace(end_.writer.batch());
    StreamRing::send(message);
    if (++in_batch_ == 16) flush();
  }
  void flush() {
    batch_.reset();
    in_batch_ = 0;
  }

 private:
  std::optional<Batch> batch_;
  int in_batch_ = 0;
};

/// Looks at one byte of each page, as somebody who reads a frame in place at least does.
unsigned touch_pages(std::span<const std::byte> data) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < data.size(); i += 4096) sum += std::to_integer<unsigned>(data[i]);
  return sum;
}

class FrameRing {
 public:
  FrameRing(Session& session, bool first, const BufferConfig& config) : end_(session, first, config) {}

  void send(std::span<const std::byte> frame) { end_.writer.write(frame, forever).value(); }
  [[nodiscard]] bool is_huge() const { return end_.reader.info().huge_bytes != 0; }
  /// Hands the sequence written into the frame to the caller.
  std::uint64_t receive() {
    Result<Frame> frame = end_.reader.read(forever);
    if (!frame) throw Error(frame.failure());
    std::uint64_t sequence = 0;
    std::memcpy(&sequence, frame->data().data(), sizeof sequence);
    sum_ += touch_pages(frame->data());
    // The sum must really be made.
    asm volatile("" ::"r"(sum_));
    return sequence;
  }

 private:
  RingEnd end_;
  unsigned sum_ = 0;
};

void put_sequence(std::vector<std::byte>& frame, std::uint64_t sequence) {
  std::memcpy(frame.data(), &sequence, sizeof sequence);
  touch_memory();
}

constexpr std::size_t lap_ring_size = 64 << 20;
constexpr std::size_t lap_record_size = 1 << 20;
constexpr std::size_t lap_frame_size = lap_record_size - 32;

/// Five laps through the whole ring.
/// @param figure called as figure(first_ns, later_ns), what a frame of the first and of a later lap took
template <class Figure>
Workload laps(BufferConfig config, Figure figure) {
  constexpr std::size_t frames_per_lap = lap_ring_size / lap_record_size;
  constexpr std::size_t laps = 5;
  config.payload_size = lap_ring_size;
  config.burst_size = lap_ring_size;  // no early restart: every lap goes through the whole ring
  Workload workload;
  workload.first = [config](Session& session) {
    FrameRing ring(session, true, config);
    std::vector<std::byte> frame(lap_frame_size, std::byte{3});
    session.meet();
    for (std::size_t i = 0; i < laps * frames_per_lap; ++i) {
      put_sequence(frame, i);
      ring.send(frame);
    }
    session.meet();
  };
  workload.second = [config, figure](Session& session) {
    FrameRing ring(session, false, config);
    if (config.huge_pages && !ring.is_huge()) throw NotRun("this machine gives shared memory no huge pages");
    std::array<double, laps> frame_ns{};  // per frame, lap by lap
    session.meet();
    std::uint64_t start_ns = 0;
    for (std::size_t i = 0; i < laps * frames_per_lap; ++i) {
      check_sequence(ring.receive(), i);
      const std::uint64_t now = monotonic_ns();
      if (i == 0) start_ns = now;
      if ((i + 1) % frames_per_lap != 0) continue;
      const std::size_t lap = i / frames_per_lap;
      // The clock of the first lap began when its first frame had come.
      const std::size_t frames = lap == 0 ? frames_per_lap - 1 : frames_per_lap;
      frame_ns[lap] = static_cast<double>(now - start_ns) / static_cast<double>(frames);
      start_ns = now;
    }
    session.report(figure(frame_ns[0], spread_of({frame_ns.begin() + 1, frame_ns.end()}).median),
                   laps * frames_per_lap);
    session.meet();
  };
  return workload;
}

}  // namespace

Workload ring_round_trip(bool one_cpu, WaitPolicy wait) {
  switch (wait) {
    case WaitPolicy::spin:
      return round_trip<TwoRings<WaitPolicy::spin>>(0, one_cpu);
    case WaitPolicy::block:
      return round_trip<TwoRings<WaitPolicy::block>>(0, one_cpu);
    case WaitPolicy::spin_then_block:
      break;
  }
  return round_trip<TwoRings<WaitPolicy::spin_then_block>>(0, one_cpu);
}
Workload ring_stream() { return stream<StreamRing<Message>>(); }
Workload ring_stream32() { return stream<StreamRing<HalfMessage>, HalfMessage>(); }
Workload ring_stream_acknowledged(unsigned frames) {
  return frames == 16 ? stream<AcknowledgedRing<16, 0>>() : stream<AcknowledgedRing<256, 0>>();
}
Workload ring_stream_acknowledged_by_time() { return stream<AcknowledgedRing<256, 100>>(); }
Workload ring_stream_batch16() { return stream<BatchedStreamRing>(); }

Workload ring_frames() {
  Workload workload;
  workload.first = [](Session& session) {
    FrameRing ring(session, true, BufferConfig::for_frames(frame_size));
    std::vector<std::byte> frame(frame_size, std::byte{3});
    session.meet();
    const auto duration = static_cast<std::uint64_t>(session.duration().count());
    const std::uint64_t start_ns = monotonic_ns();
    std::uint64_t sequence = 0;
    // A few frames even on a machine that is so busy that time runs out at once.
    while (sequence < 16 || monotonic_ns() - start_ns < duration) {
      put_sequence(frame, ++sequence);
      ring.send(frame);
    }
    put_sequence(frame, stop_sequence);
    ring.send(frame);
    session.meet();
  };
  workload.second = [](Session& session) {
    FrameRing ring(session, false, BufferConfig::for_frames(frame_size));
    session.meet();
    std::uint64_t start_ns = 0;
    std::uint64_t expected = 1;
    for (;; ++expected) {
      const std::uint64_t sequence = ring.receive();
      if (expected == 1) start_ns = monotonic_ns();
      if (sequence == stop_sequence) break;
      check_sequence(sequence, expected);
    }
    // `expected` is the number of frames after the first one: with it the clock began.
    const auto elapsed_ns = static_cast<double>(monotonic_ns() - start_ns);
    session.report(static_cast<double>((expected - 1) * frame_size) / elapsed_ns, expected);
    session.meet();
  };
  return workload;
}

Workload ring_first_lap(bool pre_touch) {
  BufferConfig config;
  config.pre_touch = pre_touch;
  return laps(config, [](double first_ns, double later_ns) { return later_ns / first_ns; });
}

Workload ring_laps(bool huge_pages) {
  BufferConfig config;
  config.huge_pages = huge_pages;
  return laps(config, [](double, double later_ns) { return static_cast<double>(lap_frame_size) / later_ns; });
}

}  // namespace zerobuffer::cli::bench
