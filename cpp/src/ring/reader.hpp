// The reading side of the ring on a piece of memory: what is the next record, is it sound, where does the one after it
// begin. No OS call, no wait; what is held and given back is held.hpp's. One thread at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "protocol/layout.hpp"
#include "ring/atomics.hpp"
#include "ring/header.hpp"
#include "ring/writer.hpp"

namespace zerobuffer::ring {

enum class Peek : std::uint8_t { frame, empty, corrupt, shared };

/// @tparam ignored record flags that make no difference here
template <class M, std::uint16_t ignored = 0>
class RingReader {
 public:
  RingReader(const RingMemory& memory, std::uint64_t position) noexcept
      : RingReader(memory, position, memory.oieb->write_pos) {}
  /// @param end the position up to which there are records: answers in place end where the server has come to
  RingReader(const RingMemory& memory, std::uint64_t position, const std::uint64_t& end) noexcept
      : oieb_(memory.oieb),
        end_(&end),
        records_(memory.records),
        capacity_(memory.capacity),
        shares_(!memory.pins.empty()),
        origin_(M::load_relaxed(oieb_->origin_pos)) {
    if (origin_ > position || origin_ % protocol::record_alignment != 0) {
      sound_ = false;
      origin_ = position;
    }
    start_at(position);
  }

  /// Position of the next record that was not yet taken.
  [[nodiscard]] std::uint64_t next() const noexcept { return next_; }
  /// Whether write_pos, as it stands now, is beyond next(). The caller's wait ends when it is.
  [[nodiscard]] bool more() const noexcept { return M::load_acquire(*end_) != next_; }
  [[nodiscard]] std::uint64_t unread() const noexcept { return M::load_acquire(*end_) - next_; }

  /// Looks at the next record; steps over padding. The header is fetched once, into header(), and checked.
  [[nodiscard, gnu::always_inline]] Peek peek() noexcept {
    for (;;) {
      if (next_ == seen_) {
        if (drained_ > 1) {  // the writer is just writing that line: let it
          for (int i = 0; i < back_off_pauses; ++i) M::pause();
        }
        drained_ = 0;
        const std::uint64_t position = M::load_acquire(*end_);  // pairs with the release in publish()
        if (position == next_) return sound_ ? Peek::empty : Peek::corrupt;
        if (position - next_ > capacity_ || (position | next_) % protocol::record_alignment != 0) return refuse();
        if (!learn_origin()) return refuse();
        seen_ = position;
      }
      header_ = load_header<M>(records_ + offset_);
      const std::uint64_t length = std::uint64_t{header_.extent} * protocol::record_alignment;
      if (length == 0 || length > seen_ - next_ || length > capacity_ - offset_) return refuse();
      if ((header_.flags & ~ignored) == 0) [[likely]] {
        if (header_.size > length - protocol::header_size || !sequence_fits()) return refuse();
        return Peek::frame;
      }
      if (header_.flags == protocol::record_flag::shared_descriptor && shares_) {
        constexpr std::uint64_t size = sizeof(protocol::Descriptor);
        const bool sound = header_.size == size && length >= protocol::record_length(size) && sequence_fits();
        return sound ? Peek::shared : refuse();
      }
      if (header_.flags != protocol::record_flag::padding || length != capacity_ - offset_) return refuse();
      if (offset_ == 0) return refuse();  // no lap is all padding: a hostile writer would keep us here
      advance(length);
    }
  }

  /// Only after peek() said `frame` or `shared`.
  [[nodiscard]] const protocol::RecordHeader& header() const noexcept { return header_; }
  /// Only after peek() said `shared`: fetched word by word, once; nothing of it is checked.
  [[nodiscard]] protocol::Descriptor descriptor() const noexcept {
    const auto* words = reinterpret_cast<const std::uint64_t*>(payload());
    protocol::Descriptor found{};
    const std::uint64_t first = M::load_relaxed(words[0]);
    found.source = static_cast<std::uint32_t>(first);
    found.source_version = static_cast<std::uint32_t>(first >> 32);
    found.position = M::load_relaxed(words[1]);
    found.size = M::load_relaxed(words[2]);
    found.sequence = M::load_relaxed(words[3]);
    return found;
  }
  [[nodiscard]] const std::byte* payload() const noexcept { return records_ + offset_ + protocol::header_size; }
  void take() noexcept {
    expected_ = header_.sequence + 1;
    ++drained_;
    advance(std::uint64_t{header_.extent} * protocol::record_alignment);
  }

  /// Sequence that the next frame must have; 0 where any will do.
  [[nodiscard]] std::uint64_t expected() const noexcept { return expected_; }

  /// Jumps forward to the newest record where the writer's hint says which that is; what was published meanwhile comes
  /// after it. False where the hint cannot be.
  [[nodiscard]] bool jump_to_newest() noexcept {
    // last_record_pos was stored before write_pos: with this acquire it is of that publication or of a later one
    const std::uint64_t position = M::load_acquire(oieb_->write_pos);
    const std::uint64_t newest = M::load_relaxed(oieb_->last_record_pos);
    if (newest <= next_ || newest >= position) return true;  // nothing to jump over, or a publication just being made
    const bool possible = sound_ && position - next_ <= capacity_ && newest % protocol::record_alignment == 0;
    if (!possible || (next_ == seen_ && !learn_origin())) {  // the ring may have begun anew at next_
      refuse();
      return false;
    }
    start_at(newest);
    seen_ = position;
    return true;
  }

 private:
  static constexpr int back_off_pauses = 16;

  // What was refused once stays so, whatever is written behind it: from here on nothing is looked at any more.
  [[gnu::cold, gnu::noinline]] Peek refuse() noexcept {
    sound_ = false;
    seen_ = next_;
    return Peek::corrupt;
  }

  // After write_pos was found to be beyond next_: the origin of that publication, which was stored before it.
  [[nodiscard, gnu::always_inline]] bool learn_origin() noexcept {
    const std::uint64_t origin = M::load_relaxed(oieb_->origin_pos);
    if (origin == origin_) [[likely]] {
      return sound_;
    }
    if (origin != next_ || !sound_) return false;
    origin_ = origin;  // begun anew
    offset_ = 0;
    return true;
  }

  [[nodiscard]] bool sequence_fits() const noexcept {
    if (header_.sequence == expected_ && expected_ != 0) [[likely]] {
      return true;
    }
    return expected_ == 0 && header_.sequence != 0;  // any will do for the first, but none is 0
  }

  void start_at(std::uint64_t position) noexcept {
    next_ = seen_ = position;
    offset_ = offset_of(position, origin_, capacity_);
    expected_ = 0;
  }
  void advance(std::uint64_t length) noexcept {
    next_ += length;
    offset_ += length;
    if (offset_ == capacity_) offset_ = 0;
  }

  protocol::Oieb* oieb_;
  const std::uint64_t* end_;
  const std::byte* records_;
  std::uint64_t capacity_;
  bool shares_;           // descriptors are legal
  bool sound_ = true;     // nothing was refused: neither the origin that was found first, nor anything since
  std::uint64_t origin_;  // the position that offsets are counted from
  std::uint64_t next_ = 0;
  std::uint64_t seen_ = 0;  // write_pos, as last seen
  std::uint64_t offset_ = 0;
  std::uint64_t expected_ = 0;
  std::uint32_t drained_ = 0;  // frames taken since write_pos was last looked at
  protocol::RecordHeader header_{};
};

}  // namespace zerobuffer::ring
