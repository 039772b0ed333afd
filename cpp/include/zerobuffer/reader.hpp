// The reading end of a stream.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "zerobuffer/config.hpp"
#include "zerobuffer/frame.hpp"
#include "zerobuffer/result.hpp"

namespace zerobuffer {

class SharedWriter;

/// Reads every frame of a buffer, in place. Movable, not copyable; closes itself when destroyed.
///
/// Unless said otherwise, one thread at a time calls the methods of one Reader; interrupt() and stats() may be
/// called from any thread, and frames may be released from any thread.
class Reader {
 public:
  using Timeout = std::chrono::nanoseconds;

  /// Makes a buffer and attaches its first reader. A stale buffer of that name (all users dead) is taken over.
  /// @param name [A-Za-z0-9._-]{1,200}, not beginning with a dot; the file is /dev/shm/NAME, mode 0600.
  /// @return already_exists, invalid_argument, no_space, permission_denied, system_error; with exist_ok also what
  ///         open() returns.
  /// **Thread** any. **Blocking** for the time it takes to reserve the memory. **Allocates** yes.
  /// **Valid until** close() or destruction.
  static Result<Reader> create(std::string_view name, const BufferConfig& config = {});

  /// Attaches a further reader to a buffer.
  /// @param connect_timeout how long to wait for the buffer to appear; zero looks once.
  /// @return not_found, too_many_readers, nothing_to_resume, incompatible, corrupt, permission_denied, system_error.
  /// **Thread** any. **Blocking** up to connect_timeout. **Allocates** yes. **Valid until** close() or destruction.
  static Result<Reader> open(std::string_view name, Timeout connect_timeout, const BufferConfig& config = {});

  /// Makes a buffer without a name: a sealed memfd, to be passed on through fd(). As create() otherwise.
  static Result<Reader> create_anonymous(const BufferConfig& config = {});

  /// Attaches to an anonymous buffer.
  /// @param fd descriptor of the memfd; it is duplicated, the caller keeps his own.
  static Result<Reader> open_fd(int fd, const BufferConfig& config = {});

  Reader() noexcept = default;
  Reader(Reader&& other) noexcept : core_(other.core_) { other.core_ = nullptr; }
  Reader& operator=(Reader&& other) noexcept;
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader();

  /// Waits for the next frame.
  /// @param timeout zero looks once; zerobuffer::forever waits without end.
  /// @return timeout; closed when the writer has closed and all was read; peer_dead, once per dead writer, when all
  ///         that it committed was read; held_frames_block; too_many_held; evicted; corrupt, from then on: open anew;
  ///         interrupted; forked.
  /// **Thread** one at a time. **Blocking** up to timeout. **Allocates** never. **Valid until** the Frame is released.
  Result<Frame> read(Timeout timeout) noexcept;

  /// The next frame if there is one, else would_block; else as read(). **Blocking** never.
  Result<Frame> try_read() noexcept;

  /// Waits for a frame, then takes as many as there are, up to out.size(). Returns how many (at least one).
  /// @return as read().
  Result<std::size_t> read_many(std::span<Frame> out, Timeout timeout) noexcept;

  /// For streams of many small frames of one size: waits for a frame, then copies as many as there are into `into`, one
  /// after the other, up to into.size() / message_size. Their room goes back to the writer at once. Returns how many
  /// (at least one, unless there is room for none).
  /// @return as read(); wrong_size where the next frame has another size: it is not taken (one behind others ends the
  ///         call before it). invalid_argument for a message_size of 0.
  /// **Thread** one at a time. **Blocking** up to timeout. **Allocates** never. **Valid until** -
  Result<std::size_t> read_messages(std::span<std::byte> into, std::size_t message_size, Timeout timeout) noexcept;

  /// Waits for a frame that was not yet handed out, then takes the newest one; those in between are let go and
  /// counted (ReaderStats::skipped). @return as read().
  Result<Frame> read_newest(Timeout timeout) noexcept;

  /// Waits until the writer has written the metadata, and returns a copy of it (empty if it is empty).
  /// @return timeout, closed, peer_dead, interrupted, corrupt.
  /// **Thread** one at a time; with a zero timeout any, once it was written. **Blocking** up to timeout.
  /// **Allocates** the copy. **Valid until** you drop it.
  Result<std::vector<std::byte>> metadata(Timeout timeout);

  /// Ends a wait of this reader in another thread, or else its next one, with `interrupted`.
  /// **Thread** any, also from a signal handler. **Blocking** never. **Allocates** never. **Valid until** -
  void interrupt() noexcept;

  /// Sets a function that is called while this reader waits (nullptr: none). See WaitHook.
  void set_wait_hook(WaitHook hook, void* context) noexcept;

  /// Asks for one call of `callback(context)` as soon as try_read() is worth calling: a frame, the end of the stream, a
  /// death, an interrupt. It may also come for nothing: look, and ask again. If it is worth it now, the callback may
  /// come before this returns. See ReadyCallback. Until it comes or cancel_when() returns, call nothing of this Reader
  /// but cancel_when(), interrupt(), stats() and close() (which cancels).
  /// @return interrupted where interrupt() came first (no callback then); handle_closed, forked; invalid_argument
  ///         where a callback is asked for already; system_error where no thread can be started.
  /// **Thread** one at a time. **Blocking** never. **Allocates** yes. **Valid until** the callback or cancel_when().
  Result<void> when_ready(ReadyCallback callback, void* context);
  /// The same for metadata(): as soon as it is worth calling with a zero timeout.
  Result<void> when_metadata(ReadyCallback callback, void* context);
  /// Takes the wish back. True: the callback did not come and will not. False: it came, or none was asked for. It is
  /// not running any more when this returns, unless it is the callback that calls. **Thread** any. **Allocates** never.
  bool cancel_when() noexcept;

  /// Counters. **Thread** any. **Blocking** never. **Allocates** never. **Valid until** it is a copy.
  [[nodiscard]] ReaderStats stats() const noexcept;
  [[nodiscard]] BufferInfo info() const noexcept;

  /// Descriptor of an anonymous buffer (owned by this Reader), −1 for a named one.
  [[nodiscard]] int fd() const noexcept;

  [[nodiscard]] bool is_open() const noexcept { return core_ != nullptr; }
  /// Keeps the mapping (not the place) alive as long as the handle lives: for pointers that may outlive every frame.
  /// Also the mappings of other buffers whose frames came from a SharedWriter, as long as the buffer's table names
  /// them.
  [[nodiscard]] std::shared_ptr<const void> mapping() const;

  /// Detaches. Frames still held stay valid until they are released; their room comes back then. Again is harmless.
  /// **Thread** one at a time. **Blocking** never. **Allocates** never. **Valid until** -
  void close() noexcept;

 private:
  friend class SharedWriter;
  explicit Reader(stream::ReaderCore* core) noexcept : core_(core) {}
  stream::ReaderCore* core_ = nullptr;
};

}  // namespace zerobuffer
