// What a buffer looks like and how one end of it behaves.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace zerobuffer {

/// A timeout that never runs out.
inline constexpr std::chrono::nanoseconds forever = std::chrono::nanoseconds::max();

/// What a writer does when the ring is full.
enum class FullPolicy : std::uint8_t {
  wait,  ///< Wait for room, up to the timeout of the call.
  drop,  ///< Drop the new frame at once (Status::dropped) and count it where the readers see it.
};

/// How an end waits for the other.
enum class WaitPolicy : std::uint8_t {
  spin,             ///< Look again and again, with pauses; never sleep (one CPU is used whole while waiting).
  spin_then_block,  ///< Look for about one wake-up's time, then sleep in the kernel.
  block,            ///< Sleep; look first only where this thread has just woken the other side, as long as that took.
};

/// Where a reader that attaches begins.
enum class JoinAt : std::uint8_t {
  automatic,  ///< The first reader ever: the oldest frame. Later ones: now.
  now,        ///< The next frame that is published.
  oldest,     ///< The oldest frame still in the ring.
  resume,     ///< Where a reader that died stopped: every frame that it had not released comes again.
};

/// When a reader tells the writer that it has let frames go. What is not told yet is told when the reader waits.
struct Acknowledge {
  std::uint32_t frames = 1;               ///< After this many frames; at least 1.
  std::chrono::microseconds interval{0};  ///< ... and, where not 0, at the first call after this time.
};

/// Geometry of a buffer (used by who creates it, compared by `exist_ok`) and behaviour of this end (used by both).
struct BufferConfig {
  // Geometry: used when the buffer is created.
  std::uint64_t payload_size = 64 << 20;  ///< Bytes; one frame of this size fits. 1 B … 128 GiB.
  std::uint64_t metadata_size = 4096;     ///< Bytes for the metadata; may be 0.
  std::uint32_t max_readers = 1;          ///< 1 … 64; each of them sees every frame.
  /// 0: frames of this buffer cannot be shared with others, nor others' with it. Else how many readers of other buffers
  /// can look at frames of this one at the same time without copying them (1 … 64; see SharedWriter).
  std::uint32_t share_slots = 0;
  bool huge_pages = false;  ///< Ask for 2 MiB pages; BufferInfo::huge_bytes says what became huge.
  bool exist_ok = false;    ///< Open a living buffer of the same geometry instead of failing.

  // Behaviour of this end.
  FullPolicy full = FullPolicy::wait;
  WaitPolicy wait = WaitPolicy::spin_then_block;
  std::uint32_t spin_pauses = 2000;  ///< Pauses before sleeping (spin_then_block); about one wake-up's time.
  /// Writer: bytes that can always be written while no reader that had caught up moves; what is beyond it, the writer
  /// may give up to start again at the beginning of the ring, which keeps a large ring in the cache. 0 = half the ring.
  std::uint64_t burst_size = 0;
  Acknowledge acknowledge{};        ///< Reader.
  std::uint32_t max_held = 256;     ///< Reader: frames held at the same time, 1 … 65,536.
  JoinAt join = JoinAt::automatic;  ///< Reader.
  bool pre_touch = true;            ///< Map all pages of the ring now, so that the first lap is as fast as later ones.
  bool lock_in_memory = false;      ///< mlock() the ring; a refusal (RLIMIT_MEMLOCK) is an error.

  /// A ring for frames of `frame_size` bytes of which `in_flight` can always be written while no reader moves.
  [[nodiscard]] static BufferConfig for_frames(std::uint64_t frame_size, std::uint32_t in_flight = 3);
};

/// What a buffer really is.
struct BufferInfo {
  std::uint64_t segment_size = 0;    ///< Bytes of shared memory.
  std::uint64_t capacity = 0;        ///< Bytes of ring; a frame takes its size + 32, rounded up to 64.
  std::uint64_t max_frame_size = 0;  ///< Bytes; capacity − 32.
  std::uint64_t metadata_size = 0;   ///< Bytes of the metadata block.
  std::uint64_t huge_bytes = 0;      ///< Bytes of this mapping in huge pages now (reads /proc: not per frame).
  std::uint32_t max_readers = 0;
  std::uint32_t share_slots = 0;
  bool created = false;  ///< This end made the buffer (false: it was there, or this end opened it).
};

/// Counters of a writer. Those of "this end" begin at 0 with each Writer, the others live in the buffer.
struct WriterStats {
  std::uint64_t frames = 0;          ///< Frames published since the buffer was made.
  std::uint64_t bytes = 0;           ///< Payload bytes published by this end.
  std::uint64_t dropped = 0;         ///< Frames dropped since the buffer was made.
  std::uint64_t wraps = 0;           ///< Times the ring was begun anew, early restarts included.
  std::uint64_t early_restarts = 0;  ///< ... of which by this end before the end was reached.
  std::uint64_t blocked_count = 0;   ///< Waits for room.
  std::chrono::nanoseconds blocked_time{0};
  std::uint64_t readers_lost = 0;     ///< Dead readers whose slot was taken back.
  std::uint64_t sleeps = 0;           ///< This end: futex waits.
  std::uint64_t barriers = 0;         ///< This end: barriers before sleeping (membarrier, or with `block` a fence).
  std::uint64_t wakes = 0;            ///< This end: futex wakes.
  std::uint64_t liveness_checks = 0;  ///< This end: times it was seen whether the other side lives.
  std::uint32_t readers = 0;          ///< Readers attached and alive now.
  std::uint64_t unread_bytes = 0;     ///< Bytes of ring between the slowest reader and the writer.
};

/// Counters of a reader; all begin at 0 with each Reader unless said otherwise.
struct ReaderStats {
  std::uint64_t frames = 0;   ///< Frames handed out.
  std::uint64_t bytes = 0;    ///< Payload bytes handed out.
  std::uint64_t lost = 0;     ///< Frames that this reader should have seen and did not (a resume that came too late, or
                              ///< a frame of another buffer that was gone: Status::frame_lost).
  std::uint64_t skipped = 0;  ///< Frames passed over by read_newest().
  std::uint64_t dropped = 0;  ///< Frames that the writer dropped since the buffer was made.
  std::uint32_t held = 0;     ///< Frames from the oldest one held to the last one handed out.
  std::uint64_t sleeps = 0;
  std::uint64_t barriers = 0;
  std::uint64_t wakes = 0;
  std::uint64_t liveness_checks = 0;
  std::uint64_t unread_bytes = 0;         ///< Bytes of ring published and not yet handed out.
  std::uint64_t shared_frames = 0;        ///< Frames handed out that lie in another buffer (see SharedWriter) ...
  std::uint64_t shared_copied_bytes = 0;  ///< ... and bytes of such frames copied, as that buffer had no pin free.
};

/// Called while waiting: about every 10 ms of spinning, at least every 100 ms of sleeping, and whenever a signal ended
/// a sleep; true ends the wait (interrupted).
using WaitHook = bool (*)(void* context);

/// Called once, by a thread of the library, when another look is worth it. Must neither block nor throw; it may call
/// any method. One thread serves all readers and writers of the process (more where the kernel has no futex_waitv,
/// before Linux 5.16, or for more than 127 of them).
using ReadyCallback = void (*)(void* context);

}  // namespace zerobuffer
