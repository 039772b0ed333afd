// Which of the two routines copies a writer's large frames into the ring. Neither is the better one everywhere: it
// depends on the processor, on how near the readers' caches are, and on what the readers do with the frames; so it is
// found by trying, again and again. Must not know rings or clocks: it is told positions and times.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "stream/copy.hpp"

namespace zerobuffer::stream {

/// A trial takes a few frames with the routine in force, then a few with the other one, each after its effect has gone
/// through the ring. Then the better one stays, for the longer the worse the other one was. The first trial comes late:
/// a short stream, or the first lap of a long one, is too little to win back what it costs. It comes early where each
/// frame has been let go when the next one is begun: such a writer holds up no stream, and may well wait for answers.
/// And at once for frames of moderate size in a ring that goes back to its beginning long before its end: as long as
/// the readers keep up, such a ring stays in the cache by one of the routines, and with that they do keep up.
class CopyChoice {
 public:
  /// @param goes_back_early the ring is much larger than what its writer wants to be in flight
  explicit CopyChoice(bool goes_back_early = false) noexcept : goes_back_early_(goes_back_early) {}

  [[nodiscard]] CopyRoutine routine() const noexcept { return routine_; }
  /// Whether the next frame is announced by comes_after().
  [[nodiscard]] bool is_untried() const noexcept { return phase_ == Phase::untried; }
  /// Whether begun() is asked for.
  [[nodiscard]] bool measures() const noexcept { return phase_ == Phase::measuring; }
  /// Whether it is asked how far the readers are.
  [[nodiscard]] bool settles() const noexcept { return phase_ == Phase::settling; }

  /// Where is_untried(): a frame is begun. `all_let_go`: the readers need nothing of what came before it.
  void comes_after(bool all_let_go) noexcept { frames_alone_ = all_let_go ? frames_alone_ + 1 : 0; }

  /// Where measures(): a frame is begun, before routine() is asked. From one beginning to the next is what a frame
  /// takes: with waiting for room, or for an answer, as a reader may be slower or faster for what was done here.
  void begun(std::int64_t now) noexcept {
    const std::int64_t before = std::exchange(begun_ns_, now);
    if (before == 0) return;
    spent_ns_ += now - before;
    longest_ns_ = std::max(longest_ns_, now - before);
    if (enough() || hopeless()) measured();
  }

  /// A frame of `size` bytes, which ends at `end`, was copied by routine().
  /// @param reached where settles(): everybody has let everything before this position go
  void copied(std::uint64_t size, std::uint64_t end, std::uint64_t reached) noexcept {
    sent_ += size;
    ++frames_;
    switch (phase_) {
      case Phase::untried:
        if (frames_alone_ >= early_after || (goes_back_early_ && size <= tried_at_once) ||
            (sent_ >= untried_bytes && frames_ >= untried_frames)) {
          begin(Phase::settling);
        }
        break;
      case Phase::settling:
        if (begin_ == unknown) begin_ = end;
        if (reached >= begin_ && frames_ >= settled_frames && sent_ >= settled_bytes) begin(Phase::measuring);
        break;
      case Phase::measuring:
        break;
      case Phase::resting:
        if (sent_ >= rest_) begin(Phase::settling);
        break;
    }
  }

 private:
  enum class Phase : std::uint8_t { untried, settling, measuring, resting };

  static constexpr std::uint64_t least_frames = 4;
  static constexpr std::uint64_t least_bytes = 4 << 20;
  // What a routine leaves in the caches shows when the writer comes back to it: rings that restart early go round in
  // a few frames more than they guarantee.
  static constexpr std::uint64_t settled_frames = 8;
  static constexpr std::uint64_t settled_bytes = 16 << 20;
  static constexpr std::uint64_t untried_bytes = 128 << 20;
  static constexpr std::uint64_t untried_frames = 128;
  static constexpr std::uint64_t early_after = 8;          // frames in a row
  static constexpr std::uint64_t tried_at_once = 2 << 20;  // the largest frame
  static constexpr std::uint64_t unknown = ~std::uint64_t{0};
  static constexpr double clearly = 0.94;               // of the time that the routine in force takes
  static constexpr double most_spent_on_trials = 0.02;  // of all time
  static constexpr double shortest_rest = 16;           // times what was sent for the trial
  static constexpr double longest_rest = 256;

  [[nodiscard]] bool enough() const noexcept { return frames_ >= least_frames && sent_ >= least_bytes; }
  /// The routine that is being tried takes twice as long as the one in force.
  [[nodiscard]] bool hopeless() const noexcept {
    return trying_ && frames_ >= least_frames / 2 &&
           static_cast<double>(spent_ns_ - longest_ns_) >
               2 * in_force_ * static_cast<double>(std::max(sent_, least_bytes));
  }

  void begin(Phase phase) noexcept {
    phase_ = phase;
    begin_ = unknown;
    if (phase == Phase::settling) tried_ = 0;
    tried_ += std::exchange(sent_, 0);
    frames_ = 0;
    spent_ns_ = longest_ns_ = begun_ns_ = 0;
  }

  void swap_routine() noexcept {
    routine_ = routine_ == CopyRoutine::past_cache ? CopyRoutine::through_cache : CopyRoutine::past_cache;
  }

  void measured() noexcept {
    // without the longest one: somebody else may have had the CPU meanwhile
    const double frames = static_cast<double>(frames_);
    const double per_byte =
        static_cast<double>(spent_ns_ - longest_ns_) / (static_cast<double>(sent_) * (frames - 1) / frames);
    if (!trying_) {
      in_force_ = per_byte;
      trying_ = true;
      swap_routine();
      return begin(Phase::settling);
    }
    trying_ = false;
    const double trial = static_cast<double>(tried_ + sent_);
    const double better = std::min(per_byte, in_force_);
    const double loss = better > 0 ? std::max(per_byte, in_force_) / better - 1 : 0;
    const bool kept = per_byte > clearly * in_force_;
    if (kept) swap_routine();  // back
    // a change has to prove itself soon: its window may just have been the quieter one
    const double rest = kept ? std::clamp(loss / most_spent_on_trials, shortest_rest, longest_rest) : shortest_rest;
    rest_ = static_cast<std::uint64_t>(trial * rest);
    begin(Phase::resting);
  }

  bool goes_back_early_;
  Phase phase_ = Phase::untried;
  CopyRoutine routine_ = CopyRoutine::past_cache;  // the one that is never bad
  bool trying_ = false;                            // routine_ is the other one than what is in force
  std::uint64_t begin_ = unknown;                  // where the first frame of this phase ends
  std::uint64_t sent_ = 0;                         // bytes in this phase
  std::uint64_t frames_ = 0;                       // likewise
  std::uint64_t tried_ = 0;                        // bytes of the phases of this trial that are over
  std::uint64_t rest_ = 0;
  std::uint64_t frames_alone_ = 0;  // in a row, before the first trial
  std::int64_t spent_ns_ = 0;
  std::int64_t longest_ns_ = 0;
  std::int64_t begun_ns_ = 0;  // 0: none in this phase
  double in_force_ = 0;        // nanoseconds for a byte
};

}  // namespace zerobuffer::stream
