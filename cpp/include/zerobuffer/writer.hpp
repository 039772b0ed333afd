// The writing end of a stream.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "zerobuffer/config.hpp"
#include "zerobuffer/frame.hpp"
#include "zerobuffer/result.hpp"

namespace zerobuffer {

class SharedWriter;

namespace stream {
class WriterCore;
}

/// Room for one frame in the ring. Fill data(), then commit(); without commit() nothing is sent.
///
/// **Thread** the writer's. **Blocking** never. **Allocates** never.
/// **Valid until** commit(), discard(), destruction, or the writer's close().
class Claim {
 public:
  Claim() noexcept = default;
  Claim(Claim&& other) noexcept : core_(std::exchange(other.core_, nullptr)), data_(other.data_), size_(other.size_) {}
  Claim& operator=(Claim&& other) noexcept {
    if (this != &other) {
      discard();
      core_ = std::exchange(other.core_, nullptr);
      data_ = other.data_;
      size_ = other.size_;
    }
    return *this;
  }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  ~Claim() { discard(); }

  /// The room, 64-byte aligned, in the ring itself; its content is undefined.
  [[nodiscard]] std::span<std::byte> data() const noexcept { return {data_, size_}; }
  [[nodiscard]] bool valid() const noexcept { return core_ != nullptr; }

  /// Publishes the first n bytes as a frame.
  /// @param n at most data().size(); what is more goes back to the ring.
  /// @return invalid_argument for a larger n (the claim stays open); handle_closed after commit, discard or close.
  Result<void> commit(std::size_t n, FrameInfo info = {}) noexcept;

  /// Gives the room back; nothing is sent and no sequence used. Again is harmless.
  void discard() noexcept;

 private:
  friend class stream::WriterCore;
  friend struct c_api::Handover;
  Claim(stream::WriterCore* core, std::byte* data, std::size_t size) noexcept : core_(core), data_(data), size_(size) {}
  stream::WriterCore* core_ = nullptr;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Several frames, published together: one store, one wake-up. Not atomic: a batch that would have to wait for room
/// publishes what it has. Destroying it publishes what was written; a claim left open is discarded.
///
/// While a Batch lives, the writer's own claim() and write() belong to it.
class Batch {
 public:
  Batch() noexcept = default;
  Batch(Batch&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
  Batch& operator=(Batch&&) = delete;
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;
  ~Batch() { publish(); }
  /// Publishes and ends the batch. Again is harmless.
  void publish() noexcept;

 private:
  friend class stream::WriterCore;
  explicit Batch(stream::WriterCore* core) noexcept : core_(core) {}
  stream::WriterCore* core_ = nullptr;
};

/// Writes frames into a buffer. Movable, not copyable; closes itself (without lingering) when destroyed.
///
/// Unless said otherwise, one thread at a time calls the methods of one Writer; interrupt() and stats() may be
/// called from any thread.
class Writer {
 public:
  using Timeout = std::chrono::nanoseconds;

  /// Makes a buffer and attaches its writer. See Reader::create.
  static Result<Writer> create(std::string_view name, const BufferConfig& config = {});
  /// Attaches as the writer of a buffer. See Reader::open; also writer_exists.
  /// A successor of a dead or closed writer continues its sequence.
  static Result<Writer> open(std::string_view name, Timeout connect_timeout, const BufferConfig& config = {});
  /// See Reader::create_anonymous and Reader::open_fd.
  static Result<Writer> create_anonymous(const BufferConfig& config = {});
  static Result<Writer> open_fd(int fd, const BufferConfig& config = {});

  Writer() noexcept = default;
  Writer(Writer&& other) noexcept : core_(other.core_) { other.core_ = nullptr; }
  Writer& operator=(Writer&& other) noexcept;
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer();

  /// Takes room for a frame of up to `size` bytes, to be filled in place.
  /// @param size bytes, 0 … info().max_frame_size
  /// @param timeout zero looks once; zerobuffer::forever waits without end
  /// @return timeout; dropped (FullPolicy::drop); closed when every reader has closed and the ring is full; peer_dead
  ///         when the last reader died; frame_too_large; claim_open; interrupted; handle_closed; forked; corrupt.
  /// **Thread** one at a time. **Blocking** up to timeout. **Allocates** never. **Valid until** see Claim.
  Result<Claim> claim(std::size_t size, Timeout timeout) noexcept;
  /// As claim(), but would_block instead of waiting. May publish padding; that is its only effect. **Blocking** never.
  Result<Claim> try_claim(std::size_t size) noexcept;

