// Where peers put what has a name in a file system: sockets and FIFOs in /tmp, their own shared memory in /dev/shm. All
// names begin with the name of the run, so that what a killed side leaves can be found. Must not know single peers.
#pragma once

#include <string>

#include "bench/two_processes.hpp"

namespace zerobuffer::peers {

using cli::bench::Session;

/// A path that only this measurement uses. Short enough for a socket.
[[nodiscard]] std::string path_of(const Session& session, const std::string& suffix);

/// What every name of this process' measurements begins with.
[[nodiscard]] std::string run_prefix();

/// Removes at its end whatever in /tmp and /dev/shm still bears this process' prefix. A link that does so stands for
/// something that a peer names in its own way: both go.
class Sweep {
 public:
  Sweep() = default;
  ~Sweep();
  Sweep(const Sweep&) = delete;
  Sweep& operator=(const Sweep&) = delete;
};

}  // namespace zerobuffer::peers
