// The shape of a duplex segment: how many lanes, which rings each has and how large they are. Everything else about its
// layout follows from these numbers, so that whoever attaches computes it anew and compares.
#pragma once

#include <cstddef>
#include <cstdint>

#include "protocol/layout.hpp"
#include "zerobuffer/duplex.hpp"

namespace zerobuffer::buffer {

struct Shape {
  std::uint32_t lanes = 0;  ///< 0: a stream, all else 0 too.
  bool in_place = false;
  std::uint64_t request_capacity = 0;
  std::uint64_t response_capacity = 0;  ///< 0 in place.
  std::uint64_t callback_capacity = 0;  ///< 0: none.

  [[nodiscard]] static Shape of(const DuplexConfig& config, bool in_place) noexcept;

  [[nodiscard]] std::uint32_t rings_per_lane() const noexcept {
    return 1 + (response_capacity != 0 ? 1U : 0U) + (callback_capacity != 0 ? 1U : 0U);
  }
  [[nodiscard]] std::uint32_t ring_count() const noexcept { return 1 + lanes * rings_per_lane(); }

  // Index of a lane's rings; the door is ring 0.
  [[nodiscard]] std::uint32_t request_ring(std::uint32_t lane) const noexcept { return 1 + lane * rings_per_lane(); }
  [[nodiscard]] std::uint32_t response_ring(std::uint32_t lane) const noexcept { return request_ring(lane) + 1; }
  [[nodiscard]] std::uint32_t callback_ring(std::uint32_t lane) const noexcept {
    return request_ring(lane) + (response_capacity != 0 ? 2 : 1);
  }

  friend bool operator==(const Shape&, const Shape&) = default;
};

/// Where the parts of one ring lie in the segment.
struct RingPlace {
  std::uint64_t capacity = 0;
  std::uint64_t payload_offset = 0;
  std::uint64_t payload_size = 0;
  std::uint64_t table_offset = 0;
  std::uint32_t slots = 0;
};

/// Where the blocks of a duplex segment lie.
struct DuplexLayout {
  std::uint64_t door_table_offset = 0;
  std::uint64_t ring_tables_offset = 0;
  std::uint64_t payload_offset = 0;  ///< Of the first ring: the control part ends here.
  std::uint64_t segment_size = 0;
  std::uint64_t page = protocol::page_size;  ///< Every ring's records begin on one.

  /// @param page protocol::page_size or protocol::huge_page_size
  [[nodiscard]] static DuplexLayout of(const Shape& shape, std::uint64_t page) noexcept;
};

/// Index 1 … ring_count − 1.
[[nodiscard]] RingPlace place_of_ring(const Shape& shape, const DuplexLayout& layout, std::uint32_t index) noexcept;

}  // namespace zerobuffer::buffer