  /// Sends a copy of `data`: claim, copy and commit, nothing else. @return as claim().
  Result<void> write(std::span<const std::byte> data, Timeout timeout, FrameInfo info = {}) noexcept;
  Result<void> try_write(std::span<const std::byte> data, FrameInfo info = {}) noexcept;

  /// For streams of many small frames of one size: sends each `message_size` bytes of `messages` as a frame, all with
  /// this info. They are published some at a time; where the ring is full, this waits.
  /// @param messages one after the other, nothing between them: a multiple of message_size; none is no error
  /// @return how many were sent, always the first ones: all, or fewer where the time ran out, the wait was interrupted,
  ///         or the readers have gone; call again with the rest to go on, or to hear why. Where none was sent, why, as
  ///         claim(); with FullPolicy::drop those without room are dropped and counted. invalid_argument for a
  ///         message_size that is 0 or no divisor.
  /// **Thread** one at a time. **Blocking** up to timeout. **Allocates** never. **Valid until** -
  Result<std::size_t> write_messages(std::span<const std::byte> messages, std::size_t message_size, Timeout timeout,
                                     FrameInfo info = {}) noexcept;

  /// Begins a batch: frames committed while it lives are published together.
  [[nodiscard]] Batch batch() noexcept;

  /// Writes the metadata, once, before the first frame; identical bytes from a successor are no change.
  /// @return metadata_too_large, metadata_exists, metadata_in_use, handle_closed, forked.
  Result<void> write_metadata(std::span<const std::byte> metadata) noexcept;

  /// Waits until at least n readers are attached. @return timeout, invalid_argument (n > max_readers), interrupted.
  Result<void> wait_for_readers(std::uint32_t n, Timeout timeout) noexcept;

  /// Waits until the readers have let every frame go. @return timeout, closed, peer_dead, interrupted.
  Result<void> drain(Timeout timeout) noexcept;

  /// Frees the slots of readers that died (and forgets that readers ever came): what they had not read is given up, and
  /// the writer goes on as if nobody had attached yet. Returns how many slots were freed.
  Result<std::uint32_t> forget_dead_readers() noexcept;

  /// Ends a wait of this writer in another thread, or else its next one, with `interrupted`. **Thread** any.
  void interrupt() noexcept;
  /// Sets a function that is called while this writer waits (nullptr: none). See WaitHook.
  void set_wait_hook(WaitHook hook, void* context) noexcept;

  /// Asks for one call of `callback(context)` as soon as try_claim(size) is worth calling: room, or nobody left to wait
  /// for. Otherwise as Reader::when_ready; also frame_too_large and claim_open.
  Result<void> when_ready(std::size_t size, ReadyCallback callback, void* context);
  /// See Reader::cancel_when.
  bool cancel_when() noexcept;

  [[nodiscard]] WriterStats stats() const noexcept;
  [[nodiscard]] BufferInfo info() const noexcept;
  [[nodiscard]] int fd() const noexcept;
  [[nodiscard]] bool is_open() const noexcept { return core_ != nullptr; }
  /// Keeps the mapping (not the place) alive as long as the handle lives: for views that may outlive the writer.
  [[nodiscard]] std::shared_ptr<const void> mapping() const;

  /// Closes: an open claim is discarded, readers drain what was committed and then get end of stream.
  /// @param linger how long to wait for the readers to let everything go (zero: not at all)
  /// @return how many committed frames nobody will read (0 where readers are attached that go on reading).
  /// Again is harmless (0). **Blocking** up to linger.
  Result<std::uint64_t> close(Timeout linger = Timeout::zero()) noexcept;

 private:
  friend class SharedWriter;
  explicit Writer(stream::WriterCore* core) noexcept : core_(core) {}
  stream::WriterCore* core_ = nullptr;
};

}  // namespace zerobuffer
