// Writes ten pictures of 640 × 480 grey pixels into the buffer that reader.cpp made: five filled in place, five copied
// in.
//
//   ./writer [NAME]
#include <zerobuffer/zerobuffer.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <iostream>
#include <vector>

using namespace std::chrono_literals;

int main(int argc, char** argv) try {
  auto writer = zerobuffer::Writer::open(argc > 1 ? argv[1] : "cam0", 10s).value();
  const std::size_t picture_bytes = 640 * 480;

  for (int number = 0; number < 5; ++number) {
    auto claim = writer.claim(picture_bytes, 10s).value();                                // room in the ring itself
    std::ranges::fill(claim.data(), std::byte(10 * number));                              // written in place
    claim.commit(picture_bytes, {.tag = 1000u + static_cast<unsigned>(number)}).value();  // published
  }

  std::vector<std::byte> picture(picture_bytes);
  for (int number = 5; number < 10; ++number) {
    std::ranges::fill(picture, std::byte(10 * number));
    writer.write(picture, 10s, {.tag = 1000u + static_cast<unsigned>(number)}).value();  // or copied in
  }

  // Waits until the reader has let everything go. What nobody read is counted, never lost in silence.
  const auto unread = writer.close(10s).value();
  std::cout << "10 pictures sent, " << unread << " unread\n";
  return unread == 0 ? 0 : 1;
} catch (const zerobuffer::Error& error) {
  std::cerr << "writer: " << error.what() << '\n';
  return 1;
}
