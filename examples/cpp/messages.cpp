// Small messages in batches: sixteen at a time are published together, with one store and at most one wake-up, and as
// many as are there are read together. Both ends are threads of this program; two processes work the same way.
//
//   ./messages [COUNT]
#include <zerobuffer/zerobuffer.hpp>

#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <span>
#include <string>
#include <thread>

using namespace std::chrono_literals;

namespace {

struct Order {
  std::uint64_t number;
  std::int64_t price;
};

void send(const std::string& name, std::uint64_t count) {
  auto writer = zerobuffer::Writer::open(name, 10s).value();
  for (std::uint64_t number = 0; number < count;) {
    auto batch = writer.batch();  // published where it ends, or when it would have to wait for room
    for (int i = 0; i < 16 && number < count; ++i, ++number) {
      const Order order{number, static_cast<std::int64_t>(number) * 3};
      writer.write(std::as_bytes(std::span(&order, 1)), 10s).value();
    }
  }
}

}  // namespace

int main(int argc, char** argv) try {
  const std::uint64_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100'000;
  const std::string name = "messages-" + std::to_string(getpid());
  auto reader = zerobuffer::Reader::create(name, {.payload_size = 1 << 20}).value();
  std::jthread sender([&] {
    try {
      send(name, count);
    } catch (const zerobuffer::Error& error) {
      std::cerr << "sender: " << error.what() << '\n';  // its writer has closed: the reader sees the end
    }
  });

  std::array<zerobuffer::Frame, 64> frames;
  std::uint64_t received = 0;
  std::int64_t total = 0;
  for (;;) {
    const auto taken = reader.read_many(frames, zerobuffer::forever);
    if (taken.status() == zerobuffer::Status::closed) break;
    if (!taken) throw zerobuffer::Error(taken.failure());
    for (auto& frame : std::span(frames).first(*taken)) {
      Order order;
      if (frame.size() != sizeof order) return 1;
      std::memcpy(&order, frame.data().data(), sizeof order);
      if (order.number != received) return 1;
      ++received;
      total += order.price;
      frame.release();
    }
  }
  std::cout << received << " messages, total " << total << '\n';
  return received == count ? 0 : 1;
} catch (const zerobuffer::Error& error) {
  std::cerr << "messages: " << error.what() << '\n';
  return 1;
}
