// Counts durations in buckets that grow with them (64 per power of two: within 1.6 %), so that any number of frames
// takes the same memory. Must not know where the durations come from.
#pragma once

#include <array>
#include <cstdint>

namespace zerobuffer::cli {

class LatencyHistogram {
 public:
  void add(std::uint64_t nanoseconds) noexcept;
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t max() const noexcept { return max_; }
  /// @param share 0.5 for the median. @return nanoseconds; 0 where nothing was added
  [[nodiscard]] std::uint64_t percentile(double share) const noexcept;

 private:
  static constexpr unsigned sub_bits = 6;
  [[nodiscard]] static std::size_t bucket_of(std::uint64_t nanoseconds) noexcept;
  [[nodiscard]] static std::uint64_t middle_of(std::size_t bucket) noexcept;

  std::array<std::uint64_t, (64 - sub_bits + 1) << sub_bits> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace zerobuffer::cli
