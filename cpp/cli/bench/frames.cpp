// See frames.hpp.
#include "bench/frames.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <deque>
#include <vector>

#include "bench/message.hpp"
#include "bench/pages.hpp"
#include "zerobuffer/zerobuffer.hpp"

namespace zerobuffer::cli::bench {
namespace {

constexpr std::chrono::seconds connect_timeout{5};
constexpr unsigned in_flight = 3;

BufferConfig ring_of(const FrameFlow& flow) {
  BufferConfig config = BufferConfig::for_frames(flow.frame_bytes, in_flight);
  if (flow.ring_bytes != 0) config.payload_size = flow.ring_bytes;
  if (flow.walks_through) config.burst_size = config.payload_size;
  return config;
}

/// Stores the sequence as a word, as somebody who has just made a frame does.
void put_sequence(std::byte* frame, std::uint64_t sequence) {
  std::memcpy(frame, &sequence, sizeof sequence);
  touch_memory();
}

/// Whether the writer has sent its last frame: a reader that lags need not wait for more then.
using Over = std::atomic<bool>;

void write_frames(Session& session, const FrameFlow& flow) {
  Writer writer = Writer::create(session.ring_name(), ring_of(flow)).value();
  auto& over = *new (session.scratch()) Over(false);
  std::vector<std::byte> frame(flow.in_place ? 0 : flow.frame_bytes, std::byte{3});
  const auto send = [&](std::uint64_t sequence) {
    if (flow.in_place) {
      Claim claim = writer.claim(flow.frame_bytes, forever).value();
      std::memset(claim.data().data(), static_cast<int>(sequence & 0xff), flow.frame_bytes);
      put_sequence(claim.data().data(), sequence);
      claim.commit(flow.frame_bytes).value();
    } else {
      put_sequence(frame.data(), sequence);
      writer.write(frame, forever).value();
    }
  };
  session.meet();  // the ring is there
  session.meet();  // the reader is
  const auto duration = static_cast<std::uint64_t>(session.duration().count());
  // A few frames even where they are so large, or the machine is so busy, that time runs out at once.
  const std::uint64_t least = flow.held + flow.behind + 8;
  const std::uint64_t start_ns = monotonic_ns();
  std::uint64_t sequence = 0;
  while (sequence < least || monotonic_ns() - start_ns < duration) send(++sequence);
  send(stop_sequence);
  over.store(true, std::memory_order_release);  // pairs with the acquire in the reader
  session.meet();
}

void read_frames(Session& session, const FrameFlow& flow) {
  session.meet();
  Reader reader = Reader::open(session.ring_name(), connect_timeout, ring_of(flow)).value();
  const auto& over = *static_cast<const Over*>(session.scratch());
  std::vector<std::byte> copy(flow.copied_out ? flow.frame_bytes : 0, std::byte{1});
  std::deque<Frame> held;
  unsigned sum = 0;
  session.meet();
  std::uint64_t start_ns = 0;
  std::uint64_t expected = 1;
  for (;; ++expected) {
    if (flow.behind != 0) {
      while (reader.stats().unread_bytes < flow.behind * flow.frame_bytes && !over.load(std::memory_order_acquire))
        pause();
    }
    Frame frame = reader.read(forever).value();
    std::uint64_t sequence = 0;
    std::memcpy(&sequence, frame.data().data(), sizeof sequence);
    if (flow.copied_out) {
      std::memcpy(copy.data(), frame.data().data(), flow.frame_bytes);
      touch_memory();
    } else {
      sum += touch_pages(frame.data());
    }
    if (expected == 1) start_ns = monotonic_ns();
    if (sequence == stop_sequence) break;
    check_sequence(sequence, expected);
    if (flow.held != 0) {
      if (held.size() == flow.held) held.pop_front();
      held.push_back(std::move(frame));
    }
  }
  // `expected` is the number of frames after the first one: with it the clock began.
  const auto elapsed_ns = static_cast<double>(monotonic_ns() - start_ns);
  must_be_made(sum);
  session.report(static_cast<double>((expected - 1) * flow.frame_bytes) / elapsed_ns, expected);
  session.meet();
}

}  // namespace

Workload frame_stream(const FrameFlow& flow) {
  Workload workload;
  workload.scratch_size = 4096;
  workload.first = [flow](Session& session) { write_frames(session, flow); };
  workload.second = [flow](Session& session) { read_frames(session, flow); };
  return workload;
}

}  // namespace zerobuffer::cli::bench
