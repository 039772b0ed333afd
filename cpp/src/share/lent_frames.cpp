// Finding the frame that a descriptor names. Nothing in a descriptor, in the source table or in the other buffer is
// trusted: each value is fetched once and checked.
#include "share/lent_frames.hpp"

#include <cstring>
#include <new>
#include <string_view>

#include "buffer/machine.hpp"
#include "os/clock.hpp"
#include "ring/header.hpp"
#include "ring/writer.hpp"

namespace zerobuffer::share {
namespace {
using buffer::Machine;

constexpr std::int64_t retry_after_ns = 100'000'000;  // a buffer that could not be opened is not asked for more often

SegmentId id_of(const buffer::Attachment& attachment) noexcept { return attachment.oieb().segment_id; }

// Whether there can be such a record in a ring of this capacity.
bool is_possible(const protocol::Descriptor& descriptor, std::uint64_t capacity) noexcept {
  return descriptor.size <= capacity - protocol::header_size && descriptor.position % protocol::record_alignment == 0 &&
         descriptor.position < ring::max_position;
}

// Whether the record that lies there is the one that is meant: it cannot change while it is pinned, or was not written
// over before it was copied.
bool is_meant(const protocol::Descriptor& descriptor, const std::byte* record) noexcept {
  const auto header = ring::load_header<Machine>(record);
  return header.sequence == descriptor.sequence && header.size == descriptor.size && header.flags == 0;
}
}  // namespace

LentFrames::LentFrames(const buffer::Attachment& own, const BufferConfig& config, std::uint32_t places,
                       std::shared_ptr<Mappings> mappings)
    : own_(own), config_(config), mappings_(std::move(mappings)), mask_(places - 1), places_(places) {
  config_.max_held = places;
}

Status LentFrames::find(const protocol::Descriptor& descriptor, Origin& origin) noexcept {
  if (const Status status = find_source(descriptor, origin.source); status != Status::ok) return status;
  Source& source = *origin.source;
  if (!is_possible(descriptor, source.capacity())) return Status::corrupt;
  // acquire: pairs with the writer's publication, so that its payload is seen, and its origin
  const std::uint64_t write_pos = Machine::load_acquire(source.attachment().oieb().write_pos);
  const std::uint64_t began_at = source.origin();
  if (began_at % protocol::record_alignment != 0) return Status::corrupt;
  if (began_at > descriptor.position) return Status::frame_lost;  // the ring has begun anew since
  const std::uint64_t offset = ring::offset_of(descriptor.position, began_at, source.capacity());
  if (offset + protocol::record_length(descriptor.size) > source.capacity()) return Status::corrupt;
  // what is not published is no frame
  if (descriptor.position + protocol::record_length(descriptor.size) > write_pos) return Status::frame_lost;
  const std::byte* const record = source.record(offset);
  origin.position = descriptor.position;
  origin.size = descriptor.size;
  origin.sequence = descriptor.sequence;
  origin.data = record + protocol::header_size;
  Source::Pinned pinned = Source::Pinned::lost;
  try {
    pinned = source.pin(descriptor.position);
  } catch (...) {
    pinned = Source::Pinned::no_pin;
  }
  switch (pinned) {
    case Source::Pinned::lost:
      return Status::frame_lost;
    case Source::Pinned::no_pin:
      return copy_out(descriptor, origin);
    case Source::Pinned::yes:
      break;
  }
  ZEROBUFFER_POINT("shared.pinned");
  if (source.origin() == began_at && is_meant(descriptor, record)) return Status::ok;
  source.release(descriptor.position);
  return Status::frame_lost;
}

Status LentFrames::copy_out(const protocol::Descriptor& descriptor, Origin& origin) noexcept {
  // 64 bytes more: the frame begins on a line, as every frame does
  auto* room = new (std::nothrow) std::byte[descriptor.size + protocol::cache_line];
  if (room == nullptr) return Status::no_space;
  origin.copy.reset(room);
  const auto address = reinterpret_cast<std::uintptr_t>(room);
  std::byte* to = room + (protocol::round_up(address, protocol::cache_line) - address);
  std::memcpy(to, origin.data, descriptor.size);
  ZEROBUFFER_POINT("shared.copied");
  const std::byte* const record = origin.data - protocol::header_size;
  if (!is_meant(descriptor, record) || origin.source->is_lost(descriptor.position)) return Status::frame_lost;
  origin.data = to;
  copied_bytes_.add(descriptor.size);
  return Status::ok;
}

Status LentFrames::find_source(const protocol::Descriptor& descriptor, std::shared_ptr<Source>& source) noexcept {
  if (descriptor.source >= protocol::max_sources || descriptor.source_version == 0 ||
      descriptor.source_version % 2 != 0) {
    return Status::corrupt;
  }
  Known& known = known_[descriptor.source];
  if (known.version != descriptor.source_version || !known.source) {
    Status status = Status::frame_lost;
    try {
      status = open(descriptor.source, descriptor.source_version, known);
    } catch (...) {  // no memory, no descriptor: the frame cannot be had
    }
    if (status != Status::ok) return status;
  }
  source = known.source;
  return Status::ok;
}

Status LentFrames::open(std::uint32_t index, std::uint32_t version, Known& known) {
  const std::int64_t now = os::now_coarse_ns();
  if (known.version == version && now - known.failed_at < retry_after_ns) return Status::frame_lost;
  const protocol::SourceEntry& entry = own_.segment().sources()[index];
  if (Machine::load_acquire(entry.version) != version) return Status::frame_lost;  // another one took its place
  std::uint8_t id[16];
  for (std::size_t i = 0; i < sizeof id; ++i) id[i] = Machine::load_relaxed(entry.segment_id[i]);
  char name[sizeof entry.name];
  const std::uint32_t length = Machine::load_relaxed(entry.name_size);
  if (length > sizeof name) return Status::corrupt;
  for (std::uint32_t i = 0; i < length; ++i) name[i] = static_cast<char>(Machine::load_relaxed(entry.name[i]));
  Machine::load_fence();
  if (Machine::load_relaxed(entry.version) != version) return Status::frame_lost;
  auto opened = Source::open({name, length}, id, config_, id_of(own_));
  if (opened.status() == Status::invalid_argument) return Status::corrupt;  // no buffer has such a name
  const std::lock_guard guard(sources_mutex_);
  known.version = version;
  known.source.reset();
  if (mappings_) mappings_->sources[index].reset();
  if (!opened) {
    known.failed_at = now;
    return Status::frame_lost;
  }
  known.source = std::move(*opened);
  if (mappings_) mappings_->sources[index] = known.source->attachment().segment().payload_owner();
  return Status::ok;
}

void LentFrames::give_back(std::uint32_t held) noexcept {
  Origin& place = places_[held & mask_];
  if (!place.source) return;
  const Origin origin = std::exchange(place, Origin());
  if (!origin.copy) origin.source->release(origin.position);
}

bool LentFrames::blocks_a_writer() noexcept {
  const std::lock_guard guard(sources_mutex_);
  for (const Known& known : known_) {
    if (known.source && known.source->blocks_the_writer()) return true;
  }
  return false;
}

void LentFrames::look_after() noexcept {
  const std::lock_guard guard(sources_mutex_);
  for (const Known& known : known_) {
    if (known.source) known.source->look_after();
  }
}

}  // namespace zerobuffer::share
