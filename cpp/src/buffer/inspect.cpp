// Looking at segments from outside: list, dump and clean. Maps a segment read-only, takes no place, trusts nothing.
#include "zerobuffer/inspect.hpp"

#include <algorithm>
#include <cstring>

#include "buffer/machine.hpp"
#include "buffer/segment.hpp"
#include "ring/header.hpp"
#include "ring/slots.hpp"
#include "ring/writer.hpp"

namespace zerobuffer {
namespace {
using buffer::Machine;
using protocol::PlaceWord;
using Slots = ring::Slots<Machine>;

constexpr std::size_t most_records = 1000;

std::string segment_state_name(std::uint32_t state) {
  switch (static_cast<protocol::SegmentState>(state)) {
    case protocol::SegmentState::initialising:
      return "initialising";
    case protocol::SegmentState::ready:
      return "ready";
    case protocol::SegmentState::retired:
      return "retired";
  }
  return "impossible (" + std::to_string(state) + ")";
}

std::string slot_state_name(PlaceWord place) {
  switch (place.slot_state()) {
    case protocol::SlotState::free:
      return "free";
    case protocol::SlotState::joining:
      return "joining";
    case protocol::SlotState::active:
      return "active";
    case protocol::SlotState::closing:
      return "closing";
    case protocol::SlotState::broken:
      return "broken";
  }
  return "impossible (" + std::to_string(place.state_bits()) + ")";
}

std::string writer_state_name(PlaceWord place) {
  switch (place.writer_state()) {
    case protocol::WriterState::never:
      return "never";
    case protocol::WriterState::attached:
      return "attached";
    case protocol::WriterState::closed:
      return "closed";
  }
  return "impossible (" + std::to_string(place.state_bits()) + ")";
}

std::string hexadecimal(const std::uint8_t (&bytes)[16]) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t& byte : bytes) {
    const std::uint8_t value = Machine::load_relaxed(byte);
    text += digits[value >> 4];
    text += digits[value & 15];
  }
  return text;
}

// Follows the records from `position` to write_pos as far as they make sense.
void follow_records(BufferState& state, const std::byte* records, std::uint64_t position) {
  while (position != state.write_pos && state.records.size() < most_records) {
    const std::uint64_t offset = ring::offset_of(position, state.origin_pos, state.capacity);
    const protocol::RecordHeader header = ring::load_header<Machine>(records + offset);
    const std::uint64_t length = std::uint64_t{header.extent} * protocol::record_alignment;
    if (length == 0 || length > state.capacity - offset || length > state.write_pos - position) {
      // overwritten while we looked, or corrupt: only a writer that stands still makes the difference
      state.problem =
          "the record at position " + std::to_string(position) + " has the impossible length " + std::to_string(length);
      return;
    }
    state.records.push_back({.position = position,
                             .length = length,
                             .size = header.size,
                             .sequence = header.sequence,
                             .tag = header.tag,
                             .type = header.type,
                             .padding = (header.flags & protocol::record_flag::padding) != 0});
    if (header.flags == protocol::record_flag::shared_descriptor && length == protocol::record_length(header.size) &&
        header.size == sizeof(protocol::Descriptor)) {
      protocol::Descriptor descriptor;
      std::memcpy(&descriptor, records + offset + protocol::header_size, sizeof descriptor);
      RecordState& record = state.records.back();
      record.shared = true;
      record.size = descriptor.size;
      record.source = descriptor.source;
      record.source_position = descriptor.position;
      record.source_sequence = descriptor.sequence;
    }
    position += length;
  }
}

ParticipantState writer_state(const protocol::Oieb& oieb, const os::LockFile& locks) {
  const PlaceWord place{Machine::load_acquire(oieb.writer_place)};
  ParticipantState writer;
  writer.epoch = place.epoch();
  writer.pid = Machine::load_relaxed(oieb.writer_pid);
  writer.state = writer_state_name(place);
  switch (place.writer_state()) {
    case protocol::WriterState::attached:
      writer.presence = locks.held_by_other(protocol::lock_base) ? Presence::attached : Presence::dead;
      break;
    case protocol::WriterState::closed:
      writer.presence = Presence::closed;
      break;
    default:
      writer.presence = Presence::never_attached;
  }
  return writer;
}

