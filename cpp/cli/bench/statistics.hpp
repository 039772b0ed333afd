// Medians, spreads and paired ratios of repeated measurements. Must not know what was measured.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace zerobuffer::cli::bench {

/// A sample of repetitions in five numbers.
struct Spread {
  double min = 0;
  double q1 = 0;
  double median = 0;
  double q3 = 0;
  double max = 0;
};

/// @param values at least one
[[nodiscard]] Spread spread_of(std::vector<double> values);

/// The shares at which a latency curve has its points; the last one is the longest of all.
inline constexpr std::array curve_shares{0.01, 0.1,   0.25,  0.5,    0.75,   0.9, 0.95,
                                         0.99, 0.995, 0.999, 0.9995, 0.9999, 1.0};

/// What single operations took, in nanoseconds; all zero where they were not timed. Can lie in shared memory.
struct Latency {
  double mean = 0;
  std::array<double, curve_shares.size()> curve{};

  [[nodiscard]] bool taken() const noexcept { return curve.back() != 0; }
  /// @param share one of curve_shares
  [[nodiscard]] double at(double share) const noexcept;
};

/// Durations of single operations, in ticks, collected without allocation while measuring.
class Durations {
 public:
  explicit Durations(std::size_t capacity) { ticks_.reserve(capacity); }
  void add(std::uint64_t ticks) noexcept {
    ticks_.push_back(static_cast<std::uint32_t>(std::min<std::uint64_t>(ticks, UINT32_MAX)));
  }
  void add(const Durations& others) { ticks_.insert(ticks_.end(), others.ticks_.begin(), others.ticks_.end()); }
  [[nodiscard]] bool full() const noexcept { return ticks_.size() == ticks_.capacity(); }
  /// The one added last, in ticks.
  [[nodiscard]] std::uint64_t last() const noexcept { return ticks_.back(); }
  [[nodiscard]] std::size_t count() const noexcept { return ticks_.size(); }
  void sort();
  /// Sorts, and sums up.
  [[nodiscard]] Latency latency();
  /// After sort(). In nanoseconds; inside a step of the counter it is interpolated by the share of equal values, since
  /// the counter's step can be as large as a tenth of what is measured.
  [[nodiscard]] double percentile(double share) const;
  [[nodiscard]] double mean() const;

 private:
  std::vector<std::uint32_t> ticks_;
};

}  // namespace zerobuffer::cli::bench
