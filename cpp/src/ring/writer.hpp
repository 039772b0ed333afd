// The writing side of the ring on a piece of memory: claim, commit, publish, renew. No OS call, no clock, no wait:
// where there is no room it says so and what position it wants. One thread at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "protocol/layout.hpp"
#include "ring/atomics.hpp"
#include "ring/header.hpp"
#include "ring/signal.hpp"
#include "ring/slots.hpp"

namespace zerobuffer::ring {

/// No ring gets there (146 years at 1 GB/s); sums with smaller positions never overflow.
inline constexpr std::uint64_t max_position = std::uint64_t{1} << 62;

/// The parts of a ring, with geometry copied once and never read again.
struct RingMemory {
  protocol::Oieb* oieb = nullptr;
  std::span<protocol::ReaderSlot> slots;
  std::byte* records = nullptr;  ///< First header; payload block + 32. Read-only in a reader's mapping.
  std::uint64_t capacity = 0;
  std::span<protocol::ReaderSlot> pins = {};  ///< None where nothing is shared.
};

/// Where the record at `position` lies in a ring whose origin is `origin`: on a unit of the ring for any two numbers.
[[nodiscard]] constexpr std::uint64_t offset_of(std::uint64_t position, std::uint64_t origin,
                                                std::uint64_t capacity) noexcept {
  return (position - origin) % capacity & ~(protocol::record_alignment - 1);
}

/// The record at a position that nobody can have given up, so that the origin that it is counted from stays.
template <class M>
[[nodiscard]] std::byte* record_at(const RingMemory& memory, std::uint64_t position) noexcept {
  return memory.records + offset_of(position, M::load_relaxed(memory.oieb->origin_pos), memory.capacity);
}

/// What a look at the reader table gave.
struct Scan {
  std::uint64_t slowest = 0;          ///< Least position of all counted slots; only where counted > 0.
  std::uint64_t slowest_reader = 0;   ///< The same of the readers' alone; only where readers > 0.
  std::uint32_t counted = 0;          ///< Slots that hold a position (joining, active, closing), pins included.
  std::uint32_t readers = 0;          ///< ... of which readers'.
  std::uint32_t active = 0;           ///< ... of which readers that are active or joining.
  std::uint64_t impossible = 0;       ///< A bit for each reader's slot whose position cannot be,
  std::uint64_t impossible_pins = 0;  ///< and for each pin's.

  [[nodiscard]] bool sound() const noexcept { return (impossible | impossible_pins) == 0; }
};

/// Looks once at every slot of a ring whose write_pos is `position`; every word is loaded once.
template <class M>
[[nodiscard]] Scan look_at(std::span<const protocol::ReaderSlot> slots, std::uint64_t position, std::uint64_t capacity,
                           std::span<const protocol::ReaderSlot> pins = {}) noexcept {
  Scan result;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const PlaceWord word = Slots<M>::place(slots[i]);
    if (word.slot_state() == SlotState::free) continue;
    const std::uint64_t at = M::load_acquire(slots[i].read_pos);  // pairs with the release of a reader's publication
    if (at == protocol::parked) continue;
    if (word.kind() == SlotKind::reader && word.slot_state() != SlotState::closing) ++result.active;
    // within a record, or ahead, or behind by more than there is; but a joiner's first position may be as old as it
    // likes
    const bool too_old = position - at > capacity && word.slot_state() != SlotState::joining;
    if (too_old || at > position || at % protocol::record_alignment != 0) result.impossible |= std::uint64_t{1} << i;
    if (result.counted++ == 0 || position - at > position - result.slowest) result.slowest = at;
  }
  result.readers = result.counted;
  result.slowest_reader = result.slowest;
  for (std::size_t i = 0; i < pins.size(); ++i) {
    if (Slots<M>::place(pins[i]).slot_state() == SlotState::free) continue;
    const std::uint64_t at = M::load_acquire(pins[i].read_pos);  // pairs with the release in Pins
    if (at == protocol::parked) continue;
    // too old for a moment is one that came too late and has not seen it yet: the ring is full as long as that lasts
    if (at > position || at % protocol::record_alignment != 0) result.impossible_pins |= std::uint64_t{1} << i;
    if (result.counted++ == 0 || position - at > position - result.slowest) result.slowest = at;
  }
  return result;
}

