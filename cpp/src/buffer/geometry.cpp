// Planning and checking the layout of a segment.
#include "buffer/geometry.hpp"

#include <algorithm>
#include <cstddef>
#include <span>

#include "os/process.hpp"
#include "ring/atomics.hpp"

namespace zerobuffer::buffer {
namespace {
using protocol::round_up;
using Atomics = ring::NativeAtomics;

Failure invalid(const std::string& text) { return {Status::invalid_argument, "invalid configuration: " + text}; }

struct Block {
  const char* name;
  std::uint64_t offset;
  std::uint64_t size;
  std::uint64_t alignment;
};

// The door carries no records of its own: it has the least capacity, and the rings' records behind it.
Geometry plan(const Shape& shape, std::uint64_t page) noexcept {
  Geometry g;
  g.shape = shape;
  g.layout = DuplexLayout::of(shape, page);
  g.segment_size = g.layout.segment_size;
  g.capacity = protocol::record_alignment;
  g.payload_offset = g.layout.payload_offset;
  g.payload_size = g.segment_size - g.payload_offset;
  g.table_offset = g.layout.door_table_offset;
  g.max_readers = shape.lanes;
  g.table_size = g.max_readers * sizeof(protocol::ReaderSlot);
  g.metadata_offset = g.layout.ring_tables_offset;
  return g;
}

// A ring's own control block. Its slots belong to the lane, whoever has it, so they count from the beginning.
void write_ring(protocol::Oieb& door, const Geometry& g, std::uint32_t index) noexcept {
  const RingPlace place = place_of_ring(g.shape, g.layout, index);
  protocol::Oieb& oieb = (&door)[index];
  oieb.oieb_size = protocol::oieb_size;
  oieb.version[0] = protocol::version_major;
  oieb.version[1] = protocol::version_minor;
  oieb.magic = protocol::magic;
  oieb.segment_size = g.segment_size;
  oieb.ring_count = g.shape.ring_count();
  oieb.ring_index = index;
  oieb.payload_offset = place.payload_offset;
  oieb.max_readers = place.slots;
  oieb.capacity = place.capacity;
  oieb.payload_size = place.payload_size;
  oieb.reader_table_offset = place.table_offset;
  oieb.reader_table_size = place.slots * sizeof(protocol::ReaderSlot);
  oieb.counts[1].position = protocol::parked;
  auto* slots = reinterpret_cast<protocol::ReaderSlot*>(reinterpret_cast<std::byte*>(&door) + place.table_offset);
  for (std::uint32_t i = 0; i < place.slots; ++i) {
    slots[i].place = protocol::PlaceWord::of(protocol::SlotState::active, 1).bits;
  }
}

// What a duplex segment says about itself must be what its shape gives, to the byte.
Result<Geometry> read_duplex(const protocol::Oieb& door, const Geometry& found, std::uint32_t rings, bool in_place,
                             const std::string& what) {
  const auto corrupt = [&](const std::string& text) -> Result<Geometry> {
    return Failure(Status::corrupt, what + ": " + text);
  };
  const std::uint32_t lanes = found.max_readers;
  if (lanes == 0 || lanes > protocol::max_lanes) {
    return corrupt("it has " + std::to_string(lanes) + " lanes; it must be 1 to " +
                   std::to_string(protocol::max_lanes));
  }
  const std::uint32_t fixed = in_place ? 1 : 2;
  const std::uint32_t per_lane = rings == 0 ? 0 : (rings - 1) / lanes;
  if (rings != 1 + lanes * per_lane || per_lane < fixed || per_lane > fixed + 1) {
    return corrupt("ring_count is " + std::to_string(rings) + ", impossible with " + std::to_string(lanes) + " lanes");
  }
  Shape shape;
  shape.lanes = lanes;
  shape.in_place = in_place;
  std::uint64_t capacities[3] = {};
  for (std::uint32_t i = 0; i < per_lane; ++i) {
    capacities[i] = Atomics::load_relaxed((&door)[1 + i].capacity);
    if (capacities[i] < protocol::record_alignment || capacities[i] % protocol::record_alignment != 0 ||
        capacities[i] > protocol::max_capacity) {
      return corrupt("capacity of ring " + std::to_string(1 + i) + " is " + std::to_string(capacities[i]));
    }
  }
  shape.request_capacity = capacities[0];
  if (!in_place) shape.response_capacity = capacities[1];
  if (per_lane > fixed) shape.callback_capacity = capacities[fixed];
  for (const std::uint64_t page : {protocol::page_size, protocol::huge_page_size}) {
    const Geometry expected = plan(shape, page);
    if (expected.segment_size == found.segment_size && expected.payload_offset == found.payload_offset &&
        expected.table_offset == found.table_offset) {
      return expected;
    }
  }
  return corrupt("its size and offsets do not belong to " + std::to_string(lanes) + " lanes of these capacities");
}
}  // namespace

Result<void> check_config(const DuplexConfig& config) {
  const auto number = [](auto value) { return std::to_string(value); };
  const auto check_size = [&](const char* name, std::uint64_t size, bool may_be_zero) -> Result<void> {
    if (size == 0 && !may_be_zero) return invalid(std::string(name) + " is 0; it is a number of bytes, at least 1");
    if (size > protocol::max_capacity - protocol::header_size) {
      return invalid(std::string(name) + " is " + number(size) + "; at most " +
                     number(protocol::max_capacity - protocol::header_size) + " bytes are possible");
    }
    return {};
  };
  if (auto done = check_size("request_size", config.request_size, false); !done) return done;
  if (auto done = check_size("response_size", config.response_size, false); !done) return done;
  if (auto done = check_size("callback_size", config.callback_size, true); !done) return done;
  if (config.lanes == 0 || config.lanes > protocol::max_lanes) {
    return invalid("lanes is " + number(config.lanes) + "; it must be 1 to " + number(protocol::max_lanes));
  }
  if (config.max_held == 0 || config.max_held > 65'536) {
    return invalid("max_held is " + number(config.max_held) + "; it must be 1 to 65536");
  }
  if (config.spin_pauses > 100'000'000)
    return invalid("spin_pauses is " + number(config.spin_pauses) + "; at most 100000000");
  if (config.wait > WaitPolicy::block) return invalid("wait has a value that its enumeration does not have");
  return {};
}

Result<void> check_config(const BufferConfig& config) {
  const auto number = [](auto value) { return std::to_string(value); };
  if (config.payload_size == 0)
    return invalid("payload_size is 0; it is the size of the largest frame in bytes, at least 1");
  if (config.payload_size > protocol::max_capacity - protocol::header_size) {
    return invalid("payload_size is " + number(config.payload_size) + "; at most " +
                   number(protocol::max_capacity - protocol::header_size) + " bytes are possible");
  }
  if (config.metadata_size > protocol::max_metadata_size) {
    return invalid("metadata_size is " + number(config.metadata_size) + "; at most " +
                   number(protocol::max_metadata_size) + " bytes are possible");
  }
  if (config.max_readers == 0 || config.max_readers > protocol::max_readers) {
    return invalid("max_readers is " + number(config.max_readers) + "; it must be 1 to " +
                   number(protocol::max_readers));
  }
  if (config.share_slots > protocol::max_share_slots) {
    return invalid("share_slots is " + number(config.share_slots) + "; it must be 0 to " +
                   number(protocol::max_share_slots));
  }
  if (config.burst_size > protocol::capacity_for(config.payload_size)) {
    return invalid("burst_size is " + number(config.burst_size) + ", more than the ring's " +
                   number(protocol::capacity_for(config.payload_size)) + " bytes");
  }
  if (config.max_held == 0 || config.max_held > 65'536) {
    return invalid("max_held is " + number(config.max_held) + "; it must be 1 to 65536 frames");
  }
  if (config.acknowledge.frames == 0) return invalid("acknowledge.frames is 0; it must be at least 1");
  if (config.acknowledge.interval.count() < 0) return invalid("acknowledge.interval is negative");
  if (config.spin_pauses > 100'000'000)
    return invalid("spin_pauses is " + number(config.spin_pauses) + "; at most 100000000");
  if (config.full > FullPolicy::drop || config.wait > WaitPolicy::block || config.join > JoinAt::resume) {
    return invalid("full, wait or join has a value that its enumeration does not have");
  }
  return {};
}

Geometry plan(const BufferConfig& config) noexcept {
  Geometry g;
  g.capacity = protocol::capacity_for(config.payload_size);
  g.max_readers = config.max_readers;
  g.table_offset = protocol::oieb_size;
  g.share_slots = config.share_slots;
  g.table_size = (g.max_readers + g.share_slots) * sizeof(protocol::ReaderSlot);
  g.metadata_offset = round_up(g.table_offset + g.table_size, protocol::block_alignment);
  g.metadata_size = config.metadata_size;
  const std::uint64_t page = config.huge_pages ? protocol::huge_page_size : protocol::page_size;
  std::uint64_t control_end = g.metadata_offset + g.metadata_size;
  if (g.share_slots != 0) {
    g.source_table_offset = round_up(control_end, protocol::block_alignment);
    g.source_table_size = protocol::max_sources * sizeof(protocol::SourceEntry);
    control_end = g.source_table_offset + g.source_table_size;
  }
  g.payload_offset = round_up(control_end, page);
  g.payload_size = round_up(g.capacity + protocol::payload_lead, page);
  g.segment_size = g.payload_offset + g.payload_size;
  return g;
}

Geometry plan(const DuplexConfig& config, bool in_place) noexcept {
  return plan(Shape::of(config, in_place), config.huge_pages ? protocol::huge_page_size : protocol::page_size);
}

void write_identity(protocol::Oieb& oieb, const Geometry& g) noexcept {
  oieb.oieb_size = protocol::oieb_size;
  oieb.version[0] = protocol::version_major;
  oieb.version[1] = protocol::version_minor;
  oieb.segment_size = g.segment_size;
  oieb.ring_count = g.shape.ring_count();
  oieb.ring_index = 0;
  oieb.feature_flags = g.shape.lanes == 0 ? (g.share_slots != 0 ? protocol::feature::payload_sharing : 0)
                       : g.shape.in_place ? protocol::feature::duplex_in_place
                                          : protocol::feature::duplex_immutable;
  oieb.metadata_offset = g.metadata_offset;
  oieb.metadata_size = g.metadata_size;
  oieb.payload_offset = g.payload_offset;
  oieb.max_readers = g.max_readers;
  oieb.capacity = g.capacity;
  oieb.payload_size = g.payload_size;
  oieb.reader_table_offset = g.table_offset;
  oieb.reader_table_size = g.table_size;
  oieb.share_slots = g.share_slots;
  oieb.source_table_offset = g.source_table_offset;
  oieb.source_table_size = g.source_table_size;
  // the second entry belongs to no position that write_pos can have
  oieb.counts[1].position = protocol::parked;
  os::fill_random(oieb.segment_id);
  for (std::uint32_t i = 1; i < g.shape.ring_count(); ++i) write_ring(oieb, g, i);
  Atomics::store_release(oieb.magic, protocol::magic);  // last: until then is_blank() says that this is unfinished
}

bool is_blank(const protocol::Oieb& oieb) noexcept {
  return Atomics::load_acquire(oieb.magic) == 0 &&
         Atomics::load_acquire(oieb.state) == static_cast<std::uint32_t>(protocol::SegmentState::initialising);
}

Result<void> check_magic(const protocol::Oieb& oieb, const std::string& what) {
  const std::uint32_t first_word = Atomics::load_relaxed(oieb.oieb_size);
  if (first_word != protocol::oieb_size) {
    return Failure(Status::incompatible, what + " does not begin like a ZeroBuffer segment (its first word is " +
                                             std::to_string(first_word) + ", not 1024)");
  }
  const auto major = Atomics::load_relaxed(oieb.version[0]);
  if (major != protocol::version_major) {
    return Failure(Status::incompatible, what + " has protocol version " + std::to_string(major) + "." +
                                             std::to_string(Atomics::load_relaxed(oieb.version[1])) +
                                             ", this library speaks version 2; use the same version on both sides");
  }
  if (Atomics::load_relaxed(oieb.magic) != protocol::magic) {
    return Failure(Status::incompatible, what + " does not have the magic number of a ZeroBuffer segment");
  }
  return {};
}

Result<Geometry> read_geometry(const protocol::Oieb& oieb, std::uint64_t file_size, const std::string& what) {
  if (auto known = check_magic(oieb, what); !known) return known.take_failure();
  const std::uint64_t features = Atomics::load_relaxed(oieb.feature_flags);
  if ((features & ~protocol::feature::supported) != 0) {
    return Failure(Status::incompatible,
                   what + " uses features that this version does not know (flags " + std::to_string(features) + ")");
  }
  Geometry g;
  g.segment_size = Atomics::load_relaxed(oieb.segment_size);
  g.capacity = Atomics::load_relaxed(oieb.capacity);
  g.payload_offset = Atomics::load_relaxed(oieb.payload_offset);
  g.payload_size = Atomics::load_relaxed(oieb.payload_size);
  g.metadata_offset = Atomics::load_relaxed(oieb.metadata_offset);
  g.metadata_size = Atomics::load_relaxed(oieb.metadata_size);
  g.table_offset = Atomics::load_relaxed(oieb.reader_table_offset);
  g.table_size = Atomics::load_relaxed(oieb.reader_table_size);
  g.max_readers = Atomics::load_relaxed(oieb.max_readers);
  g.share_slots = Atomics::load_relaxed(oieb.share_slots);

  const auto corrupt = [&](const std::string& text) -> Result<Geometry> {
    return Failure(Status::corrupt, what + ": " + text);
  };
  const auto number = [](std::uint64_t value) { return std::to_string(value); };
  const std::uint32_t rings = Atomics::load_relaxed(oieb.ring_count);
  const std::uint64_t duplex = features & (protocol::feature::duplex_immutable | protocol::feature::duplex_in_place);
  if ((duplex == 0 && rings != 1) || Atomics::load_relaxed(oieb.ring_index) != 0) {
    return corrupt("ring_count is " + number(rings) + ", a stream has one ring, of index 0");
  }
  if (g.segment_size > file_size) {
    return corrupt("segment_size is " + number(g.segment_size) + " but the file has " + number(file_size) + " bytes");
  }
  if (duplex != 0) {
    if (features != protocol::feature::duplex_immutable && features != protocol::feature::duplex_in_place)
      return corrupt("feature_flags is " + number(features) + ", which exclude each other");
    return read_duplex(oieb, g, rings, features == protocol::feature::duplex_in_place, what);
  }
  if (g.capacity < protocol::record_alignment || g.capacity % protocol::record_alignment != 0 ||
      g.capacity > protocol::max_capacity) {
    return corrupt("capacity is " + number(g.capacity) + "; it must be a multiple of 64 from 64 to " +
                   number(protocol::max_capacity));
  }
  if (g.payload_size < g.capacity + protocol::payload_lead) {
    return corrupt("payload_size is " + number(g.payload_size) +
                   ", less than capacity + 32 = " + number(g.capacity + protocol::payload_lead));
  }
  if (g.max_readers == 0 || g.max_readers > protocol::max_readers) {
    return corrupt("max_readers is " + number(g.max_readers) + "; it must be 1 to 64");
  }
  const bool shares = (features & protocol::feature::payload_sharing) != 0;
  if (!shares && g.share_slots != 0)
    return corrupt("share_slots is " + number(g.share_slots) + " without the feature that uses them");
  if (shares && (g.share_slots == 0 || g.share_slots > protocol::max_share_slots)) {
    return corrupt("share_slots is " + number(g.share_slots) + "; it must be 1 to 64 where payloads are shared");
  }
  if (g.table_size < (std::uint64_t{g.max_readers} + g.share_slots) * sizeof(protocol::ReaderSlot)) {
    return corrupt("reader_table_size is " + number(g.table_size) + ", too small for " + number(g.max_readers) +
                   " readers and " + number(g.share_slots) + " pins");
  }
  if (shares) {
    g.source_table_offset = Atomics::load_relaxed(oieb.source_table_offset);
    g.source_table_size = Atomics::load_relaxed(oieb.source_table_size);
    if (g.source_table_size < protocol::max_sources * sizeof(protocol::SourceEntry)) {
      return corrupt("source_table_size is " + number(g.source_table_size) + ", too small for " +
                     number(protocol::max_sources) + " sources");
    }
  }
  Block all[] = {{"reader table", g.table_offset, g.table_size, protocol::block_alignment},
                 {"metadata", g.metadata_offset, g.metadata_size, protocol::block_alignment},
                 {"payload", g.payload_offset, g.payload_size, protocol::page_size},
                 {"source table", g.source_table_offset, g.source_table_size, protocol::block_alignment}};
  const std::span blocks(all, shares ? 4 : 3);
  for (const Block& block : blocks) {
    if (block.offset % block.alignment != 0)
      return corrupt(std::string(block.name) + " block is not aligned: offset " + number(block.offset));
    if (block.offset < protocol::oieb_size || block.offset > g.segment_size ||
        block.size > g.segment_size - block.offset) {
      return corrupt(std::string(block.name) + " block at " + number(block.offset) + " of " + number(block.size) +
                     " bytes lies outside the segment of " + number(g.segment_size));
    }
  }
  std::sort(blocks.begin(), blocks.end(), [](const Block& a, const Block& b) { return a.offset < b.offset; });
  for (std::size_t i = 1; i < blocks.size(); ++i) {
    if (blocks[i - 1].offset + blocks[i - 1].size > blocks[i].offset) {
      return corrupt(std::string(blocks[i - 1].name) + " and " + blocks[i].name + " blocks overlap");
    }
  }
  if (blocks.back().offset != g.payload_offset) return corrupt("the payload block is not the last one");
  return g;
}

}  // namespace zerobuffer::buffer
