// The frames of other buffers that one reader has handed out: from a descriptor to the bytes, and back. Everything that
// a descriptor says is checked here. Knows nothing of the reader's own positions; a frame is known by its place in the
// table of held frames.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "protocol/layout.hpp"
#include "share/source.hpp"
#include "stream/waiter.hpp"
#include "zerobuffer/config.hpp"
#include "zerobuffer/result.hpp"

namespace zerobuffer::share {

/// Where a frame lies that came as a descriptor, for who passes it on.
struct Origin {
  std::shared_ptr<Source> source;  ///< Empty: the frame is an ordinary one.
  std::uint64_t position = 0;
  std::uint64_t size = 0;
  std::uint64_t sequence = 0;
  std::unique_ptr<std::byte[]> copy;  ///< Where no pin was free; `position` is not held then.
  const std::byte* data = nullptr;
};

/// Keeps what a reader has mapped alive for pointers that may outlive its frames.
struct Mappings {
  std::shared_ptr<const void> own;
  std::array<std::shared_ptr<const void>, protocol::max_sources> sources;
};

class LentFrames {
 public:
  /// @param places how many frames can be held, a power of two
  LentFrames(const buffer::Attachment& own, const BufferConfig& config, std::uint32_t places,
             std::shared_ptr<Mappings> mappings);

  /// The reading thread: finds the frame that a descriptor names, and keeps it from being written over.
  /// @return ok; frame_lost: it is gone, or its buffer is; corrupt: no descriptor can say this; no_space: it had to be
  ///         copied, and there is no memory.
  [[nodiscard]] Status find(const protocol::Descriptor& descriptor, Origin& origin) noexcept;
  /// The reading thread, before the frame is handed out.
  void keep(std::uint32_t held, Origin origin) noexcept { places_[held & mask_] = std::move(origin); }
  /// Any thread: who holds the frame. Null where it is an ordinary one.
  [[nodiscard]] const Origin* origin_of(std::uint32_t held) const noexcept {
    const Origin& origin = places_[held & mask_];
    return origin.source ? &origin : nullptr;
  }
  /// Any thread: before the place is free for another frame.
  void give_back(std::uint32_t held) noexcept;

  [[nodiscard]] bool blocks_a_writer() noexcept;
  void look_after() noexcept;
  [[nodiscard]] std::uint64_t copied_bytes() const noexcept { return copied_bytes_.get(); }

 private:
  struct Known {
    std::uint32_t version = 0;  // of the table's entry; 0: nothing known
    std::shared_ptr<Source> source;
    std::int64_t failed_at = 0;  // opening it failed then
  };

  [[nodiscard]] Status find_source(const protocol::Descriptor& descriptor, std::shared_ptr<Source>& source) noexcept;
  [[nodiscard]] Status open(std::uint32_t index, std::uint32_t version, Known& known);
  [[nodiscard]] Status copy_out(const protocol::Descriptor& descriptor, Origin& origin) noexcept;

  const buffer::Attachment& own_;
  BufferConfig config_;
  std::shared_ptr<Mappings> mappings_;
  std::mutex sources_mutex_;  // of known_, which another thread looks through now and then
  std::array<Known, protocol::max_sources> known_;
  std::uint32_t mask_;
  std::vector<Origin> places_;
  stream::Counter copied_bytes_;
};

}  // namespace zerobuffer::share
