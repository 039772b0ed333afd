// Going to sleep and being woken: the handshake of SPEC.md, "Waiting and waking", for both directions of a ring.
//   sleeper    v := futex word; set own bit; barrier; look again; futex_wait(v)
//   publisher  store the position; barrier; load the bits; if any: clear them, THEN add 1 to the word, THEN wake all
// The barriers may be asymmetric: the publisher then has only a compiler barrier, and the sleeper calls membarrier().
// The sleep itself and how long it may last belong to stream/.
#pragma once

#include <cstdint>

#include "protocol/layout.hpp"
#include "ring/atomics.hpp"

namespace zerobuffer::ring {

/// How the two sides of this process order "store, then load" against the other side.
struct Barriers {
  bool publisher_registered = false;  ///< This process registered for membarrier: publishing needs no fence.
  bool sleeper_can_call = false;      ///< This process can call membarrier before it sleeps.
};

/// The wait for data: readers sleep, the writer wakes them.
template <class M>
struct DataSignal {
  using Word = std::uint32_t;

  /// A reader that cannot call membarrier asks the writer for full fences, once, when it joins.
  static void require_fence(protocol::Oieb& oieb, std::uint64_t bit) noexcept {
    M::fetch_or(oieb.readers_fence_required, bit);
  }
  static void forget(protocol::Oieb& oieb, std::uint64_t bit) noexcept {
    M::fetch_and(oieb.readers_fence_required, ~bit);
    M::fetch_and(oieb.readers_waiting, ~bit);
  }

  /// First half of going to sleep; the caller looks again and then waits for the word to leave the returned value.
  static Word arm(protocol::Oieb& oieb, std::uint64_t bit, const Barriers& barriers) noexcept {
    const Word value = M::load_acquire(oieb.data_futex);  // before the bit: pairs with fetch_add in wake()
    M::fetch_or(oieb.readers_waiting, bit);               // pairs with the load in notify()
    ZEROBUFFER_POINT("sleep.bit_set");
    if (barriers.sleeper_can_call) {
      M::remote_barrier();
    } else {
      M::fence();
    }
    return value;
  }
  static void disarm(protocol::Oieb& oieb, std::uint64_t bit) noexcept { M::fetch_and(oieb.readers_waiting, ~bit); }

  /// After every publication. Returns whether somebody was woken.
  static bool notify(protocol::Oieb& oieb, const Barriers& barriers) noexcept {
    // pairs with the barrier in arm(): either the sleeper sees the position, or its bit is seen here
    if (barriers.publisher_registered) {
      M::compiler_barrier();
      if (M::load_relaxed(oieb.readers_fence_required) != 0) [[unlikely]] {
        M::fence();
      }
    } else {
      M::fence();
    }
    if (M::load_relaxed(oieb.readers_waiting) == 0) [[likely]] {
      return false;
    }
    return wake(oieb);
  }

  [[gnu::noinline]] static bool wake(protocol::Oieb& oieb) noexcept {
    if (M::exchange(oieb.readers_waiting, std::uint64_t{0}) == 0) {
      return false;
    }
    ZEROBUFFER_POINT("wake.bits_cleared");
    M::fetch_add(oieb.data_futex, Word{1});
    ZEROBUFFER_POINT("wake.word_changed");
    M::futex_wake(oieb.data_futex);
    return true;
  }

  /// Wakes this side's own sleepers without having published anything (interrupt).
  static void poke(protocol::Oieb& oieb) noexcept {
    M::fetch_add(oieb.data_futex, Word{1});
    M::futex_wake(oieb.data_futex);
  }
};

/// The wait for space: the writer sleeps, a reader whose position passes `wanted_pos` wakes it.
template <class M>
struct SpaceSignal {
  using Word = std::uint32_t;

  static void require_fence(protocol::Oieb& oieb, bool required) noexcept {
    M::exchange(oieb.writer_fence_required, Word{required});
  }

  static Word arm(protocol::Oieb& oieb, std::uint64_t wanted_pos, const Barriers& barriers) noexcept {
    const Word value = M::load_acquire(oieb.space_futex);  // before the flag: pairs with fetch_add in wake()
    M::store_relaxed(oieb.wanted_pos, wanted_pos);
    M::store_release(oieb.writer_waiting, Word{1});  // pairs with the load in notify(); there is only one writer
    ZEROBUFFER_POINT("writer_sleep.flag_set");
    M::fence();  // the flag before the second look
    if (barriers.sleeper_can_call) {
      M::remote_barrier();
    }
    return value;
  }
  static void disarm(protocol::Oieb& oieb) noexcept { M::store_release(oieb.writer_waiting, Word{0}); }

  /// After every publication of a read position. Returns whether the writer was woken.
  static bool notify(protocol::Oieb& oieb, std::uint64_t read_pos, const Barriers& barriers) noexcept {
    // pairs with the barrier in arm(): either the writer sees the position, or its flag is seen here
    if (barriers.publisher_registered) {
      M::compiler_barrier();
      if (M::load_relaxed(oieb.writer_fence_required) != 0) [[unlikely]] {
        M::fence();
      }
    } else {
      M::fence();
    }
    if (M::load_acquire(oieb.writer_waiting) == 0) [[likely]] {  // acquire: wanted_pos was stored before it
      return false;
    }
    if (read_pos < M::load_relaxed(oieb.wanted_pos)) {
      return false;
    }
    return wake(oieb);
  }

  [[gnu::noinline]] static bool wake(protocol::Oieb& oieb) noexcept {
    if (M::exchange(oieb.writer_waiting, Word{0}) == 0) {
      return false;
    }
    ZEROBUFFER_POINT("reader_wake.flag_cleared");
    M::fetch_add(oieb.space_futex, Word{1});
    ZEROBUFFER_POINT("reader_wake.word_changed");
    M::futex_wake(oieb.space_futex);
    return true;
  }

  static void poke(protocol::Oieb& oieb) noexcept {
    M::fetch_add(oieb.space_futex, Word{1});
    M::futex_wake(oieb.space_futex);
  }
};

}  // namespace zerobuffer::ring