void read_participants(BufferState& state, const protocol::Oieb& oieb, const protocol::ReaderSlot* slots,
                       const os::LockFile& locks) {
  state.writer = writer_state(oieb, locks);
  const std::uint64_t waiting = Machine::load_relaxed(oieb.readers_waiting);
  for (std::uint32_t i = 0; i < state.max_readers; ++i) {
    const protocol::ReaderSlot& slot = slots[i];
    const PlaceWord place = Slots::place(slot);
    ReaderState reader;
    reader.slot = i;
    reader.epoch = place.epoch();
    reader.pid = Machine::load_relaxed(slot.pid);
    reader.state = slot_state_name(place);
    reader.read_pos = Machine::load_acquire(slot.read_pos);
    reader.read_count = Machine::load_relaxed(slot.read_count);
    reader.lost = Machine::load_relaxed(slot.lost);
    reader.skipped = Machine::load_relaxed(slot.skipped);
    reader.waiting = (waiting >> i & 1) != 0;
    if (place.slot_state() != protocol::SlotState::free) {
      reader.presence = locks.held_by_other(protocol::lock_base + 1 + i) ? Presence::attached : Presence::dead;
      const std::uint64_t behind = state.write_pos - reader.read_pos;
      if (behind <= state.capacity) reader.unread_bytes = behind;
    } else if (place.epoch() != 0) {
      reader.presence = Presence::closed;
    }
    state.readers.push_back(reader);
  }
}

void read_sharing(BufferState& state, const protocol::ReaderSlot* pins, const protocol::SourceEntry* sources,
                  const os::LockFile& locks) {
  for (std::uint32_t i = 0; i < state.share_slots; ++i) {
    const PlaceWord place = Slots::place(pins[i]);
    if (place.epoch() == 0) continue;
    PinState pin;
    pin.slot = i;
    pin.epoch = place.epoch();
    pin.pid = Machine::load_relaxed(pins[i].pid);
    pin.state = slot_state_name(place);
    pin.pinned_for = hexadecimal(pins[i].pinned_for);
    pin.presence = Presence::closed;
    if (place.slot_state() != protocol::SlotState::free) {
      const bool lives = locks.held_by_other(protocol::lock_base + 1 + state.max_readers + i);
      pin.presence = lives ? Presence::attached : Presence::dead;
      const std::uint64_t position = Machine::load_acquire(pins[i].read_pos);
      pin.holds = position != protocol::parked;
      if (pin.holds) pin.position = position;
    }
    state.pins.push_back(pin);
  }
  for (std::uint32_t i = 0; i < protocol::max_sources; ++i) {
    const std::uint32_t version = Machine::load_acquire(sources[i].version);
    const std::uint32_t size = Machine::load_relaxed(sources[i].name_size);
    if (version == 0 || size > sizeof sources[i].name) continue;
    SourceState source;
    source.index = i;
    source.version = version;
    for (std::uint32_t j = 0; j < size; ++j)
      source.name += static_cast<char>(Machine::load_relaxed(sources[i].name[j]));
    if (!os::check_name(source.name)) source.name.clear();  // being written, or corrupt: nothing to print
    source.segment_id = hexadecimal(sources[i].segment_id);
    source.last_pos = Machine::load_relaxed(sources[i].last_pos);
    state.sources.push_back(source);
  }
}

std::uint64_t oldest_needed(const BufferState& state) {
  std::uint64_t used = 0;
  bool any = false;
  for (const ReaderState& reader : state.readers) {
    if (reader.presence != Presence::attached && reader.presence != Presence::dead) continue;
    any = true;
    used = std::max(used, reader.unread_bytes);
  }
  if (!any)
    used = state.write_pos - std::max(state.reclaim_pos, state.write_pos - std::min(state.write_pos, state.capacity));
  return state.write_pos - std::min(used, std::min(state.capacity, state.write_pos));
}
// What lies between the answerer's position and the caller's, in a ring of a lane.
struct Requests {
  std::uint64_t sent = 0;
  std::uint64_t waiting = 0;
  std::uint64_t begun = 0;
  std::uint64_t sent_pos = 0;
  std::uint64_t answered_pos = 0;
  std::string problem;
};