/// Whether a writer can go on from here, checked once by whoever attaches (SPEC.md 16.4).
template <class M>
[[nodiscard]] bool positions_possible(const RingMemory& memory) noexcept {
  const protocol::Oieb& oieb = *memory.oieb;
  const std::uint64_t position = M::load_acquire(oieb.write_pos);
  const std::uint64_t reclaimed = M::load_relaxed(oieb.reclaim_pos);
  const std::uint64_t origin = M::load_relaxed(oieb.origin_pos);
  const protocol::CountEntry& first = oieb.counts[0];
  const protocol::CountEntry& entry = M::load_relaxed(first.position) == position ? first : oieb.counts[1];
  return position < max_position && (position | reclaimed | origin) % protocol::record_alignment == 0 &&
         position - reclaimed <= memory.capacity && origin <= reclaimed &&
         M::load_relaxed(entry.position) == position &&
         M::load_relaxed(entry.count) <= position / protocol::record_alignment;
}

template <class M>
class RingWriter {
 public:
  /// Continues where write_pos stands: a fresh ring at 0, a predecessor's wherever it stopped.
  /// @param data_signal where the readers of this ring sleep, if not on its own word: its door's
  RingWriter(const RingMemory& memory, const Barriers& barriers, std::uint64_t burst_size,
             protocol::Oieb* data_signal = nullptr) noexcept
      : oieb_(memory.oieb),
        data_signal_(data_signal != nullptr ? data_signal : memory.oieb),
        slots_(memory.slots),
        pins_(memory.pins),
        records_(memory.records),
        capacity_(memory.capacity),
        burst_(burst_size == 0 ? memory.capacity / 2 : std::min(protocol::round_up(burst_size, 64), memory.capacity)),
        restart_step_(burst_size == 0 ? longest_restart_step
                                      : std::clamp(burst_ / 4, shortest_restart_step, longest_restart_step)),
        barriers_(barriers) {
    // checked by whoever attached; a peer may have changed it since, and it must be a position even so
    pos_ = published_ = M::load_acquire(oieb_->write_pos) & (max_position - protocol::record_alignment);
    const std::uint64_t origin = M::load_relaxed(oieb_->origin_pos) & ~(protocol::record_alignment - 1);
    offset_ = offset_of(pos_, std::min(origin, pos_), capacity_);
    lap_end_ = pos_ - offset_ + capacity_;
    // exactly one entry belongs to the write_pos that was published, whatever step a predecessor died at
    entry_ = M::load_acquire(oieb_->counts[0].position) == pos_ ? 0 : 1;
    count_ = M::load_acquire(oieb_->counts[entry_].count);
    last_record_ = M::load_relaxed(oieb_->last_record_pos);
    // not below write_pos: left by a predecessor that died before it published, and there may never be a record there
    if (last_record_ >= pos_) last_record_ = 0;
    reclaimed_ = std::min(M::load_relaxed(oieb_->reclaim_pos), pos_);
    dropped_ = M::load_relaxed(oieb_->dropped);
    wraps_ = M::load_relaxed(oieb_->wraps);
    space_limit_ = limit_ = pos_;  // nothing is ours before the first look at the table
    next_restart_ = restart_after(pos_);
  }

