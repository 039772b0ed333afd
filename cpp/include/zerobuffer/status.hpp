// The closed set of answers that a call can give, and the exception for those who prefer one.
// A `Failure` is small and made without allocation on the hot path; its text is made when somebody asks for it.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace zerobuffer {

/// What a call answered, and what the caller should do about it.
enum class Status : std::uint8_t {
  ok,
  // Not failures: nothing there yet.
  timeout,      ///< The time given ran out first. Call again, or do something else.
  would_block,  ///< A `try_` call would have had to wait. Call again later.
  dropped,      ///< The ring was full and its policy is to drop: this frame was not sent, and was counted.
  interrupted,  ///< interrupt() or a signal hook ended the wait.
  // The other side.
  closed,     ///< Reader: the writer has closed and all was read: end of stream. Writer: every reader has closed.
  peer_dead,  ///< The other side died without closing. A reader may go on with a successor; a writer may wait for a
              ///< reader that resumes, or call forget_dead_readers().
  evicted,    ///< This reader's slot was taken away, because its position was impossible. Close and open again.
  held_frames_block,  ///< Waiting would never end: this reader holds the frames whose room the writer waits for.
                      ///< Release.
  too_many_held,      ///< `max_held` frames are held already. Release some, or raise BufferConfig::max_held.
  // Mistakes of the caller.
  frame_too_large,   ///< The frame can never fit this ring. Make the ring larger (payload_size).
  claim_open,        ///< The writer has a claim that is neither committed nor discarded.
  invalid_argument,  ///< An argument or a configuration is wrong; the text says which and why.
  handle_closed,     ///< The reader or writer was closed (or moved from) before this call.
  forked,  ///< The handle belongs to the parent process (open the buffer again in this one), or exit() has begun.
  metadata_too_large,  ///< The metadata does not fit the metadata block. Raise metadata_size.
  metadata_exists,     ///< Metadata is written once, before the first frame.
  metadata_in_use,     ///< A successor's metadata differs and readers have frames of the old stream still to read.
  // Attaching.
  not_found,          ///< No buffer of this name appeared in time.
  already_exists,     ///< Somebody alive uses a buffer of this name. Open it (exist_ok), or choose another name.
  writer_exists,      ///< The buffer has a living writer already.
  too_many_readers,   ///< All reader slots are taken by the living. Raise max_readers.
  nothing_to_resume,  ///< No reader of this buffer died; there is no position to resume from.
  incompatible,       ///< Not a buffer of this protocol version, of other geometry, or with unknown features.
  corrupt,            ///< A value in the segment is impossible; nothing was read from it. The text says which.
  permission_denied,  ///< The operating system refused access, or the file belongs to another user.
  no_space,           ///< Shared memory cannot hold the segment; the text has the needed and the free bytes.
  system_error,       ///< The operating system refused a call for another reason; the text names call and errno.
  // Calls (duplex.hpp).
  remote_error,      ///< The server (or its handler) answered with an error; the text is its own.
  buffer_too_small,  ///< The answer does not fit the buffer given; the numbers are the needed and the given size.
  lanes_busy,        ///< Every lane is in use by other calls or clients. Wait, or make the channel with more lanes.
  // Sharing (shared_writer.hpp).
  frame_lost,  ///< Reader: the next frame lay in another buffer and is gone (whoever forwarded it died, or let it go).
               ///< It was stepped over and counted (ReaderStats::lost): read on.
  // Messages (Reader::read_messages).
  wrong_size,  ///< The next frame has another size than the messages asked for; the numbers are its size and theirs. It
               ///< stays: read() it, or ask for messages of its size.
};

/// The name of a status as it is written in the source, e.g. "peer_dead".
[[nodiscard]] std::string_view to_string(Status status) noexcept;

/// A status that is not `ok`, with the numbers involved. Two numbers and a code; the text is made by message().
class Failure {
 public:
  Failure(Status status, std::uint64_t first = 0, std::uint64_t second = 0, int os_error = 0) noexcept
      : status_(status), os_error_(os_error), first_(first), second_(second) {}
  /// For failures off the hot path, which may allocate: `detail` says what was wrong and what to do.
  Failure(Status status, std::string detail, int os_error = 0) : Failure(status, std::move(detail), 0, 0, os_error) {}
  Failure(Status status, std::string detail, std::uint64_t first, std::uint64_t second, int os_error = 0)
      : status_(status),
        os_error_(os_error),
        first_(first),
        second_(second),
        detail_(std::make_unique<std::string>(std::move(detail))) {}

  [[nodiscard]] Status status() const noexcept { return status_; }
  [[nodiscard]] int os_error() const noexcept { return os_error_; }
  /// The numbers involved: what was asked for, and what there is (0 where a status has none).
  [[nodiscard]] std::uint64_t first() const noexcept { return first_; }
  [[nodiscard]] std::uint64_t second() const noexcept { return second_; }
  /// What was wrong, the numbers involved, and what to do. Allocates.
  [[nodiscard]] std::string message() const;

 private:
  Status status_;
  int os_error_ = 0;
  std::uint64_t first_ = 0;
  std::uint64_t second_ = 0;
  std::unique_ptr<std::string> detail_;
};

/// Thrown by Result::value() when there is none.
class Error : public std::runtime_error {
 public:
  explicit Error(const Failure& failure) : std::runtime_error(failure.message()), status_(failure.status()) {}
  [[nodiscard]] Status status() const noexcept { return status_; }

 private:
  Status status_;
};

}  // namespace zerobuffer
