// Frames between two processes through any system, in the loop that our own frame workloads run: the sender stores the
// sequence into a frame of its own and hands it to the system's send call, the receiver looks at a byte of each page or
// copies all of it out into warm memory. Must not know single systems.
#pragma once

#include <cstring>
#include <span>
#include <vector>

#include "bench/message.hpp"
#include "bench/pages.hpp"

namespace zerobuffer::peers {

/// Gigabytes of payload per second, as the receiver sees them.
/// @param copied_out the receiver copies, into memory that it uses again and again
template <class Endpoint>
cli::bench::Workload frame_stream(std::size_t size, bool copied_out) {
  using namespace cli::bench;
  using cli::monotonic_ns;
  Workload workload;
  workload.first = [size](Session& session) {
    Endpoint endpoint(session, true, size);
    std::vector<std::byte> frame(size, std::byte{3});
    const auto send = [&](std::uint64_t sequence) {
      std::memcpy(frame.data(), &sequence, sizeof sequence);
      touch_memory();
      endpoint.send(frame);
    };
    session.meet();
    const auto duration = static_cast<std::uint64_t>(session.duration().count());
    const std::uint64_t start_ns = monotonic_ns();
    std::uint64_t sequence = 0;
    // A few frames even where the system or the machine is so slow that time runs out at once.
    while (sequence < 8 || monotonic_ns() - start_ns < duration) send(++sequence);
    send(stop_sequence);
    endpoint.flush();
    session.meet();
  };
  workload.second = [size, copied_out](Session& session) {
    Endpoint endpoint(session, false, size);
    std::vector<std::byte> copy(copied_out ? size : 0, std::byte{1});
    unsigned sum = 0;
    std::uint64_t start_ns = 0;
    std::uint64_t expected = 1;
    bool stopped = false;
    session.meet();
    while (!stopped) {
      endpoint.receive([&](std::span<const std::byte> frame) {
        if (frame.size() != size) throw std::runtime_error("a frame came with another size");
        std::uint64_t sequence = 0;
        std::memcpy(&sequence, frame.data(), sizeof sequence);
        if (copied_out) {
          std::memcpy(copy.data(), frame.data(), size);
          touch_memory();
        } else {
          sum += touch_pages(frame);
        }
        if (expected == 1) start_ns = monotonic_ns();
        stopped = sequence == stop_sequence;
        if (!stopped) check_sequence(sequence, expected++);
      });
    }
    // `expected` is the number of frames after the first one: with it the clock began.
    const auto elapsed_ns = static_cast<double>(monotonic_ns() - start_ns);
    must_be_made(sum);
    session.report(static_cast<double>((expected - 1) * size) / elapsed_ns, expected);
    session.meet();
  };
  return workload;
}

}  // namespace zerobuffer::peers
