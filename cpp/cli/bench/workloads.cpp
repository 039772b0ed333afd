// See workloads.hpp.
#include "bench/workloads.hpp"

#include <array>
#include <cstring>
#include <numeric>
#include <optional>
#include <vector>

#include "bench/floors.hpp"
#include "bench/message.hpp"
#include "zerobuffer/zerobuffer.hpp"

namespace zerobuffer::cli::bench {
namespace {

constexpr std::chrono::seconds connect_timeout{5};

BufferConfig small_ring() {
  BufferConfig config;
  config.payload_size = small_ring_size;
  return config;
}

std::span<const std::byte> bytes_of(const Message& message) { return std::as_bytes(std::span(&message, 1)); }

/// Two rings, one for each direction.
class TwoRings {
 public:
  TwoRings(Session& session, bool first) {
    const std::string request = session.ring_name() + ".request";
    const std::string response = session.ring_name() + ".response";
    if (first) {
      writer_ = Writer::create(request, small_ring()).value();
      reader_ = Reader::create(response, small_ring()).value();
      session.meet();
    } else {
      session.meet();
      reader_ = Reader::open(request, connect_timeout).value();
      writer_ = Writer::open(response, connect_timeout).value();
    }
    session.meet();
  }
  void send(const Message& message) { writer_.write(bytes_of(message), forever).value(); }
  void receive(Message& message) {
    Result<Frame> frame = reader_.read(forever);
    if (!frame) throw Error(frame.failure());
    std::memcpy(&message, frame->data().data(), sizeof message);
  }

 private:
  Writer writer_;
  Reader reader_;
};

/// One ring; the first side writes.
class OneRing {
 public:
  OneRing(Session& session, bool first, const BufferConfig& config) {
    if (first) {
      writer_ = Writer::create(session.ring_name(), config).value();
      session.meet();
    } else {
      session.meet();
      reader_ = Reader::open(session.ring_name(), connect_timeout, config).value();
    }
    session.meet();
  }

 protected:
  Writer writer_;
  Reader reader_;
};

class StreamRing : OneRing {
 public:
  StreamRing(Session& session, bool first) : OneRing(session, first, small_ring()) {}
  void send(const Message& message) { writer_.write(bytes_of(message), forever).value(); }
  void flush() {}
  template <class Visit>
  void receive(Visit&& visit) {
    Result<Frame> frame = reader_.read(forever);
    if (!frame) throw Error(frame.failure());
    visit(*reinterpret_cast<const Message*>(frame->data().data()));
  }

 protected:
  using OneRing::writer_;
};

class BatchedStreamRing : public StreamRing {
 public:
  using StreamRing::StreamRing;
  void send(const Message& message) {
    if (!batch_) batch_.emplace(writer_.batch());
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

class FrameRing : OneRing {
 public:
  FrameRing(Session& session, bool first, const BufferConfig& config) : OneRing(session, first, config) {}

  void send(std::span<const std::byte> frame) { writer_.write(frame, forever).value(); }
  /// Hands the sequence written into the frame to the caller.
  std::uint64_t receive() {
    Result<Frame> frame = reader_.read(forever);
    if (!frame) throw Error(frame.failure());
    std::uint64_t sequence = 0;
    std::memcpy(&sequence, frame->data().data(), sizeof sequence);
    sum_ += touch_pages(frame->data());
    // The sum must really be made.
    asm volatile("" ::"r"(sum_));
    return sequence;
  }

 private:
  unsigned sum_ = 0;
};

void put_sequence(std::vector<std::byte>& frame, std::uint64_t sequence) {
  std::memcpy(frame.data(), &sequence, sizeof sequence);
  touch_memory();
}

}  // namespace

Workload ring_round_trip(bool one_cpu) { return round_trip<TwoRings>(0, one_cpu); }
Workload ring_stream() { return stream<StreamRing>(); }
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

Workload ring_first_lap() {
  constexpr std::size_t ring_size = 64 << 20;
  constexpr std::size_t record_size = 1 << 20;
  constexpr std::size_t frames_per_lap = ring_size / record_size;
  constexpr std::size_t laps = 5;
  BufferConfig config;
  config.payload_size = ring_size;
  config.burst_size = ring_size;  // no early restart: every lap goes through the whole ring
  Workload workload;
  workload.first = [config](Session& session) {
    FrameRing ring(session, true, config);
    std::vector<std::byte> frame(record_size - 32, std::byte{3});
    session.meet();
    for (std::size_t i = 0; i < laps * frames_per_lap; ++i) {
      put_sequence(frame, i);
      ring.send(frame);
    }
    session.meet();
  };
  workload.second = [config](Session& session) {
    FrameRing ring(session, false, config);
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
    const double later = spread_of({frame_ns.begin() + 1, frame_ns.end()}).median;
    session.report(later / frame_ns[0], laps * frames_per_lap);
    session.meet();
  };
  return workload;
}

}  // namespace zerobuffer::cli::bench
