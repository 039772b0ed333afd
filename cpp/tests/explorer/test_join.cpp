// Readers come, read a little, go or are killed, while the writer writes, renews its limit and takes back the slots of
// the dead: what a reader is entitled to is never written over, a slot has one living owner, and an honest reader is
// never called impossible. Every record takes one unit, so that a position tells the sequence.
#include <gtest/gtest.h>

#include <array>

#include "explorer/kernel_lock.hpp"
#include "explorer/mutants.hpp"
#include "explorer/report.hpp"
#include "explorer/ring_world.hpp"

namespace zerobuffer::explorer {
namespace {

using Real = ExplorerMachine;
using protocol::PlaceWord;
using protocol::SlotState;
constexpr ring::Barriers no_fence_to_publish{.publisher_registered = true, .sleeper_can_call = false};

enum class Join : std::uint8_t { now, oldest };

struct Visits {
  std::size_t slots = 1;
  std::vector<std::size_t> visitors{0, 0};  ///< The slot that each reader tries to get.
  std::uint64_t frames = 3;
  std::uint64_t capacity = 64;
  Join join = Join::now;
  bool lock_late = false;           ///< A seeded error: takes the slot, then the lock.
  bool lock_checked_first = false;  ///< A seeded error: sees that the lock is free, then loads the word.
  bool takes_back = true;
};

// Who lives in which slot: fiber + 1.
std::array<std::uint32_t, RingWorld::most_slots> living;

void read_a_little(std::uint64_t position, std::size_t slot) noexcept {
  Explorer& explorer = Explorer::now();
  Zeroed<ring::RingReader<Real>> reader(world.memory(), position);
  for (int taken = 0; taken < 2; ++taken) {
    const ring::Peek peek = reader->peek();
    if (peek == ring::Peek::empty) return;
    const std::uint64_t sequence = reader->next() / 64 + 1;
    explorer.check(peek == ring::Peek::frame && reader->header().sequence == sequence, "a frame was written over");
    verify(reader->payload(), reader->header().size, sequence);
    explorer.pass("looks at the frame");
    verify(reader->payload(), reader->header().size, sequence);
    reader->take();
    Real::store_release(world.slots[slot].read_pos, reader->next());
  }
}

template <class M>
void visit(const Visits& visits, std::size_t slot) noexcept {
  using Slots = ring::Slots<M>;
  Explorer& explorer = Explorer::now();
  const KernelLock lock{world.locks[slot]};
  const auto self = static_cast<std::uint32_t>(explorer.self() + 1);
  if (!visits.lock_late && !lock.try_lock()) return;
  protocol::ReaderSlot& words = world.slots[slot];
  typename Slots::Joined joined;
  if (Slots::place(words).slot_state() == SlotState::active) {
    joined = Slots::resume(words);
  } else if (visits.join == Join::now) {
    joined = Slots::join_now(world.oieb, words);
  } else {
    joined = Slots::join_oldest(world.oieb, words);
  }
  if (visits.lock_late && joined.ok && !lock.try_lock()) return;
  if (!joined.ok) return lock.unlock();
  explorer.check(living[slot] == 0 || explorer.ended(living[slot] - 1), "a slot has two owners");
  explorer.record(living[slot], self);
  read_a_little(joined.position, slot);
  const bool left = Slots::begin_leave(words, joined.word) && Slots::end_leave(words, joined.word);
  explorer.check(left, "a living owner's slot was taken from it");
  if (living[slot] == self) explorer.record(living[slot], 0U);
  lock.unlock();
}

template <class M>
void take_back_the_dead(const Visits& visits) noexcept {
  for (std::size_t i = 0; i < visits.slots; ++i) {
    const KernelLock lock{world.locks[i]};
    if (visits.lock_checked_first && !lock.is_free()) continue;
    const PlaceWord word = ring::Slots<M>::place(world.slots[i]);
    if (word.slot_state() == SlotState::free) continue;
    if (!visits.lock_checked_first && !lock.is_free()) continue;
    ring::Slots<M>::free_dead(world.slots[i], word);
  }
}

// Whether a look at the table would give more room than it gave last.
bool has_changed(const Visits& visits, std::uint64_t wanted) noexcept {
  for (std::size_t i = 0; i < visits.slots; ++i) {
    const protocol::ReaderSlot& slot = world.slots[i];
    if (PlaceWord{slot.place}.slot_state() == SlotState::free || slot.read_pos >= wanted) continue;
    if (!visits.takes_back || !KernelLock{world.locks[i]}.is_abandoned()) return false;
  }
  return true;
}

template <class M>
void write_for_visitors(const Visits& visits) noexcept {
  Explorer& explorer = Explorer::now();
  Zeroed<ring::RingWriter<M>> writer(world.memory(), no_fence_to_publish, std::uint64_t{0});
  while (writer->frames() < visits.frames) {
    explorer.forget_all_but(std::uint64_t{3}, writer.bytes());
    std::byte* at = writer->try_claim(32);
    if (at == nullptr) {
      explorer.check(writer->renew().impossible == 0, "an honest reader is called impossible");
      if (visits.takes_back) take_back_the_dead<M>(visits);
      if (writer->scan().counted == 0) writer->reclaim_unread();  // runs on freely: the worst case for a joiner
      at = writer->try_claim(32);
    }
    if (at == nullptr) {
      explorer.wait_until("room", [&visits, wanted = writer->wanted_pos()] { return has_changed(visits, wanted); });
      continue;
    }
    fill(at, 32, writer->frames() + 1);
    explorer.pass("fills the frame");
    writer->commit(32, protocol::record_type::normal, 0);
    writer->publish();
  }
}

template <class WriterM = Real, class ReaderM = Real>
Explorer::Scenario scenario(const Visits& visits) {
  return [visits](Explorer& explorer) {
    world.begin(explorer, visits.capacity, visits.slots, 0);
    const auto* counts = reinterpret_cast<const std::byte*>(&world.oieb.counts[0]);
    const auto* reclaim = reinterpret_cast<const std::byte*>(&world.oieb.reclaim_pos);
    explorer.quiet(counts, static_cast<std::size_t>(reclaim - counts));
    explorer.quiet(&world.oieb.wraps, sizeof world.oieb.wraps);
    living.fill(0);
    explorer.spawn("writer", [&visits] { write_for_visitors<WriterM>(visits); });
    for (const std::size_t slot : visits.visitors) {
      explorer.spawn("visitor", [&visits, slot] { visit<ReaderM>(visits, slot); }, {.mortal = true});
    }
  };
}

TEST(Join, two_readers_join_one_after_the_other_and_one_is_killed) {
  EXPECT_TRUE(holds(Explorer::explore(scenario({}), {.preemptions = 2, .kills = 1})));
}

TEST(Join, two_readers_join_at_the_oldest_frame_and_one_is_killed) {
  EXPECT_TRUE(holds(Explorer::explore(scenario({.join = Join::oldest}), {.preemptions = 2, .kills = 1})));
}

TEST(Join, one_reader_however_slow_joins_in_every_schedule) {
  EXPECT_TRUE(holds(Explorer::explore(scenario({.visitors = {0}}), {})));
  EXPECT_TRUE(holds(Explorer::explore(scenario({.visitors = {0}, .join = Join::oldest}), {})));
}

TEST(Join, two_readers_join_in_two_slots) {
  EXPECT_TRUE(holds(Explorer::explore(scenario({.slots = 2, .visitors = {0, 1}, .capacity = 64}), {.preemptions = 2})));
}

TEST(Join, random_visits) {
  EXPECT_TRUE(survives(scenario({.slots = 2, .visitors = {0, 1, 0}, .frames = 8}), {.kills = 2}));
  EXPECT_TRUE(survives(scenario({.slots = 2, .visitors = {0, 1, 0}, .frames = 8, .join = Join::oldest}), {.kills = 2}));
}

template <class WriterM, class ReaderM>
Outcome first_error_of(const Visits& visits, unsigned kills = 0) {
  return Explorer::search(scenario<WriterM, ReaderM>(visits), {.kills = kills});
}

TEST(SeededError, a_missing_fence_before_the_scan_is_found) {
  EXPECT_TRUE(found((first_error_of<DropsFences, Real>({.visitors = {0}})), "written over"));
}
TEST(SeededError, a_join_without_a_fence_is_found) {
  EXPECT_TRUE(found((first_error_of<Real, SwapsByLoadAndStore>({.visitors = {0}})), ""));
}
TEST(SeededError, a_join_that_does_not_look_at_write_pos_again_is_found) {
  EXPECT_TRUE(found((first_error_of<Real, LoadsOnce<&protocol::Oieb::write_pos>>({.visitors = {0}})), "written over"));
}
TEST(SeededError, a_join_at_the_oldest_that_is_not_checked_is_found) {
  EXPECT_TRUE(
      found((first_error_of<Real, LoadsOnce<&protocol::Oieb::reclaim_pos>>({.visitors = {0}, .join = Join::oldest})),
            "written over"));
}
TEST(SeededError, a_missing_fence_after_the_announcement_is_found) {
  EXPECT_TRUE(
      found((first_error_of<DropsEverySecondFence, Real>({.slots = 2, .visitors = {0, 1}, .join = Join::oldest})),
            "written over"));
}
TEST(SeededError, a_slot_freed_whatever_its_epoch_is_found) {
  EXPECT_TRUE(found((first_error_of<IgnoresTheEpoch, Real>({}, 1)), "taken from it"));
}
TEST(SeededError, a_slot_freed_by_a_plain_store_is_found) {
  EXPECT_TRUE(found((first_error_of<FreesByAStore, Real>({}, 1)), ""));
}
TEST(SeededError, a_lock_checked_before_the_word_is_found) {
  EXPECT_TRUE(found((first_error_of<Real, Real>({.lock_checked_first = true})), "taken from it"));
}
TEST(SeededError, a_slot_taken_before_its_lock_is_found) {
  EXPECT_TRUE(found((first_error_of<Real, Real>({.lock_late = true})), ""));
}
TEST(SeededError, dead_readers_that_are_never_taken_back_are_found) {
  EXPECT_TRUE(found((first_error_of<Real, Real>({.visitors = {0}, .takes_back = false}, 1)), "deadlock"));
}

}  // namespace
}  // namespace zerobuffer::explorer
