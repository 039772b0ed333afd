// See outcome.hpp.
#include "outcome.hpp"

#include "stop.hpp"

namespace zerobuffer::relay {

std::string to_string(ExitCode code) {
  switch (code) {
    case ExitCode::ok:
      return "ok";
    case ExitCode::failed:
      return "failed";
    case ExitCode::usage:
      return "usage";
    case ExitCode::not_found:
      return "not_found";
    case ExitCode::in_use:
      return "in_use";
    case ExitCode::timeout:
      return "timeout";
    case ExitCode::peer_dead:
      return "peer_dead";
    case ExitCode::refused:
      return "refused";
    case ExitCode::short_frame:
      return "short_frame";
    case ExitCode::unread:
      return "unread";
    case ExitCode::no_space:
      return "no_space";
    case ExitCode::closed_early:
      return "closed_early";
    case ExitCode::lost_frames:
      return "lost_frames";
    case ExitCode::verification_failed:
      return "verification_failed";
    case ExitCode::corrupt:
      return "corrupt";
    case ExitCode::remote_error:
      return "remote_error";
    case ExitCode::interrupted:
      return "interrupted";
    case ExitCode::terminated:
      return "terminated";
  }
  return "failed";
}

ExitCode exit_code_of(Status status) noexcept {
  switch (status) {
    case Status::ok:
      return ExitCode::ok;
    case Status::timeout:
    case Status::would_block:
      return ExitCode::timeout;
    case Status::interrupted:
      return stop_exit_code();
    case Status::closed:
      return ExitCode::unread;  // of a writer; programs that read look at it themselves
    case Status::peer_dead:
      return ExitCode::peer_dead;
    case Status::invalid_argument:
      return ExitCode::usage;
    case Status::not_found:
    case Status::nothing_to_resume:
      return ExitCode::not_found;
    case Status::already_exists:
    case Status::writer_exists:
    case Status::too_many_readers:
    case Status::metadata_exists:
    case Status::metadata_in_use:
    case Status::lanes_busy:
      return ExitCode::in_use;
    case Status::incompatible:
    case Status::permission_denied:
      return ExitCode::refused;
    case Status::corrupt:
    case Status::evicted:
      return ExitCode::corrupt;
    case Status::no_space:
    case Status::frame_too_large:
    case Status::metadata_too_large:
      return ExitCode::no_space;
    case Status::remote_error:
      return ExitCode::remote_error;
    case Status::dropped:
    case Status::held_frames_block:
    case Status::too_many_held:
    case Status::claim_open:
    case Status::handle_closed:
    case Status::forked:
    case Status::system_error:
    case Status::buffer_too_small:
    case Status::frame_lost:
    case Status::wrong_size:
      return ExitCode::failed;
  }
  return ExitCode::failed;
}

Outcome Outcome::of(const Failure& failure, const std::string& buffer, Side side) {
  const ExitCode code = exit_code_of(failure.status());
  if (failure.status() == Status::interrupted) return {code, "", side};
  return {code, buffer + ": " + failure.message(), side};
}

}  // namespace zerobuffer::relay
