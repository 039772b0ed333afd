// The rows that a peer adds to the plan: what it does of each pattern, under which name, and what of ours is compared
// with it. Must not know single peers.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bench/plan.hpp"
#include "bench/sized.hpp"
#include "frame_loop.hpp"

namespace zerobuffer::peers {

using cli::Json;
using cli::bench::Plan;
using cli::bench::Session;

enum class Policy {
  standard,  ///< a receiver sleeps in the kernel until something comes
  spin,      ///< it asks again and again
};

/// What a send costs where nobody sleeps.
enum class Send {
  calls_kernel,    ///< a system call for each message
  in_user_memory,  ///< none, or one for many
};

class Rows {
 public:
  /// How a peer was set up for messages of a size; goes into the parameters.
  using How = std::function<Json(std::size_t size)>;

  /// @param peer ends the names of its rows
  Rows(Plan& plan, std::string peer, Send send, How how)
      : plan_(plan), peer_(std::move(peer)), send_(send), how_(std::move(how)) {}

  template <class Endpoint>
  void round_trips(const std::vector<std::size_t>& sizes, Policy policy) {
    for (const std::size_t size : sizes) add_round_trip(size, policy, cli::bench::round_trip_of<Endpoint>(size));
  }
  template <class Endpoint>
  void one_way(Policy policy) {
    for (const std::size_t size : {64U, 1024U}) add_one_way(size, policy, cli::bench::one_way_of<Endpoint>(size));
  }
  /// The receiver looks at the frame where the peer hands it out; and it copies it out of there.
  template <class Endpoint>
  void frames(Policy policy) {
    for (const std::size_t size : frame_sizes) {
      add_frames(size, policy, false, frame_stream<Endpoint>(size, false));
      add_frames(size, policy, true, frame_stream<Endpoint>(size, true));
    }
  }
  /// The receiver gets it in no other way than copied into its own memory.
  template <class Endpoint>
  void frames_copied_by_peer(Policy policy) {
    for (const std::size_t size : frame_sizes) add_frames(size, policy, true, frame_stream<Endpoint>(size, false));
  }

 private:
  /// 64 KB, 1 MB, and a picture of 1080p in RGB.
  static constexpr std::size_t frame_sizes[] = {64 << 10, 1 << 20, 1920 * 1080 * 3};

  void add_round_trip(std::size_t size, Policy policy, cli::bench::Workload sides);
  void add_one_way(std::size_t size, Policy policy, cli::bench::Workload sides);
  void add_frames(std::size_t size, Policy policy, bool copied_out, cli::bench::Workload sides);
  void add(cli::bench::Subject subject, Policy policy);
  void compare(const std::string& ours, const std::string& row, Policy policy, double target, bool at_most);

  Plan& plan_;
  std::string peer_;
  Send send_;
  How how_;
};

/// Those of the round trips.
inline const std::vector<std::size_t> all_sizes{8, 64, 1 << 10, 64 << 10, 1 << 20};

}  // namespace zerobuffer::peers
