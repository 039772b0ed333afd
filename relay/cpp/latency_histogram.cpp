// See latency_histogram.hpp.
#include "latency_histogram.hpp"

#include <algorithm>
#include <bit>

namespace zerobuffer::relay {

void LatencyHistogram::add(std::uint64_t nanoseconds) noexcept {
  const auto width = static_cast<unsigned>(std::bit_width(nanoseconds));
  const unsigned shift =
      width > sub_bits + 1 ? width - sub_bits - 1 : 0;  // keeps the leading bit and sub_bits behind it
  ++buckets_[(std::uint64_t{shift} << sub_bits) + (nanoseconds >> shift)];
  ++count_;
  max_ = std::max(max_, nanoseconds);
}

nlohmann::ordered_json LatencyHistogram::to_json() const {
  if (count_ == 0) return nullptr;
  return {{"count", count_},
          {"p50", percentile_us(0.5)},
          {"p90", percentile_us(0.9)},
          {"p99", percentile_us(0.99)},
          {"max", static_cast<double>(max_) / 1000}};
}

double LatencyHistogram::percentile_us(double share) const noexcept {
  const double wanted = share * static_cast<double>(count_);
  double seen = 0;
  for (std::uint64_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    seen += static_cast<double>(buckets_[bucket]);
    if (buckets_[bucket] == 0 || seen < wanted) continue;
    const std::uint64_t shift = bucket >> sub_bits > 0 ? (bucket >> sub_bits) - 1 : 0;
    const std::uint64_t low = (bucket - (shift << sub_bits)) << shift;
    const std::uint64_t middle = low + ((std::uint64_t{1} << shift) >> 1);
    return static_cast<double>(std::min(middle, max_)) / 1000;
  }
  return static_cast<double>(max_) / 1000;
}

}  // namespace zerobuffer::relay
