// A buffer's state as JSON, with the names of BufferState. Must not know how it was found.
#pragma once

#include "report.hpp"
#include "zerobuffer/inspect.hpp"

namespace zerobuffer::cli {

/// @param with_records also the records between the slowest reader and the writer
[[nodiscard]] Json state_json(const BufferState& state, bool with_records);

}  // namespace zerobuffer::cli
