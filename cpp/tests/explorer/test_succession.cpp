// A writer is killed between any two of its stores and another one goes on where it stopped: the sequences that readers
// see have no gap and no repetition, and readers that jump to the newest frame see only what was published.
#include <gtest/gtest.h>

#include "explorer/kernel_lock.hpp"
#include "explorer/mutants.hpp"
#include "explorer/report.hpp"
#include "explorer/ring_world.hpp"

namespace zerobuffer::explorer {
namespace {

using Real = ExplorerMachine;
constexpr std::uint64_t no_size = ~std::uint64_t{0};
constexpr Side bounded{.barriers = {}, .sleep = Sleep::bounded};

void wait_for_the_writers_before() noexcept {
  Explorer& explorer = Explorer::now();
  explorer.wait_until("the end of the writers before", [&explorer, self = explorer.self()] {
    for (std::size_t i = 0; i < self; ++i) {
      if (!explorer.ended(i)) return false;
    }
    return true;
  });
}

// Writes until the ring has seen `last` frames, `batch` of them in one publication.
template <class M>
void write_up_to(std::uint64_t last, std::uint64_t batch, const Side& side) noexcept {
  Explorer& explorer = Explorer::now();
  wait_for_the_writers_before();
  Zeroed<ring::RingWriter<M>> writer(world.memory(), side.barriers, std::uint64_t{0});
  while (writer->frames() < last) {
    explorer.forget_all_but(std::uint64_t{4}, writer.bytes());
    const std::uint64_t size = writer->frames() % 2 == 0 ? 24 : 60;
    std::byte* at = claim<M, Waiting<M>>(*writer, size, side);
    fill(at, size, writer->frames() + 1);
    writer->commit(size, protocol::record_type::normal, 0);
    if (writer->frames() % batch == 0 || writer->frames() == last) writer->publish();
  }
}

template <class M = Real>
Explorer::Scenario succession(std::uint64_t capacity, std::uint64_t frames, std::uint64_t batch, std::size_t successors,
                              const Side& side) {
  return [=](Explorer& explorer) {
    world.begin(explorer, capacity, 1, 1);
    explorer.quiet(&world.oieb.wraps, sizeof world.oieb.wraps);
    explorer.quiet(&world.oieb.reclaim_pos, sizeof world.oieb.reclaim_pos);
    for (std::size_t i = 0; i <= successors; ++i) {
      explorer.spawn("writer " + std::to_string(i), [=] { write_up_to<M>(frames, batch, side); },
                     {.mortal = i < successors});
    }
    explorer.spawn("reader", [=] { read_frames({.slot = 0, .last = frames}, side); });
  };
}

TEST(Succession, the_sequences_go_on_whatever_step_the_writer_is_killed_at) {
  EXPECT_TRUE(holds(Explorer::explore(succession(192, 3, 1, 1, bounded), {.preemptions = 2, .kills = 1})));
}

TEST(Succession, the_sequences_go_on_after_a_batch_was_cut_short) {
  EXPECT_TRUE(holds(Explorer::explore(succession(256, 4, 2, 1, bounded), {.preemptions = 1, .kills = 1})));
}

TEST(Succession, two_writers_may_be_killed_one_after_the_other) {
  EXPECT_TRUE(holds(Explorer::explore(succession(192, 2, 1, 2, bounded), {.preemptions = 0, .kills = 2})));
}

TEST(Succession, random_schedules_with_three_deaths) {
  EXPECT_TRUE(survives(succession(256, 12, 3, 3, bounded), {.kills = 3}));
}

// ---------------------------------------------------------------- only the newest

// Jumps to the newest frame each time, until it has seen the last one, which its size or its sequence tells.
void read_the_newest(std::uint64_t last_sequence, std::uint64_t last_size, const Side& side) noexcept {
  Explorer& explorer = Explorer::now();
  Zeroed<ring::RingReader<Real>> reader(world.memory(), std::uint64_t{0});
  std::uint64_t published = 0;
  std::uint64_t seen = 0;
  std::uint64_t size = 0;
  for (;;) {
    explorer.forget_all_but(std::uint64_t{5}, seen, size, published, reader.bytes());
    explorer.check(reader->jump_to_newest(), "an honest writer's newest position cannot be");
    const ring::Peek peek = reader->peek();
    explorer.check(peek != ring::Peek::corrupt, "a record is corrupt");
    if (peek == ring::Peek::frame) {
      const protocol::RecordHeader header = reader->header();
      explorer.check(header.sequence > seen, "a frame that is not newer");
      explorer.check(reader->next() < world.oieb.write_pos, "a frame that was never published");
      verify(reader->payload(), header.size, header.sequence);
      explorer.pass("looks at the frame");
      verify(reader->payload(), header.size, header.sequence);
      seen = header.sequence;
      size = header.size;
      reader->take();
    }
    if (published != reader->next()) {
      published = reader->next();
      publish_read<Real>(0, published, side.barriers);
    }
    if ((seen == last_sequence && seen != 0) || size == last_size) return;
    if (peek == ring::Peek::empty) {
      Waiting<Real>::for_data(1, side.barriers, side.sleep, [&] { return reader->more(); });
    }
  }
}

Explorer::Scenario newest(std::uint64_t capacity, std::uint64_t frames, std::uint64_t batch, std::size_t successors) {
  return [=](Explorer& explorer) {
    world.begin(explorer, capacity, 1, 1);
    explorer.quiet(&world.oieb.wraps, sizeof world.oieb.wraps);
    explorer.quiet(&world.oieb.reclaim_pos, sizeof world.oieb.reclaim_pos);
    explorer.quiet(&world.oieb.counts[0], sizeof world.oieb.counts);
    for (std::size_t i = 0; i <= successors; ++i) {
      explorer.spawn("writer " + std::to_string(i), [=] { write_up_to<Real>(frames, batch, bounded); },
                     {.mortal = i < successors});
    }
    explorer.spawn("reader", [=] { read_the_newest(frames, no_size, bounded); });
  };
}

TEST(Newest, a_jump_lands_on_a_published_frame) {
  EXPECT_TRUE(holds(Explorer::explore(newest(256, 4, 1, 0), {.preemptions = 4})));
  EXPECT_TRUE(holds(Explorer::explore(newest(320, 6, 3, 0), {.preemptions = 3})));
}

TEST(Newest, random_schedules_with_deaths) { EXPECT_TRUE(survives(newest(320, 12, 3, 2), {.kills = 2})); }

// The predecessor dies when it has stored last_record_pos for a batch, but not write_pos; its successor has only
// padding to publish at first, over the place of that record.
TEST(Newest, a_jump_never_lands_on_what_a_dead_writer_had_not_published) {
  EXPECT_TRUE(holds(Explorer::explore(
      [](Explorer& explorer) {
        world.begin(explorer, 256, 1, 1);
        explorer.quiet(&world.oieb.wraps, sizeof world.oieb.wraps);
        explorer.quiet(&world.oieb.reclaim_pos, sizeof world.oieb.reclaim_pos);
        explorer.quiet(&world.oieb.counts[0], sizeof world.oieb.counts);
        explorer.spawn(
            "writer",
            [] {
              write_frames({{.claim = 24, .size = 24}, {24, 24, Frame::batched}, {24, 24, Frame::batched}}, bounded);
            },
            {.mortal = true});
        explorer.spawn("successor", [] {
          wait_for_the_writers_before();
          Zeroed<ring::RingWriter<Real>> writer(world.memory(), bounded.barriers, std::uint64_t{0});
          std::byte* at = claim<Real, Waiting<Real>>(*writer, 200, bounded);
          fill(at, 200, writer->frames() + 1);
          writer->commit(200, protocol::record_type::normal, 0);
          writer->publish();
        });
        explorer.spawn("reader", [] { read_the_newest(0, 200, bounded); });
      },
      {.preemptions = 0, .kills = 1})));
}

// ---------------------------------------------------------------- seeded errors

TEST(SeededError, rewriting_the_entry_in_force_is_found) {
  EXPECT_TRUE(found(Explorer::search(succession<RewritesTheEntryInForce>(256, 4, 1, 1, bounded), {.kills = 1}), ""));
}
TEST(SeededError, an_unbounded_sleep_where_publishers_die_is_found) {
  EXPECT_TRUE(
      found(Explorer::search(succession(256, 3, 1, 1, {.barriers = {}, .sleep = Sleep::unbounded}), {.kills = 1}),
            "deadlock"));
}

}  // namespace
}  // namespace zerobuffer::explorer
