// The statuses of C and their texts, and the last failure of each thread.
#include "c_api/answer.hpp"

#include <cstring>
#include <string>
#include <string_view>

#include "c_api/sized.hpp"
#include "zerobuffer/version.hpp"

namespace zerobuffer::c_api {
namespace {
static_assert(to_c(Status::ok) == ZB_OK && to_c(Status::timeout) == ZB_TIMEOUT);
static_assert(to_c(Status::would_block) == ZB_WOULD_BLOCK && to_c(Status::dropped) == ZB_DROPPED);
static_assert(to_c(Status::interrupted) == ZB_INTERRUPTED && to_c(Status::closed) == ZB_CLOSED);
static_assert(to_c(Status::peer_dead) == ZB_PEER_DEAD && to_c(Status::evicted) == ZB_EVICTED);
static_assert(to_c(Status::held_frames_block) == ZB_HELD_FRAMES_BLOCK);
static_assert(to_c(Status::too_many_held) == ZB_TOO_MANY_HELD);
static_assert(to_c(Status::frame_too_large) == ZB_FRAME_TOO_LARGE && to_c(Status::claim_open) == ZB_CLAIM_OPEN);
static_assert(to_c(Status::invalid_argument) == ZB_INVALID_ARGUMENT);
static_assert(to_c(Status::handle_closed) == ZB_HANDLE_CLOSED && to_c(Status::forked) == ZB_FORKED);
static_assert(to_c(Status::metadata_too_large) == ZB_METADATA_TOO_LARGE);
static_assert(to_c(Status::metadata_exists) == ZB_METADATA_EXISTS);
static_assert(to_c(Status::metadata_in_use) == ZB_METADATA_IN_USE && to_c(Status::not_found) == ZB_NOT_FOUND);
static_assert(to_c(Status::already_exists) == ZB_ALREADY_EXISTS && to_c(Status::writer_exists) == ZB_WRITER_EXISTS);
static_assert(to_c(Status::too_many_readers) == ZB_TOO_MANY_READERS);
static_assert(to_c(Status::nothing_to_resume) == ZB_NOTHING_TO_RESUME);
static_assert(to_c(Status::incompatible) == ZB_INCOMPATIBLE && to_c(Status::corrupt) == ZB_CORRUPT);
static_assert(to_c(Status::permission_denied) == ZB_PERMISSION_DENIED && to_c(Status::no_space) == ZB_NO_SPACE);
static_assert(to_c(Status::system_error) == ZB_SYSTEM_ERROR && to_c(Status::remote_error) == ZB_REMOTE_ERROR);
static_assert(to_c(Status::buffer_too_small) == ZB_BUFFER_TOO_SMALL && to_c(Status::lanes_busy) == ZB_LANES_BUSY);
static_assert(to_c(Status::frame_lost) == ZB_FRAME_LOST && to_c(Status::wrong_size) == ZB_WRONG_SIZE);

Failure& last_failure() noexcept {
  thread_local Failure failure{Status::ok};
  return failure;
}
}  // namespace

zb_status failed(Failure failure) noexcept {
  const Status status = failure.status();
  if (status > Status::dropped) last_failure() = std::move(failure);
  return to_c(status);
}

std::size_t whole_characters(std::string_view text, std::size_t most) noexcept {
  if (text.size() <= most) return text.size();
  while (most != 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  return most;
}

zb_status invalid(const char* what) noexcept {
  return guarded([&] { return failed(Failure(Status::invalid_argument, std::string(what))); });
}

}  // namespace zerobuffer::c_api

using namespace zerobuffer;
using namespace zerobuffer::c_api;

const char* zb_status_name(zb_status status) {
  // a literal each, so that it ends with a zero
  return status < ZB_OK || status > ZB_WRONG_SIZE ? "unknown" : to_string(static_cast<Status>(status)).data();
}

const char* zb_status_text(zb_status status) {
  switch (status) {
    case ZB_OK:
      return "The call has done what it was asked for.";
    case ZB_TIMEOUT:
      return "The time given ran out first. Call again, or do something else.";
    case ZB_WOULD_BLOCK:
      return "The call would have had to wait. Call again later, or use one that waits.";
    case ZB_DROPPED:
      return "The ring was full and its policy is to drop: this frame was not sent, and was counted.";
    case ZB_INTERRUPTED:
      return "An interrupt or a wait hook ended the wait. Call again to go on waiting.";
    case ZB_CLOSED:
      return "Reader: the writer has closed and everything was read, the end of the stream. Writer: every reader has "
             "closed. Calls: the other side has closed.";
    case ZB_PEER_DEAD:
      return "The other side died without closing. A reader may go on with a successor; a writer may wait for a reader "
             "that resumes, or forget the dead readers; a client may call a successor.";
    case ZB_EVICTED:
      return "The writer took this reader's slot away, because its position was impossible. Close, and open again.";
    case ZB_HELD_FRAMES_BLOCK:
      return "Waiting would never end: what is held here has the room that is waited for. Release frames or answers.";
    case ZB_TOO_MANY_HELD:
      return "As many as max_held are held already. Release the oldest, or raise max_held.";
    case ZB_FRAME_TOO_LARGE:
      return "The frame, request or answer can never fit its ring. Create it with a larger payload_size, request_size "
             "or "
             "response_size, or let the call reserve more.";
    case ZB_CLAIM_OPEN:
      return "The writer has a claim that is neither committed nor discarded. Commit or discard it first.";
    case ZB_INVALID_ARGUMENT:
      return "An argument or a configuration is wrong; the message of the failure says which and why.";
    case ZB_HANDLE_CLOSED:
      return "The handle was closed, or what the call is about has ended, before the call.";
    case ZB_FORKED:
      return "The handle belongs to the parent process (open the buffer again in this one), or exit() has begun.";
    case ZB_METADATA_TOO_LARGE:
      return "The metadata does not fit the metadata block. Create the buffer with a larger metadata_size.";
    case ZB_METADATA_EXISTS:
      return "Metadata is written once, before the first frame.";
    case ZB_METADATA_IN_USE:
      return "The metadata differs from a predecessor's of which readers still have frames to read. Drain first.";
    case ZB_NOT_FOUND:
      return "No buffer of this name appeared in time. Check the name, or wait longer.";
    case ZB_ALREADY_EXISTS:
      return "Somebody alive uses a buffer of this name. Open it (exist_ok), or choose another name.";
    case ZB_WRITER_EXISTS:
      return "The buffer has a living writer already. Close that one first.";
    case ZB_TOO_MANY_READERS:
      return "All reader slots are taken by the living. Create the buffer with a larger max_readers.";
    case ZB_NOTHING_TO_RESUME:
      return "No reader of this buffer died: there is no position to resume from. Join in another way.";
    case ZB_INCOMPATIBLE:
      return "Not a buffer of this protocol version, or of other geometry, or with unknown features.";
    case ZB_CORRUPT:
      return "A value in the buffer is impossible; nothing was read from it. The message of the failure says which.";
    case ZB_PERMISSION_DENIED:
      return "The operating system refused access, or the file belongs to another user.";
    case ZB_NO_SPACE:
      return "Shared memory cannot hold the buffer; the message of the failure has the needed and the free bytes.";
    case ZB_SYSTEM_ERROR:
      return "The operating system refused a call; the message of the failure names call and errno.";
    case ZB_REMOTE_ERROR:
      return "The other side answered the call with an error; the message of the failure is its text.";
    case ZB_BUFFER_TOO_SMALL:
      return "The answer is larger than the buffer given, and stays. Call again with one of the size that was said.";
    case ZB_LANES_BUSY:
      return "Every lane is in use by other calls or clients. Wait, or make the channel with more lanes.";
    case ZB_FRAME_LOST:
      return "The next frame lay in another buffer and is gone: whoever forwarded it has died or let it go. Read on.";
    case ZB_WRONG_SIZE:
      return "The next frame has another size than the messages asked for, and stays. Read it as a frame, or ask for "
             "messages of its size.";
  }
  return "This value is no status.";
}

zb_status zb_last_failure(zb_failure* failure) {
  const Failure& last = last_failure();
  zb_failure values{};
  values.status = to_c(last.status());
  values.os_error = last.os_error();
  values.first = last.first();
  values.second = last.second();
  return store_sized(values, failure) ? ZB_OK : ZB_INVALID_ARGUMENT;  // which must not replace what is asked for
}

size_t zb_last_failure_message(char* buffer, size_t size) {
  return write_text(buffer, size, [] { return last_failure().message(); });
}

const char* zb_version(void) { return library_version().data(); }
const char* zb_protocol_version(void) { return protocol_version().data(); }
