// The frames that a relay keeps held in the buffer they come from, until every reader of the buffer they were forwarded
// into has passed them. Whoever looks gives back what was passed: the relay at every frame, the library's waiting
// thread when the relay does something else. Knows positions and frames, no descriptors.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include "buffer/attachment.hpp"
#include "os/locks.hpp"
#include "zerobuffer/frame.hpp"

namespace zerobuffer::share {

class KeptFrames {
 public:
  /// @param output the buffer with the descriptors, attached to as its writer; like `source` it outlives end()
  KeptFrames(const buffer::Attachment& output, os::LockFile probe, std::uint32_t limit);

  [[nodiscard]] std::uint32_t limit() const noexcept { return static_cast<std::uint32_t>(frames_.size()); }
  [[nodiscard]] std::uint32_t size() const noexcept { return size_.load(std::memory_order_acquire); }
  [[nodiscard]] std::uint64_t given_up() const noexcept { return given_up_.load(std::memory_order_relaxed); }

  /// Only where size() < limit(). The readers have passed the frame when they are at `end` of its descriptor; it lies
  /// at `position` of the ring that it is held in, whose attachment is `source`.
  void keep(Frame&& frame, std::uint64_t end, std::uint64_t position, const buffer::Attachment& source) noexcept;
  /// End of the oldest descriptor that was not passed, or `none`.
  [[nodiscard]] std::uint64_t next_end() noexcept;
  [[nodiscard]] std::uint64_t last_end() noexcept;
  static constexpr std::uint64_t none = ~std::uint64_t{0};

  /// Any thread: gives back what was passed.
  void release_passed() noexcept;
  /// Any thread, now and then: also gives back what only the dead need, where the writer of the source waits for it.
  void release_for_the_dead() noexcept;
  /// Whether that has happened since this was asked last: then it is time to look after the output's readers.
  [[nodiscard]] bool take_dead_seen() noexcept {
    return dead_seen_.load(std::memory_order_relaxed) && dead_seen_.exchange(false, std::memory_order_relaxed);
  }
  /// The relay has nothing to do for a while: a reader that passes a frame shall wake the thread that waits.
  void call_the_waiting() noexcept;

  /// Whether the frame at `position` of the source is kept here: then it is not the source's reader that is in the way.
  [[nodiscard]] bool keeps(std::uint64_t position) noexcept;

  /// The output's writer has closed: its words are not ours any more.
  void output_closed() noexcept;
  [[nodiscard]] bool ended() noexcept;
  /// Gives everything back; nothing is touched any more. Returns how many frames had not been passed.
  std::uint64_t end() noexcept;

 private:
  struct Kept {
    Frame frame;
    std::uint64_t end = 0;
    std::uint64_t position = 0;
  };

  /// Moves the oldest one out where its descriptor ends at or before `passed`.
  [[nodiscard]] bool take_if(std::uint64_t passed, Frame& frame) noexcept;
  [[nodiscard]] std::uint64_t passed_by_all(std::uint64_t ignored) noexcept;
  std::uint64_t release_up_to(std::uint64_t passed) noexcept;

  std::mutex mutex_;
  const buffer::Attachment* output_;
  const buffer::Attachment* source_ = nullptr;
  os::LockFile probe_;
  std::vector<Kept> frames_;  // a ring
  std::size_t first_ = 0;
  bool output_closed_ = false;
  std::atomic<std::uint32_t> size_{0};
  std::atomic<std::uint64_t> given_up_{0};
  std::atomic<bool> dead_seen_{false};
};

}  // namespace zerobuffer::share
