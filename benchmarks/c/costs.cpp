// The workload read_release in C++, that the other languages are measured against: what reading and giving back a
// waiting frame of 64 bytes costs in one process, the least of many rounds. Obeys the same lines as the sides (main.c).
// write_frames() and read_frames() are functions of their own so that callgrind can count inside them.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <limits>
#include <sstream>
#include <string>

#include "zerobuffer/zerobuffer.hpp"

namespace {

constexpr int frames = 200;
constexpr int fewest_rounds = 10;
using Clock = std::chrono::steady_clock;

}  // namespace

// Not in the namespace above: callgrind is given their names.
[[gnu::noinline]] void write_frames(zerobuffer::Writer& writer);
[[gnu::noinline]] void read_frames(zerobuffer::Reader& reader);

void write_frames(zerobuffer::Writer& writer) {
  alignas(64) const std::array<std::byte, 64> message{std::byte{1}};
  for (int i = 0; i < frames; ++i) writer.write(message, zerobuffer::forever).value();
}

void read_frames(zerobuffer::Reader& reader) {
  for (int i = 0; i < frames; ++i) {
    zerobuffer::Result<zerobuffer::Frame> frame = reader.read(zerobuffer::forever);
    if (!frame) throw zerobuffer::Error(frame.failure());
  }
}

namespace {

/// Nanoseconds of one frame.
double read_release(Clock::duration duration) {
  zerobuffer::BufferConfig config;
  config.payload_size = 1 << 20;
  zerobuffer::Reader reader = zerobuffer::Reader::create_anonymous(config).value();
  zerobuffer::Writer writer = zerobuffer::Writer::open_fd(reader.fd(), config).value();
  double least_ns = std::numeric_limits<double>::infinity();
  const Clock::time_point start = Clock::now();
  for (int round = 0; round < fewest_rounds || Clock::now() - start < duration; ++round) {
    write_frames(writer);
    const Clock::time_point begin = Clock::now();
    read_frames(reader);
    least_ns = std::min(least_ns, std::chrono::duration<double, std::nano>(Clock::now() - begin).count());
  }
  return least_ns / frames;
}

}  // namespace

int main() {
  try {
    for (std::string line; std::getline(std::cin, line);) {
      std::istringstream words(line);
      std::string workload;
      std::string role;
      std::string name;
      int milliseconds = 0;
      if (!(words >> workload >> role >> name >> milliseconds) || workload != "read_release" || role != "first") {
        std::fprintf(stderr, "zerobuffer_bench_costs: no command: %s\n", line.c_str());
        return 1;
      }
      std::printf("{\"value\": %.6f}\n", read_release(std::chrono::milliseconds(milliseconds)));
      std::fflush(stdout);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "zerobuffer_bench_costs: %s\n", error.what());
    return 1;
  }
  return 0;
}
