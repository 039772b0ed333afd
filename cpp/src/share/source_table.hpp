// The source table of a ring, as its writer keeps it: which other segments the descriptors of this ring name.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "buffer/segment.hpp"
#include "protocol/layout.hpp"

namespace zerobuffer::share {

using SegmentId = std::span<const std::uint8_t, 16>;

/// What a segment has to be called in a descriptor.
struct Named {
  std::uint32_t index = 0;
  std::uint32_t version = 0;  ///< 0: the table is full.
};

class SourceTable {
 public:
  /// Goes on with what a predecessor has left.
  explicit SourceTable(const buffer::Segment& segment) noexcept;

  /// The entry of this segment, which is written where there is none.
  /// @param passed whether every reader has passed a position: then an entry that was last used there may be taken
  template <class Passed>
  [[nodiscard]] Named name(SegmentId id, std::string_view name, Passed&& passed) noexcept {
    std::uint32_t candidate = 0;
    for (std::uint32_t i = 0; i < count_; ++i) {
      if (is(i, id)) return {i, entries_[i].version};
      if (used_before(i, candidate)) candidate = i;
    }
    if (count_ == 0) return {};
    if (entries_[candidate].version != 0 && !passed(entries_[candidate].last_end)) return {};
    write(candidate, id, name);
    return {candidate, entries_[candidate].version};
  }

  /// A descriptor that names it ends at `end`; stored before its publication.
  void used(std::uint32_t index, std::uint64_t end) noexcept;

 private:
  struct Entry {
    std::uint32_t version = 0;
    std::array<std::uint8_t, 16> id{};
    std::uint64_t last_end = 0;
  };

  [[nodiscard]] bool is(std::uint32_t index, SegmentId id) const noexcept;
  // Whether the one entry is a better place for another segment than the other.
  [[nodiscard]] bool used_before(std::uint32_t one, std::uint32_t other) const noexcept {
    if (entries_[other].version == 0) return false;
    return entries_[one].version == 0 || entries_[one].last_end < entries_[other].last_end;
  }
  void write(std::uint32_t index, SegmentId id, std::string_view name) noexcept;

  protocol::Oieb* oieb_;
  std::span<protocol::SourceEntry> shared_;
  std::uint32_t count_;
  std::array<Entry, protocol::max_sources> entries_;
};

}  // namespace zerobuffer::share
