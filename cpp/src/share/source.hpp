// Another buffer, as one reader sees it whose own buffer names frames of it: its mapping, and the pin that keeps those
// frames from being written over while they are held. Knows nothing of descriptors or of the reader's own ring.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "buffer/attachment.hpp"
#include "share/source_table.hpp"
#include "zerobuffer/config.hpp"
#include "zerobuffer/result.hpp"

namespace zerobuffer::share {

class Source {
 public:
  /// @param pinned_for id of the buffer whose reader this is
  static Result<std::shared_ptr<Source>> open(std::string_view name, SegmentId id, const BufferConfig& config,
                                              SegmentId pinned_for);
  explicit Source(buffer::Attachment attachment, SegmentId pinned_for, std::uint32_t max_held);
  ~Source();
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  [[nodiscard]] const buffer::Attachment& attachment() const noexcept { return attachment_; }
  [[nodiscard]] std::uint64_t capacity() const noexcept { return attachment_.segment().geometry().capacity; }
  /// The position that all positions of frames that are still there are counted from.
  [[nodiscard]] std::uint64_t origin() const noexcept;
  /// The record at an offset.
  [[nodiscard]] const std::byte* record(std::uint64_t offset) const noexcept {
    return attachment_.segment().records() + offset;
  }

  enum class Pinned : std::uint8_t { yes, lost, no_pin };
  /// Keeps everything from `position` on until release(). `no_pin`: no slot is free, or an older frame than those held
  /// is asked for, which the pin could not get without letting them go.
  [[nodiscard]] Pinned pin(std::uint64_t position);
  /// Any thread.
  void release(std::uint64_t position) noexcept;
  /// Whether what lies at `position` may have been written over by now. After it was copied.
  [[nodiscard]] bool is_lost(std::uint64_t position) const noexcept;

  /// Whether the writer waits for room that frames held here keep from it.
  [[nodiscard]] bool blocks_the_writer() noexcept;
  /// From time to time: an idle pin must not keep a buffer whose writer has gone.
  void look_after() noexcept;

 private:
  void publish() noexcept;

  std::mutex mutex_;
  buffer::Attachment attachment_;
  std::uint8_t pinned_for_[16];
  std::vector<std::uint64_t> held_;  // positions, the oldest first; never grows beyond its first capacity
};

}  // namespace zerobuffer::share
