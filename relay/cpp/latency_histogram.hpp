// Counts durations in buckets that grow with them (64 per power of two: within 1.6 %), so that any number of frames
// takes the same memory. Must not know where the durations come from.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>

namespace zerobuffer::relay {

class LatencyHistogram {
 public:
  void add(std::uint64_t nanoseconds) noexcept;
  /// {"count", "p50", "p90", "p99", "max"} in microseconds; null where nothing was added.
  [[nodiscard]] nlohmann::ordered_json to_json() const;

 private:
  static constexpr unsigned sub_bits = 6;
  [[nodiscard]] double percentile_us(double share) const noexcept;

  std::array<std::uint64_t, (64 - sub_bits + 1) << sub_bits> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace zerobuffer::relay
