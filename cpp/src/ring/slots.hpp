// The reader table: joining, leaving, resuming, and being taken back, while the writer scans (SPEC.md, "Joining").
// Every change of a slot's owner is a compare-and-swap of its one place word. Kernel locks are the caller's business:
// whoever calls join(), resume() or leave() holds the lock of the slot's byte; free_dead() is called only for a word
// whose lock was seen free AFTER the word was loaded.
#pragma once

#include <cstdint>
#include <span>

#include "protocol/layout.hpp"
#include "ring/atomics.hpp"

namespace zerobuffer::ring {

using protocol::PlaceWord;
using protocol::ReaderSlot;
using protocol::SlotKind;
using protocol::SlotState;

template <class M>
struct Slots {
  [[nodiscard]] static PlaceWord place(const ReaderSlot& slot) noexcept {
    return {M::load_acquire(slot.place)};  // pairs with the compare-and-swaps below
  }

  struct Joined {
    bool ok = false;
    PlaceWord word;              ///< The slot's word as its owner left it.
    std::uint64_t position = 0;  ///< First position this reader is entitled to.
  };

  /// Joins at the newest position. Two stores of read_pos: the writer counts a joining slot from its word on, and the
  /// first one was made before it could know of it.
  static Joined join_now(protocol::Oieb& oieb, ReaderSlot& slot) noexcept {
    const PlaceWord seen = place(slot);
    if (seen.slot_state() != SlotState::free) return {};
    M::store_relaxed(slot.read_pos, M::load_acquire(oieb.write_pos));
    ZEROBUFFER_POINT("join.position_stored");
    const PlaceWord joining = PlaceWord::of(SlotState::joining, seen.epoch() + 1);
    if (!M::compare_exchange(slot.place, seen.bits, joining.bits)) return {};  // a full fence
    M::fence();
    ZEROBUFFER_POINT("join.joining");
    const std::uint64_t position = M::load_acquire(oieb.write_pos);
    M::store_release(slot.read_pos, position);
    return activate(slot, joining, position);
  }

  /// Joins at the oldest record that is still there: announces the position, and asks afterwards whether the writer
  /// had already given it up (pairs with the announcement of reclaim_pos in RingWriter::renew).
  static Joined join_oldest(protocol::Oieb& oieb, ReaderSlot& slot) noexcept {
    const PlaceWord seen = place(slot);
    if (seen.slot_state() != SlotState::free) return {};
    std::uint64_t position = M::load_acquire(oieb.reclaim_pos);
    M::store_relaxed(slot.read_pos, position);
    ZEROBUFFER_POINT("join.position_stored");
    const PlaceWord joining = PlaceWord::of(SlotState::joining, seen.epoch() + 1);
    if (!M::compare_exchange(slot.place, seen.bits, joining.bits)) return {};  // a full fence
    // reclaim_pos moves at most once per renewal of the writer's; who moves it this often is no writer
    for (int i = 0; i < join_attempts; ++i) {
      M::fence();
      ZEROBUFFER_POINT("join.joining");
      const std::uint64_t reclaimed = M::load_acquire(oieb.reclaim_pos);
      if (reclaimed <= position) break;
      position = reclaimed;
      M::store_release(slot.read_pos, position);
    }
    return activate(slot, joining, position);
  }

  /// Takes over the slot of a dead reader, whose lock the caller now holds; it never leaves the writer's scan.
  static Joined resume(ReaderSlot& slot) noexcept {
    const PlaceWord seen = place(slot);
    if (seen.slot_state() != SlotState::active || seen.kind() != SlotKind::reader) return {};
    const PlaceWord active = PlaceWord::of(SlotState::active, seen.epoch() + 1);
    if (!M::compare_exchange(slot.place, seen.bits, active.bits)) return {};
    return {true, active, M::load_acquire(slot.read_pos)};
  }

  /// Active to closing: no reader any more for end of stream and death, but what it holds stays pinned.
  static bool begin_leave(ReaderSlot& slot, PlaceWord& own) noexcept {
    const PlaceWord closing = PlaceWord::of(SlotState::closing, own.epoch(), own.kind());
    if (!M::compare_exchange(slot.place, own.bits, closing.bits)) return false;  // evicted
    own = closing;
    return true;
  }
  static bool end_leave(ReaderSlot& slot, PlaceWord& own) noexcept {
    const PlaceWord gone = PlaceWord::of(SlotState::free, own.epoch());
    if (!M::compare_exchange(slot.place, own.bits, gone.bits)) return false;
    own = gone;
    return true;
  }

  /// Frees a slot whose owner is dead (or evicted): only if its word is still the one that was looked at.
  static bool free_dead(ReaderSlot& slot, PlaceWord seen) noexcept {
    if (M::load_relaxed(slot.place) != seen.bits) return false;
    // only an active owner leaves a position behind that somebody could resume from
    if (seen.slot_state() == SlotState::active) M::store_relaxed(slot.evicted_epoch, seen.epoch());
    return M::compare_exchange(slot.place, seen.bits, PlaceWord::of(SlotState::free, seen.epoch()).bits);
  }

  /// Whether a reader ever attached: the sum of the epochs (they grow with every owner).
  [[nodiscard]] static std::uint64_t epoch_sum(std::span<const ReaderSlot> slots) noexcept {
    std::uint64_t sum = 0;
    for (const ReaderSlot& slot : slots) sum += place(slot).epoch();
    return sum;
  }

 private:
  static constexpr int join_attempts = 1'000'000;

  static Joined activate(ReaderSlot& slot, PlaceWord joining, std::uint64_t position) noexcept {
    const PlaceWord active = PlaceWord::of(SlotState::active, joining.epoch());
    if (!M::compare_exchange(slot.place, joining.bits, active.bits)) return {};
    ZEROBUFFER_POINT("join.active");
    return {true, active, position};
  }
};

}  // namespace zerobuffer::ring
