// A ring on a plain array with guard zones around it, and one reader of it: what the tests of ring/ stand on. Both ends
// see the same addresses, which is what ThreadSanitizer needs. No files, no processes.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string>

#include "buffer/machine.hpp"
#include "protocol/layout.hpp"
#include "ring/held.hpp"
#include "ring/reader.hpp"
#include "ring/signal.hpp"
#include "ring/slots.hpp"
#include "ring/writer.hpp"
#include "support.hpp"

namespace zerobuffer::support {

using buffer::Machine;
using Writing = ring::RingWriter<Machine>;
using Reading = ring::RingReader<Machine>;
using Slots = ring::Slots<Machine>;
using ring::Peek;

class RingOnArray {
 public:
  /// All positions stand at `start`, as if `frames_before` frames had been written and read.
  explicit RingOnArray(std::uint64_t capacity, std::uint64_t start = 0, std::uint32_t readers = 1,
                       std::uint64_t frames_before = 0)
      : capacity_(capacity),
        readers_(readers),
        size_(guard + sizeof(protocol::Oieb) + readers * sizeof(protocol::ReaderSlot) + guard + protocol::payload_lead +
              capacity + guard),
        bytes_(static_cast<std::byte*>(::operator new (size_, std::align_val_t{64}))) {
    std::memset(bytes_, 0, size_);
    std::memset(bytes_, guard_value, guard);
    std::memset(block() - guard, guard_value, guard);
    std::memset(block() + protocol::payload_lead + capacity, guard_value, guard);
    oieb().write_pos = oieb().reclaim_pos = oieb().counts[0].position = start;
    oieb().counts[0].count = frames_before;
    oieb().counts[1].position = protocol::parked;
  }
  ~RingOnArray() {
    EXPECT_TRUE(untouched_around()) << "something was written outside the ring";
    ::operator delete (bytes_, std::align_val_t{64});
  }
  RingOnArray(const RingOnArray&) = delete;
  RingOnArray& operator=(const RingOnArray&) = delete;

  [[nodiscard]] protocol::Oieb& oieb() noexcept { return *reinterpret_cast<protocol::Oieb*>(bytes_ + guard); }
  [[nodiscard]] std::span<protocol::ReaderSlot> slots() noexcept {
    return {reinterpret_cast<protocol::ReaderSlot*>(bytes_ + guard + sizeof(protocol::Oieb)), readers_};
  }
  [[nodiscard]] std::byte* records() noexcept { return block() + protocol::payload_lead; }
  [[nodiscard]] std::uint64_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] ring::RingMemory memory() noexcept { return {&oieb(), slots(), records(), capacity_}; }
  [[nodiscard]] std::uint64_t offset_of(std::uint64_t position) noexcept {
    return ring::offset_of(position, oieb().origin_pos, capacity_);
  }
  [[nodiscard]] protocol::RecordHeader& header_at(std::uint64_t position) noexcept {
    return *reinterpret_cast<protocol::RecordHeader*>(records() + offset_of(position));
  }
  [[nodiscard]] bool untouched_around() const noexcept {
    const auto same = [](const std::byte* from) {
      for (std::size_t i = 0; i < guard; ++i) {
        if (from[i] != std::byte{guard_value}) return false;
      }
      return true;
    };
    return same(bytes_) && same(block() - guard) && same(block() + protocol::payload_lead + capacity_);
  }

 private:
  static constexpr std::size_t guard = 256;
  static constexpr unsigned char guard_value = 0xee;
  [[nodiscard]] std::byte* block() const noexcept {
    return bytes_ + guard + sizeof(protocol::Oieb) + readers_ * sizeof(protocol::ReaderSlot) + guard;
  }

  std::uint64_t capacity_;
  std::uint32_t readers_;
  std::size_t size_;
  std::byte* bytes_;
};

/// A reader in one slot of the array, that lets every frame go at once or when it is told to.
class ArrayReader {
 public:
  explicit ArrayReader(RingOnArray& ring, std::uint32_t slot = 0, bool oldest = true)
      : slot_(ring.slots()[slot]),
        joined_(oldest ? Slots::join_oldest(ring.oieb(), slot_) : Slots::join_now(ring.oieb(), slot_)),
        reading_(ring.memory(), joined_.position) {
    EXPECT_TRUE(joined_.ok);
  }
  [[nodiscard]] Peek peek() noexcept { return reading_.peek(); }
  [[nodiscard]] const protocol::RecordHeader& header() const noexcept { return reading_.header(); }
  [[nodiscard]] std::span<const std::byte> data() const noexcept {
    return {reading_.payload(), reading_.header().size};
  }
  void take() noexcept { reading_.take(); }
  void let_go() noexcept { let_go(reading_.next()); }
  void let_go(std::uint64_t position) noexcept { Machine::store_release(slot_.read_pos, position); }
  [[nodiscard]] Reading& reading() noexcept { return reading_; }
  [[nodiscard]] protocol::ReaderSlot& slot() noexcept { return slot_; }
  [[nodiscard]] protocol::PlaceWord& word() noexcept { return joined_.word; }

  /// Reads until there is nothing more and lets everything go. Checks sequence and payload (seed = sequence).
  void catch_up(std::uint64_t& expected_sequence) {
    while (peek() == Peek::frame) {
      ASSERT_EQ(header().sequence, expected_sequence);
      ASSERT_TRUE(holds(data(), expected_sequence))
          << "frame " << expected_sequence << " of " << data().size() << " bytes";
      ++expected_sequence;
      take();
    }
    ASSERT_EQ(reading_.peek(), Peek::empty);
    let_go();
  }
  /// The same, but the newest frame stays held: nobody may begin the ring anew.
  void catch_up_and_hold(std::uint64_t& expected_sequence) {
    while (peek() == Peek::frame) {
      ASSERT_EQ(header().sequence, expected_sequence);
      ASSERT_TRUE(holds(data(), expected_sequence)) << "frame " << expected_sequence;
      ++expected_sequence;
      let_go();
      take();
    }
    ASSERT_EQ(reading_.peek(), Peek::empty);
  }

 private:
  protocol::ReaderSlot& slot_;
  Slots::Joined joined_;
  Reading reading_;
};

/// One frame whose payload only its sequence gives. False where there is no room.
[[nodiscard]] inline bool try_write(Writing& writing, std::uint64_t size) {
  std::byte* room = writing.try_claim(size);
  if (room == nullptr) return false;
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(room) % 64, 0U);
  fill({room, size}, writing.frames() + 1);
  writing.commit(size, 0, 0);
  writing.publish();
  return true;
}

}  // namespace zerobuffer::support
