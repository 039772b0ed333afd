// Makes a buffer and looks at every frame that comes, in place. Start it, then writer.cpp.
//
//   ./reader [NAME]
#include <zerobuffer/zerobuffer.hpp>

#include <chrono>
#include <cstdint>
#include <iostream>

using namespace std::chrono_literals;

int main(int argc, char** argv) try {
  auto reader = zerobuffer::Reader::create(argc > 1 ? argv[1] : "cam0", {.payload_size = 8 << 20}).value();
  std::cout << "waiting for a writer" << std::endl;

  auto frame = reader.read(zerobuffer::forever);
  while (frame) {
    std::uint64_t sum = 0;
    for (const std::byte pixel : frame->data()) sum += std::to_integer<std::uint64_t>(pixel);
    std::cout << "frame " << frame->sequence() << ": " << frame->size() << " bytes, tag " << frame->tag() << ", mean "
              << (frame->size() == 0 ? 0 : sum / frame->size()) << std::endl;
    frame->release();  // the room goes back to the writer; the bytes are not to be looked at any more
    frame = reader.read(zerobuffer::forever);
  }

  // closed: the writer has closed and everything was read. Anything else (peer_dead, say) is a failure that says why.
  if (frame.status() != zerobuffer::Status::closed) throw zerobuffer::Error(frame.failure());
  std::cout << "the writer has closed\n";
  return 0;
} catch (const zerobuffer::Error& error) {
  std::cerr << "reader: " << error.what() << '\n';
  return 1;
}
