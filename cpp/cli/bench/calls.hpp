// Calls: a client and a server as a user of the documentation would write them, in the patterns of the other figures.
#pragma once

#include <cstddef>

#include "bench/two_processes.hpp"

namespace zerobuffer::cli::bench {

/// How a server answers.
enum class Answer {
  in_place,   ///< changes the request where it lies
  two_rings,  ///< new data
};

/// A 64-byte call, one word of which the server changes. Nanoseconds.
[[nodiscard]] Workload call_round_trip(Answer answer, bool spinning);

/// A picture of frame_size (floors.hpp) that lies in the client's hands and is wanted inverted; making it is not timed.
/// Microseconds from there until the client can read the answer.
enum class Inversion {
  in_place,   ///< built in the channel and inverted there
  two_rings,  ///< built in the channel, inverted into the room of the answer, read there
  copying,    ///< each side works on memory of its own: copied in, out, in and out again
};
[[nodiscard]] Workload invert_picture(Inversion inversion);

/// 64-byte calls in place from so many threads of one client, each in a lane of its own. Million per second, all
/// together.
[[nodiscard]] Workload call_from_threads(unsigned threads);

}  // namespace zerobuffer::cli::bench
