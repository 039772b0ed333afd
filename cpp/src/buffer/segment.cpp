// Making, attaching and retiring segments.
#include "buffer/segment.hpp"

#include <algorithm>

#include "ring/atomics.hpp"

namespace zerobuffer::buffer {
namespace {
using Atomics = ring::NativeAtomics;
using protocol::SegmentState;

SegmentState load_state(const protocol::Oieb& oieb) noexcept {
  return static_cast<SegmentState>(Atomics::load_acquire(oieb.state));  // pairs with the release in make_ready
}
void store_state(protocol::Oieb& oieb, SegmentState state) noexcept {
  Atomics::store_release(oieb.state, static_cast<std::uint32_t>(state));
}
protocol::Oieb& oieb_of(const os::Mapping& head) noexcept { return *reinterpret_cast<protocol::Oieb*>(head.data()); }
}  // namespace

Result<void> Segment::map(const BufferConfig& config, os::Access access) {
  auto control = os::Mapping::map(file_, 0, geometry_.payload_offset, os::Access::read_write);
  if (!control) return control.take_failure();
  control_ = std::move(*control);
  if (geometry_.shape.lanes != 0) return {};
  auto payload = os::Mapping::map(file_, geometry_.payload_offset, geometry_.payload_size, access);
  if (!payload) return payload.take_failure();
  payload_ = std::move(*payload);
  if (config.huge_pages) payload_.advise_huge();
  return {};
}

Result<void> Segment::settle(const os::Mapping& mapping, const BufferConfig& config) {
  if (mapping.size() == 0) return {};
  if (config.pre_touch) {
    if (auto done = mapping.populate(); !done) return done;
  }
  if (config.lock_in_memory) return mapping.lock();
  return {};
}

Result<std::byte*> Segment::map_records(const RingPlace& ring, const BufferConfig& config, os::Access access) {
  auto mapping = os::Mapping::map(file_, ring.payload_offset, ring.payload_size, access);
  if (!mapping) return mapping.take_failure();
  if (config.huge_pages) mapping->advise_huge();
  if (auto done = settle(*mapping, config); !done) return done.take_failure();
  records_.push_back({ring.payload_offset, access, std::move(*mapping)});
  return records_.back().mapping.data() + protocol::payload_lead;
}

std::shared_ptr<const void> Segment::owner() const {
  auto all = std::make_shared<std::vector<std::shared_ptr<const void>>>();
  all->push_back(control_.owner());
  if (payload_.size() != 0) all->push_back(payload_.owner());
  for (const Records& records : records_) all->push_back(records.mapping.owner());
  return all;
}

Result<Segment> Segment::initialise(os::File file, const BufferConfig& config, const Geometry& geometry) {
  Segment segment;
  segment.file_ = std::move(file);
  segment.geometry_ = geometry;
  // huge pages are only given to what is first touched through a mapping that asked for them
  const std::uint64_t size = segment.geometry_.segment_size;
  if (auto done = config.huge_pages ? os::set_size(segment.file_, size) : os::reserve(segment.file_, size); !done) {
    return done.take_failure();
  }
  if (auto done = segment.map(config, os::Access::read_write); !done) return done.take_failure();
  if (config.huge_pages) {
    if (geometry.shape.lanes == 0) {
      if (auto done = segment.payload_.populate(); !done) return done.take_failure();
    } else {
      auto all =
          os::Mapping::map(segment.file_, geometry.payload_offset, geometry.payload_size, os::Access::read_write);
      if (!all) return all.take_failure();
      all->advise_huge();
      if (auto done = all->populate(); !done) return done.take_failure();
    }
    if (auto done = os::reserve_pages(segment.file_, size); !done) return done.take_failure();
  }
  if (auto done = settle(segment.control_, config); !done) return done.take_failure();
  if (auto done = settle(segment.payload_, config); !done) return done.take_failure();
  write_identity(segment.oieb(), segment.geometry_);
  return segment;
}

Result<Segment> Segment::attach(os::File file, const BufferConfig& config, os::Access access, const std::string& what) {
  Segment segment;
  segment.file_ = std::move(file);
  auto identity = segment.file_.identity();
  if (!identity) return identity.take_failure();
  if (identity->size == 0 && !os::makes_unnamed_files()) {
    return Failure(Status::not_found, what + " is empty: it is still being made, or it is no buffer");
  }
  if (identity->size < protocol::oieb_size) {
    return Failure(Status::incompatible,
                   what + " has " + std::to_string(identity->size) + " bytes; a ZeroBuffer segment has more than 1024");
  }
  // the control block alone, to see what it says before anything of it is trusted
  auto head = os::Mapping::map(segment.file_, 0, std::min(identity->size, protocol::page_size), os::Access::read_write);
  if (!head) return head.take_failure();
  const auto& oieb = *reinterpret_cast<const protocol::Oieb*>(head->data());
  const SegmentState state = load_state(oieb);
  switch (state) {
    case SegmentState::ready:
      break;
    case SegmentState::initialising:
      // blank first: what is seen not blank any more is seen whole
      if (!is_blank(oieb) || os::makes_unnamed_files()) {
        if (auto known = check_magic(oieb, what); !known) return known.take_failure();
      }
      return Failure(Status::not_found, what + " is still being made");
    case SegmentState::retired:
      return Failure(Status::not_found, what + " was just given up by its last user");
    default:
      if (auto known = check_magic(oieb, what); !known) return known.take_failure();
      return Failure(Status::corrupt, what + ": state is " + std::to_string(static_cast<std::uint32_t>(state)));
  }
  auto geometry = read_geometry(oieb, identity->size, what);
  if (!geometry) return geometry.take_failure();
  segment.geometry_ = *geometry;
  if (auto done = segment.map(config, access); !done) return done.take_failure();
  if (auto done = settle(segment.control_, config); !done) return done.take_failure();
  if (auto done = settle(segment.payload_, config); !done) return done.take_failure();
  return segment;
}

Result<void> Segment::restrict_payload(const BufferConfig& config) {
  auto payload = os::Mapping::map(file_, geometry_.payload_offset, geometry_.payload_size, os::Access::read_only);
  if (!payload) return payload.take_failure();
  payload_ = std::move(*payload);
  if (config.huge_pages) payload_.advise_huge();
  return settle(payload_, config);
}

Result<Segment> Segment::withdraw(bool payload_too) const {
  auto file = os::adopt(file_.fd());
  if (!file) return file.take_failure();
  auto control = os::Mapping::map(*file, 0, geometry_.payload_offset, os::Access::read_write);
  if (!control) return control.take_failure();
  Segment last;
  last.file_ = std::move(*file);
  last.geometry_ = geometry_;
  last.control_ = std::move(*control);
  if (auto done = control_.make_private(file_, 0); !done) return done.take_failure();
  if (payload_too && payload_.size() != 0) {
    if (auto done = payload_.make_private(file_, geometry_.payload_offset); !done) return done.take_failure();
  }
  for (const Records& records : records_) {
    if (records.access == os::Access::read_only) continue;
    if (auto done = records.mapping.make_private(file_, records.offset); !done) return done.take_failure();
  }
  return last;
}

void Segment::make_ready() const noexcept { store_state(oieb(), SegmentState::ready); }
void Segment::make_retired() const noexcept { store_state(oieb(), SegmentState::retired); }
SegmentState Segment::state() const noexcept { return load_state(oieb()); }

Result<void> retire_if_dead(std::string_view name) {
  auto file = os::open_existing(name);
  if (!file) return file.take_failure();
  auto identity = file->identity();
  if (!identity) return identity.take_failure();
  const std::string what = std::string(1, '"').append(name).append(1, '"');
  // where buffers are made under their name, a maker may have died before it had written what this is
  const bool may_be_unfinished = !os::makes_unnamed_files();
  os::Mapping head;
  if (identity->size >= protocol::oieb_size) {
    auto mapped = os::Mapping::map(*file, 0, protocol::oieb_size, os::Access::read_write);
    if (!mapped) return mapped.take_failure();
    head = std::move(*mapped);
    if (!(may_be_unfinished && is_blank(oieb_of(head)))) {
      if (auto known = check_magic(oieb_of(head), what); !known) return known.take_failure();
    }
  } else if (identity->size != 0 || !may_be_unfinished) {
    return Failure(Status::incompatible,
                   what + " has " + std::to_string(identity->size) + " bytes and is no buffer; it was left alone");
  }
  auto locks = os::LockFile::open(*file);
  if (!locks) return locks.take_failure();
  ZEROBUFFER_POINT("takeover.before_lock");
  // a question would not be enough: only who holds every byte knows that nobody is just attaching
  if (!locks->try_lock(protocol::lock_base, 0)) {
    return Failure(Status::already_exists, "buffer " + what + " is in use by a living process");
  }
  ZEROBUFFER_POINT("takeover.locked");
  if (!os::name_refers_to(name, *file)) return Failure(Status::not_found, "buffer " + what + " was replaced meanwhile");
  if (head.size() != 0) store_state(oieb_of(head), SegmentState::retired);
  ZEROBUFFER_POINT("takeover.retired");
  os::unlink_name(name);
  return {};
}

bool retire_if_last(const Segment& segment, const os::LockFile& locks, std::string_view name) noexcept {
  if (!locks.try_lock(protocol::lock_base, 0)) return false;
  ZEROBUFFER_POINT("close.last_locked");
  if (os::name_refers_to(name, segment.file())) {
    segment.make_retired();
    ZEROBUFFER_POINT("close.retired");
    os::unlink_name(name);
  }
  return true;
}

}  // namespace zerobuffer::buffer
