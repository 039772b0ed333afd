// Seeded errors: policies that do one operation wrongly, and waiting loops that do one step wrongly or at the wrong
// time. Each stands in for a mistake that somebody could make in ring/; a test named after it says that the explorer
// finds it.
#pragma once

#include "explorer/ring_world.hpp"

namespace zerobuffer::explorer {

// ---------------------------------------------------------------- barriers

struct DropsFences : ExplorerMachine {
  static void fence() noexcept {}
};

struct DropsRemoteBarriers : ExplorerMachine {
  static void remote_barrier() noexcept {}
  static void thread_barrier() noexcept {}
};

// Of each pair of fences (before the look, after the announcement) the second is missing.
struct DropsEverySecondFence : ExplorerMachine {
  static void fence() noexcept {
    if (world.memory_of_mutants[Explorer::now().self()]++ % 2 == 0) ExplorerMachine::fence();
  }
};

// ---------------------------------------------------------------- order of stores and loads

// A release that does not wait for what was stored before.
struct ReleasesAtOnce : ExplorerMachine {
  template <class T>
  static void store_release(T& word, T value) noexcept {
    Explorer::now().store_at_once(&word, sizeof word, widen(value));
  }
};

// The publisher looks for sleepers, and only then publishes.
struct LooksForSleepersFirst : ExplorerMachine {
  template <class T>
  static void store_release(T& word, T value) noexcept {
    if (static_cast<const void*>(&word) == &world.oieb.write_pos) {
      postponed() = widen(value) + 1;
    } else {
      ExplorerMachine::store_release(word, value);
    }
  }
  static void fence() noexcept {}
  template <class T>
  static T load_relaxed(const T& word) noexcept {
    const T value = ExplorerMachine::load_relaxed(word);
    if (static_cast<const void*>(&word) == &world.oieb.readers_waiting && postponed() != 0) {
      ExplorerMachine::store_release(world.oieb.write_pos, postponed() - 1);
      postponed() = 0;
      ExplorerMachine::fence();
    }
    return value;
  }

