// See readers.hpp.
#include "bench/readers.hpp"

#include <atomic>
#include <cstring>
#include <new>
#include <vector>

#include "bench/message.hpp"
#include "bench/pages.hpp"
#include "zerobuffer/zerobuffer.hpp"

namespace zerobuffer::cli::bench {
namespace {

constexpr std::chrono::seconds connect_timeout{5};
constexpr unsigned most_readers = 16;
constexpr std::uint64_t message_ring = 1 << 20;

struct Audience {
  unsigned readers;
  std::size_t frame_bytes;
};

BufferConfig config_of(const Audience& audience) {
  BufferConfig config = BufferConfig::for_frames(audience.frame_bytes, 3);
  if (audience.frame_bytes == sizeof(Message)) {
    config.payload_size = message_ring;
    config.burst_size = 0;
  }
  config.max_readers = audience.readers;
  return config;
}

/// How many frames a second each reader got.
struct Rates {
  std::atomic<double> per_second[most_readers];
};

void write_to_all(Session& session, const Audience& audience) {
  Writer writer = Writer::create(session.ring_name(), config_of(audience)).value();
  new (session.scratch()) Rates{};
  std::vector<std::byte> frame(audience.frame_bytes, std::byte{3});
  const auto send = [&](std::uint64_t sequence) {
    std::memcpy(frame.data(), &sequence, sizeof sequence);
    touch_memory();
    writer.write(frame, forever).value();
  };
  session.meet();  // the ring is there
  session.meet();  // all readers are
  const auto duration = static_cast<std::uint64_t>(session.duration().count());
  const std::uint64_t start_ns = monotonic_ns();
  std::uint64_t sequence = 0;
  while (sequence < 8 || monotonic_ns() - start_ns < duration) send(++sequence);
  send(stop_sequence);
  session.meet();  // all have read it
  session.meet();  // one has reported
}

void read_all(Session& session, const Audience& audience) {
  session.meet();
  Reader reader = Reader::open(session.ring_name(), connect_timeout, config_of(audience)).value();
  auto& rates = *static_cast<Rates*>(session.scratch());
  unsigned sum = 0;
  session.meet();
  std::uint64_t start_ns = 0;
  std::uint64_t expected = 1;
  for (;; ++expected) {
    const Frame frame = reader.read(forever).value();
    std::uint64_t sequence = 0;
    std::memcpy(&sequence, frame.data().data(), sizeof sequence);
    sum += touch_pages(frame.data());
    if (expected == 1) start_ns = monotonic_ns();
    if (sequence == stop_sequence) break;
    check_sequence(sequence, expected);
  }
  // `expected` is the number of frames after the first one: with it the clock began.
  const auto elapsed_ns = static_cast<double>(monotonic_ns() - start_ns);
  must_be_made(sum);
  rates.per_second[session.place()].store(static_cast<double>(expected) * 1e9 / elapsed_ns, std::memory_order_relaxed);
  session.meet();  // orders these stores before the loads
  if (session.place() == 0) {
    double slowest = rates.per_second[0].load(std::memory_order_relaxed);
    for (unsigned i = 1; i < audience.readers; ++i) {
      slowest = std::min(slowest, rates.per_second[i].load(std::memory_order_relaxed));
    }
    const bool small = audience.frame_bytes == sizeof(Message);
    session.report(small ? slowest * 1e-6 : slowest * static_cast<double>(audience.frame_bytes) * 1e-9, expected);
  }
  session.meet();
}

Workload audience_of(const Audience& audience) {
  Workload workload;
  workload.scratch_size = sizeof(Rates);
  workload.second_processes = audience.readers;
  workload.first = [audience](Session& session) { write_to_all(session, audience); };
  workload.second = [audience](Session& session) { read_all(session, audience); };
  return workload;
}

}  // namespace

void add_readers(Plan& plan) {
  for (const unsigned readers : {1U, 2U, 4U, 8U, 16U}) {
    const std::string end = "_readers" + std::to_string(readers);
    const Json message{{"message_bytes", sizeof(Message)}, {"ring_bytes", message_ring}, {"readers", readers}};
    const Json frame{{"frame_bytes", 1 << 20}, {"in_flight", 3}, {"readers", readers}};
    plan.subjects.push_back(
        {"zerobuffer", "stream64" + end, "M/s", message, audience_of({readers, sizeof(Message)}), "readers"});
    plan.subjects.push_back({"zerobuffer", "frame1m" + end, "GB/s", frame, audience_of({readers, 1 << 20}), "readers"});
  }
}

}  // namespace zerobuffer::cli::bench
