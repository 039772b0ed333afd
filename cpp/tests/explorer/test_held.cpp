// The table of held frames: given back by several threads of one process in any order, while the reading thread takes
// more and at last says that it takes no more. What is still held is never given up, the work is done by one thread at
// a time and nothing of it is left undone, the end is told once, and nobody touches the table after it.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "explorer/mutants.hpp"
#include "explorer/report.hpp"
#include "ring/held.hpp"

namespace zerobuffer::explorer {
namespace {

using Real = ExplorerMachine;
constexpr std::size_t most_frames = 4;

struct Table {
  std::uint32_t max_held = 2;
  bool may_bias = true;
  std::size_t frames = 2;
  std::size_t threads = 1;              ///< Besides the reading one; frame i is given back by thread i % (threads + 1).
  bool reader_gives_back_first = true;  ///< Before it ends, the reading thread gives back what is its own to give back.
};

// What happened, besides the table itself.
struct Story {
  std::array<std::uint32_t, most_frames> mailbox;  // id + 1 of a frame on its way to the thread that gives it back
  std::array<bool, most_frames> given_back;        // from just before the call on
  std::size_t taken;
  std::uint32_t at_work;
  std::uint64_t oldest;
  std::uint32_t ends;
};
Story story;

template <class M>
struct Held {
  static inline std::optional<ring::HeldFrames<M>> table;

  static void work(std::uint64_t oldest, bool finished) noexcept {
    Explorer& explorer = Explorer::now();
    explorer.check(story.at_work == 0, "two at work at once");
    explorer.record(story.at_work, 1U);
    for (std::size_t i = 0; i < story.taken; ++i) {
      explorer.check(story.given_back[i] || oldest <= i * 64, "a held frame is given up");
    }
    explorer.check(oldest >= story.oldest, "the oldest position goes back");
    explorer.record(story.oldest, oldest);
    explorer.pass("works");
    explorer.record(story.at_work, 0U);
    if (finished) {
      explorer.check(story.ends == 0, "the end is told twice");
      explorer.record(story.ends, 1U);
      explorer.poison(&table, sizeof table);
    }
  }
  static void give_back(std::size_t frame, std::uint32_t id) noexcept {
    Explorer::now().record(story.given_back[frame], true);
    table->release(id, work);
  }
};

template <class M>
void take_frames(const Table& table) noexcept {
  Explorer& explorer = Explorer::now();
  auto& held = *Held<M>::table;
  const auto own = [&](std::size_t frame) { return frame % (table.threads + 1) == 0; };
  std::array<std::uint32_t, most_frames> ids{};
  for (std::size_t i = 0; i < table.frames; ++i) {
    while (held.room() == 0) M::pause();
    ids[i] = held.hold(i * 64);
    held.passed((i + 1) * 64);
    explorer.record(story.taken, i + 1);
    if (!own(i)) M::store_release(story.mailbox[i], ids[i] + 1);
    if (own(i) && table.reader_gives_back_first) Held<M>::give_back(i, ids[i]);
  }
  held.end(Held<M>::work);
  for (std::size_t i = 0; i < table.frames && !table.reader_gives_back_first; ++i) {
    if (own(i)) Held<M>::give_back(i, ids[i]);
  }
}

template <class M>
void give_frames_back(const Table& table, std::size_t thread) noexcept {
  for (std::size_t i = 0; i < table.frames; ++i) {
    if (i % (table.threads + 1) != thread) continue;
    Explorer::now().wait_until("a frame", [i] { return story.mailbox[i] != 0; });
    Held<M>::give_back(i, M::load_acquire(story.mailbox[i]) - 1);
  }
}

template <class M = Real>
Explorer::Scenario scenario(const Table& table) {
  return [table](Explorer& explorer) {
    story = {};
    world.memory_of_mutants.fill(0);
    Held<M>::table.emplace(table.max_held, table.may_bias, std::uint64_t{0});
    explorer.spawn("reading thread", [&table] { take_frames<M>(table); });
    for (std::size_t i = 1; i <= table.threads; ++i) {
      explorer.spawn("thread " + std::to_string(i), [&table, i] { give_frames_back<M>(table, i); });
    }
    explorer.at_end([&explorer, &table] {
      explorer.check(story.ends == 1, "the end is never told");
      explorer.check(story.oldest == table.frames * 64, "a frame is never given up");
    });
  };
}

TEST(HeldFrames, one_thread_alone_needs_no_other) {
  EXPECT_TRUE(holds(Explorer::explore(scenario({.frames = 4, .threads = 0}), {})));
}

TEST(HeldFrames, a_second_thread_gives_back_while_the_first_one_goes_on) {
  EXPECT_TRUE(holds(Explorer::explore(scenario({}), {})));
  EXPECT_TRUE(holds(Explorer::explore(scenario({.reader_gives_back_first = false}), {})));
}

TEST(HeldFrames, a_second_thread_gives_back_without_the_bias) {
  EXPECT_TRUE(holds(Explorer::explore(scenario({.may_bias = false}), {})));
}

TEST(HeldFrames, three_threads_give_back_in_any_order) {
  EXPECT_TRUE(holds(Explorer::explore(scenario({.max_held = 4, .frames = 3, .threads = 2}), {.preemptions = 2})));
}

TEST(HeldFrames, places_in_the_table_are_used_again) {
  EXPECT_TRUE(holds(Explorer::explore(scenario({.max_held = 1, .frames = 3, .threads = 1}), {.preemptions = 3})));
}

TEST(HeldFrames, random_schedules_of_three_threads) {
  EXPECT_TRUE(survives(scenario({.max_held = 2, .frames = 4, .threads = 2}), {}));
  EXPECT_TRUE(survives(scenario({.max_held = 4, .frames = 4, .threads = 2, .reader_gives_back_first = false}), {}));
}

template <class M>
Outcome first_error_of(const Table& table) {
  return Explorer::search(scenario<M>(table), {});
}

TEST(SeededError, a_bias_that_is_revoked_without_a_barrier_is_found) {
  EXPECT_TRUE(found(first_error_of<DropsRemoteBarriers>({.reader_gives_back_first = false}), ""));
}
TEST(SeededError, operations_counted_by_load_and_store_are_found) {
  EXPECT_TRUE(found(first_error_of<AddsByLoadAndStore>({.may_bias = false, .reader_gives_back_first = false}), ""));
}
TEST(SeededError, operations_taken_off_by_load_and_store_are_found) {
  EXPECT_TRUE(
      found(first_error_of<SubtractsByLoadAndStore>({.may_bias = false, .reader_gives_back_first = false}), ""));
}
TEST(SeededError, a_bias_that_is_revoked_by_load_and_store_is_found) {
  EXPECT_TRUE(found(first_error_of<SwapsByLoadAndStore>({.max_held = 2, .reader_gives_back_first = false}), ""));
}

}  // namespace
}  // namespace zerobuffer::explorer
