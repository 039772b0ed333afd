// Which frames a reader still holds, and from which position on the ring is still needed. Frames are taken by the
// reading thread and given back in any order by any thread, without a lock.
//
// Every change that can move the oldest position is an operation: `change`, then whoever is first does the work of all
// (`pending_` counts the operations whose work may not be done yet). As long as only one thread has touched the table,
// it does without any read-modify-write; the first other thread ends that for good (`revoke`), with a barrier in every
// thread of the process, so that the first one either sees it or is waited for, that once, until its operation is over.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "ring/atomics.hpp"

namespace zerobuffer::ring {

template <class M>
class HeldFrames {
 public:
  /// @param max_held a power of two
  /// @param may_bias whether M::thread_barrier() works; otherwise every operation is a read-modify-write
  HeldFrames(std::uint32_t max_held, bool may_bias, std::uint64_t position)
      : entries_(std::make_unique<Entry[]>(max_held)), mask_(max_held - 1), next_(position) {
    mode_ = may_bias ? Mode::biased : Mode::shared;
  }

  /// The reading thread: how many frames more can be held.
  [[nodiscard]] std::uint32_t room() const noexcept {
    return mask_ + 1 - (M::load_relaxed(tail_) - M::load_acquire(head_));
  }
  /// The reading thread, only where there is room(). Returns what release() wants.
  [[nodiscard]] std::uint32_t hold(std::uint64_t position) noexcept {
    const std::uint32_t tail = M::load_relaxed(tail_);  // only this thread stores it
    Entry& entry = entries_[tail & mask_];
    M::store_relaxed(entry.position, position);
    M::store_relaxed(entry.held, std::uint32_t{1});
    M::store_release(tail_, tail + 1);  // pairs with the acquire in oldest()
    return tail;
  }

  /// The reading thread: everything before `position` was taken or stepped over. Stored after hold().
  void passed(std::uint64_t position) noexcept { M::store_release(next_, position); }

  /// What passed() was last given. Any thread.
  [[nodiscard]] std::uint64_t next() const noexcept { return M::load_acquire(next_); }

  [[nodiscard]] std::uint32_t capacity() const noexcept { return mask_ + 1; }
  /// Where a frame lies that is held. Whoever holds it.
  [[nodiscard]] std::uint64_t position_of(std::uint32_t id) const noexcept {
    return M::load_relaxed(entries_[id & mask_].position);
  }

  /// Frames between the oldest one held and the last one taken. Any thread.
  [[nodiscard]] std::uint32_t span() const noexcept { return M::load_acquire(tail_) - M::load_acquire(head_); }

  /// Any thread. `work(oldest, finished)` is run by exactly one thread at a time, after every change that nobody has
  /// worked on yet: `oldest` is the first position still needed; `finished` says that end() was called and every
  /// frame is back, after which no thread touches this object, so that work may delete it.
  template <class Work>
  void release(std::uint32_t id, Work&& work) noexcept {
    operate(
        arrival | 1, [&] { M::store_release(entries_[id & mask_].held, std::uint32_t{0}); }, work);
  }
  /// Any thread: runs the work without a change.
  template <class Work>
  void settle(Work&& work) noexcept {
    operate(
        1, [] {}, work);
  }
  /// No frame will be taken any more.
  template <class Work>
  void end(Work&& work) noexcept {
    operate(
        arrival | 1, [&] { M::store_release(ended_, std::uint32_t{1}); }, work);
  }

 private:
  struct Entry {
    std::uint64_t position = 0;
    std::uint32_t held = 0;
  };
  enum Mode : std::uint32_t { biased, revoking, shared };
  // Upper half of pending_: how many releases (and the end) have arrived, ever. An operation arrives as the last thing
  // that it does with this object unless the work falls to it; so when all have arrived, nobody is left inside.
  static constexpr std::uint64_t arrival = std::uint64_t{1} << 32;

