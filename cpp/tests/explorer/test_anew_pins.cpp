// A writer begins the ring anew wherever it can, while somebody looks at its frames as the reader of another ring does
// (share/lent_frames.cpp): by a pin, or by a copy where there is no pin. What was found to be there is the frame.
#include <gtest/gtest.h>

#include "explorer/anew_world.hpp"
#include "explorer/mutants.hpp"
#include "explorer/report.hpp"
#include "ring/pins.hpp"

namespace zerobuffer::explorer::anew {
namespace {

struct Looks {
  bool copies = false;
  std::uint64_t back = 64;  ///< How far behind write_pos the frame lies that is looked at.
  int times = 2;
  // seeded errors
  bool believes_its_copy = false;
  bool believes_the_first_origin = false;
  bool writer_sees_pins = true;
};

// In two halves, as a copy takes its time.
void copy(std::byte (&to)[32], const std::byte* from) noexcept {
  std::memcpy(to, from, 16);
  Explorer::now().pass("copies the frame");
  std::memcpy(to + 16, from + 16, 16);
}

bool is_whole(const std::byte* at, std::uint64_t sequence) noexcept {
  return std::all_of(at, at + 32, [&](std::byte byte) { return byte == mark_of(sequence); });
}

// The origin may be older than the position: nobody tells the two together.
template <class M>
void look_once(const Looks& looks, protocol::ReaderSlot& slot) noexcept {
  Explorer& explorer = Explorer::now();
  const std::uint64_t began_at = M::load_acquire(world.oieb.origin_pos);
  const std::uint64_t end = M::load_acquire(world.oieb.write_pos);
  if (end < looks.back || began_at > end - looks.back) return;
  const std::uint64_t position = end - looks.back;
  const std::uint64_t sequence = position / 64 + 1;
  const std::byte* const record = world.records() + ring::offset_of(position, began_at, world.capacity);
  const std::byte* const payload = record + protocol::header_size;
  const auto is_meant = [&] { return ring::load_header<M>(record).sequence == sequence; };
  if (looks.copies) {
    std::byte mine[32];
    copy(mine, payload);
    const bool lost = !is_meant() || M::load_acquire(world.oieb.reclaim_pos) > position;
    if (!lost || looks.believes_its_copy) explorer.check(is_whole(mine, sequence), "the copy is not the frame");
    return;
  }
  if (!ring::Pins<M>::pin(world.oieb, slot, position)) return;
  if (looks.believes_the_first_origin || (M::load_acquire(world.oieb.origin_pos) == began_at && is_meant())) {
    verify(payload, 32, sequence);
    explorer.pass("looks at the frame");
    verify(payload, 32, sequence);
  }
  ring::Pins<M>::park(slot);
}

template <class M>
void look(const Looks& looks) noexcept {
  PlaceWord own;
  protocol::ReaderSlot& slot = world.slots[1];
  if (!looks.copies && !ring::Pins<M>::take(slot, own)) Explorer::now().fail("the slot was free");
  for (int i = 0; i < looks.times; ++i) {
    Explorer::now().forget_all_but(std::uint64_t{3}, std::uint64_t(i), payloads(), own.bits);
    look_once<M>(looks, slot);
  }
}

template <class WriterM = Real, class PinM = Real>
Explorer::Scenario looked_at(const Course& course, const Looks& looks) {
  return [course, looks](Explorer& explorer) {
    begin_world(explorer, course);
    explorer.spawn("writer", [&course, &looks] {
      Course seen = course;
      if (!looks.writer_sees_pins) seen.slots = 1, seen.pins = 0;
      write_course<WriterM>(seen);
    });
    explorer.spawn("pin", [&looks] { look<PinM>(looks); });
  };
}

Course course_of(std::size_t frames, std::uint64_t capacity) {
  return {.capacity = capacity,
          .sizes = std::vector<std::uint64_t>(frames, 32),
          .slots = 2,
          .pins = 1,
          .reads_itself = true};
}

TEST(AnewPins, what_was_pinned_in_time_stays_where_it_is) {
  EXPECT_TRUE(holds(Explorer::explore(looked_at(course_of(3, 128), {.times = 1}), {})));
  EXPECT_TRUE(holds(Explorer::explore(looked_at(course_of(4, 192), {.back = 128}), {.preemptions = 2})));
}
TEST(AnewPins, a_copy_that_passed_its_check_is_the_frame) {
  EXPECT_TRUE(holds(Explorer::explore(looked_at(course_of(3, 128), {.copies = true, .times = 1}), {})));
  EXPECT_TRUE(
      holds(Explorer::explore(looked_at(course_of(4, 192), {.copies = true, .back = 128}), {.preemptions = 2})));
}
TEST(AnewPins, random_looks) {
  EXPECT_TRUE(survives(looked_at(course_of(10, 192), {.back = 128, .times = 4}), {}));
  EXPECT_TRUE(survives(looked_at(course_of(10, 192), {.copies = true, .back = 128, .times = 4}), {}));
}

template <class WriterM = Real, class PinM = Real>
Outcome first_error_of(const Looks& looks) {
  return Explorer::search(looked_at<WriterM, PinM>(course_of(4, 128), looks), {});
}
TEST(SeededError, beginning_anew_over_a_pin_is_found) {
  EXPECT_TRUE(found(first_error_of({.times = 1, .writer_sees_pins = false}), "written over"));
}
TEST(SeededError, a_pinned_frame_that_is_counted_from_an_older_origin_is_found) {
  EXPECT_TRUE(found(first_error_of({.times = 1, .believes_the_first_origin = true}), "written over"));
}
TEST(SeededError, a_copy_that_is_not_checked_is_found_where_the_ring_begins_anew) {
  EXPECT_TRUE(found(first_error_of({.copies = true, .times = 1, .believes_its_copy = true}), "not the frame"));
}
TEST(SeededError, a_pin_without_a_fence_is_found_where_the_ring_begins_anew) {
  EXPECT_TRUE(found((first_error_of<Real, DropsFences>({.times = 1})), "written over"));
}

}  // namespace
}  // namespace zerobuffer::explorer::anew
