// Reads raw rgb24 pictures from standard input straight into claimed room of a ring, with no buffer between. The tag of
// a frame is the time of its publication (CLOCK_MONOTONIC, ns). One end of the demo's pipeline; it must not know
// decoders.
//
//   ffmpeg … -pix_fmt rgb24 -f rawvideo - | ./video_feeder NAME WIDTH HEIGHT
#include <zerobuffer/zerobuffer.hpp>

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <span>
#include <string>

#include "stop_signal.hpp"

using namespace std::chrono_literals;

namespace {

/// Fills `room` from standard input. Returns how many bytes came before the end of the input (or a signal).
std::size_t fill(std::span<std::byte> room) {
  std::size_t filled = 0;
  while (filled < room.size() && stop_signal::received == 0) {
    const ssize_t got = ::read(STDIN_FILENO, room.data() + filled, room.size() - filled);
    if (got == 0) break;
    if (got > 0) filled += static_cast<std::size_t>(got);
    if (got < 0 && errno != EINTR) break;
  }
  return filled;
}

std::uint64_t now() {
  return static_cast<std::uint64_t>(
      std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count());
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 4) {
    std::cerr << "usage: video_feeder NAME WIDTH HEIGHT < rgb24\n";
    return 2;
  }
  const std::string width = argv[2], height = argv[3];
  const std::size_t picture_bytes = std::strtoul(argv[2], nullptr, 10) * std::strtoul(argv[3], nullptr, 10) * 3;
  stop_signal::watch();

  auto writer = zerobuffer::Writer::create(argv[1], zerobuffer::BufferConfig::for_frames(picture_bytes)).value();
  writer.set_wait_hook(stop_signal::hook, nullptr);
  // The video schema of docs/arrays.md: with it a Python reader's as_array() knows the shape.
  const std::string metadata = R"({"zerobuffer_schema":1,"kind":"video","pixel_format":"rgb24","width":)" + width +
                               R"(,"height":)" + height + R"(,"strides":null,"frame_rate":null})";
  writer.write_metadata(std::as_bytes(std::span(metadata))).value();
  writer.wait_for_readers(1, 60s).value();

  std::uint64_t pictures = 0;
  for (;; ++pictures) {
    auto claim = writer.claim(picture_bytes, zerobuffer::forever).value();
    const std::size_t filled = fill(claim.data());
    if (filled < picture_bytes) {  // the claim is discarded: nothing half-filled is ever published
      if (stop_signal::received != 0) return 128 + stop_signal::received;
      if (filled == 0) break;
      std::cerr << "video_feeder: the input ended inside a picture, after " << filled << " of " << picture_bytes
                << " bytes\n";
      return 1;
    }
    claim.commit(picture_bytes, {.tag = now()}).value();
  }
  const auto unread = writer.close(60s).value();
  std::cout << R"({"frames": )" << pictures << R"(, "unread": )" << unread << "}\n";
  return unread == 0 ? 0 : 1;
} catch (const zerobuffer::Error& error) {
  std::cerr << "video_feeder: " << error.what() << '\n';
  return stop_signal::received != 0 ? 128 + stop_signal::received : 1;
}
