// The table behind exit_code.hpp. Whoever changes it changes docs/cli.md too (a test compares them).
#include "exit_code.hpp"

#include <array>

#include "signals.hpp"

namespace zerobuffer::cli {
namespace {

struct Row {
  ExitCode code;
  const char* meaning;
};

constexpr std::array rows{
    Row{ExitCode::ok, "done; for read also: the writer closed and everything was read"},
    Row{ExitCode::failed, "the operating system or a file refused something else"},
    Row{ExitCode::usage, "wrong arguments or configuration"},
    Row{ExitCode::not_found, "no buffer of this name, or nothing to resume"},
    Row{ExitCode::in_use, "somebody alive uses the buffer, or holds the place that was asked for"},
    Row{ExitCode::timeout, "the time given with --timeout or --connect-timeout ran out"},
    Row{ExitCode::peer_dead, "the other side died without closing"},
    Row{ExitCode::refused, "not a buffer of this version, a corrupt one, or no permission"},
    Row{ExitCode::short_frame, "write: the input ended inside a frame, which was not sent"},
    Row{ExitCode::unread, "write: frames were sent that nobody will read, or every reader left before the end"},
    Row{ExitCode::no_room, "shared memory cannot hold the buffer, or a frame cannot fit it"},
    Row{ExitCode::interrupted, "ended by SIGINT (Ctrl-C), after closing properly"},
    Row{ExitCode::terminated, "ended by SIGTERM, after closing properly"},
};

}  // namespace

ExitCode exit_code_of(Status status) noexcept {
  switch (status) {
    case Status::ok:
    case Status::dropped:
    case Status::closed:
      return ExitCode::ok;
    case Status::timeout:
    case Status::would_block:
      return ExitCode::timeout;
    case Status::interrupted:
      return stop_exit_code();
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
    case Status::corrupt:
    case Status::permission_denied:
    case Status::evicted:
      return ExitCode::refused;
    case Status::no_space:
    case Status::frame_too_large:
    case Status::metadata_too_large:
      return ExitCode::no_room;
    case Status::held_frames_block:
    case Status::too_many_held:
    case Status::claim_open:
    case Status::handle_closed:
    case Status::forked:
    case Status::system_error:
    case Status::remote_error:
    case Status::buffer_too_small:
    case Status::frame_lost:
    case Status::wrong_size:
      return ExitCode::failed;
  }
  return ExitCode::failed;
}

std::string exit_code_table() {
  std::string text = "Exit codes:\n";
  for (const Row& row : rows) {
    std::string number = std::to_string(static_cast<int>(row.code));
    text += "  " + number + std::string(5 - number.size(), ' ') + row.meaning + "\n";
  }
  return text;
}

}  // namespace zerobuffer::cli
