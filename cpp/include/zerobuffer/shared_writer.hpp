// Passing frames on without copying them: what a relay uses that reads one buffer and writes another.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include "zerobuffer/config.hpp"
#include "zerobuffer/frame.hpp"
#include "zerobuffer/reader.hpp"
#include "zerobuffer/result.hpp"
#include "zerobuffer/writer.hpp"

namespace zerobuffer {

namespace share {
class RelayCore;
}

/// How a frame went into the output.
enum class Forwarded : std::uint8_t {
  shared,  ///< As a descriptor: the output's readers look at the bytes where they lie, in the buffer they came from.
  copied,  ///< Its bytes were copied into the output.
};

/// Counters of a SharedWriter; all begin at 0 with it.
struct SharedWriterStats {
  std::uint64_t shared_frames = 0;
  std::uint64_t shared_bytes = 0;  ///< Payload bytes that were not copied.
  std::uint64_t copied_frames = 0;
  std::uint64_t copied_bytes = 0;  ///< 0 as long as everything could be shared.
  std::uint64_t given_up = 0;  ///< Frames given back before every reader of the output had passed them: see close().
  std::uint32_t kept = 0;      ///< Frames of the source that are kept now, since readers of the output need them.
};

/// Forwards frames of one buffer (the source, A) into another (the output, B) without copying: B gets a descriptor of
/// 64 bytes, and B's readers see a frame like any other, read-only, whose bytes lie in A. Sequences are B's own.
///
/// Both buffers must have been made with BufferConfig::share_slots, and A must have a name. Where that is not so,
/// forward() copies, and says so. A frame that came into A in this way itself is forwarded as what it is: B's readers
/// look at the first buffer of the chain, and nobody in between copies.
///
/// The Writer stays usable: ordinary frames and shared ones may follow each other in any order, from one thread. A
/// shared frame is held in A, as if the relay still held it, until every reader of B has let go of it, also while the
/// relay does nothing: a thread of the library looks after that. At most BufferConfig::max_held − 1 of A's frames are
/// kept so; then forward() waits. Frames that only dead readers of B need are kept until A's writer waits for their
/// room; frames that wait for B's first reader are kept.
///
/// If the relay dies, a reader of B keeps what it holds. What it has not read yet may be written over by A's writer,
/// and is then answered with Status::frame_lost, frame by frame; never with other bytes.
///
/// One thread at a time calls the methods of a SharedWriter and of its Writer; stats() may be called from any.
class SharedWriter {
 public:
  using Timeout = std::chrono::nanoseconds;

  /// Forwards from `source` into `output`. Both may be moved afterwards, and closed in any order; a closed Writer makes
  /// forward() answer handle_closed. Where nothing can be shared this succeeds too: see can_share().
  /// @return handle_closed, forked; system_error where the thread that looks after the frames cannot be started.
  /// **Thread** the writer's. **Blocking** never. **Allocates** yes. **Valid until** close() or destruction.
  static Result<SharedWriter> over(Writer& output, Reader& source);

  SharedWriter() noexcept = default;
  SharedWriter(SharedWriter&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
  SharedWriter& operator=(SharedWriter&& other) noexcept;
  SharedWriter(const SharedWriter&) = delete;
  SharedWriter& operator=(const SharedWriter&) = delete;
  ~SharedWriter();

  /// Sends a frame of the source with its own type and tag. The frame is taken: it is valid no more, unless this fails;
  /// then it is as it was. A frame of any other Reader is copied.
  /// @param timeout for room in the output, and for the readers of the output where max_held − 1 frames are kept
  /// @return as Writer::claim(); handle_closed for a frame that is not valid.
  /// **Thread** the writer's. **Blocking** up to timeout. **Allocates** never after the first frame. **Valid until** -
  Result<Forwarded> forward(Frame&& frame, Timeout timeout) noexcept;
  /// The same with another type and tag.
  Result<Forwarded> forward(Frame&& frame, Timeout timeout, FrameInfo info) noexcept;

  /// Whether frames that lie in the source itself are shared.
  [[nodiscard]] bool can_share() const noexcept;
  /// Why not, and what to do about it; empty where they are. **Allocates** yes.
  [[nodiscard]] std::string why_not() const;

  /// Gives back what every reader of the output has let go of, now. Returns how many frames are kept on.
  /// Nobody needs to call this; it is for a relay that wants A's room a moment earlier.
  std::uint32_t release_passed() noexcept;

  /// Counters. **Thread** any. **Blocking** never. **Allocates** never. **Valid until** it is a copy.
  [[nodiscard]] SharedWriterStats stats() const noexcept;
  [[nodiscard]] bool is_open() const noexcept { return core_ != nullptr; }

  /// Ends it; the Writer and the Reader stay open.
  /// @param linger how long to wait until the readers of the output have let every shared frame go. What is kept then
  /// is
  ///        given back, and a reader that has not come to it yet may find it lost. Zero, as in the destructor: at once.
  /// @return how many frames were given back too early; interrupted. Again is harmless (0).
  /// **Thread** the writer's. **Blocking** up to linger. **Allocates** never. **Valid until** -
  Result<std::uint64_t> close(Timeout linger = Timeout::zero()) noexcept;

 private:
  explicit SharedWriter(share::RelayCore* core) noexcept : core_(core) {}
  share::RelayCore* core_ = nullptr;
};

}  // namespace zerobuffer
