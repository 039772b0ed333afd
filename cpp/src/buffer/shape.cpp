// The layout of a duplex segment, computed from its shape: door, ring control blocks, tables, then every ring's records
// on pages of their own, so that each can be mapped with the access that its user has.
#include "buffer/shape.hpp"

#include <algorithm>

namespace zerobuffer::buffer {
namespace {
using protocol::round_up;

constexpr std::uint32_t slots_per_ring = 2;  // the taker's; and in place the caller's own

std::uint64_t block(std::uint64_t capacity, std::uint64_t page) noexcept {
  return capacity == 0 ? 0 : round_up(capacity + protocol::payload_lead, page);
}
}  // namespace

Shape Shape::of(const DuplexConfig& config, bool in_place) noexcept {
  const auto in_place_capacity = [](std::uint64_t size) {
    return protocol::capacity_for(std::max(size, protocol::least_in_place_room));
  };
  Shape shape;
  shape.lanes = config.lanes;
  shape.in_place = in_place;
  shape.request_capacity =
      in_place ? in_place_capacity(config.request_size) : protocol::capacity_for(config.request_size);
  if (!in_place) {
    shape.response_capacity =
        protocol::capacity_for(std::max(config.response_size, protocol::least_in_place_room));  // an error text fits
  }
  if (config.callback_size != 0) shape.callback_capacity = in_place_capacity(config.callback_size);
  return shape;
}

DuplexLayout DuplexLayout::of(const Shape& shape, std::uint64_t page) noexcept {
  DuplexLayout layout;
  layout.page = page;
  layout.door_table_offset = std::uint64_t{shape.ring_count()} * protocol::oieb_size;
  layout.ring_tables_offset = layout.door_table_offset + shape.lanes * sizeof(protocol::ReaderSlot);
  const std::uint64_t tables = std::uint64_t{shape.ring_count() - 1} * slots_per_ring * sizeof(protocol::ReaderSlot);
  layout.payload_offset = round_up(layout.ring_tables_offset + tables, page);
  const std::uint64_t lane =
      block(shape.request_capacity, page) + block(shape.response_capacity, page) + block(shape.callback_capacity, page);
  layout.segment_size = layout.payload_offset + shape.lanes * lane;
  return layout;
}

RingPlace place_of_ring(const Shape& shape, const DuplexLayout& layout, std::uint32_t index) noexcept {
  const std::uint32_t lane = (index - 1) / shape.rings_per_lane();
  const std::uint32_t which = (index - 1) % shape.rings_per_lane();
  const std::uint64_t capacities[] = {shape.request_capacity,
                                      shape.response_capacity != 0 ? shape.response_capacity : shape.callback_capacity,
                                      shape.response_capacity != 0 ? shape.callback_capacity : 0};
  RingPlace place;
  place.capacity = capacities[which];
  place.payload_offset = layout.payload_offset + lane * ((layout.segment_size - layout.payload_offset) / shape.lanes);
  for (std::uint32_t i = 0; i < which; ++i) place.payload_offset += block(capacities[i], layout.page);
  place.payload_size = block(place.capacity, layout.page);
  place.table_offset =
      layout.ring_tables_offset + std::uint64_t{index - 1} * slots_per_ring * sizeof(protocol::ReaderSlot);
  const bool two_slots = shape.in_place || index == shape.callback_ring(lane);
  place.slots = two_slots ? slots_per_ring : 1;
  return place;
}

}  // namespace zerobuffer::buffer
