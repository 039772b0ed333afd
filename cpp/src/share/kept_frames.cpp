// Giving frames back when the readers of the output have passed their descriptors.
#include "share/kept_frames.hpp"

#include <utility>

#include "buffer/machine.hpp"
#include "ring/signal.hpp"
#include "ring/slots.hpp"

namespace zerobuffer::share {
namespace {
using buffer::Machine;
using Slots = ring::Slots<Machine>;
using SpaceSignal = ring::SpaceSignal<Machine>;
}  // namespace

KeptFrames::KeptFrames(const buffer::Attachment& output, os::LockFile probe, std::uint32_t limit)
    : output_(&output), probe_(std::move(probe)), frames_(limit) {}

void KeptFrames::keep(Frame&& frame, std::uint64_t end, std::uint64_t position,
                      const buffer::Attachment& source) noexcept {
  const std::lock_guard guard(mutex_);
  const std::uint32_t size = size_.load(std::memory_order_relaxed);
  Kept& place = frames_[(first_ + size) % frames_.size()];
  place.frame = std::move(frame);
  place.end = end;
  place.position = position;
  source_ = &source;  // lives as long as a frame of it does
  size_.store(size + 1, std::memory_order_release);
}

std::uint64_t KeptFrames::next_end() noexcept {
  const std::lock_guard guard(mutex_);
  return size_.load(std::memory_order_relaxed) == 0 ? none : frames_[first_].end;
}

std::uint64_t KeptFrames::last_end() noexcept {
  const std::lock_guard guard(mutex_);
  const std::uint32_t size = size_.load(std::memory_order_relaxed);
  return size == 0 ? none : frames_[(first_ + size - 1) % frames_.size()].end;
}

bool KeptFrames::keeps(std::uint64_t position) noexcept {
  if (size() == 0) return false;
  const std::lock_guard guard(mutex_);
  for (std::uint32_t i = 0; i < size_.load(std::memory_order_relaxed); ++i) {
    if (frames_[(first_ + i) % frames_.size()].position == position) return true;
  }
  return false;
}

// The position up to which every reader has let everything go, but those whose bit is in `ignored`.
std::uint64_t KeptFrames::passed_by_all(std::uint64_t ignored) noexcept {
  const std::lock_guard guard(mutex_);
  if (output_ == nullptr || output_->forked()) return 0;
  const protocol::Oieb& oieb = output_->oieb();
  const std::span<protocol::ReaderSlot> slots = output_->segment().slots();
  // the order matters: a reader that comes after this is seen by the look
  const bool somebody_came = Slots::epoch_sum(slots) != 0;
  // loaded before the table: who joins meanwhile at the newest position is behind nothing that counts here
  const std::uint64_t end = Machine::load_acquire(oieb.write_pos);
  const std::uint64_t capacity = output_->segment().geometry().capacity;
  std::uint64_t passed = end;
  bool anybody = false;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (Slots::place(slots[i]).slot_state() == protocol::SlotState::free) continue;
    const std::uint64_t at = Machine::load_acquire(slots[i].read_pos);  // pairs with a reader's publication
    if (at == protocol::parked || (ignored >> i & 1) != 0) continue;
    anybody = true;
    if (end - at <= capacity && at < passed) passed = at;  // what is impossible is the writer's business
  }
  if (anybody || somebody_came) return passed;
  return Machine::load_acquire(oieb.reclaim_pos);  // they wait for the first reader
}

bool KeptFrames::take_if(std::uint64_t passed, Frame& frame) noexcept {
  const std::lock_guard guard(mutex_);
  const std::uint32_t size = size_.load(std::memory_order_relaxed);
  if (size == 0 || frames_[first_].end > passed) return false;
  frame = std::move(frames_[first_].frame);
  first_ = (first_ + 1) % frames_.size();
  size_.store(size - 1, std::memory_order_release);
  return true;
}

std::uint64_t KeptFrames::release_up_to(std::uint64_t passed) noexcept {
  std::uint64_t released = 0;
  for (Frame frame; take_if(passed, frame); ++released) frame.release();  // outside the lock: it may end a reader
  return released;
}

void KeptFrames::release_passed() noexcept {
  if (size() != 0) release_up_to(passed_by_all(0));
}

void KeptFrames::release_for_the_dead() noexcept {
  if (size() == 0) return;
  std::uint64_t dead = 0;
  {
    const std::lock_guard guard(mutex_);
    if (size_.load(std::memory_order_relaxed) == 0 || output_ == nullptr || output_->forked()) return;
    const protocol::Oieb& source = source_->oieb();
    const bool wanted = Machine::load_acquire(source.writer_waiting) != 0 &&
                        Machine::load_relaxed(source.wanted_pos) > Machine::load_relaxed(source_->slot().read_pos);
    if (!wanted) return;
    const std::span<protocol::ReaderSlot> slots = output_->segment().slots();
    for (std::size_t i = 0; i < slots.size(); ++i) {
      const protocol::PlaceWord seen = Slots::place(slots[i]);  // the word first, then its lock, then the word
      if (seen.slot_state() == protocol::SlotState::free || probe_.held_by_other(protocol::lock_base + 1 + i)) continue;
      if (Slots::place(slots[i]).bits == seen.bits) dead |= std::uint64_t{1} << i;
    }
  }
  if (dead == 0) return;
  dead_seen_.store(true, std::memory_order_relaxed);
  const std::uint64_t released = release_up_to(passed_by_all(dead));
  given_up_.fetch_add(released, std::memory_order_relaxed);
}

void KeptFrames::call_the_waiting() noexcept {
  release_passed();
  if (size() == 0) return;
  {
    const std::lock_guard guard(mutex_);
    if (output_ == nullptr || output_closed_ || output_->forked()) return;
    protocol::Oieb& oieb = output_->oieb();
    if (Machine::load_acquire(oieb.writer_waiting) != 0) return;  // the next event wakes, as soon as it is wanted
    static_cast<void>(SpaceSignal::arm(oieb, 0, output_->barriers()));
  }
  release_passed();  // what was passed before the flag could be seen
}

void KeptFrames::output_closed() noexcept {
  const std::lock_guard guard(mutex_);
  output_closed_ = true;
}

bool KeptFrames::ended() noexcept {
  const std::lock_guard guard(mutex_);
  return output_ == nullptr;
}

std::uint64_t KeptFrames::end() noexcept {
  release_passed();
  const std::uint64_t early = release_up_to(none - 1);
  given_up_.fetch_add(early, std::memory_order_relaxed);
  const std::lock_guard guard(mutex_);
  output_ = nullptr;
  source_ = nullptr;
  return early;
}

}  // namespace zerobuffer::share
