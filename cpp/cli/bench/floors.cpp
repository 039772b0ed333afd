// See floors.hpp.
#include "bench/floors.hpp"

#include <atomic>
#include <cstring>
#include <vector>

#include "bench/futex.hpp"
#include "bench/message.hpp"

namespace zerobuffer::cli::bench {
namespace {

/// Passes the sequence alone, in one word.
template <bool two_lines>
class PingPong {
 public:
  PingPong(Session& session, bool first) : first_(first) {
    auto* lines = static_cast<Line*>(session.scratch());
    out_ = &lines[two_lines && !first ? 1 : 0].word;
    in_ = &lines[two_lines && first ? 1 : 0].word;
  }
  void send(const Message& message) {
    const std::uint64_t value = message.sequence * 2 + (first_ ? 0 : 1);
    if (!two_lines) last_ = value;
    out_->store(value, std::memory_order_release);  // pairs with the acquire in receive(), in the other process
  }
  void receive(Message& message) {
    std::uint64_t value = 0;
    while ((value = in_->load(std::memory_order_acquire)) == last_) pause();
    last_ = value;
    message.sequence = value / 2;
  }

 private:
  struct alignas(1024) Line {
    std::atomic<std::uint64_t> word;
  };
  bool first_;
  std::atomic<std::uint64_t>* out_;
  std::atomic<std::uint64_t>* in_;
  std::uint64_t last_ = 0;
};

/// A position and a record for each direction, each in a line of its own, always the same four: the record is stored
/// before the position and loaded after it.
class RecordPingPong {
 public:
  RecordPingPong(Session& session, bool first) {
    auto* boxes = static_cast<Box*>(session.scratch());
    out_ = &boxes[first ? 0 : 1];
    in_ = &boxes[first ? 1 : 0];
  }
  void send(const Message& message) {
    std::memcpy(&out_->record, &message, sizeof message);
    out_->position.store(++sent_, std::memory_order_release);  // pairs with the acquire in receive()
  }
  void receive(Message& message) {
    while (in_->position.load(std::memory_order_acquire) == received_) pause();
    ++received_;
    std::memcpy(&message, &in_->record, sizeof message);
  }

 private:
  struct Box {
    alignas(1024) std::atomic<std::uint64_t> position;
    alignas(1024) Message record;
  };
  Box* out_;
  Box* in_;
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
};

template <class Content>
struct SpscRing {
  alignas(128) std::atomic<std::uint64_t> written;
  std::uint64_t cached_read;  // the writer's copy
  alignas(128) std::atomic<std::uint64_t> read;
  std::uint64_t cached_written;  // the reader's copy
  alignas(128) Content slots[spsc_slots];
};

/// @tparam back_off pauses after a drain of more than one message; 0 is the textbook
template <unsigned back_off, class Content = Message>
class Spsc {
 public:
  using Ring = SpscRing<Content>;
  Spsc(Session& session, bool first) {
    auto* rings = static_cast<Ring*>(session.scratch());
    out_ = &rings[first ? 0 : 1];
    in_ = &rings[first ? 1 : 0];
  }
  void send(const Content& message) { put(*out_, message); }
  void receive(Content& message) {
    take(*in_, [&](const Content& slot) { std::memcpy(&message, &slot, sizeof message); });
  }