  template <class Change, class Work>
  void operate(std::uint64_t amount, Change&& change, Work&& work) noexcept {
    if (M::this_thread() == owner_or_claim() && operate_biased(amount, change, work)) return;
    change();
    revoke();
    if ((static_cast<std::uint32_t>(M::fetch_add(pending_, amount))) != 0)
      return;  // somebody is at it and will see ours
    for (;;) {
      const std::uint64_t seen = M::load_acquire(pending_);
      const std::uint64_t position = oldest();
      work(position, false);
      const bool finished = is_finished(static_cast<std::uint32_t>(seen >> 32));
      // take back exactly what was seen; if no more came meanwhile, whoever comes next does the work, and may even
      // delete this object: nothing of it is touched after this, unless we are the one who finished it
      if (static_cast<std::uint32_t>(M::fetch_sub(pending_, seen & 0xffffffff)) == static_cast<std::uint32_t>(seen)) {
        if (finished) work(position, true);
        return;
      }
    }
  }

  template <class Change, class Work>
  bool operate_biased(std::uint64_t amount, Change&& change, Work&& work) noexcept {
    M::store_relaxed(busy_, std::uint32_t{1});
    M::compiler_barrier();  // pairs with thread_barrier() in revoke()
    if (M::load_relaxed(mode_) != Mode::biased) [[unlikely]] {
      M::store_release(busy_, std::uint32_t{0});
      return false;
    }
    change();
    biased_arrivals_ += static_cast<std::uint32_t>(amount >> 32);
    const std::uint64_t position = oldest();
    work(position, false);
    if (is_finished(0)) {
      work(position, true);  // may delete this object
      return true;
    }
    M::store_release(busy_, std::uint32_t{0});
    return true;
  }

  [[nodiscard]] bool is_finished(std::uint32_t arrivals) const noexcept {
    return M::load_acquire(ended_) != 0 && arrivals + biased_arrivals_ == M::load_acquire(tail_) + 1;
  }

  // The first thread that comes owns the table for as long as no other one does.
  std::uintptr_t owner_or_claim() noexcept {
    const std::uintptr_t owner = M::load_relaxed(owner_);
    if (owner != 0) [[likely]] {
      return owner;
    }
    M::compare_exchange(owner_, std::uintptr_t{0}, M::this_thread());
    return M::load_relaxed(owner_);
  }

  void revoke() noexcept {
    if (M::load_acquire(mode_) == Mode::shared) return;
    if (M::compare_exchange(mode_, std::uint32_t{Mode::biased}, std::uint32_t{Mode::revoking})) {
      M::thread_barrier();  // the owner sees `revoking` from now on, or we see that it is busy
      while (M::load_acquire(busy_) != 0) M::pause();
      M::store_release(mode_, std::uint32_t{Mode::shared});
      return;
    }
    while (M::load_acquire(mode_) != Mode::shared) M::pause();
  }

  // Only by whoever does the work.
  [[nodiscard]] std::uint64_t oldest() noexcept {
    const std::uint64_t next = M::load_acquire(next_);  // before tail_: every frame below it is in the table by then
    const std::uint32_t tail = M::load_acquire(tail_);
    std::uint32_t head = M::load_relaxed(head_);  // stored by whoever did the work last, and that is over
    while (head != tail && M::load_acquire(entries_[head & mask_].held) == 0) ++head;
    const std::uint64_t position = head != tail ? M::load_relaxed(entries_[head & mask_].position) : next;
    M::store_release(head_, head);  // pairs with the acquire in hold(): the entries before it may be used again
    return position;
  }

  std::unique_ptr<Entry[]> entries_;
  std::uint32_t mask_;
  std::uint32_t tail_ = 0;
  std::uint64_t next_;
  std::uint32_t head_ = 0;
  std::uint32_t busy_ = 0;
  std::uint32_t mode_ = Mode::biased;
  std::uint32_t ended_ = 0;
  std::uint32_t biased_arrivals_ = 0;
  std::uint64_t pending_ = 0;
  std::uintptr_t owner_ = 0;
};

}  // namespace zerobuffer::ring
