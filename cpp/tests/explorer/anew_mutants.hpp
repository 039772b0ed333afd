// Seeded errors of beginning anew: policies and ways that do one step of it wrongly, and leave everything else as it
// is. A test named after each says that the explorer finds it.
#pragma once

#include <array>

#include "explorer/anew_world.hpp"

namespace zerobuffer::explorer::anew {

// ---------------------------------------------------------------- the writer

/// Knows how far begin_anew() has come: 1 before the first look, 2 in it, 3 after the announcement, 0 outside.
struct WatchesAnew : Real {
  static void anew_begins() noexcept { step() = 1; }
  static void fence() noexcept {
    Real::fence();
    next_step();
  }

 protected:
  static std::uint64_t& step() noexcept { return world.memory_of_mutants[Explorer::now().self()]; }
  static void next_step() noexcept {
    if (step() != 0 && ++step() == 4) step() = 0;
  }
};

struct AnewWithoutAFence : WatchesAnew {
  static void fence() noexcept {
    if (step() != 2) Real::fence();
    next_step();
  }
};

/// What the first look saw is believed to be so still.
struct LooksOnce : WatchesAnew {
  template <class T>
  static T load_acquire(const T& word) noexcept {
    const auto* at = reinterpret_cast<const std::byte*>(&word);
    const auto* table = reinterpret_cast<const std::byte*>(world.slots.data());
    if (at < table || at >= table + sizeof world.slots || step() < 2) return Real::load_acquire(word);
    std::uint64_t& seen = seen_[static_cast<std::size_t>(at - table) / 8];
    if (step() == 2) seen = widen(Real::load_acquire(word));
    return narrow<T>(seen);
  }

 private:
  static inline std::array<std::uint64_t, sizeof world.slots / 8> seen_{};
};

struct AnewWithoutAnnouncement : WatchesAnew {
  template <class T>
  static void store_release(T& word, T value) noexcept {
    const bool announcement = static_cast<void*>(&word) == &world.oieb.reclaim_pos;
    if (!announcement || step() != 2) Real::store_release(word, value);
  }
};

struct StoresTheOriginFirst : WatchesAnew {
  template <class T>
  static void store_release(T& word, T value) noexcept {
    const bool announcement = static_cast<void*>(&word) == &world.oieb.reclaim_pos;
    if (announcement && step() == 2) Real::store_relaxed(world.oieb.origin_pos, widen(value));
    Real::store_release(word, value);
  }
};

/// The next publication is seen first.
struct StoresTheOriginLate : Real {
  template <class T>
  static void store_relaxed(T& word, T value) noexcept {
    if (static_cast<void*>(&word) == &world.oieb.origin_pos) {
      postponed() = widen(value) + 1;
    } else {
      Real::store_relaxed(word, value);
    }
  }
  template <class T>
  static void store_release(T& word, T value) noexcept {
    Real::store_release(word, value);
    if (static_cast<void*>(&word) != &world.oieb.write_pos || postponed() == 0) return;
    Real::store_relaxed(world.oieb.origin_pos, postponed() - 1);
    postponed() = 0;
  }

 private:
  static std::uint64_t& postponed() noexcept { return world.memory_of_mutants[Explorer::now().self()]; }
};

/// How often a slot's position was looked at.
struct CountsLooks : Real {
  template <class T>
  static T load_acquire(const T& word) noexcept {
    if (static_cast<const void*>(&word) == &world.slots[0].read_pos) ++looks();
    return Real::load_acquire(word);
  }
  static std::uint64_t& looks() noexcept { return world.memory_of_mutants[Explorer::now().self()]; }
};

// An explicit instantiation may name private members: the only way to put back what begin_anew() has set.
template <class Tag, auto member>
struct Opened {
  friend auto& member_of(Tag, typename Tag::Owner& owner) noexcept { return owner.*member; }
};
#define ZEROBUFFER_OPEN(M, member)                            \
  struct M##member {                                          \
    using Owner = ring::RingWriter<M>;                        \
    friend auto& member_of(M##member, Owner& owner) noexcept; \
  };                                                          \
  template struct Opened<M##member, &ring::RingWriter<M>::member>
ZEROBUFFER_OPEN(CountsLooks, space_limit_);
ZEROBUFFER_OPEN(CountsLooks, limit_);
ZEROBUFFER_OPEN(Real, lap_end_);
ZEROBUFFER_OPEN(Real, limit_);
#undef ZEROBUFFER_OPEN

template <class M>
struct KeepsTheRoom {
  static bool begin_anew(ring::RingWriter<M>& writer) noexcept {
    const std::uint64_t before = member_of(CountsLooksspace_limit_{}, writer);
    if (!writer.begin_anew()) return false;
    member_of(CountsLooksspace_limit_{}, writer) = member_of(CountsLookslimit_{}, writer) = before;
    return true;
  }
};

template <class M>
struct KeepsTheLap {
  static bool begin_anew(ring::RingWriter<M>& writer) noexcept {
    const std::uint64_t before = member_of(Reallap_end_{}, writer);
    if (!writer.begin_anew()) return false;
    member_of(Reallap_end_{}, writer) = before;
    std::uint64_t& limit = member_of(Reallimit_{}, writer);
    limit = std::min(limit, before);
    return true;
  }
};

// ---------------------------------------------------------------- the reader

struct IgnoresTheOrigin : Real {
  template <class T>
  static T load_relaxed(const T& word) noexcept {
    if (static_cast<const void*>(&word) == &world.oieb.origin_pos) return T{0};
    return Real::load_relaxed(word);
  }
};

struct LoadsTheOriginFirst : Real {
  template <class T>
  static T load_acquire(const T& word) noexcept {
    if (static_cast<const void*>(&word) == &world.oieb.write_pos) origin() = load_relaxed_origin() + 1;
    return Real::load_acquire(word);
  }
  template <class T>
  static T load_relaxed(const T& word) noexcept {
    if (static_cast<const void*>(&word) != &world.oieb.origin_pos || origin() == 0) return Real::load_relaxed(word);
    return narrow<T>(origin() - 1);
  }

 private:
  static std::uint64_t load_relaxed_origin() noexcept { return Real::load_relaxed(world.oieb.origin_pos); }
  static std::uint64_t& origin() noexcept { return world.memory_of_mutants[Explorer::now().self()]; }
};

}  // namespace zerobuffer::explorer::anew
