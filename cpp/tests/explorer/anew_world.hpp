// Fibers for the scenarios in which a writer begins the ring anew (SPEC.md 7.10): one that tries it before each frame,
// readers that follow it, visitors that join and resume. Every record of a scenario takes one unit unless it says
// otherwise, so that a position tells the sequence however often the origin has moved.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "explorer/kernel_lock.hpp"
#include "explorer/ring_world.hpp"
#include "ring/slots.hpp"

namespace zerobuffer::explorer::anew {

using Real = ExplorerMachine;
using protocol::PlaceWord;
using protocol::SlotState;

inline constexpr ring::Barriers no_fence_to_publish{.publisher_registered = true, .sleeper_can_call = false};

/// What lies in the payloads now: they are stored past the explorer, and a later mistake may depend on them.
inline std::uint64_t payloads() noexcept {
  std::uint64_t all = 0;
  for (std::uint64_t unit = 0; unit < world.capacity; unit += 64) {
    const std::byte* at = world.records() + unit;
    all =
        all * 0x9e3779b97f4a7c15 + std::to_integer<std::uint64_t>(at[0]) * 256 + std::to_integer<std::uint64_t>(at[32]);
  }
  return all;
}

/// How a writer begins anew; seeded errors do it otherwise.
template <class M>
struct ByTheBook {
  static bool begin_anew(ring::RingWriter<M>& writer) noexcept {
    // tells a seeded error that what comes now is not an ordinary renewal
    if constexpr (requires { M::anew_begins(); }) M::anew_begins();
    return writer.begin_anew();
  }
};

struct Course {
  std::uint64_t capacity = 128;
  std::vector<std::uint64_t> sizes = std::vector<std::uint64_t>(4, 32);  ///< Of the frames.
  std::size_t slots = 1;
  std::size_t pins = 0;       ///< So many of the slots, the last ones.
  bool reads_itself = false;  ///< The writer's own fiber reads in slot 0 what it has written, at once.
};

inline ring::RingMemory memory_of(const Course& course) noexcept {
  const std::size_t readers = course.slots - course.pins;
  return {.oieb = &world.oieb,
          .slots = {world.slots.data(), readers},
          .records = world.records(),
          .capacity = world.capacity,
          .pins = {world.slots.data() + readers, course.pins}};
}

/// A ring whose slot 0 has a reader, with names for what these scenarios are about.
inline void begin_world(Explorer& explorer, const Course& course) {
  world.begin(explorer, course.capacity, course.slots, 1);
  explorer.name(&world.oieb.origin_pos, "origin_pos");
  explorer.quiet(&world.oieb.counts[0], sizeof world.oieb.counts);
  explorer.quiet(&world.oieb.last_record_pos, sizeof world.oieb.last_record_pos);
  explorer.quiet(&world.oieb.wraps, sizeof world.oieb.wraps);
  for (std::size_t i = course.slots - course.pins; i < course.slots; ++i) world.slots[i].read_pos = protocol::parked;
}

/// One who reads from the beginning. What it takes is checked twice, with time for others in between.
template <class M>
class Follower {
 public:
  explicit Follower(std::size_t slot, const ring::RingMemory& memory, std::uint64_t position = 0) noexcept
      : slot_(slot), reader_(memory, position), published_(position) {}

  /// Takes a frame if there is one, and lets it go.
  bool take() noexcept {
    Explorer& explorer = Explorer::now();
    const ring::Peek peek = reader_->peek();
    explorer.check(peek == ring::Peek::frame || peek == ring::Peek::empty, "a record is corrupt");
    if (peek == ring::Peek::frame) {
      const protocol::RecordHeader header = reader_->header();
      explorer.check(sequence_ == 0 || header.sequence == sequence_ + 1, "a sequence is missing or comes again");
      verify(reader_->payload(), header.size, header.sequence);
      explorer.pass("looks at the frame");
      verify(reader_->payload(), header.size, header.sequence);
      sequence_ = header.sequence;
      reader_->take();
    }
    if (published_ != reader_->next()) {  // padding too
      published_ = reader_->next();
      M::store_release(world.slots[slot_].read_pos, published_);
    }
    return peek == ring::Peek::frame;
  }
  void wait() const noexcept {
    Explorer::now().wait_until("a frame", [next = reader_->next()] { return world.oieb.write_pos != next; });
  }
  void forget(std::uint64_t more = 0) const noexcept {
    Explorer::now().forget_all_but(std::uint64_t{2}, more, sequence_, published_, payloads(), reader_.bytes());
  }
  [[nodiscard]] std::uint64_t sequence() const noexcept { return sequence_; }
  [[nodiscard]] const auto& bytes() const noexcept { return reader_.bytes(); }

