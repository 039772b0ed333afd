// The exit codes of the program: one table for all commands, shown by --help and written down in docs/cli.md.
// Knows the library's Status; must not know single commands.
#pragma once

#include <string>

#include "zerobuffer/status.hpp"

namespace zerobuffer::cli {

enum class ExitCode : int {
  ok = 0,
  failed = 1,
  usage = 2,
  not_found = 3,
  in_use = 4,
  timeout = 5,
  peer_dead = 6,
  refused = 7,
  short_frame = 8,
  unread = 9,
  no_room = 10,
  interrupted = 130,
  terminated = 143,
};

/// The code for a status that ended a command. `interrupted` becomes the code of the signal that came.
[[nodiscard]] ExitCode exit_code_of(Status status) noexcept;

/// The table as text, one line for each code, for --help.
[[nodiscard]] std::string exit_code_table();

}  // namespace zerobuffer::cli
