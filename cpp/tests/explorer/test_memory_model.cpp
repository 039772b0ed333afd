// The explorer's own rules, on programs of a few lines: what x86-TSO allows must be found, and nothing else.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>

#include "explorer/machine.hpp"
#include "explorer/report.hpp"

namespace zerobuffer::explorer {
namespace {

using M = ExplorerMachine;

struct Words {
  alignas(64) std::uint32_t x = 0;
  std::uint32_t y = 0;
  std::uint32_t futex = 0;
  std::array<std::uint32_t, 4> seen{};
};

// Both store one word and load the other one; the check says whether both may have missed each other.
template <class Between>
Outcome both_store_then_load(Between between) {
  static Words words;
  return Explorer::search(
      [between](Explorer& explorer) {
        words = {};
        explorer.spawn("left", [between] {
          M::store_relaxed(words.x, 1U);
          between();
          words.seen[0] = M::load_relaxed(words.y);
        });
        explorer.spawn("right", [between] {
          M::store_relaxed(words.y, 1U);
          between();
          words.seen[1] = M::load_relaxed(words.x);
        });
        explorer.at_end([&explorer] { explorer.check(words.seen[0] + words.seen[1] != 0, "missed each other"); });
      },
      {});
}

TEST(MemoryModel, a_store_may_be_overtaken_by_a_later_load) {
  EXPECT_TRUE(found(both_store_then_load([] {}), "missed each other"));
  EXPECT_TRUE(found(both_store_then_load([] { M::compiler_barrier(); }), "missed each other"));
}

TEST(MemoryModel, a_fence_or_a_barrier_in_both_forbids_it) {
  EXPECT_TRUE(holds(both_store_then_load([] { M::fence(); })));
  EXPECT_TRUE(holds(both_store_then_load([] { M::remote_barrier(); })));
}

TEST(MemoryModel, a_remote_barrier_in_one_is_enough_if_the_other_is_registered) {
  for (const bool registered : {true, false}) {
    static Words words;
    const Outcome outcome = Explorer::search(
        [registered](Explorer& explorer) {
          words = {};
          explorer.spawn("left", [] {
            M::store_relaxed(words.x, 1U);
            M::remote_barrier();
            words.seen[0] = M::load_relaxed(words.y);
          });
          explorer.spawn("right",
                         [] {
                           M::store_relaxed(words.y, 1U);
                           M::compiler_barrier();
                           words.seen[1] = M::load_relaxed(words.x);
                         },
                         {.mortal = false, .registered = registered});
          explorer.at_end([&explorer] { explorer.check(words.seen[0] + words.seen[1] != 0, "missed each other"); });
        },
        {});
    EXPECT_TRUE(registered ? holds(outcome) : found(outcome, "missed each other"));
  }
}

TEST(MemoryModel, stores_become_visible_in_their_order) {
  static Words words;
  EXPECT_TRUE(holds(Explorer::search(
      [](Explorer& explorer) {
        words = {};
        explorer.spawn("writer", [] {
          M::store_relaxed(words.x, 1U);
          M::store_relaxed(words.y, 1U);
        });
        explorer.spawn("reader", [&explorer] {
          if (M::load_relaxed(words.y) == 1) explorer.check(M::load_relaxed(words.x) == 1, "out of order");
        });
      },
      {})));
}

TEST(MemoryModel, a_load_sees_the_own_delayed_store) {
  static Words words;
  EXPECT_TRUE(holds(Explorer::search(
      [](Explorer& explorer) {
        words = {};
        for (int i = 0; i < 2; ++i) {
          explorer.spawn("one", [&explorer, i] {
            std::uint32_t& word = i == 0 ? words.x : words.y;
            M::store_relaxed(word, 7U);
            explorer.check(M::load_relaxed(word) == 7, "own store not seen");
          });
        }
      },
      {})));
}

TEST(MemoryModel, two_locked_additions_are_never_lost_and_two_plain_ones_are) {
  for (const bool locked : {true, false}) {
    static Words words;
    const Outcome outcome = Explorer::search(
        [locked](Explorer& explorer) {
          words = {};
          for (int i = 0; i < 3; ++i) {
            explorer.spawn("adder", [locked] {
              if (locked) {
                M::fetch_add(words.x, 1U);
              } else {
                M::store_relaxed(words.x, M::load_relaxed(words.x) + 1);
              }
            });
          }
          explorer.at_end([&explorer] { explorer.check(words.x == 3, "an addition is lost"); });
        },
        {});
    EXPECT_TRUE(locked ? holds(outcome) : found(outcome, "an addition is lost"));
  }
}

TEST(MemoryModel, a_sleep_that_nobody_ends_is_a_deadlock_unless_it_is_bounded) {
  for (const Sleep sleep : {Sleep::unbounded, Sleep::bounded}) {
    static Words words;
    const Outcome outcome = Explorer::search(
        [sleep](Explorer& explorer) {
          words = {};
          explorer.spawn("sleeper", [&explorer, sleep] { explorer.futex_wait(&words.futex, 0, sleep); });
        },
        {});
    EXPECT_TRUE(sleep == Sleep::bounded ? holds(outcome) : found(outcome, "deadlock"));
  }
}

TEST(MemoryModel, a_waiting_loop_sees_the_change_and_a_loop_without_a_change_is_a_deadlock) {
  for (const bool changes : {true, false}) {
    static Words words;
    const Outcome outcome = Explorer::search(
        [changes](Explorer& explorer) {
          words = {};
          explorer.spawn("spinner", [] {
            while (M::load_acquire(words.x) == 0) M::pause();
          });
          explorer.spawn("other", [changes] {
            if (changes) M::store_release(words.x, 1U);
          });
        },
        {});
    EXPECT_TRUE(changes ? holds(outcome) : found(outcome, "it spins"));
  }
}

TEST(MemoryModel, the_killed_one_stops_at_any_step_and_its_stores_become_visible) {
  static Words words;
  static std::array<bool, 3> ends;
  ends = {};
  EXPECT_TRUE(holds(Explorer::explore(
      [](Explorer& explorer) {
        words = {};
        const std::size_t writer = explorer.spawn("writer",
                                                  [] {
                                                    M::store_relaxed(words.x, 1U);
                                                    M::store_relaxed(words.x, 2U);
                                                  },
                                                  {.mortal = true, .registered = true});
        explorer.spawn("successor", [&explorer, writer] {
          explorer.wait_until("the end of the writer", [&explorer, writer] { return explorer.ended(writer); });
          ends.at(words.x) = true;
        });
      },
      {.kills = 1})));
  EXPECT_EQ(ends, (std::array<bool, 3>{true, true, true})) << "killed before, between and after the two stores";
}

TEST(MemoryModel, a_failure_is_found_again_by_its_seed) {
  static Words words;
  const Explorer::Scenario scenario = [](Explorer& explorer) {
    words = {};
    for (int i = 0; i < 2; ++i) {
      explorer.spawn("adder", [] { M::store_relaxed(words.x, M::load_relaxed(words.x) + 1); });
    }
    explorer.at_end([&explorer] { explorer.check(words.x == 2, "an addition is lost"); });
  };
  const Outcome first = Explorer::wander(scenario, {}, 1, std::chrono::seconds(20));
  ASSERT_TRUE(first.failed);
  const Outcome again = Explorer::wander(scenario, {}, first.executions, std::chrono::milliseconds(0));
  EXPECT_TRUE(again.failed) << "seed " << first.executions;
  EXPECT_EQ(again.executions, 1U);
}

TEST(MemoryModel, an_access_outside_of_what_is_allowed_is_a_failure) {
  static Words words;
  const auto touches = [](std::uint32_t& word) {
    return Explorer::search(
        [&word](Explorer& explorer) {
          words = {};
          explorer.allow(&words.x, sizeof words.x);
          explorer.spawn("one", [&word] { M::store_relaxed(word, 1U); });
        },
        {});
  };
  EXPECT_TRUE(holds(touches(words.x)));
  EXPECT_TRUE(found(touches(words.y), "an access outside"));
}

}  // namespace
}  // namespace zerobuffer::explorer
