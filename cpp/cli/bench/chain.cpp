// See chain.hpp.
#include "bench/chain.hpp"

#include <cstring>
#include <exception>
#include <string>
#include <thread>
#include <vector>

#include "bench/floors.hpp"
#include "bench/message.hpp"
#include "zerobuffer/shared_writer.hpp"
#include "zerobuffer/zerobuffer.hpp"

namespace zerobuffer::cli::bench {
namespace {

constexpr std::chrono::seconds connect_timeout{5};
constexpr std::chrono::seconds linger{5};

BufferConfig frames(bool shared) {
  BufferConfig config = BufferConfig::for_frames(frame_size);
  if (shared) config.share_slots = 2 * chained_relays;
  return config;
}

/// The buffer that so many relays lie in front of.
std::string stage(const Session& session, unsigned relays) {
  return session.ring_name() + "." + std::to_string(relays);
}

Frame next_frame(Reader& reader) {
  Result<Frame> frame = reader.read(forever);
  if (!frame) throw Error(frame.failure());
  return std::move(*frame);
}

/// Passes on what comes until the frame that says stop; that one too.
class Relay {
 public:
  Relay(const Session& session, unsigned number, bool shared)
      : output_(Writer::create(stage(session, number + 1), frames(shared)).value()),
        input_(Reader::open(stage(session, number), connect_timeout, frames(shared)).value()) {
    if (shared) sharing_ = SharedWriter::over(output_, input_).value();
  }

  void run() {
    for (std::uint64_t sequence = 0; sequence != stop_sequence;) {
      Frame frame = next_frame(input_);
      sequence = frame.tag();
      if (!sharing_.is_open()) {
        output_.write(frame.data(), forever, {.tag = sequence}).value();
      } else if (sharing_.forward(std::move(frame), forever).value() != Forwarded::shared) {
        throw std::runtime_error("a frame was copied where it should be shared: the measurement is worthless");
      }
    }
    if (sharing_.is_open()) static_cast<void>(sharing_.close(linger).value());
    close();
  }

  void close() { static_cast<void>(output_.close(linger).value()); }

 private:
  Writer output_;
  Reader input_;
  SharedWriter sharing_;
};

/// A relay in a thread of its own.
class RelayThread {
 public:
  RelayThread(Session& session, unsigned number, bool shared)
      : relay_(session, number, shared), thread_([this] {
          try {
            relay_.run();
          } catch (...) {
            failure_ = std::current_exception();
            relay_.close();  // who reads from it hears of it
          }
        }) {}
  void join() {
    thread_.join();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  Relay relay_;
  std::exception_ptr failure_;
  std::thread thread_;
};

/// Looks at one byte of each page; all of them are what the writer wrote.
void look_at(std::span<const std::byte> frame, std::uint64_t sequence) {
  std::uint64_t written = 0;
  std::memcpy(&written, frame.data(), sizeof written);
  check_sequence(written, sequence);
  bool right = frame.size() == frame_size;
  for (std::size_t i = 64; right && i < frame.size(); i += 4096) right = frame[i] == std::byte{3};
  if (!right) throw std::runtime_error("a frame changed on its way: the measurement is worthless");
}

void write_frames(Session& session, bool shared) {
  Writer writer = Writer::create(stage(session, 0), frames(shared)).value();
  session.meet();
  std::vector<std::byte> frame(frame_size, std::byte{3});
  const auto send = [&](std::uint64_t sequence) {
    std::memcpy(frame.data(), &sequence, sizeof sequence);
    touch_memory();
    writer.write(frame, forever, {.tag = sequence}).value();
  };
  session.meet();
  const auto duration = static_cast<std::uint64_t>(session.duration().count());
  const std::uint64_t start_ns = monotonic_ns();
  std::uint64_t sequence = 0;
  // A few frames even on a machine that is so busy that time runs out at once.
  while (sequence < 16 || monotonic_ns() - start_ns < duration) send(++sequence);
  send(stop_sequence);
  static_cast<void>(writer.close(linger).value());
  session.meet();
}

void relay_and_read(Session& session, bool shared) {
  session.meet();
  // not destroyed where something fails: threads may wait for their neighbours then until this side ends
  std::vector<RelayThread*> relays;
  for (unsigned i = 0; i < chained_relays; ++i) relays.push_back(new RelayThread(session, i, shared));
  Reader reader = Reader::open(stage(session, chained_relays), connect_timeout, frames(shared)).value();
  session.meet();
  std::uint64_t start_ns = 0;
  std::uint64_t expected = 1;
  for (;; ++expected) {
    const Frame frame = next_frame(reader);
    const std::uint64_t sequence = frame.tag();
    look_at(frame.data(), sequence);
    if (expected == 1) start_ns = monotonic_ns();
    if (sequence == stop_sequence) break;
    check_sequence(sequence, expected);
  }
  // `expected` is the number of frames after the first one: with it the clock began.
  const auto elapsed_ns = static_cast<double>(monotonic_ns() - start_ns);
  reader.close();
  for (RelayThread* relay : relays) {
    relay->join();
    delete relay;
  }
  session.report(static_cast<double>((expected - 1) * frame_size) / elapsed_ns, expected);
  session.meet();
}

}  // namespace

Workload relay_chain(bool shared) {
  Workload workload;
  workload.first = [shared](Session& session) { write_frames(session, shared); };
  workload.second = [shared](Session& session) { relay_and_read(session, shared); };
  return workload;
}

}  // namespace zerobuffer::cli::bench
