// Whether the other side of a lane lives: the server, for a client; the owner of a lane, for the server. Its place says
// whether it is there, its kernel lock whether it is alive. One thread at a time.
#pragma once

#include <cstdint>

#include "buffer/attachment.hpp"
#include "buffer/machine.hpp"
#include "stream/waiter.hpp"
#include "zerobuffer/status.hpp"

namespace zerobuffer::duplex {

class Peer {
 public:
  static Peer server(const buffer::Attachment& attachment) noexcept { return {attachment, server_place}; }
  static Peer lane(const buffer::Attachment& attachment, std::uint32_t lane) noexcept { return {attachment, lane}; }

  /// Whether somebody came or went since the last look().
  [[nodiscard]] bool changed() const noexcept { return place().bits != seen_.bits; }

  /// closed where nobody is there; peer_dead, once for each who died; ok otherwise, also while a successor is awaited.
  [[nodiscard]] Status look(std::int64_t now) noexcept {
    seen_ = place();
    if (which_ == server_place ? seen_.writer_state() == protocol::WriterState::closed
                               : seen_.slot_state() == protocol::SlotState::free) {
      return Status::closed;
    }
    if (reported_ == seen_.bits || now - looked_at_ < stream::longest_sleep_ns) return Status::ok;
    looked_at_ = now;
    if (alive() || changed()) return Status::ok;
    reported_ = seen_.bits;
    return Status::peer_dead;
  }
  /// Whose death look() told last: bits of a place.
  [[nodiscard]] std::uint64_t reported() const noexcept { return reported_; }
  /// Somebody else told of it: no news.
  void believe(std::uint64_t reported) noexcept {
    if (place().bits == reported) reported_ = reported;
  }
  /// What changed() compares with from now on.
  void see() noexcept { seen_ = place(); }
  /// Whether nobody is there who would look at an answer (who is closing looks at none), without waiting 100 ms between
  /// two looks, and without having told anybody.
  [[nodiscard]] bool gone() const noexcept {
    const protocol::PlaceWord now = place();
    const bool here = which_ == server_place ? now.writer_state() == protocol::WriterState::attached
                                             : now.slot_state() == protocol::SlotState::active ||
                                                   now.slot_state() == protocol::SlotState::joining;
    return !here || (!alive() && place().bits == now.bits);
  }
  /// The next look() looks at the lock, however short ago it did.
  void look_closely() noexcept { looked_at_ = 0; }
  [[nodiscard]] bool told() const noexcept { return reported_ == seen_.bits; }

  [[nodiscard]] protocol::PlaceWord place() const noexcept {
    return which_ == server_place ? attachment_->writer_place()
                                  : ring::Slots<buffer::Machine>::place(attachment_->segment().slots()[which_]);
  }
  /// Where it was last seen.
  [[nodiscard]] std::int32_t last_cpu() const noexcept {
    return buffer::Machine::load_relaxed(which_ == server_place ? attachment_->oieb().writer_last_cpu
                                                                : attachment_->segment().slots()[which_].last_cpu);
  }

 private:
  static constexpr std::uint32_t server_place = ~0U;

  Peer(const buffer::Attachment& attachment, std::uint32_t which) noexcept
      : attachment_(&attachment), which_(which), seen_(place()) {}

  [[nodiscard]] bool alive() const noexcept {
    return which_ == server_place ? attachment_->writer_lock_held() : attachment_->slot_lock_held(which_);
  }

  const buffer::Attachment* attachment_;
  std::uint32_t which_;
  protocol::PlaceWord seen_;
  std::uint64_t reported_ = 0;  // bits of a place whose owner's death was told
  std::int64_t looked_at_ = 0;
};

/// For Side::peer_cpu of a Waiter.
[[nodiscard]] inline stream::PeerCpu where(std::int32_t seen, int cpu) noexcept {
  return seen == cpu ? stream::PeerCpu::mine : seen < 0 ? stream::PeerCpu::unknown : stream::PeerCpu::another;
}

}  // namespace zerobuffer::duplex
