// Inverts pictures where they lie: the bytes of a request are changed in shared memory and are the answer. Serves until
// Ctrl-C. Any of the invert clients calls it, in whatever language.
//
//   ./invert_server [NAME]
#include <zerobuffer/zerobuffer.hpp>

#include <iostream>

#include "stop_signal.hpp"

using zerobuffer::Request;

int main(int argc, char** argv) try {
  constexpr std::uint16_t invert = 128;  // types from 128 on are the application's
  auto server =
      zerobuffer::MutableDuplexServer::create(argc > 1 ? argv[1] : "invert0", {.request_size = 8 << 20}).value();
  stop_signal::watch();
  server.set_wait_hook(stop_signal::hook, nullptr);
  std::cout << "serving" << std::endl;

  // the handler is inlined into the loop; what it throws is the caller's error, and requests of other types are refused
  const auto ended = server.serve(zerobuffer::dispatch(zerobuffer::on(invert, [](Request& request) {
    for (std::byte& pixel : request.bytes()) pixel = ~pixel;
  })));

  const auto stats = server.stats();
  std::cout << stats.requests << " requests, " << stats.errors << " errors, " << stats.copied_bytes
            << " bytes copied\n";
  return ended.status() == zerobuffer::Status::interrupted ? 0 : 1;
} catch (const zerobuffer::Error& error) {
  std::cerr << "invert_server: " << error.what() << '\n';
  return 1;
}
