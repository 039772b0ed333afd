// The shared memory of one ring as a scenario sets it up, and fibers that write and read it through the real templates
// of ring/ the way stream/ does: claim, fill, commit, publish; peek, look, take, give back; arm, look again, sleep.
// Every byte of a frame tells its sequence, so that a reader notices a frame that is torn, written over or not its own.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <vector>

#include "explorer/machine.hpp"
#include "ring/reader.hpp"
#include "ring/writer.hpp"

namespace zerobuffer::explorer {

struct RingWorld {
  static constexpr std::size_t most_slots = 3;
  static constexpr std::size_t most_capacity = 512;

  alignas(128) protocol::Oieb oieb;
  alignas(128) std::array<protocol::ReaderSlot, most_slots> slots;
  alignas(64) std::array<std::byte, protocol::payload_lead + most_capacity> payload;
  std::array<std::uint32_t, most_slots> locks;     // the kernel's: owner + 1, see kernel_lock.hpp
  std::array<std::uint64_t, 4> memory_of_mutants;  // what a seeded error remembers, a word per fiber
  std::uint64_t capacity = 0;
  std::size_t slot_count = 0;

  /// An empty ring whose first `active` slots belong to readers at position 0.
  void begin(Explorer& explorer, std::uint64_t new_capacity, std::size_t new_slots, std::size_t active) {
    std::memset(&oieb, 0, sizeof oieb);
    std::memset(slots.data(), 0, sizeof slots);
    std::memset(payload.data(), 0, sizeof payload);
    locks.fill(0);
    memory_of_mutants.fill(0);
    capacity = new_capacity;
    slot_count = new_slots;
    for (std::size_t i = 0; i < active; ++i) {
      slots[i].place = protocol::PlaceWord::of(protocol::SlotState::active, 1).bits;
    }
    explorer.allow(&oieb, sizeof oieb);
    explorer.allow(slots.data(), slot_count * sizeof slots[0]);
    explorer.allow(records(), capacity);
    explorer.allow(locks.data(), sizeof locks);
    explorer.quiet(records(), capacity);
    name_words(explorer);
  }
  /// For scenarios in which nobody but the writer reads these words: counts, last_record_pos, dropped, reclaim_pos,
  /// wraps.
  void only_the_writer_reads_its_own(Explorer& explorer) const {
    const auto* from = reinterpret_cast<const std::byte*>(&oieb.counts[0]);
    const auto* to = reinterpret_cast<const std::byte*>(&oieb.reclaim_pos + 1);
    explorer.quiet(from, static_cast<std::size_t>(to - from));
    explorer.quiet(&oieb.wraps, sizeof oieb.wraps);
  }
  [[nodiscard]] std::byte* records() noexcept { return payload.data() + protocol::payload_lead; }
  [[nodiscard]] ring::RingMemory memory() noexcept {
    return {.oieb = &oieb, .slots = {slots.data(), slot_count}, .records = records(), .capacity = capacity};
  }

 private:
  void name_words(Explorer& explorer) {
    explorer.name(&oieb.write_pos, "write_pos");
    explorer.name(&oieb.counts[0].position, "counts[0].position");
    explorer.name(&oieb.counts[0].count, "counts[0].count");
    explorer.name(&oieb.counts[1].position, "counts[1].position");
    explorer.name(&oieb.counts[1].count, "counts[1].count");
    explorer.name(&oieb.last_record_pos, "last_record_pos");
    explorer.name(&oieb.reclaim_pos, "reclaim_pos");
    explorer.name(&oieb.readers_waiting, "readers_waiting");
    explorer.name(&oieb.data_futex, "data_futex");
    explorer.name(&oieb.readers_fence_required, "readers_fence_required");
    explorer.name(&oieb.writer_waiting, "writer_waiting");
    explorer.name(&oieb.space_futex, "space_futex");
    explorer.name(&oieb.wanted_pos, "wanted_pos");
    explorer.name(&oieb.writer_fence_required, "writer_fence_required");
    static constexpr std::array<std::array<const char*, 3>, most_slots> slot_words{{
        {"slot 0 read_pos", "slot 0 place", "slot 0 lock"},
        {"slot 1 read_pos", "slot 1 place", "slot 1 lock"},
        {"slot 2 read_pos", "slot 2 place", "slot 2 lock"},
    }};
    for (std::size_t i = 0; i < slot_count; ++i) {
      explorer.name(&slots[i].read_pos, slot_words[i][0]);
      explorer.name(&slots[i].place, slot_words[i][1]);
      explorer.name(&locks[i], slot_words[i][2]);
    }
  }
};

/// One for all scenarios: they run one after the other, and equal addresses make equal states.
inline RingWorld world;

/// An object in zeroed memory: its bytes, padding included, tell its state.
template <class T>
class Zeroed {
 public:
  template <class... Arguments>
  explicit Zeroed(const Arguments&... arguments) noexcept {
    std::memset(bytes_.data(), 0, sizeof(T));
    ::new (bytes_.data()) T(arguments...);
  }
  T* operator->() noexcept { return std::launder(reinterpret_cast<T*>(bytes_.data())); }
  T& operator*() noexcept { return *operator->(); }
  [[nodiscard]] const std::array<std::byte, sizeof(T)>& bytes() const noexcept { return bytes_; }