 private:
  std::size_t slot_;
  mutable Zeroed<ring::RingReader<M>> reader_;
  std::uint64_t published_;
  std::uint64_t sequence_ = 0;
};

template <class M>
void read_up_to(std::uint64_t last, const Course& course) noexcept {
  Follower<M> follower(0, memory_of(course));
  for (;;) {
    follower.forget();
    if (!follower.take()) follower.wait();
    if (follower.sequence() == last) return;
  }
}

// ---------------------------------------------------------------- writing

/// Frees the slots of visitors that have died.
inline void take_back_the_dead(const Course& course) noexcept {
  for (std::size_t i = 1; i < course.slots - course.pins; ++i) {
    const PlaceWord word = ring::Slots<Real>::place(world.slots[i]);
    if (word.slot_state() == SlotState::free || !KernelLock{world.locks[i]}.is_free()) continue;
    ring::Slots<Real>::free_dead(world.slots[i], word);
  }
}

/// Whether a look at the table would give more room than it gave last.
inline bool has_changed(const Course& course, std::uint64_t wanted) noexcept {
  for (std::size_t i = 0; i < course.slots; ++i) {
    const protocol::ReaderSlot& slot = world.slots[i];
    if (PlaceWord{slot.place}.slot_state() == SlotState::free || slot.read_pos >= wanted) continue;
    const bool visitor = i != 0 && i < course.slots - course.pins;
    if (!visitor || !KernelLock{world.locks[i]}.is_abandoned()) return false;
  }
  return true;
}

/// A writer outside of all stacks: it keeps a statistic for other threads, and a store into it may be delayed until its
/// fiber has ended.
template <class M>
Zeroed<ring::RingWriter<M>>& writer_of(const ring::RingMemory& memory, const ring::Barriers& barriers,
                                       std::uint64_t burst) noexcept {
  using Writer = Zeroed<ring::RingWriter<M>>;
  static std::array<std::array<std::byte, sizeof(Writer)>, 5> places alignas(alignof(Writer));
  auto& place = places[Explorer::now().self()];
  Explorer::now().allow(&place, sizeof place);
  Explorer::now().quiet(&place, sizeof place);
  return *::new (&place) Writer(memory, barriers, burst);
}

/// Begins anew before each frame if it can, and goes on where it cannot.
template <class M, template <class> class How = ByTheBook>
void write_course(const Course& course) noexcept {
  Explorer& explorer = Explorer::now();
  auto& writer = writer_of<M>(memory_of(course), no_fence_to_publish, course.capacity);
  Follower<Real> own(0, memory_of(course), world.oieb.write_pos);
  while (writer->frames() < course.sizes.size()) {
    const std::uint64_t size = course.sizes[writer->frames()];
    explorer.forget_all_but(std::uint64_t{4}, payloads(), writer.bytes(), own.bytes());
    if (!writer->unpublished()) How<M>::begin_anew(*writer);
    std::byte* at = writer->try_claim(size);
    if (at == nullptr) {
      explorer.check(writer->renew().sound(), "an honest reader is called impossible");
      take_back_the_dead(course);
      at = writer->try_claim(size);
    }
    if (at == nullptr) {
      if (course.reads_itself && own.take()) continue;
      explorer.wait_until("room", [&course, wanted = writer->wanted_pos()] { return has_changed(course, wanted); });
      continue;
    }
    fill(at, size, writer->frames() + 1);
    explorer.pass("fills the frame");
    writer->commit(size, protocol::record_type::normal, 0);
    writer->publish();
    if (course.reads_itself) {
      while (own.take()) {
      }
    }
  }
}

// ---------------------------------------------------------------- coming and going

enum class Join : std::uint8_t { now, oldest };

/// Joins in a slot, or goes on where a dead owner stopped, reads at most `most` frames, and leaves.
template <class M>
void visit(const Course& course, std::size_t slot, Join join, int most) noexcept {
  using Slots = ring::Slots<M>;
  Explorer& explorer = Explorer::now();
  const KernelLock lock{world.locks[slot]};
  if (!lock.try_lock()) return;
  protocol::ReaderSlot& words = world.slots[slot];
  typename Slots::Joined joined;
  if (Slots::place(words).slot_state() == SlotState::active) {
    joined = Slots::resume(words);
  } else {
    joined = join == Join::now ? Slots::join_now(world.oieb, words) : Slots::join_oldest(world.oieb, words);
  }
  if (!joined.ok) return lock.unlock();
  Follower<M> follower(slot, memory_of(course), joined.position);
  for (int taken = 0; taken < most && follower.take(); ++taken) {
    if (taken == 0)
      explorer.check(follower.sequence() == joined.position / 64 + 1, "another frame than that of the place");
  }
  const bool left = Slots::begin_leave(words, joined.word) && Slots::end_leave(words, joined.word);
  explorer.check(left, "a living owner's slot was taken from it");
  lock.unlock();
}

}  // namespace zerobuffer::explorer::anew