 protected:
  static void put(Ring& ring, const Content& message) {
    const std::uint64_t at = ring.written.load(std::memory_order_relaxed);
    while (at - ring.cached_read >= spsc_slots) {
      ring.cached_read = ring.read.load(std::memory_order_acquire);  // pairs with the release in take()
      if (at - ring.cached_read >= spsc_slots) pause();
    }
    std::memcpy(&ring.slots[at % spsc_slots], &message, sizeof message);
    ring.written.store(at + 1, std::memory_order_release);  // pairs with the acquire in take()
  }
  template <class Visit>
  void take(Ring& ring, Visit&& visit) {
    const std::uint64_t at = ring.read.load(std::memory_order_relaxed);
    if (at == ring.cached_written) {
      if (back_off != 0 && drained_ > 1) {
        for (unsigned i = 0; i < back_off; ++i) pause();
      }
      drained_ = 0;
      while (at == (ring.cached_written = ring.written.load(std::memory_order_acquire))) pause();  // pairs with put()
    }
    ++drained_;
    visit(ring.slots[at % spsc_slots]);
    ring.read.store(at + 1, std::memory_order_release);  // pairs with the acquire in put()
  }
  Ring* out_;
  Ring* in_;
  std::uint64_t drained_ = 0;
};

/// One direction of it.
template <unsigned back_off, class Content = Message>
class SpscOneWay : Spsc<back_off, Content> {
 public:
  SpscOneWay(Session& session, bool) : Spsc<back_off, Content>(session, true) {}
  using Spsc<back_off, Content>::send;
  void flush() {}
  template <class Visit>
  void receive(Visit&& visit) {
    this->take(*this->out_, visit);
  }
};

class Futex {
 public:
  Futex(Session& session, bool first) {
    auto* boxes = static_cast<Box*>(session.scratch());
    out_ = &boxes[first ? 0 : 1];
    in_ = &boxes[first ? 1 : 0];
  }
  void send(const Message& message) {
    std::memcpy(&out_->message, &message, sizeof message);
    out_->word.store(++sent_, std::memory_order_release);  // pairs with the acquire in receive()
    wake_futex(out_->word);
  }
  void receive(Message& message) {
    while (in_->word.load(std::memory_order_acquire) == received_) sleep_on_futex(in_->word, received_);
    ++received_;
    std::memcpy(&message, &in_->message, sizeof message);
  }

 private:
  struct alignas(1024) Box {
    Message message;
    std::atomic<std::uint32_t> word;
  };
  Box* out_;
  Box* in_;
  std::uint32_t sent_ = 0;
  std::uint32_t received_ = 0;
};

}  // namespace

Workload pingpong_one_line() { return round_trip<PingPong<false>>(4096); }
Workload pingpong_two_lines() { return round_trip<PingPong<true>>(4096); }
Workload pingpong_records() { return round_trip<RecordPingPong>(4096); }
Workload spsc_round_trip() { return round_trip<Spsc<0>>(2 * sizeof(SpscRing<Message>)); }
Workload spsc_stream() { return stream<SpscOneWay<0>>(sizeof(SpscRing<Message>)); }
Workload spsc_stream_back_off() { return stream<SpscOneWay<16>>(sizeof(SpscRing<Message>)); }
Workload spsc_stream32() { return stream<SpscOneWay<0, HalfMessage>, HalfMessage>(sizeof(SpscRing<HalfMessage>)); }
Workload spsc_stream32_back_off() {
  return stream<SpscOneWay<16, HalfMessage>, HalfMessage>(sizeof(SpscRing<HalfMessage>));
}
Workload futex_hand_over(bool one_cpu) { return round_trip<Futex>(4096, one_cpu); }

Workload memory_copy(CopyKind kind) {
  Workload workload;
  workload.scratch_size = cold_size;
  workload.second = [](Session&) {};
  workload.first = [kind](Session& session) {
    // As far apart as records of a ring would be.
    constexpr std::size_t step = (frame_size + 32 + 63) / 64 * 64;
    const std::size_t room = kind == CopyKind::warm ? 2 * step : cold_size;
    auto* target = static_cast<std::byte*>(session.scratch());
    std::vector<std::byte> source(frame_size, std::byte{3});
    std::size_t offset = 0;
    std::uint64_t copies = 0;
    const auto copy_once = [&] {
      ++copies;
      std::memcpy(source.data(), &copies, sizeof copies);
      touch_memory();
      if (kind == CopyKind::non_temporal) {
        copy_non_temporal(target + offset, source.data(), frame_size);
      } else {
        std::memcpy(target + offset, source.data(), frame_size);
      }
      touch_memory();
      offset = offset + 2 * step <= room ? offset + step : 0;
    };
    // The first lap warms up.
    do copy_once();
    while (offset != 0);
    const std::uint64_t before = copies;
    const auto duration = static_cast<std::uint64_t>(session.duration().count());
    const std::uint64_t start_ns = monotonic_ns();
    while (monotonic_ns() - start_ns < duration) copy_once();
    const auto elapsed_ns = static_cast<double>(monotonic_ns() - start_ns);
    session.report(static_cast<double>((copies - before) * frame_size) / elapsed_ns, copies - before);
  };
  return workload;
}

}  // namespace zerobuffer::cli::bench