Requests follow_requests(const std::byte* segment, const buffer::Geometry& geometry, std::uint32_t ring,
                         bool in_place) {
  const buffer::RingPlace place = buffer::place_of_ring(geometry.shape, geometry.layout, ring);
  const auto& oieb = reinterpret_cast<const protocol::Oieb*>(segment)[ring];
  const auto& answerer = *reinterpret_cast<const protocol::ReaderSlot*>(segment + place.table_offset);
  const std::byte* const records = segment + place.payload_offset + protocol::payload_lead;
  const std::uint64_t mark = Machine::load_relaxed(answerer.read_count);
  const std::uint64_t origin = Machine::load_acquire(oieb.origin_pos);  // first: it is never beyond what is unread
  Requests found;
  found.answered_pos = Machine::load_acquire(answerer.read_pos);
  found.sent_pos = Machine::load_acquire(oieb.write_pos);
  const bool first = Machine::load_relaxed(oieb.counts[0].position) == found.sent_pos;
  found.sent = Machine::load_relaxed(oieb.counts[first ? 0 : 1].count);
  const std::uint64_t unread = found.sent_pos - found.answered_pos;
  if (unread > place.capacity || origin > found.answered_pos ||
      (found.sent_pos | found.answered_pos | origin) % protocol::record_alignment != 0) {
    found.problem = "the positions of ring " + std::to_string(ring) + " do not fit together";
    return found;
  }
  for (std::uint64_t at = found.answered_pos; at != found.sent_pos && found.waiting < most_records;) {
    const std::uint64_t offset = ring::offset_of(at, origin, place.capacity);
    const protocol::RecordHeader header = ring::load_header<Machine>(records + offset);
    const std::uint64_t length = std::uint64_t{header.extent} * protocol::record_alignment;
    if (length == 0 || length > place.capacity - offset || length > found.sent_pos - at) {
      found.problem = "the record at position " + std::to_string(at) + " of ring " + std::to_string(ring) +
                      " has the impossible length " + std::to_string(length);
      break;
    }
    at += length;
    if ((header.flags & protocol::record_flag::padding) != 0) continue;
    ++found.waiting;
    found.begun += (in_place ? (header.flags & protocol::record_flag::in_place) != 0 : header.sequence <= mark) ? 1 : 0;
  }
  if (Machine::load_acquire(oieb.origin_pos) != origin) found.problem.clear();  // begun anew while we looked
  return found;
}

LaneState read_lane(const std::byte* segment, const buffer::Geometry& geometry, std::uint32_t index,
                    const os::LockFile& locks) {
  const buffer::Shape& shape = geometry.shape;
  const auto& slot = reinterpret_cast<const protocol::ReaderSlot*>(segment + geometry.table_offset)[index];
  const PlaceWord place = Slots::place(slot);
  LaneState lane;
  lane.lane = index;
  lane.epoch = place.epoch();
  lane.pid = Machine::load_relaxed(slot.pid);
  lane.state = slot_state_name(place);
  lane.client = Machine::load_acquire(slot.client);
  if (place.slot_state() == protocol::SlotState::free) {
    lane.presence = place.epoch() != 0 ? Presence::closed : Presence::never_attached;
  } else {
    const std::uint64_t byte = protocol::lock_base + protocol::lock_stride * (1 + std::uint64_t{index});
    lane.presence = locks.held_by_other(byte) ? Presence::attached : Presence::dead;
  }
  const Requests requests = follow_requests(segment, geometry, shape.request_ring(index), shape.in_place);
  lane.sent = requests.sent;
  lane.waiting = requests.waiting;
  lane.begun = requests.begun;
  lane.answered = requests.sent - std::min(requests.sent, requests.waiting);
  lane.sent_pos = requests.sent_pos;
  lane.answered_pos = requests.answered_pos;
  lane.problem = requests.problem;
  const std::uint32_t answers = shape.in_place ? shape.request_ring(index) : shape.response_ring(index);
  const buffer::RingPlace there = buffer::place_of_ring(shape, geometry.layout, answers);
  const auto* slots = reinterpret_cast<const protocol::ReaderSlot*>(segment + there.table_offset);
  lane.let_go_pos = Machine::load_acquire(slots[shape.in_place ? 1 : 0].read_pos);
  if (shape.callback_capacity != 0) {
    const Requests calls = follow_requests(segment, geometry, shape.callback_ring(index), true);
    lane.calls_sent = calls.sent;
    lane.calls_waiting = calls.waiting;
    if (lane.problem.empty()) lane.problem = calls.problem;
  }
  return lane;
}

