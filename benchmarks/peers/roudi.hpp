// RouDi, the process that iceoryx needs: started as a child, with memory for the sizes measured here, and ended with
// everything that it made. A machine can have only one. Must not know what is measured.
#pragma once

#include <sys/types.h>

#include <string>

#include "byte_stream.hpp"

namespace zerobuffer::peers {

class RouDi {
 public:
  /// Returns once it is ready. Throws std::runtime_error with what it said where it did not start; where another one
  /// runs, that is waited for a while.
  RouDi();
  ~RouDi();
  RouDi(const RouDi&) = delete;
  RouDi& operator=(const RouDi&) = delete;

 private:
  [[nodiscard]] bool start();
  [[nodiscard]] std::string said() const;

  std::string config_path_;
  Descriptor output_;
  pid_t process_ = 0;
};

/// Chunks of a size that RouDi holds ready, for all measurements; each has its room alone.
inline constexpr unsigned small_chunks = 1024;
inline constexpr unsigned frame_chunks = 16;

}  // namespace zerobuffer::peers
