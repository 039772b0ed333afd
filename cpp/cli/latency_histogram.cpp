// See latency_histogram.hpp.
#include "latency_histogram.hpp"

#include <algorithm>
#include <bit>

namespace zerobuffer::cli {

void LatencyHistogram::add(std::uint64_t nanoseconds) noexcept {
  ++buckets_[bucket_of(nanoseconds)];
  ++count_;
  max_ = std::max(max_, nanoseconds);
}

std::uint64_t LatencyHistogram::percentile(double share) const noexcept {
  const double wanted = share * static_cast<double>(count_);
  double seen = 0;
  for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    seen += static_cast<double>(buckets_[bucket]);
    if (buckets_[bucket] != 0 && seen >= wanted) return std::min(middle_of(bucket), max_);
  }
  return max_;
}

std::size_t LatencyHistogram::bucket_of(std::uint64_t nanoseconds) noexcept {
  const unsigned width = static_cast<unsigned>(std::bit_width(nanoseconds));
  if (width <= sub_bits) return static_cast<std::size_t>(nanoseconds);
  const unsigned shift = width - sub_bits - 1;  // keeps the leading bit and sub_bits behind it
  const std::uint64_t sub = (nanoseconds >> shift) & ((1u << sub_bits) - 1);
  return (static_cast<std::size_t>(shift + 1) << sub_bits) + static_cast<std::size_t>(sub);
}

std::uint64_t LatencyHistogram::middle_of(std::size_t bucket) noexcept {
  const std::size_t row = bucket >> sub_bits;
  if (row == 0) return bucket;
  const unsigned shift = static_cast<unsigned>(row) - 1;
  const std::uint64_t low = ((std::uint64_t{1} << sub_bits) + (bucket & ((1u << sub_bits) - 1))) << shift;
  return low + ((std::uint64_t{1} << shift) >> 1);
}

}  // namespace zerobuffer::cli