  [[nodiscard]] std::uint64_t max_frame_size() const noexcept { return capacity_ - protocol::header_size; }
  [[nodiscard]] std::uint64_t write_pos() const noexcept { return published_; }
  [[nodiscard]] std::uint64_t last_record_pos() const noexcept { return last_record_; }
  [[nodiscard]] std::uint64_t frames() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }
  [[nodiscard]] std::uint64_t wraps() const noexcept { return wraps_; }
  /// Any thread.
  [[nodiscard]] std::uint64_t early_restarts() const noexcept { return M::load_relaxed(early_restarts_); }
  [[nodiscard]] bool claim_open() const noexcept { return claimed_ != 0; }
  /// The reader position at which the claim that failed last can go on.
  [[nodiscard]] std::uint64_t wanted_pos() const noexcept { return wanted_; }

  /// Room for `size` bytes (at most max_frame_size(), no claim open), or nullptr; then wanted_pos() says for what.
  /// The only effect of a failed claim is padding that it may have published.
  [[nodiscard]] std::byte* try_claim(std::uint64_t size) noexcept {
    const std::uint64_t length = protocol::record_length(size);
    if (pos_ + length <= limit_) [[likely]] {  // room, no wrap, no restart due: one comparison
      lead_ = 0;
      claimed_ = length;
      return records_ + offset_ + protocol::header_size;
    }
    return claim_slow(length);
  }

  /// Whether a record of `size` bytes fits only at offset 0: even where nobody needs anything of the ring any more, its
  /// readers would first have to step over the padding that leads there. Or the ring begins anew.
  [[nodiscard]] bool needs_start(std::uint64_t size) const noexcept {
    return fits_only_at_the_start(protocol::record_length(size));
  }

  /// Goes on at offset 0 if everything is published and nobody needs anything of it (SPEC.md 7.10): then the whole
  /// ring is free. Only where no claim is open.
  bool begin_anew() noexcept {
    if (pos_ != published_ || !all_is_let_go()) return false;
    M::store_relaxed(oieb_->origin_pos, pos_);  // the release store of write_pos publishes it
    ZEROBUFFER_POINT("anew.origin_stored");
    lap_end_ = pos_;
    space_limit_ = pos_ + capacity_;
    begin_lap();
    return true;
  }

  void discard() noexcept { claimed_ = 0; }

  /// Fetches the lines where the next record begins, which the other side had last: for one who has time.
  void fetch_next_lines() const noexcept {
    const std::byte* const next = records_ + (offset_ == capacity_ ? 0 : offset_);
    M::prefetch_for_writing(next);
    M::prefetch_for_writing(next + protocol::header_size);
  }

  /// Ends the open claim as a record of n bytes; publish() makes it visible.
  void commit(std::uint64_t n, std::uint16_t type, std::uint64_t tag) noexcept { commit(n, type, tag, n); }
  /// The same with room for `room` bytes, at least n: an answer may be longer than its request.
  [[gnu::always_inline]] void commit(std::uint64_t n, std::uint16_t type, std::uint64_t tag, std::uint64_t room,
                                     std::uint16_t flags = 0) noexcept {
    const std::uint64_t length = protocol::record_length(room);
    if (lead_ != 0) [[unlikely]] {
      commit_lead();
    }
    const std::uint64_t sequence = ++count_;
    store_header<M>(records_ + offset_, {.size = n,
                                         .sequence = sequence,
                                         .tag = tag,
                                         .extent = static_cast<std::uint32_t>(length / protocol::record_alignment),
                                         .type = type,
                                         .flags = flags});
    last_record_ = pos_;
    pos_ += length;
    offset_ += length;
    claimed_ = 0;
  }

  [[nodiscard]] bool unpublished() const noexcept { return published_ != pos_; }
  /// Behind the record that was committed last.
  [[nodiscard]] std::uint64_t end() const noexcept { return pos_; }

  /// Makes everything committed visible and wakes who sleeps for it. Returns whether somebody was woken.
  bool publish() noexcept {
    // copied, or every store into the buffer would have the compiler load them again
    const std::uint64_t position = pos_;
    if (published_ == position) return false;
    protocol::Oieb& oieb = *oieb_;
    // the entry not in force gets the new pair, so that a writer killed before the last store has published nothing
    protocol::CountEntry& entry = oieb.counts[entry_ ^= 1];
    M::store_relaxed(entry.position, position);
    M::store_relaxed(entry.count, count_);
    M::store_relaxed(oieb.last_record_pos, last_record_);
    ZEROBUFFER_POINT("commit.before_publish");
    M::store_release(oieb.write_pos, position);  // pairs with the acquire in RingReader::peek
    published_ = position;
    ZEROBUFFER_POINT("commit.published");
    return DataSignal<M>::notify(*data_signal_, barriers_);
  }

  /// Counts a frame that was not sent; visible with the next publication at the latest.
  void drop() noexcept { M::store_relaxed(oieb_->dropped, ++dropped_); }

  /// One look at the table.
  [[nodiscard]] Scan scan() const noexcept { return look_at<M>(slots_, published_, capacity_, pins_); }

  /// Looks again how far the readers are. Only when the private limit says "full", never per frame.
  Scan renew() noexcept {
    M::fence();  // own write_pos before the look: a joiner that we do not see, sees it
    const Scan first = scan();
    // pins alone give nothing up that nobody has read
    const std::uint64_t target = first.readers != 0 ? first.slowest : reclaimed_;
    if (!first.sound()) return first;  // counts as full
    announce(target);
    const Scan second = scan();
    if (!second.sound()) return second;
    std::uint64_t least = target;
    if (second.counted != 0 && distance(second.slowest) > distance(least)) least = second.slowest;
    space_limit_ = std::max(space_limit_, least + capacity_);
    set_limit();
    return second;
  }

  /// Gives up everything published, if nobody needs any of it any more: then no late reader can get it either. Frames
  /// that wait for a first reader are needed.
  bool retire_published() noexcept {
    M::fence();
    const bool nobody_came = Slots<M>::epoch_sum(slots_) == 0;  // before the look: who joins after it is seen there
    Scan look = scan();
    if (look.counted != 0 && look.slowest != published_) return false;
    if (look.readers == 0 && reclaimed_ != published_ && nobody_came) return false;
    announce(published_);
    look = scan();
    return look.counted == 0 || look.slowest == published_;
  }

  /// After the dead were removed from the table: what no attached reader needs is room again.
  void reclaim_unread() noexcept {
    M::fence();
    Scan look = scan();
    const std::uint64_t target = look.readers != 0 ? look.slowest : published_;
    if (!look.sound()) return;
    announce(target);
    renew();
  }

 private:
  // So much is written between two looks at an early restart: what fits a core's own cache is warm enough, and a look
  // costs small messages something. Who asks for a small guarantee wants few and large frames.
  static constexpr std::uint64_t shortest_restart_step = 256 << 10;
  static constexpr std::uint64_t longest_restart_step = 1 << 20;
  // The padding uses up positions at which no byte is written: a ring that lasts keeps half of them for bytes.
  static constexpr std::uint64_t last_early_restart = max_position / 2;

  [[nodiscard]] std::uint64_t distance(std::uint64_t position) const noexcept { return published_ - position; }
  [[nodiscard]] std::uint64_t restart_after(std::uint64_t position) const noexcept {
    return std::max(position + restart_step_, lap_end_ - capacity_ + burst_);
  }
  void set_limit() noexcept { limit_ = std::min({space_limit_, lap_end_, next_restart_}); }

  void announce(std::uint64_t target) noexcept {
    if (target > reclaimed_) {  // it never goes back
      reclaimed_ = target;
      M::store_release(oieb_->reclaim_pos, target);
    }
    ZEROBUFFER_POINT("renew.announced");
    M::fence();  // pairs with the fence in Slots::join_oldest
  }

  [[nodiscard]] bool has_room(std::uint64_t end) noexcept {
    if (end <= space_limit_) return true;
    renew();
    return end <= space_limit_;
  }

  [[gnu::noinline]] std::byte* claim_slow(std::uint64_t length) noexcept {
    if (pos_ == lap_end_) begin_lap();
    if (fits_only_at_the_start(length)) begin_anew();
    const std::uint64_t rest = lap_end_ - pos_;
    const bool early = length <= rest && restart_pays(length, rest);
    if (length <= rest && !early) {
      if (!has_room(pos_ + length)) return blocked(pos_ + length);
      set_limit();
      lead_ = 0;
      claimed_ = length;
      return records_ + offset_ + protocol::header_size;
    }
    if (has_room(pos_ + rest + length)) {  // padding and record together: the record's store will publish both
      early_ = early;
      lead_ = rest;
      claimed_ = length;
      return records_ + protocol::header_size;
    }
    if (pos_ + rest > space_limit_) return blocked(pos_ + rest);
    // the padding on its own, as soon as it is free: then the record needs only its own length
    lead_ = rest;
    store_padding();
    begin_lap();
    publish();
    return blocked(pos_ + length);
  }

  std::byte* blocked(std::uint64_t end) noexcept {
    wanted_ = end - capacity_;
    return nullptr;
  }

  // Begins again at offset 0 before the end is reached, where the configured guarantee is free there: a large ring
  // then stays as small in the cache as its readers allow. Never where that would make the writer wait.
  [[nodiscard]] bool restart_pays(std::uint64_t length, std::uint64_t rest) noexcept {
    if (pos_ + length <= next_restart_ || offset_ == 0 || pos_ > last_early_restart) return false;
    const std::uint64_t needed = pos_ + rest + std::max(length, burst_);
    const bool pays = has_room(needed);
    next_restart_ = pos_ + length + restart_step_;
    return pays;
  }

  [[nodiscard]] bool fits_only_at_the_start(std::uint64_t length) const noexcept {
    const std::uint64_t rest = lap_end_ - pos_;
    return length > rest && rest + length > capacity_;
  }

  [[nodiscard]] bool all_is_let_go() noexcept {
    M::fence();
    const auto all_stand_here = [this](const Scan& look) {
      return look.sound() && look.readers != 0 && look.slowest == published_;
    };
    if (!all_stand_here(scan())) return false;
    announce(published_);
    return all_stand_here(scan());
  }

  // What comes before a record that begins a lap.
  [[gnu::noinline]] void commit_lead() noexcept {
    if (early_) M::store_relaxed(early_restarts_, early_restarts_ + 1);
    store_padding();
    begin_lap();
  }

  void store_padding() noexcept {
    store_header<M>(records_ + offset_, {.size = 0,
                                         .sequence = 0,
                                         .tag = 0,
                                         .extent = static_cast<std::uint32_t>(lead_ / protocol::record_alignment),
                                         .type = protocol::record_type::normal,
                                         .flags = protocol::record_flag::padding});
    pos_ += lead_;
    lead_ = 0;
  }

  void begin_lap() noexcept {  // pos_ == lap_end_
    offset_ = 0;
    lap_end_ += capacity_;
    next_restart_ = restart_after(pos_);
    M::store_relaxed(oieb_->wraps, ++wraps_);
    set_limit();
  }

  protocol::Oieb* oieb_;
  protocol::Oieb* data_signal_;
  std::span<protocol::ReaderSlot> slots_;
  std::span<protocol::ReaderSlot> pins_;
  std::byte* records_;
  std::uint64_t capacity_;
  std::uint64_t burst_;
  std::uint64_t restart_step_;
  Barriers barriers_;

  // pos_ and offset_ stand apart, or the compiler advances both by one wide store, which a narrow load waits for
  std::uint64_t pos_ = 0;        // end of what was committed
  std::uint64_t limit_ = 0;      // least of the three below: up to here a claim needs no second thought
  std::uint64_t offset_ = 0;     // pos_ within the lap; capacity_ where the lap is full
  std::uint64_t count_ = 0;      // frames committed = sequence of the last one
  std::uint64_t published_ = 0;  // write_pos
  std::uint64_t last_record_ = 0;
  std::uint64_t claimed_ = 0;  // length of the open claim
  std::uint64_t lead_ = 0;     // padding in front of it
  unsigned entry_ = 0;         // of counts[], the one in force
  bool early_ = false;         // the padding is an early restart

  std::uint64_t space_limit_ = 0;   // slowest reader + capacity, as last seen
  std::uint64_t lap_end_ = 0;       // position at which offset 0 comes again
  std::uint64_t next_restart_ = 0;  // position at which an early restart is looked at
  std::uint64_t reclaimed_ = 0;     // reclaim_pos
  std::uint64_t wanted_ = 0;
  std::uint64_t dropped_ = 0;
  std::uint64_t wraps_ = 0;
  std::uint64_t early_restarts_ = 0;
};

}  // namespace zerobuffer::ring
