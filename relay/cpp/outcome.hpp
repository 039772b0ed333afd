// How a program ended: one exit code per kind of failure, the table of relay/README.md. Knows the library's Status;
// must not know the verbs.
#pragma once

#include <string>

#include "zerobuffer/status.hpp"

namespace zerobuffer::relay {

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
  no_space = 10,
  closed_early = 11,
  lost_frames = 12,
  verification_failed = 13,
  corrupt = 14,
  remote_error = 15,
  interrupted = 130,
  terminated = 143,
};

[[nodiscard]] std::string to_string(ExitCode code);
/// The code for a failure of the library. `interrupted` becomes the code of the signal that came.
[[nodiscard]] ExitCode exit_code_of(Status status) noexcept;

/// Which buffer a failure concerns; only the relay has two.
enum class Side { none, input, output };

/// Thrown by whatever ends a program early; the default is a good end.
struct Outcome {
  ExitCode code = ExitCode::ok;
  std::string message;
  Side side = Side::none;

  [[nodiscard]] static Outcome of(const Failure& failure, const std::string& buffer, Side side = Side::none);
};

}  // namespace zerobuffer::relay
