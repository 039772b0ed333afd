// Has pictures of 1920 × 1080 pixels inverted by a server in another process, in whatever language that is written.
// Each is drawn in shared memory and comes back at the address where it was drawn.
//
//   ./invert_client [NAME]
#include <zerobuffer/zerobuffer.hpp>

#include <algorithm>
#include <chrono>
#include <iostream>

using namespace std::chrono_literals;

int main(int argc, char** argv) try {
  constexpr std::size_t picture_bytes = 1920 * 1080 * 3;
  auto client = zerobuffer::DuplexClient::open(argc > 1 ? argv[1] : "invert0", 10s).value();

  for (int number = 0; number < 10; ++number) {
    auto picture = client.claim_request(picture_bytes, 0, 10s).value();
    std::ranges::fill(picture.data(), static_cast<std::byte>(10 * number));
    const std::byte* const drawn_at = picture.data().data();

    const auto answer = picture.call(picture_bytes, 10s, {.type = 128}).value();
    std::cout << "picture " << number << ": pixels of " << std::to_integer<int>(answer.data()[picture_bytes / 2])
              << ", " << (answer.data().data() == drawn_at ? "in place" : "elsewhere") << '\n';
  }  // the answer goes out of scope here: its room is used again

  // An error of the server is an answer too, and its text is the server's.
  const auto refused = client.call({}, 10s, {.type = 200});
  std::cout << to_string(refused.status()) << ": " << refused.failure().message() << '\n';
  return refused.status() == zerobuffer::Status::remote_error ? 0 : 1;
} catch (const zerobuffer::Error& error) {
  std::cerr << "invert_client: " << error.what() << '\n';
  return 1;
}
