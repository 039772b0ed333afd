// The verbs; each runs to its end and returns the exit code.
#pragma once

#include "options.hpp"

namespace zerobuffer::relay {

[[nodiscard]] int run(const RelayOptions& options);
[[nodiscard]] int run(const WriteOptions& options);
[[nodiscard]] int run(const ReadOptions& options);
[[nodiscard]] int run(const ServeOptions& options);
[[nodiscard]] int run(const CallOptions& options);

}  // namespace zerobuffer::relay
