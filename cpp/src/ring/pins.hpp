// A pin: a slot in the table of a ring whose frames another ring's reader looks at (SPEC.md, "Payload sharing"). It
// keeps the writer from everything at its position and behind it, and is no reader otherwise. Whoever uses one holds
// the kernel lock of its byte. Owns the order of steps by which a pin becomes good; knows no locks, no frames, no
// descriptors.
#pragma once

#include <cstdint>

#include "protocol/layout.hpp"
#include "ring/atomics.hpp"
#include "ring/slots.hpp"

namespace zerobuffer::ring {

template <class M>
struct Pins {
  /// Takes a free slot; it is parked. False where it is not free.
  static bool take(ReaderSlot& slot, PlaceWord& own) noexcept {
    const PlaceWord seen = Slots<M>::place(slot);
    if (seen.slot_state() != SlotState::free) return false;
    M::store_relaxed(slot.read_pos, protocol::parked);
    ZEROBUFFER_POINT("pin.before_place");
    const PlaceWord active = PlaceWord::of(SlotState::active, seen.epoch() + 1, SlotKind::pin);
    if (!M::compare_exchange(slot.place, seen.bits, active.bits)) return false;
    own = active;
    ZEROBUFFER_POINT("pin.taken");
    return true;
  }

  /// A parked pin takes a position. False: it came too late, what lies there may be written over, and it is parked
  /// again. Neither write_pos nor a header could tell: a claim is filled in place before either changes.
  [[nodiscard]] static bool pin(const protocol::Oieb& oieb, ReaderSlot& slot, std::uint64_t position) noexcept {
    // asked first, so that a position that is long gone is never seen in the table
    if (M::load_acquire(oieb.reclaim_pos) > position) return false;
    M::store_release(slot.read_pos, position);
    ZEROBUFFER_POINT("pin.stored");
    M::fence();  // pairs with the fence in RingWriter::announce: the second look sees the pin, or this the announcement
    if (M::load_acquire(oieb.reclaim_pos) <= position) [[likely]] {
      ZEROBUFFER_POINT("pin.valid");
      return true;
    }
    park(slot);
    return false;
  }

  /// A good pin moves forward over what was let go: that needs no check.
  static void move(ReaderSlot& slot, std::uint64_t position) noexcept {
    M::store_release(slot.read_pos, position);  // pairs with the acquire in look_at: what was read, was read before
    ZEROBUFFER_POINT("pin.moved");
  }
  static void park(ReaderSlot& slot) noexcept { move(slot, protocol::parked); }
};

}  // namespace zerobuffer::ring