// A duplex channel. What one lane's client has garbled is that lane's problem.
void read_duplex(BufferState& state, const std::byte* segment, const buffer::Geometry& geometry,
                 const os::LockFile& locks) {
  const auto& door = *reinterpret_cast<const protocol::Oieb*>(segment);
  const buffer::Shape& shape = geometry.shape;
  state.kind = shape.in_place ? "mutable duplex" : "immutable duplex";
  state.segment_size = geometry.segment_size;
  state.capacity = shape.request_capacity;
  state.max_frame_size = shape.request_capacity - protocol::header_size;
  state.max_readers = shape.lanes;
  state.segment_id = hexadecimal(door.segment_id);
  state.stale = !locks.held_by_other(protocol::lock_base, 0);
  state.writer = writer_state(door, locks);
  const std::uint32_t used = std::min(Machine::load_acquire(door.lanes_used), shape.lanes);
  for (std::uint32_t i = 0; i < used; ++i) {
    state.lanes.push_back(read_lane(segment, geometry, i, locks));
    state.frames += state.lanes.back().sent;
  }
}
}  // namespace

std::string_view to_string(Presence presence) noexcept {
  switch (presence) {
    case Presence::never_attached:
      return "never attached";
    case Presence::attached:
      return "attached";
    case Presence::closed:
      return "closed";
    case Presence::dead:
      return "dead";
  }
  return "unknown";
}

Result<std::vector<std::string>> list_buffers() {
  auto names = os::list_names();
  if (!names) return names;
  std::vector<std::string> buffers;
  for (const std::string& name : *names) {
    auto file = os::open_existing(name);
    if (!file) continue;
    auto identity = file->identity();
    if (!identity || identity->size < protocol::oieb_size) continue;
    auto head = os::Mapping::map(*file, 0, protocol::oieb_size, os::Access::read_only);
    if (head && buffer::check_magic(*reinterpret_cast<const protocol::Oieb*>(head->data()), name))
      buffers.push_back(name);
  }
  return buffers;
}