 private:
  static std::uint64_t& postponed() noexcept { return world.memory_of_mutants[Explorer::now().self()]; }
};

// The second load of a word that is to be looked at twice is spared: the first value is used again.
template <std::uint64_t protocol::Oieb::*word_loaded_once>
struct LoadsOnce : ExplorerMachine {
  template <class T>
  static T load_acquire(const T& word) noexcept {
    if (static_cast<const void*>(&word) != &(world.oieb.*word_loaded_once)) return ExplorerMachine::load_acquire(word);
    std::uint64_t& first = world.memory_of_mutants[Explorer::now().self()];
    if (first == 0) first = widen(ExplorerMachine::load_acquire(word)) + 1;
    return narrow<T>(first - 1);
  }
};

// There is one pair of position and count, and it is rewritten while it is in force.
struct RewritesTheEntryInForce : ExplorerMachine {
  template <class T>
  static void store_relaxed(T& word, T value) noexcept {
    auto& counts = world.oieb.counts;
    if (static_cast<void*>(&word) == &counts[1].position) {
      ExplorerMachine::store_relaxed(counts[0].position, widen(value));
    } else if (static_cast<void*>(&word) == &counts[1].count) {
      ExplorerMachine::store_relaxed(counts[0].count, widen(value));
    } else {
      ExplorerMachine::store_relaxed(word, value);
    }
  }
};

// ---------------------------------------------------------------- read-modify-writes that are not

struct SetsBitsByLoadAndStore : ExplorerMachine {
  template <class T>
  static T fetch_or(T& word, T value) noexcept {
    const T old = load_relaxed(word);
    store_relaxed(word, static_cast<T>(old | value));
    return old;
  }
};

struct TakesBitsBackByLoadAndStore : ExplorerMachine {
  template <class T>
  static T fetch_and(T& word, T value) noexcept {
    const T old = load_relaxed(word);
    store_relaxed(word, static_cast<T>(old & value));
    return old;
  }
};

struct AddsByLoadAndStore : ExplorerMachine {
  template <class T>
  static T fetch_add(T& word, T value) noexcept {
    const T old = load_relaxed(word);
    store_relaxed(word, static_cast<T>(old + value));
    return old;
  }
};

struct SubtractsByLoadAndStore : ExplorerMachine {
  template <class T>
  static T fetch_sub(T& word, T value) noexcept {
    const T old = load_relaxed(word);
    store_relaxed(word, static_cast<T>(old - value));
    return old;
  }
};

struct SwapsByLoadAndStore : ExplorerMachine {
  template <class T>
  static bool compare_exchange(T& word, T expected, T desired) noexcept {
    if (load_relaxed(word) != expected) return false;
    store_relaxed(word, desired);
    return true;
  }
  static void fence() noexcept {}
};

// Compares the state of a slot and not who owns it.
struct IgnoresTheEpoch : ExplorerMachine {
  template <class T>
  static bool compare_exchange(T& word, T expected, T desired) noexcept {
    const T now = load_relaxed(word);
    if ((now & 0xff) != (expected & 0xff)) return false;
    return ExplorerMachine::compare_exchange(word, now, desired);
  }
};

struct FreesByAStore : ExplorerMachine {
  template <class T>
  static bool compare_exchange(T& word, T, T desired) noexcept {
    store_relaxed(word, desired);
    return true;
  }
};

// ---------------------------------------------------------------- waking

struct NeverChangesTheFutexWord : ExplorerMachine {
  template <class T>
  static T fetch_add(T& word, T) noexcept {
    return load_relaxed(word);
  }
};

struct NeverWakes : ExplorerMachine {
  static void futex_wake(std::uint32_t&) noexcept {}
};

struct WakesOne : ExplorerMachine {
  static void futex_wake(std::uint32_t& word) noexcept { Explorer::now().futex_wake(&word, 1); }
};

// Changes the futex word, and only then clears the bits.
struct ChangesTheWordFirst : ExplorerMachine {
  template <class T>
  static T exchange(T& word, T) noexcept {
    return load_relaxed(word);
  }
  template <class T>
  static T fetch_add(T& word, T value) noexcept {
    const T old = ExplorerMachine::fetch_add(word, value);
    if (static_cast<void*>(&word) == &world.oieb.data_futex) {
      ExplorerMachine::exchange(world.oieb.readers_waiting, std::uint64_t{0});
    }
    return old;
  }
};

// ---------------------------------------------------------------- sleeping

struct SleepsWithoutASecondLook : Waiting<ExplorerMachine> {
  template <class Look>
  static void for_data(std::uint64_t bit, const ring::Barriers& barriers, Sleep sleep, Look&&) noexcept {
    Waiting::for_data(bit, barriers, sleep, [] { return false; });
  }
};

struct ReadsTheFutexWordAfterTheSecondLook : Waiting<ExplorerMachine> {
  template <class Look>
  static void for_data(std::uint64_t bit, const ring::Barriers& barriers, Sleep sleep, Look&& look) noexcept {
    ring::DataSignal<ExplorerMachine>::arm(world.oieb, bit, barriers);
    if (look()) return;
    const auto value = ExplorerMachine::load_acquire(world.oieb.data_futex);
    Explorer::now().futex_wait(&world.oieb.data_futex, value, sleep);
  }
};

struct SetsItsBitAfterTheSecondLook : Waiting<ExplorerMachine> {
  template <class Look>
  static void for_data(std::uint64_t bit, const ring::Barriers& barriers, Sleep sleep, Look&& look) noexcept {
    if (look()) return;
    const auto value = ring::DataSignal<ExplorerMachine>::arm(world.oieb, bit, barriers);
    Explorer::now().futex_wait(&world.oieb.data_futex, value, sleep);
  }
};

struct CallsTheBarrierBeforeItSetsItsBit : Waiting<ExplorerMachine> {
  template <class Look>
  static void for_data(std::uint64_t bit, const ring::Barriers& barriers, Sleep sleep, Look&& look) noexcept {
    ExplorerMachine::remote_barrier();
    const auto value = ring::DataSignal<DropsRemoteBarriers>::arm(world.oieb, bit, barriers);
    if (look()) return;
    Explorer::now().futex_wait(&world.oieb.data_futex, value, sleep);
  }
};

struct SleepsOnWhatItHasNotGivenBack : Waiting<ExplorerMachine> {
  static constexpr bool gives_back_first = false;
};

}  // namespace zerobuffer::explorer