 private:
  alignas(T) std::array<std::byte, sizeof(T)> bytes_;
};

// ---------------------------------------------------------------- payloads that tell whose they are

inline std::byte mark_of(std::uint64_t sequence) noexcept { return static_cast<std::byte>(0xa0 + sequence); }

inline void fill(std::byte* at, std::uint64_t size, std::uint64_t sequence) noexcept {
  Explorer::now().check(at >= world.records() && at + size <= world.records() + world.capacity, "a claim outside");
  std::memset(at, std::to_integer<int>(mark_of(sequence)), size);
}

inline void verify(const std::byte* at, std::uint64_t size, std::uint64_t sequence) noexcept {
  Explorer::now().check(at >= world.records() && at + size <= world.records() + world.capacity, "a frame outside");
  const bool whole = std::all_of(at, at + size, [&](std::byte byte) { return byte == mark_of(sequence); });
  Explorer::now().check(whole, "a frame was written over");
}

// ---------------------------------------------------------------- going to sleep as stream/ does

template <class M>
struct Waiting {
  static constexpr bool gives_back_first = true;  ///< A reader publishes its position before it waits.
  /// Until data may have come. `look` says whether it has.
  template <class Look>
  static void for_data(std::uint64_t bit, const ring::Barriers& barriers, Sleep sleep, Look&& look) noexcept {
    const auto value = ring::DataSignal<M>::arm(world.oieb, bit, barriers);
    if (look()) return ring::DataSignal<M>::disarm(world.oieb, bit);
    Explorer::now().futex_wait(&world.oieb.data_futex, value, sleep);
  }
  /// Until a reader may have passed `wanted`.
  template <class Look>
  static void for_space(std::uint64_t wanted, const ring::Barriers& barriers, Sleep sleep, Look&& look) noexcept {
    const auto value = ring::SpaceSignal<M>::arm(world.oieb, wanted, barriers);
    if (look()) return ring::SpaceSignal<M>::disarm(world.oieb);
    Explorer::now().futex_wait(&world.oieb.space_futex, value, sleep);
  }
};

// ---------------------------------------------------------------- a writer and a reader

struct Frame {
  std::uint64_t claim = 0;
  std::uint64_t size = 0;  ///< What is committed of the claim.
  enum Fate : std::uint8_t { sent, batched, discarded } fate = sent;
};

struct Side {
  ring::Barriers barriers;
  Sleep sleep = Sleep::unbounded;
};

/// Claims, waiting for space as long as it takes.
template <class M, class W>
std::byte* claim(ring::RingWriter<M>& writer, std::uint64_t size, const Side& side) noexcept {
  for (;;) {
    std::byte* at = writer.try_claim(size);
    if (at != nullptr) return at;
    if (writer.unpublished()) {  // what the readers have not seen, they cannot give back
      writer.publish();
      continue;
    }
    W::for_space(writer.wanted_pos(), side.barriers, side.sleep, [&] {
      at = writer.try_claim(size);
      return at != nullptr;
    });
    if (at != nullptr) return at;
  }
}

template <class M = ExplorerMachine, class W = Waiting<M>>
void write_frames(const std::vector<Frame>& frames, const Side& side, std::uint64_t burst = 0) noexcept {
  Zeroed<ring::RingWriter<M>> writer(world.memory(), side.barriers, burst);
  for (std::uint64_t i = 0; i < frames.size(); ++i) {
    Explorer::now().forget_all_but(std::uint64_t{1}, i, writer.bytes());
    const Frame& frame = frames[i];
    std::byte* at = claim<M, W>(*writer, frame.claim, side);
    fill(at, frame.claim, writer->frames() + 1);
    if (frame.fate == Frame::discarded) {
      writer->discard();
      continue;
    }
    writer->commit(frame.size, protocol::record_type::normal, i);
    if (frame.fate == Frame::sent) writer->publish();
  }
  writer->publish();
}

/// Gives back everything before `position`.
template <class M>
void publish_read(std::size_t slot, std::uint64_t position, const ring::Barriers& barriers) noexcept {
  M::store_release(world.slots[slot].read_pos, position);
  ring::SpaceSignal<M>::notify(world.oieb, position, barriers);
}

struct Reading {
  std::size_t slot = 0;
  std::uint64_t last = 0;   ///< Sequence of the frame to end with; the first one is 1.
  std::uint64_t every = 1;  ///< How many frames are given back together.
};

/// Reads everything from the beginning of the ring.
template <class M = ExplorerMachine, class W = Waiting<M>>
void read_frames(const Reading& reading, const Side& side) noexcept {
  Explorer& explorer = Explorer::now();
  Zeroed<ring::RingReader<M>> reader(world.memory(), std::uint64_t{0});
  std::uint64_t published = 0;
  std::uint64_t sequence = 1;
  const auto give_back = [&] {
    published = reader->next();
    publish_read<M>(reading.slot, published, side.barriers);
  };
  for (;;) {
    explorer.forget_all_but(std::uint64_t{2}, sequence, published, reader.bytes());
    switch (reader->peek()) {
      case ring::Peek::frame: {
        const protocol::RecordHeader header = reader->header();
        const std::byte* payload = reader->payload();
        explorer.check(header.sequence == sequence, "a sequence is missing or comes again");
        verify(payload, header.size, sequence);
        explorer.pass("looks at the frame");
        verify(payload, header.size, sequence);
        reader->take();
        if (sequence % reading.every == 0 || sequence == reading.last) give_back();
        if (sequence++ == reading.last) return;
        break;
      }
      case ring::Peek::empty:
        if (W::gives_back_first && published != reader->next()) give_back();  // padding, or what was kept back
        W::for_data(std::uint64_t{1} << reading.slot, side.barriers, side.sleep, [&] { return reader->more(); });
        break;
      case ring::Peek::shared:  // nobody forwards here
      case ring::Peek::corrupt:
        explorer.fail("a record is corrupt");
        break;
    }
  }
}

}  // namespace zerobuffer::explorer
