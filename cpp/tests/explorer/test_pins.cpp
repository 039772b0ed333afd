// Somebody looks at frames of a ring whose readers are gone, pinning each position before it looks, while the writer
// runs on as freely as it may: what was pinned in time is never written over. Every record takes one unit, so that a
// position tells the sequence.
#include <gtest/gtest.h>

#include "explorer/mutants.hpp"
#include "explorer/report.hpp"
#include "explorer/ring_world.hpp"
#include "ring/pins.hpp"

namespace zerobuffer::explorer {
namespace {

using Real = ExplorerMachine;
using protocol::PlaceWord;
using protocol::SlotKind;
using protocol::SlotState;
constexpr ring::Barriers no_fence_to_publish{.publisher_registered = true, .sleeper_can_call = false};

struct Looks {
  std::uint64_t frames = 4;
  std::uint64_t capacity = 128;
  std::uint64_t back = 64;  ///< How far behind write_pos the frame lies that is looked at.
  std::uint64_t times = 2;
  bool by_the_header = false;  ///< A seeded error: the pin is believed where the header is still right.
};

ring::RingMemory memory_with_a_pin() noexcept {
  return {.oieb = &world.oieb,
          .slots = {world.slots.data(), 1},
          .records = world.records(),
          .capacity = world.capacity,
          .pins = {&world.slots[1], 1}};
}

template <class M>
void look_at_frames(const Looks& looks) noexcept {
  Explorer& explorer = Explorer::now();
  protocol::ReaderSlot& slot = world.slots[1];
  PlaceWord own;
  if (!ring::Pins<M>::take(slot, own)) explorer.fail("the slot was free");
  for (std::uint64_t i = 0; i < looks.times; ++i) {
    const std::uint64_t end = M::load_acquire(world.oieb.write_pos);
    if (end < looks.back) continue;
    const std::uint64_t position = end - looks.back;
    if (looks.by_the_header) {
      M::store_release(slot.read_pos, position);
      M::fence();
      const auto header = ring::load_header<M>(world.records() + position % world.capacity);
      if (header.sequence != position / 64 + 1) {
        ring::Pins<M>::park(slot);
        continue;
      }
    } else if (!ring::Pins<M>::pin(world.oieb, slot, position)) {
      continue;
    }
    const std::byte* payload = world.records() + position % world.capacity + protocol::header_size;
    verify(payload, 32, position / 64 + 1);
    explorer.pass("looks at the frame");
    verify(payload, 32, position / 64 + 1);
    ring::Pins<M>::park(slot);
  }
}

template <class M>
void write_on(const Looks& looks) noexcept {
  Explorer& explorer = Explorer::now();
  Zeroed<ring::RingWriter<M>> writer(memory_with_a_pin(), no_fence_to_publish, std::uint64_t{0});
  while (writer->frames() < looks.frames) {
    explorer.forget_all_but(std::uint64_t{4}, writer.bytes());
    std::byte* at = writer->try_claim(32);
    if (at == nullptr) {
      explorer.check(writer->renew().sound(), "an honest pin is called impossible");
      if (writer->scan().readers == 0) writer->reclaim_unread();
      at = writer->try_claim(32);
    }
    if (at == nullptr) {
      explorer.wait_until("room", [wanted = writer->wanted_pos()] { return world.slots[1].read_pos >= wanted; });
      continue;
    }
    fill(at, 32, writer->frames() + 1);
    explorer.pass("fills the frame");
    writer->commit(32, protocol::record_type::normal, 0);
    writer->publish();
  }
}

template <class WriterM = Real, class PinM = Real>
Explorer::Scenario scenario(const Looks& looks) {
  return [looks](Explorer& explorer) {
    world.begin(explorer, looks.capacity, 2, 0);
    world.slots[1].read_pos = protocol::parked;
    const auto* counts = reinterpret_cast<const std::byte*>(&world.oieb.counts[0]);
    const auto* reclaim = reinterpret_cast<const std::byte*>(&world.oieb.reclaim_pos);
    explorer.quiet(counts, static_cast<std::size_t>(reclaim - counts));
    explorer.quiet(&world.oieb.wraps, sizeof world.oieb.wraps);
    explorer.spawn("writer", [&looks] { write_on<WriterM>(looks); });
    explorer.spawn("pin", [&looks] { look_at_frames<PinM>(looks); });
  };
}

TEST(Pins, what_was_pinned_in_time_is_never_written_over) {
  EXPECT_TRUE(holds(Explorer::explore(scenario({}), {.preemptions = 3})));
  EXPECT_TRUE(holds(Explorer::explore(scenario({.back = 128}), {.preemptions = 3})));
  EXPECT_TRUE(holds(Explorer::explore(scenario({.frames = 3, .times = 1}), {})));
}

TEST(Pins, random_looks) {
  EXPECT_TRUE(survives(scenario({.frames = 8, .capacity = 192, .back = 128, .times = 4}), {}));
}

template <class WriterM, class PinM>
Outcome first_error_of(const Looks& looks) {
  return Explorer::search(scenario<WriterM, PinM>(looks), {});
}

TEST(SeededError, a_pin_without_a_fence_is_found) {
  EXPECT_TRUE(found((first_error_of<Real, DropsFences>({.times = 1})), "written over"));
}
TEST(SeededError, a_pin_that_is_not_checked_after_it_was_stored_is_found) {
  EXPECT_TRUE(found((first_error_of<Real, LoadsOnce<&protocol::Oieb::reclaim_pos>>({.times = 1})), "written over"));
}
TEST(SeededError, a_pin_validated_by_the_header_is_found) {
  EXPECT_TRUE(found((first_error_of<Real, Real>({.times = 1, .by_the_header = true})), "written over"));
}
TEST(SeededError, an_announcement_without_a_fence_is_found_by_a_pin) {
  EXPECT_TRUE(found((first_error_of<DropsFences, Real>({.times = 1})), "written over"));
}

}  // namespace
}  // namespace zerobuffer::explorer
