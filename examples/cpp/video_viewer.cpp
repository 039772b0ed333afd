// Makes a ring and receives rgb24 pictures from it: shows progress, saves some as PPM files, and reports rate and
// latency as one line of JSON. The frames are array frames (docs/arrays.md), whose descriptor holds the time of
// sending; their tag is the time at which the picture entered the first ring. The other end of the demo's pipeline; it
// must not know who writes.
//
//   ./video_viewer NAME WIDTH HEIGHT EXPECTED [DIRECTORY FRAME…]
#include <zerobuffer/zerobuffer.hpp>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "stop_signal.hpp"

using namespace std::chrono_literals;

namespace {

using Bytes = std::span<const std::byte>;

std::int64_t now() { return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count(); }

template <class T>
T number_at(Bytes bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

/// The time of sending out of the descriptor that ends an array frame; nothing where the frame has none. The last eight
/// bytes are the descriptor's length; it begins with "ZBAR", has flags at 11 and the time of sending at 32.
std::optional<std::int64_t> send_time(const zerobuffer::Frame& frame, std::size_t picture_bytes) {
  constexpr std::uint16_t array_frame = 2;
  constexpr std::size_t least = 48;
  constexpr unsigned has_send_time = 2;
  const Bytes data = frame.data();
  if (frame.type() != array_frame || data.size() < picture_bytes + least) return std::nullopt;
  const auto length = number_at<std::uint64_t>(data, data.size() - 8);
  if (length < least || length > data.size() - picture_bytes) return std::nullopt;
  const Bytes descriptor = data.last(length);
  if (std::memcmp(descriptor.data(), "ZBAR", 4) != 0) return std::nullopt;
  if ((std::to_integer<unsigned>(descriptor[11]) & has_send_time) == 0) return std::nullopt;
  return number_at<std::int64_t>(descriptor, 32);
}

bool save(const std::string& file, Bytes picture, const std::string& width, const std::string& height) {
  std::ofstream out(file, std::ios::binary);
  out << "P6\n" << width << ' ' << height << "\n255\n";
  out.write(reinterpret_cast<const char*>(picture.data()), static_cast<std::streamsize>(picture.size()));
  return static_cast<bool>(out.flush());
}

/// In microseconds, of a sorted list.
double percentile(const std::vector<std::int64_t>& sorted, double share) {
  if (sorted.empty()) return 0;
  const auto rank = static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1) + 0.5);
  return static_cast<double>(sorted[rank]) / 1000.0;
}

void show_progress(std::uint64_t frames, const std::string& expected, std::int64_t begin, bool last) {
  static const bool terminal = isatty(STDERR_FILENO) == 1;
  static std::int64_t shown = begin;
  const std::int64_t time = now();
  if (!last && time - shown < (terminal ? 100'000'000 : 5'000'000'000)) return;
  shown = time;
  const double seconds = static_cast<double>(time - begin) / 1e9;
  std::fprintf(stderr, "%s  %llu of %s frames, %.1f frames/s%s", terminal ? "\r" : "",
               static_cast<unsigned long long>(frames), expected.c_str(),
               seconds > 0 ? static_cast<double>(frames - 1) / seconds : 0.0, terminal && !last ? "   " : "   \n");
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 5) {
    std::cerr << "usage: video_viewer NAME WIDTH HEIGHT EXPECTED [DIRECTORY FRAME...]\n";
    return 2;
  }
  const std::string width = argv[2], height = argv[3], expected = argv[4];
  const std::size_t picture_bytes = std::strtoul(argv[2], nullptr, 10) * std::strtoul(argv[3], nullptr, 10) * 3;
  const std::string directory = argc > 5 ? argv[5] : "";
  std::set<std::uint64_t> wanted;
  for (int i = 6; i < argc; ++i) wanted.insert(std::strtoull(argv[i], nullptr, 10));
  stop_signal::watch();

  constexpr std::size_t room_for_descriptor = 128;
  auto reader =
      zerobuffer::Reader::create(argv[1], zerobuffer::BufferConfig::for_frames(picture_bytes + room_for_descriptor))
          .value();
  reader.set_wait_hook(stop_signal::hook, nullptr);

  std::vector<std::int64_t> hop, whole_way;  // ns: from the second ring's writer; from the first ring's writer
  std::int64_t begin = 0, end = 0;
  std::uint64_t frames = 0;
  auto frame = reader.read(zerobuffer::forever);
  for (; frame; frame = reader.read(zerobuffer::forever)) {
    end = now();
    const auto sent = send_time(*frame, picture_bytes);
    if (!sent) {
      std::cerr << "video_viewer: frame " << frame->sequence() << " is no picture with a time of sending\n";
      return 1;
    }
    if (frames++ == 0) begin = end;
    hop.push_back(end - *sent);
    whole_way.push_back(end - static_cast<std::int64_t>(frame->tag()));
    if (wanted.contains(frame->sequence()) && !save(directory + "/output-" + std::to_string(frame->sequence()) + ".ppm",
                                                    frame->data().first(picture_bytes), width, height)) {
      std::cerr << "video_viewer: cannot write into " << directory << '\n';
      return 1;
    }
    frame->release();
    show_progress(frames, expected, begin, false);
  }
  if (stop_signal::received != 0) return 128 + stop_signal::received;
  if (frame.status() != zerobuffer::Status::closed) throw zerobuffer::Error(frame.failure());
  if (frames > 0) show_progress(frames, expected, begin, true);

  std::ranges::sort(hop);
  std::ranges::sort(whole_way);
  std::cout << R"({"frames": )" << frames << R"(, "seconds": )" << static_cast<double>(end - begin) / 1e9
            << R"(, "lost": )" << reader.stats().lost << R"(, "hop_us": [)" << percentile(hop, 0.5) << ", "
            << percentile(hop, 0.99) << R"(], "whole_way_us": [)" << percentile(whole_way, 0.5) << ", "
            << percentile(whole_way, 0.99) << "]}\n";
  return 0;
} catch (const zerobuffer::Error& error) {
  std::cerr << "video_viewer: " << error.what() << '\n';
  return stop_signal::received != 0 ? 128 + stop_signal::received : 1;
}
