// The names and the texts of the statuses.
#include "zerobuffer/status.hpp"

#include "zerobuffer/result.hpp"
#include "zerobuffer/version.hpp"

namespace zerobuffer {

std::string_view to_string(Status status) noexcept {
  switch (status) {
    case Status::ok:
      return "ok";
    case Status::timeout:
      return "timeout";
    case Status::would_block:
      return "would_block";
    case Status::dropped:
      return "dropped";
    case Status::interrupted:
      return "interrupted";
    case Status::closed:
      return "closed";
    case Status::peer_dead:
      return "peer_dead";
    case Status::evicted:
      return "evicted";
    case Status::held_frames_block:
      return "held_frames_block";
    case Status::too_many_held:
      return "too_many_held";
    case Status::frame_too_large:
      return "frame_too_large";
    case Status::claim_open:
      return "claim_open";
    case Status::invalid_argument:
      return "invalid_argument";
    case Status::handle_closed:
      return "handle_closed";
    case Status::forked:
      return "forked";
    case Status::metadata_too_large:
      return "metadata_too_large";
    case Status::metadata_exists:
      return "metadata_exists";
    case Status::metadata_in_use:
      return "metadata_in_use";
    case Status::not_found:
      return "not_found";
    case Status::already_exists:
      return "already_exists";
    case Status::writer_exists:
      return "writer_exists";
    case Status::too_many_readers:
      return "too_many_readers";
    case Status::nothing_to_resume:
      return "nothing_to_resume";
    case Status::incompatible:
      return "incompatible";
    case Status::corrupt:
      return "corrupt";
    case Status::permission_denied:
      return "permission_denied";
    case Status::no_space:
      return "no_space";
    case Status::system_error:
      return "system_error";
    case Status::remote_error:
      return "remote_error";
    case Status::buffer_too_small:
      return "buffer_too_small";
    case Status::lanes_busy:
      return "lanes_busy";
    case Status::frame_lost:
      return "frame_lost";
    case Status::wrong_size:
      return "wrong_size";
  }
  return "unknown";
}

std::string Failure::message() const {
  if (detail_) return *detail_;
  const std::string first = std::to_string(first_);
  const std::string second = std::to_string(second_);
  switch (status_) {
    case Status::ok:
      return "no failure";
    case Status::timeout:
      return "the time given ran out";
    case Status::would_block:
      return "the call would have had to wait";
    case Status::dropped:
      return "the ring was full and the frame of " + first + " bytes was dropped (FullPolicy::drop)";
    case Status::interrupted:
      return "the wait was ended by interrupt() or a signal";
    case Status::closed:
      return "the other side has closed";
    case Status::peer_dead:
      return "the other side died without closing";
    case Status::evicted:
      return "the writer took this reader's slot away, because its position was impossible; open the buffer again";
    case Status::held_frames_block:
      return "waiting would never end: the writer waits for room that only the " + first +
             " frame(s) held by this reader keep from it (the ring has " + second +
             " bytes); release frames before reading on, or make the ring larger";
    case Status::too_many_held:
      return first + " frames are held, or wait behind an older held one; release the oldest, or raise max_held";
    case Status::frame_too_large:
      return "a frame of " + first + " bytes can never fit: this ring's largest frame has " + second +
             " bytes; create the buffer with payload_size of at least " + first;
    case Status::claim_open:
      return "a claim is open; commit or discard it first";
    case Status::invalid_argument:
      return "an argument is out of range: " + first + ", the limit is " + second;
    case Status::handle_closed:
      return "this reader, writer or claim was closed before the call";
    case Status::forked:
      return "this handle belongs to the parent process; open the buffer again in this one";
    case Status::metadata_too_large:
      return "metadata of " + first + " bytes does not fit the metadata block of " + second +
             " bytes; create the buffer with metadata_size of at least " + first;
    case Status::metadata_exists:
      return "metadata is written once, before the first frame";
    case Status::metadata_in_use:
      return "readers still have frames to read that belong to the old metadata; drain() first";
    case Status::corrupt:
      return "the record at position " + first + " is impossible (write position " + second +
             "); nothing was read from it, and this end reads no further: open it anew";
    case Status::buffer_too_small:
      return "the answer has " + first + " bytes, the buffer given " + second + "; nothing is lost, give a larger one";
    case Status::lanes_busy:
      return "all " + first + " lane(s) are taken by other calls or clients; make the channel with more lanes";
    case Status::frame_lost:
      return "frame " + first + " was frame " + second +
             " of another buffer, which was given back before it could be read here; read on";
    case Status::wrong_size:
      return "the next frame has " + first + " bytes, and messages of " + second +
             " were asked for; it stays: read it as a frame, or ask for messages of its size";
    case Status::not_found:
    case Status::already_exists:
    case Status::writer_exists:
    case Status::too_many_readers:
    case Status::nothing_to_resume:
    case Status::incompatible:
    case Status::permission_denied:
    case Status::no_space:
    case Status::system_error:
    case Status::remote_error:
      break;  // these come with a detail
  }
  return std::string(to_string(status_));
}

void detail::throw_error(const Failure& failure) { throw Error(failure); }

std::string_view library_version() noexcept { return ZEROBUFFER_VERSION; }
std::string_view protocol_version() noexcept { return "2.0"; }

}  // namespace zerobuffer
