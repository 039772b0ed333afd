// One writer and its readers on a small ring, both directions asleep whenever they can be: frames arrive whole, in
// order and once, and nobody sleeps for ever. Then the same with one error in it at a time.
#include <gtest/gtest.h>

#include "explorer/mutants.hpp"
#include "explorer/report.hpp"
#include "explorer/ring_world.hpp"

namespace zerobuffer::explorer {
namespace {

constexpr Side with_fences{.barriers = {.publisher_registered = false, .sleeper_can_call = false}};
constexpr Side asymmetric{.barriers = {.publisher_registered = true, .sleeper_can_call = true}};

std::uint64_t sent(const std::vector<Frame>& frames) {
  return static_cast<std::uint64_t>(
      std::count_if(frames.begin(), frames.end(), [](const Frame& frame) { return frame.fate != Frame::discarded; }));
}

std::vector<Frame> equal(std::size_t count, std::uint64_t size) { return std::vector<Frame>(count, Frame{size, size}); }

Role role(const Side& side) { return {.mortal = false, .registered = side.barriers.publisher_registered}; }

struct Stream {
  std::uint64_t capacity = 64;
  std::vector<Frame> frames;
  Side writer = with_fences;
  Side reader = with_fences;
  std::size_t readers = 1;
  std::uint64_t every = 1;
};

// The writer's and the readers' policies and waiting loops may be wrong ones.
template <class WriterM = ExplorerMachine, class ReaderM = ExplorerMachine, class WriterW = Waiting<WriterM>,
          class ReaderW = Waiting<ReaderM>>
Explorer::Scenario scenario(const Stream& stream) {
  return [stream](Explorer& explorer) {
    world.begin(explorer, stream.capacity, stream.readers, stream.readers);
    world.only_the_writer_reads_its_own(explorer);
    // a side that cannot call membarrier has said so when it attached
    if (!stream.writer.barriers.sleeper_can_call) ring::SpaceSignal<ExplorerMachine>::require_fence(world.oieb, true);
    explorer.spawn(
        "writer", [&stream] { write_frames<WriterM, WriterW>(stream.frames, stream.writer); }, role(stream.writer));
    for (std::size_t i = 0; i < stream.readers; ++i) {
      if (!stream.reader.barriers.sleeper_can_call) {
        ring::DataSignal<ExplorerMachine>::require_fence(world.oieb, std::uint64_t{1} << i);
      }
      const Reading reading{.slot = i, .last = sent(stream.frames), .every = stream.every};
      explorer.spawn(
          "reader " + std::to_string(i), [&stream, reading] { read_frames<ReaderM, ReaderW>(reading, stream.reader); },
          role(stream.reader));
    }
  };
}

template <class... Mutants>
Outcome all_of(const Stream& stream, const Bounds& bounds = {}) {
  return Explorer::explore(scenario<Mutants...>(stream), bounds);
}
template <class... Mutants>
Outcome first_error_of(const Stream& stream) {
  return Explorer::search(scenario<Mutants...>(stream), {});
}

// ---------------------------------------------------------------- it holds

TEST(Stream, frames_pass_a_ring_of_one_record_with_fences) {
  EXPECT_TRUE(holds(all_of({.capacity = 64, .frames = equal(4, 32)})));
}

TEST(Stream, frames_pass_a_ring_of_two_records_with_fences) {
  EXPECT_TRUE(holds(all_of({.capacity = 128, .frames = equal(4, 32)})));
}

TEST(Stream, frames_pass_a_ring_of_one_record_with_asymmetric_barriers) {
  EXPECT_TRUE(holds(all_of({.capacity = 64, .frames = equal(3, 32), .writer = asymmetric, .reader = asymmetric})));
}

TEST(Stream, frames_pass_a_ring_of_two_records_with_asymmetric_barriers) {
  EXPECT_TRUE(holds(all_of({.capacity = 128, .frames = equal(3, 32), .writer = asymmetric, .reader = asymmetric})));
}

TEST(Stream, every_mixture_of_sides_with_and_without_membarrier_works) {
  for (unsigned mixture = 0; mixture < 16; ++mixture) {
    const auto has = [&](unsigned bit) { return (mixture & bit) != 0; };
    SCOPED_TRACE(mixture);
    EXPECT_TRUE(holds(all_of({.capacity = 64,
                              .frames = equal(2, 32),
                              .writer = {.barriers = {.publisher_registered = has(1), .sleeper_can_call = has(2)}},
                              .reader = {.barriers = {.publisher_registered = has(4), .sleeper_can_call = has(8)}}})));
  }
}

TEST(Stream, two_readers_each_see_every_frame_with_fences) {
  EXPECT_TRUE(holds(all_of({.capacity = 128, .frames = equal(3, 32), .readers = 2}, {.preemptions = 2})));
}

TEST(Stream, two_readers_each_see_every_frame_with_asymmetric_barriers) {
  EXPECT_TRUE(
      holds(all_of({.capacity = 64, .frames = equal(2, 32), .writer = asymmetric, .reader = asymmetric, .readers = 2},
                   {.preemptions = 2})));
}

TEST(Stream, a_reader_may_give_back_late_if_it_does_before_it_waits) {
  EXPECT_TRUE(holds(all_of({.capacity = 192, .frames = equal(5, 32), .every = 2}, {.preemptions = 4})));
}

const std::vector<Frame> all_kinds{{.claim = 90, .size = 90},
                                   {.claim = 160, .size = 20},  // shrunk
                                   {.claim = 40, .size = 40, .fate = Frame::batched},
                                   {.claim = 0, .size = 0},
                                   {.claim = 150, .size = 0, .fate = Frame::discarded},
                                   {.claim = 150, .size = 150},   // padding in front of it
                                   {.claim = 224, .size = 224}};  // the largest

TEST(Stream, all_kinds_of_frames_pass_the_end_of_the_ring_with_fences) {
  EXPECT_TRUE(holds(all_of({.capacity = 256, .frames = all_kinds}, {.preemptions = 3})));
}

TEST(Stream, all_kinds_of_frames_pass_the_end_of_the_ring_with_asymmetric_barriers) {
  EXPECT_TRUE(holds(
      all_of({.capacity = 256, .frames = all_kinds, .writer = asymmetric, .reader = asymmetric}, {.preemptions = 2})));
}

TEST(Stream, random_schedules_of_three_readers_and_all_kinds_of_frames) {
  std::vector<Frame> frames = all_kinds;
  frames.insert(frames.end(), all_kinds.begin(), all_kinds.end());
  EXPECT_TRUE(survives(scenario({.capacity = 256, .frames = frames, .readers = 3}), {}));
  EXPECT_TRUE(survives(
      scenario({.capacity = 320, .frames = frames, .writer = asymmetric, .reader = asymmetric, .readers = 3}), {}));
}

// One of two readers is killed, asleep or about to sleep: the bit that it leaves harms nobody.
TEST(Stream, the_bit_of_a_dead_sleeper_harms_nobody) {
  EXPECT_TRUE(holds(Explorer::explore(
      [](Explorer& explorer) {
        world.begin(explorer, 128, 2, 2);
        world.only_the_writer_reads_its_own(explorer);
        explorer.spawn("writer", [] { write_frames(equal(2, 32), with_fences); });
        explorer.spawn("reader", [] { read_frames({.slot = 0, .last = 2}, with_fences); });
        explorer.spawn("victim", [] { read_frames({.slot = 1, .last = 2}, with_fences); },
                       {.mortal = true, .registered = true});
      },
      {.preemptions = 3, .kills = 1})));
}

// A reader that cannot call membarrier says so while the writer is at work: its word may come too late for the store
// that the writer is just making, so its first sleep has to be short.
Outcome late_word(Sleep sleep) {
  return Explorer::search(
      [sleep](Explorer& explorer) {
        world.begin(explorer, 128, 1, 1);
        world.only_the_writer_reads_its_own(explorer);
        ring::SpaceSignal<ExplorerMachine>::require_fence(world.oieb, true);
        explorer.spawn("writer", [] {
          write_frames(equal(2, 32), {.barriers = {.publisher_registered = true, .sleeper_can_call = false}});
        });
        explorer.spawn("reader", [sleep] {
          ring::DataSignal<ExplorerMachine>::require_fence(world.oieb, 1);
          read_frames({.slot = 0, .last = 2}, {.barriers = {}, .sleep = sleep});
        });
      },
      {});
}

TEST(Stream, a_reader_without_membarrier_joins_a_working_writer_with_a_bounded_sleep) {
  EXPECT_TRUE(holds(late_word(Sleep::bounded)));
}

// ---------------------------------------------------------------- seeded errors

using Real = ExplorerMachine;
using RealWait = Waiting<ExplorerMachine>;
const Stream one_record{.capacity = 64, .frames = equal(3, 32)};
const Stream one_record_asymmetric{.capacity = 64, .frames = equal(3, 32), .writer = asymmetric, .reader = asymmetric};
const Stream to_two_readers{.capacity = 64, .frames = equal(2, 32), .readers = 2};

TEST(SeededError, an_unbounded_first_sleep_of_a_late_joiner_is_found) {
  EXPECT_TRUE(found(late_word(Sleep::unbounded), "deadlock"));
}
TEST(SeededError, a_dropped_fence_in_the_publisher_is_found) {
  EXPECT_TRUE(found((first_error_of<DropsFences>(one_record)), "deadlock"));
}
TEST(SeededError, a_dropped_fence_in_the_publisher_of_space_is_found) {
  EXPECT_TRUE(found((first_error_of<Real, DropsFences>(one_record)), "deadlock"));
}
TEST(SeededError, a_dropped_barrier_in_the_sleeping_reader_is_found) {
  EXPECT_TRUE(found((first_error_of<Real, DropsRemoteBarriers>(one_record_asymmetric)), "deadlock"));
}
TEST(SeededError, a_dropped_barrier_in_the_sleeping_writer_is_found) {
  EXPECT_TRUE(found((first_error_of<DropsRemoteBarriers>(one_record_asymmetric)), "deadlock"));
}
TEST(SeededError, a_barrier_before_the_bit_is_set_is_found) {
  EXPECT_TRUE(found((first_error_of<Real, Real, RealWait, CallsTheBarrierBeforeItSetsItsBit>(one_record_asymmetric)),
                    "deadlock"));
}
TEST(SeededError, a_publisher_that_is_not_registered_is_found) {
  Stream stream = one_record_asymmetric;
  stream.writer.barriers.publisher_registered = true;
  const Explorer::Scenario wrong = [stream](Explorer& explorer) {
    world.begin(explorer, stream.capacity, 1, 1);
    explorer.spawn("writer", [&stream] { write_frames(stream.frames, stream.writer); },
                   {.mortal = false, .registered = false});
    explorer.spawn("reader", [&stream] { read_frames({.slot = 0, .last = 3}, stream.reader); });
  };
  EXPECT_TRUE(found(Explorer::search(wrong, {}), "deadlock"));
}
TEST(SeededError, a_missing_second_look_is_found) {
  EXPECT_TRUE(found((first_error_of<Real, Real, RealWait, SleepsWithoutASecondLook>(one_record)), "deadlock"));
}
TEST(SeededError, a_bit_set_after_the_second_look_is_found) {
  EXPECT_TRUE(found((first_error_of<Real, Real, RealWait, SetsItsBitAfterTheSecondLook>(one_record)), "deadlock"));
}
TEST(SeededError, a_futex_word_read_too_late_is_found) {
  EXPECT_TRUE(
      found((first_error_of<Real, Real, RealWait, ReadsTheFutexWordAfterTheSecondLook>(one_record)), "deadlock"));
}
TEST(SeededError, looking_for_sleepers_before_publishing_is_found) {
  EXPECT_TRUE(found((first_error_of<LooksForSleepersFirst>(one_record)), "deadlock"));
}
TEST(SeededError, a_futex_word_changed_before_the_bits_are_cleared_is_found) {
  EXPECT_TRUE(found((first_error_of<ChangesTheWordFirst>(one_record)), "deadlock"));
}
TEST(SeededError, a_futex_word_that_never_changes_is_found) {
  EXPECT_TRUE(found((first_error_of<NeverChangesTheFutexWord>(one_record)), "deadlock"));
}
TEST(SeededError, a_forgotten_wake_up_is_found) {
  EXPECT_TRUE(found((first_error_of<NeverWakes>(one_record)), "deadlock"));
}
TEST(SeededError, waking_one_of_two_sleepers_is_found) {
  EXPECT_TRUE(found((first_error_of<WakesOne>(to_two_readers)), "deadlock"));
}
TEST(SeededError, waiting_bits_set_by_load_and_store_are_found) {
  EXPECT_TRUE(found((first_error_of<Real, SetsBitsByLoadAndStore>(to_two_readers)), "deadlock"));
}
TEST(SeededError, waiting_bits_taken_back_by_load_and_store_are_found) {
  EXPECT_TRUE(found((first_error_of<Real, TakesBitsBackByLoadAndStore>(to_two_readers)), "deadlock"));
}
TEST(SeededError, sleeping_on_frames_that_were_not_given_back_is_found) {
  EXPECT_TRUE(found((first_error_of<Real, Real, RealWait, SleepsOnWhatItHasNotGivenBack>(
                        {.capacity = 128, .frames = equal(4, 32), .every = 3})),
                    "deadlock"));
}
TEST(SeededError, a_publication_that_overtakes_its_record_is_found) {
  EXPECT_TRUE(found((first_error_of<ReleasesAtOnce>(one_record)), "corrupt"));
}

}  // namespace
}  // namespace zerobuffer::explorer
