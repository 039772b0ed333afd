// A received frame: bytes in the ring, valid until they are given back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace zerobuffer {

namespace stream {
class ReaderCore;
}
namespace c_api {
struct Handover;
}

/// What travels with a frame beside its payload.
struct FrameInfo {
  std::uint16_t type = 0;  ///< 0 normal, 2 array frame (docs/arrays.md), 1–127 reserved, from 128 the application's.
  std::uint64_t tag = 0;   ///< The application's.
};

/// A frame that a Reader handed out. Movable, not copyable; gives itself back when destroyed.
///
/// The bytes stay valid and unchanged until release(), even when the Reader was closed or destroyed before.
/// **Thread** any thread may release; one at a time uses one Frame object. **Blocking** never.
/// **Allocates** never. **Valid until** release(), destruction, or being moved from.
class Frame {
 public:
  Frame() noexcept = default;
  Frame(Frame&& other) noexcept { take(other); }
  Frame& operator=(Frame&& other) noexcept {
    if (this != &other) {
      release();
      take(other);
    }
    return *this;
  }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;
  ~Frame() {
    if (core_ != nullptr) release();
  }

  /// The payload, 64-byte aligned, in the ring itself.
  [[nodiscard]] std::span<const std::byte> data() const noexcept { return {data_, size_}; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// 1 for the first frame of the buffer, and one more for each; continued by a writer's successor.
  [[nodiscard]] std::uint64_t sequence() const noexcept { return sequence_; }
  [[nodiscard]] std::uint16_t type() const noexcept { return type_; }
  [[nodiscard]] std::uint64_t tag() const noexcept { return tag_; }
  /// False when default-constructed, moved from, or released.
  [[nodiscard]] bool valid() const noexcept { return core_ != nullptr; }

  /// Gives the bytes back to the writer. Again is harmless.
  void release() noexcept;

 private:
  friend class stream::ReaderCore;
  friend struct c_api::Handover;
  Frame(stream::ReaderCore* core, std::span<const std::byte> data, std::uint64_t sequence, std::uint64_t tag,
        std::uint32_t held, std::uint16_t type) noexcept
      : core_(core), data_(data.data()), size_(data.size()), sequence_(sequence), tag_(tag), held_(held), type_(type) {}
  void take(Frame& other) noexcept {
    core_ = std::exchange(other.core_, nullptr);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    sequence_ = other.sequence_;
    tag_ = other.tag_;
    held_ = other.held_;
    type_ = other.type_;
  }

  stream::ReaderCore* core_ = nullptr;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint64_t tag_ = 0;
  std::uint32_t held_ = 0;
  std::uint16_t type_ = 0;
};

}  // namespace zerobuffer
