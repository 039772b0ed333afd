// See statistics.hpp.
#include "bench/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "bench/processor.hpp"

namespace zerobuffer::cli::bench {
namespace {

double quantile(const std::vector<double>& sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(std::floor(place));
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - static_cast<double>(below));
}

}  // namespace

Spread spread_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {values.front(), quantile(values, 0.25), quantile(values, 0.5), quantile(values, 0.75), values.back()};
}

double Latency::at(double share) const noexcept {
  return curve[static_cast<std::size_t>(std::find(curve_shares.begin(), curve_shares.end(), share) -
                                        curve_shares.begin())];
}

Latency Durations::latency() {
  sort();
  Latency latency;
  latency.mean = mean();
  for (std::size_t i = 0; i < curve_shares.size(); ++i) latency.curve[i] = percentile(curve_shares[i]);
  return latency;
}

void Durations::sort() { std::sort(ticks_.begin(), ticks_.end()); }

double Durations::percentile(double share) const {
  if (ticks_.empty()) return 0;
  const double place = share * static_cast<double>(ticks_.size());
  const std::uint32_t value = ticks_[std::min(static_cast<std::size_t>(place), ticks_.size() - 1)];
  const auto [first, last] = std::equal_range(ticks_.begin(), ticks_.end(), value);
  // The values counted as `value` lie between the middles to the neighbouring steps.
  const double below = first == ticks_.begin() ? value : (static_cast<double>(*(first - 1)) + value) / 2;
  const double above = last == ticks_.end() ? value : (static_cast<double>(*last) + value) / 2;
  const double inside = (place - static_cast<double>(first - ticks_.begin())) / static_cast<double>(last - first);
  return (below + (above - below) * std::min(inside, 1.0)) * nanoseconds_per_tick();
}

double Durations::mean() const {
  if (ticks_.empty()) return 0;
  return std::accumulate(ticks_.begin(), ticks_.end(), 0.0) / static_cast<double>(ticks_.size()) *
         nanoseconds_per_tick();
}

}  // namespace zerobuffer::cli::bench
