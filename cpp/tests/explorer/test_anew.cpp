// A writer begins the ring anew wherever it can, while readers follow it, join at any moment, die and are resumed, and
// while it dies itself: nobody ever sees a byte that is not the frame's. Then with one error in it at a time.
#include <gtest/gtest.h>

#include "explorer/anew_mutants.hpp"
#include "explorer/anew_world.hpp"
#include "explorer/report.hpp"

namespace zerobuffer::explorer::anew {
namespace {

std::vector<std::uint64_t> units(std::size_t count) { return std::vector<std::uint64_t>(count, 32); }

// ---------------------------------------------------------------- one reader

template <class WriterM = Real, class ReaderM = Real, template <class> class How = ByTheBook>
Explorer::Scenario followed(const Course& course) {
  return [course](Explorer& explorer) {
    begin_world(explorer, course);
    explorer.spawn("writer", [&course] { write_course<WriterM, How>(course); });
    explorer.spawn("reader", [&course] { read_up_to<ReaderM>(course.sizes.size(), course); });
  };
}

TEST(Anew, a_reader_follows_in_every_schedule) {
  for (const std::uint64_t capacity : {64, 128}) {
    SCOPED_TRACE(capacity);
    EXPECT_TRUE(holds(Explorer::explore(followed({.capacity = capacity, .sizes = units(4)}), {})));
  }
}

TEST(Anew, wraps_with_padding_go_on_from_the_new_origin) {
  EXPECT_TRUE(holds(Explorer::explore(followed({.capacity = 192, .sizes = {32, 32, 96, 96}}), {})));
  EXPECT_TRUE(holds(Explorer::explore(followed({.capacity = 256, .sizes = {32, 96, 160, 224}}), {})));
}

TEST(Anew, random_schedules_of_many_frames) {
  std::vector<std::uint64_t> sizes;
  for (std::uint64_t i = 0; i < 30; ++i) sizes.push_back((i * 37 + i / 5) % 4 * 56);
  EXPECT_TRUE(survives(followed({.capacity = 256, .sizes = sizes}), {}));
}

// Looks for the newest frame first, without having asked for the next one.
void read_the_newest(std::uint64_t last, const Course& course) noexcept {
  Explorer& explorer = Explorer::now();
  Zeroed<ring::RingReader<Real>> reader(memory_of(course), std::uint64_t{0});
  for (std::uint64_t seen = 0; seen != last;) {
    explorer.forget_all_but(std::uint64_t{5}, seen, payloads(), reader.bytes());
    explorer.check(reader->jump_to_newest(), "an honest writer's newest position cannot be");
    const ring::Peek peek = reader->peek();
    explorer.check(peek == ring::Peek::frame || peek == ring::Peek::empty, "a record is corrupt");
    if (peek == ring::Peek::frame) {
      explorer.check(reader->header().sequence > seen, "a frame that is not newer");
      seen = reader->header().sequence;
      verify(reader->payload(), 32, seen);
      explorer.pass("looks at the frame");
      verify(reader->payload(), 32, seen);
      reader->take();
    }
    Real::store_release(world.slots[0].read_pos, reader->next());
    if (peek == ring::Peek::frame) continue;
    explorer.wait_until("a frame", [next = reader->next()] { return world.oieb.write_pos != next; });
  }
}

TEST(Anew, a_reader_that_jumps_to_the_newest_frame_lands_on_it) {
  EXPECT_TRUE(holds(Explorer::explore(
      [](Explorer& explorer) {
        static const Course course{.capacity = 192, .sizes = units(5)};
        begin_world(explorer, course);
        explorer.spawn("writer", [] { write_course<Real>(course); });
        explorer.spawn("reader", [] { read_the_newest(course.sizes.size(), course); });
      },
      {.preemptions = 2})));
}

// ---------------------------------------------------------------- others come and go

struct Visits {
  Join join = Join::now;
  std::vector<std::size_t> visitors{1};  ///< The slot that each one tries to get.
  int most = 2;
};

template <class WriterM = Real, class ReaderM = Real, template <class> class How = ByTheBook>
Explorer::Scenario visited(const Course& course, const Visits& visits) {
  return [course, visits](Explorer& explorer) {
    begin_world(explorer, course);
    explorer.spawn("writer", [&course] { write_course<WriterM, How>(course); });
    for (const std::size_t slot : visits.visitors) {
      explorer.spawn("visitor", [&course, &visits, slot] { visit<ReaderM>(course, slot, visits.join, visits.most); },
                     {.mortal = true});
    }
  };
}

constexpr std::uint64_t three = 192;
const Course alone_with_visitors{.capacity = 128, .sizes = units(3), .slots = 2, .reads_itself = true};

TEST(Anew, a_reader_that_joins_now_finds_the_frame_of_its_place_in_every_schedule) {
  EXPECT_TRUE(holds(Explorer::explore(visited(alone_with_visitors, {.join = Join::now}), {})));
}

TEST(Anew, a_reader_that_joins_at_the_oldest_finds_the_frame_of_its_place_in_every_schedule) {
  EXPECT_TRUE(holds(Explorer::explore(visited(alone_with_visitors, {.join = Join::oldest}), {})));
}

TEST(Anew, a_dead_readers_slot_is_resumed_where_it_stopped) {
  for (const Join join : {Join::now, Join::oldest}) {
    EXPECT_TRUE(holds(Explorer::explore(visited(alone_with_visitors, {.join = join, .visitors = {1, 1}, .most = 1}),
                                        {.preemptions = 1, .kills = 1})));
  }
}

TEST(Anew, two_readers_join_in_two_slots) {
  const Course course{.capacity = 128, .sizes = units(3), .slots = 3, .reads_itself = true};
  for (const Join join : {Join::now, Join::oldest}) {
    EXPECT_TRUE(holds(Explorer::explore(visited(course, {.join = join, .visitors = {1, 2}}), {.preemptions = 2})));
  }
}

TEST(Anew, random_visits) {
  const Course course{.capacity = three, .sizes = units(10), .slots = 3, .reads_itself = true};
  for (const Join join : {Join::now, Join::oldest}) {
    EXPECT_TRUE(survives(visited(course, {.join = join, .visitors = {1, 2, 1}, .most = 4}), {.kills = 2}));
  }
}

// ---------------------------------------------------------------- the writer dies

Explorer::Scenario succeeded(const Course& course, std::size_t successors) {
  return [course, successors](Explorer& explorer) {
    begin_world(explorer, course);
    for (std::size_t i = 0; i <= successors; ++i) {
      explorer.spawn("writer " + std::to_string(i),
                     [&course, i] {
                       Explorer::now().wait_until("the end of the writers before", [i] {
                         for (std::size_t j = 0; j < i; ++j) {
                           if (!Explorer::now().ended(j)) return false;
                         }
                         return true;
                       });
                       write_course<Real>(course);
                     },
                     {.mortal = i < successors});
    }
    explorer.spawn("reader", [&course] { read_up_to<Real>(course.sizes.size(), course); });
  };
}

TEST(Anew, a_successor_goes_on_whatever_step_the_writer_died_at) {
  const Bounds bounds{.preemptions = 1, .kills = 1};
  EXPECT_TRUE(holds(Explorer::explore(succeeded({.capacity = 128, .sizes = units(3)}, 1), bounds)));
  EXPECT_TRUE(holds(Explorer::explore(succeeded({.capacity = 192, .sizes = {32, 96, 96}}, 1), bounds)));
}

TEST(Anew, random_schedules_with_three_deaths_of_the_writer) {
  EXPECT_TRUE(
      survives(succeeded({.capacity = 192, .sizes = {32, 32, 96, 32, 96, 96, 32, 32, 32, 96}}, 3), {.kills = 3}));
}

// ---------------------------------------------------------------- seeded errors

template <class WriterM, class ReaderM, template <class> class How = ByTheBook>
Outcome first_error_of(Join join) {
  return Explorer::search(visited<WriterM, ReaderM, How>(alone_with_visitors, {.join = join}), {});
}
template <class WriterM, class ReaderM, template <class> class How = ByTheBook>
Outcome first_error_of() {
  return Explorer::search(followed<WriterM, ReaderM, How>({.capacity = 128, .sizes = units(5)}), {});
}

TEST(SeededError, beginning_anew_after_one_look_is_found) {
  EXPECT_TRUE(found((first_error_of<LooksOnce, Real>(Join::oldest)), ""));
}
TEST(SeededError, beginning_anew_without_a_fence_after_the_announcement_is_found) {
  EXPECT_TRUE(found((first_error_of<AnewWithoutAFence, Real>(Join::oldest)), ""));
}
TEST(SeededError, an_origin_stored_before_the_announcement_is_found) {
  EXPECT_TRUE(found((first_error_of<StoresTheOriginFirst, Real>(Join::oldest)), ""));
}
TEST(SeededError, an_origin_that_is_not_announced_is_found) {
  EXPECT_TRUE(found((first_error_of<AnewWithoutAnnouncement, Real>(Join::oldest)), ""));
}
TEST(SeededError, an_origin_that_is_stored_after_the_publication_is_found) {
  EXPECT_TRUE(found((first_error_of<StoresTheOriginLate, Real>()), ""));
}
TEST(SeededError, a_reader_that_ignores_the_origin_is_found) {
  EXPECT_TRUE(found((first_error_of<Real, IgnoresTheOrigin>()), ""));
}
TEST(SeededError, a_reader_that_loads_the_origin_before_the_position_is_found) {
  EXPECT_TRUE(found((first_error_of<Real, LoadsTheOriginFirst>()), ""));
}
TEST(SeededError, a_lap_that_ends_where_it_did_before_is_found) {
  EXPECT_TRUE(found((first_error_of<Real, Real, KeepsTheLap>()), ""));
}

// Without another look at the table: a look per frame is what beginning anew is there to spare.
template <template <class> class How>
Outcome claims_the_whole_ring() {
  return Explorer::explore(
      [](Explorer& explorer) {
        const Course course{.capacity = 256};
        begin_world(explorer, course);
        explorer.spawn("writer", [] {
          auto& writer = writer_of<CountsLooks>(world.memory(), no_fence_to_publish, 256);
          for (int i = 0; i < 3; ++i) {
            fill(writer->try_claim(32), 32, writer->frames() + 1);
            writer->commit(32, protocol::record_type::normal, 0);
            writer->publish();
            Real::store_release(world.slots[0].read_pos, writer->write_pos());
            Explorer::now().check(How<CountsLooks>::begin_anew(*writer), "nobody needs anything of the ring");
            const std::uint64_t looks = CountsLooks::looks();
            std::byte* const at = writer->try_claim(writer->max_frame_size());
            Explorer::now().check(at == world.records() + protocol::header_size, "the ring does not begin anew");
            Explorer::now().check(CountsLooks::looks() == looks, "the whole ring is not free");
            writer->discard();
          }
        });
      },
      {});
}
TEST(Anew, the_whole_ring_is_free_without_another_look) { EXPECT_TRUE(holds(claims_the_whole_ring<ByTheBook>())); }
TEST(SeededError, a_writer_that_does_not_lift_its_room_is_found) {
  EXPECT_TRUE(found(claims_the_whole_ring<KeepsTheRoom>(), "not free"));
}

}  // namespace
}  // namespace zerobuffer::explorer::anew
