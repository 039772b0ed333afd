// A segment in this process: its file, its checked geometry and its mappings. Knows how a segment is laid out, made and
// retired; nothing of who takes part in it (attachment.hpp) or of the ring's algorithm.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "buffer/geometry.hpp"
#include "os/file.hpp"
#include "os/locks.hpp"
#include "os/mapping.hpp"
#include "protocol/layout.hpp"

namespace zerobuffer::buffer {

class Segment {
 public:
  /// A new, unready segment in `file` (empty so far): sized, reserved, mapped, identity written, all else zero.
  static Result<Segment> initialise(os::File file, const BufferConfig& config, const Geometry& geometry);
  /// An existing one: ready, checked, mapped. `payload` says how the payload block is mapped (a reader's read-only). Of
  /// a duplex segment only the control part is mapped.
  static Result<Segment> attach(os::File file, const BufferConfig& config, os::Access payload, const std::string& what);

  /// The last store of creation: from now on others may attach.
  void make_ready() const noexcept;
  void make_retired() const noexcept;
  [[nodiscard]] protocol::SegmentState state() const noexcept;

  /// Maps the payload block anew with less access, for a creator that reads.
  Result<void> restrict_payload(const BufferConfig& config);

  /// A ring of a duplex segment: its records, mapped for as long as this segment is.
  Result<std::byte*> map_records(const RingPlace& ring, const BufferConfig& config, os::Access access);
  [[nodiscard]] protocol::Oieb& ring_oieb(std::uint32_t index) const noexcept { return (&oieb())[index]; }
  [[nodiscard]] std::span<protocol::ReaderSlot> ring_slots(const RingPlace& ring) const noexcept {
    return {reinterpret_cast<protocol::ReaderSlot*>(control_.data() + ring.table_offset), ring.slots};
  }
  /// What keeps everything that is mapped now alive.
  [[nodiscard]] std::shared_ptr<const void> owner() const;

  /// For the end of the process: what its threads store into this segment from now on, they store into private copies.
  /// Returns the control part mapped anew, for the last steps.
  Result<Segment> withdraw(bool payload_too) const;

  [[nodiscard]] protocol::Oieb& oieb() const noexcept { return *reinterpret_cast<protocol::Oieb*>(control_.data()); }
  [[nodiscard]] std::span<protocol::ReaderSlot> slots() const noexcept {
    return {reinterpret_cast<protocol::ReaderSlot*>(control_.data() + geometry_.table_offset), geometry_.max_readers};
  }
  [[nodiscard]] std::span<protocol::ReaderSlot> pins() const noexcept {
    auto* first = reinterpret_cast<protocol::ReaderSlot*>(control_.data() + geometry_.table_offset);
    return {first + geometry_.max_readers, geometry_.share_slots};
  }
  [[nodiscard]] std::span<protocol::SourceEntry> sources() const noexcept {
    auto* first = reinterpret_cast<protocol::SourceEntry*>(control_.data() + geometry_.source_table_offset);
    return {first, geometry_.share_slots != 0 ? protocol::max_sources : 0};
  }
  [[nodiscard]] std::span<std::byte> metadata() const noexcept {
    return {control_.data() + geometry_.metadata_offset, geometry_.metadata_size};
  }
  /// First record header.
  [[nodiscard]] std::byte* records() const noexcept { return payload_.data() + protocol::payload_lead; }
  [[nodiscard]] const Geometry& geometry() const noexcept { return geometry_; }
  [[nodiscard]] const os::File& file() const noexcept { return file_; }
  [[nodiscard]] std::shared_ptr<const void> payload_owner() const noexcept { return payload_.owner(); }
  [[nodiscard]] std::uint64_t huge_bytes() const { return payload_.huge_bytes(); }

 private:
  Result<void> map(const BufferConfig& config, os::Access payload);
  static Result<void> settle(const os::Mapping& mapping, const BufferConfig& config);

  os::File file_;
  Geometry geometry_;
  os::Mapping control_;
  os::Mapping payload_;

  struct Records {
    std::uint64_t offset;
    os::Access access;
    os::Mapping mapping;
  };
  std::vector<Records> records_;  // of a duplex segment's rings
};

/// Proves by taking every participant's lock that nobody lives in the segment of this name, then retires and unlinks
/// it.
/// @return already_exists: somebody lives, or the file is no buffer of ours (the text says); not_found: the name is
///         free (now).
Result<void> retire_if_dead(std::string_view name);

/// The same for a segment that one is attached to oneself with `locks`; leaves quietly what others use.
bool retire_if_last(const Segment& segment, const os::LockFile& locks, std::string_view name) noexcept;

}  // namespace zerobuffer::buffer