Result<BufferState> dump_state(std::string_view name) {
  if (auto valid = os::check_name(name); !valid) return valid.take_failure();
  auto file = os::open_existing(name);
  if (!file) return file.take_failure();
  auto identity = file->identity();
  if (!identity) return identity.take_failure();
  const std::string what = "buffer \"" + std::string(name) + "\"";
  if (identity->size < protocol::oieb_size) {
    return Failure(Status::incompatible,
                   what + " has " + std::to_string(identity->size) + " bytes and is no ZeroBuffer segment");
  }
  auto head = os::Mapping::map(*file, 0, protocol::oieb_size, os::Access::read_only);
  if (!head) return head.take_failure();
  const auto& oieb = *reinterpret_cast<const protocol::Oieb*>(head->data());
  if (auto known = buffer::check_magic(oieb, what); !known) return known.take_failure();

  BufferState state;
  state.name = name;
  state.file_size = identity->size;
  state.allocated_bytes = identity->allocated;
  const std::uint32_t segment_state = Machine::load_acquire(oieb.state);
  state.state = segment_state_name(segment_state);
  if (segment_state == static_cast<std::uint32_t>(protocol::SegmentState::initialising)) {
    state.problem = "the segment is not complete";
    return state;
  }
  auto geometry = buffer::read_geometry(oieb, identity->size, what);
  if (!geometry) {
    state.problem = geometry.failure().message();
    return state;
  }
  auto all = os::Mapping::map(*file, 0, geometry->segment_size, os::Access::read_only);
  if (!all) return all.take_failure();
  auto locks = os::LockFile::open(*file);
  if (!locks) return locks.take_failure();

  if (geometry->shape.lanes != 0) {
    read_duplex(state, all->data(), *geometry, *locks);
    return state;
  }
  state.segment_size = geometry->segment_size;
  state.capacity = geometry->capacity;
  state.max_frame_size = geometry->capacity - protocol::header_size;
  state.metadata_size = geometry->metadata_size;
  state.max_readers = geometry->max_readers;
  state.share_slots = geometry->share_slots;
  state.segment_id = hexadecimal(oieb.segment_id);
  state.metadata_used = Machine::load_relaxed(oieb.metadata_used);
  const std::uint64_t metadata_version = Machine::load_relaxed(oieb.metadata_version);
  state.metadata_written = metadata_version != 0 && metadata_version % 2 == 0;
  state.origin_pos = Machine::load_acquire(oieb.origin_pos);  // first: it is never beyond what is needed
  state.write_pos = Machine::load_acquire(oieb.write_pos);
  state.reclaim_pos = Machine::load_relaxed(oieb.reclaim_pos);
  const bool first = Machine::load_relaxed(oieb.counts[0].position) == state.write_pos;
  state.frames = Machine::load_relaxed(oieb.counts[first ? 0 : 1].count);
  state.dropped = Machine::load_relaxed(oieb.dropped);
  state.wraps = Machine::load_relaxed(oieb.wraps);
  state.blocked_count = Machine::load_relaxed(oieb.blocked_count);
  state.blocked_ns = Machine::load_relaxed(oieb.blocked_ns);
  state.readers_lost = Machine::load_relaxed(oieb.readers_lost);
  state.writer_waiting = Machine::load_relaxed(oieb.writer_waiting) != 0;
  state.stale = !locks->held_by_other(protocol::lock_base, 0);
  read_participants(state, oieb, reinterpret_cast<const protocol::ReaderSlot*>(all->data() + geometry->table_offset),
                    *locks);
  if (state.share_slots != 0) {
    const auto* slots = reinterpret_cast<const protocol::ReaderSlot*>(all->data() + geometry->table_offset);
    const auto* sources = reinterpret_cast<const protocol::SourceEntry*>(all->data() + geometry->source_table_offset);
    read_sharing(state, slots + state.max_readers, sources, *locks);
  }
  if (state.write_pos % protocol::record_alignment != 0) {
    state.problem = "write_pos is " + std::to_string(state.write_pos) + ", no multiple of 64";
    return state;
  }
  const std::uint64_t oldest = oldest_needed(state);
  state.used_bytes = state.write_pos - oldest;
  if (oldest % protocol::record_alignment != 0) {
    state.problem = "a reader's position is no multiple of 64";
    return state;
  }
  if ((state.origin_pos % protocol::record_alignment) != 0 || state.origin_pos > oldest) {
    state.problem = "origin_pos is " + std::to_string(state.origin_pos) + ", and no position from " +
                    std::to_string(oldest) + " on can be counted from it";
    return state;
  }
  follow_records(state, all->data() + geometry->payload_offset + protocol::payload_lead, oldest);
  if (Machine::load_acquire(oieb.origin_pos) != state.origin_pos) {  // begun anew: all that was there was given up
    state.problem.clear();
    state.records.clear();
  }
  return state;
}

Result<void> remove_dead(std::string_view name) {
  if (auto valid = os::check_name(name); !valid) return valid.take_failure();
  return buffer::retire_if_dead(name);
}

}  // namespace zerobuffer
