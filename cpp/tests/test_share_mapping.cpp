// A pin and the ring's writer on one mapping, in threads of one process: ThreadSanitizer sees every access of both, the
// payload's included.
#include <thread>

#include "ring/pins.hpp"
#include "ring_on_array.hpp"

namespace zerobuffer {
namespace {
using namespace support;
using Pins = ring::Pins<Machine>;

// Scenario 7.2
TEST(SharedMapping, what_is_pinned_in_time_is_not_written_while_it_is_looked_at) {
  RingOnArray array(4096);
  alignas(128) protocol::ReaderSlot pin{};
  ring::RingMemory memory = array.memory();
  memory.pins = {&pin, 1};
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> good{0};
  std::thread looking([&] {
    protocol::PlaceWord own;
    ASSERT_TRUE(Pins::take(pin, own));
    while (!done) {
      const std::uint64_t end = Machine::load_acquire(array.oieb().write_pos);
      if (end < 128 || !Pins::pin(array.oieb(), pin, end - 128)) {
        std::this_thread::yield();  // only the writer can change that, and there may be one CPU for both
        continue;
      }
      const std::byte* payload = array.records() + (end - 128) % 4096 + protocol::header_size;
      ASSERT_TRUE(holds({payload, 96}, (end - 128) / 128 + 1));
      ++good;
      Pins::park(pin);
      std::this_thread::yield();
    }
  });
  Writing writer(memory, ring::Barriers{}, 4096);
  for (std::uint64_t i = 1; good < 500; ++i) {  // the watchdog ends it where nothing is ever pinned in time
    std::byte* room;
    while ((room = writer.try_claim(96)) == nullptr) {
      writer.reclaim_unread();
      std::this_thread::yield();
    }
    fill({room, 96}, i);
    writer.commit(96, 0, 0);
    writer.publish();
  }
  done = true;
  looking.join();
}

}  // namespace
}  // namespace zerobuffer
