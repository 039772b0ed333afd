// Pinning frames of another buffer and letting them go.
#include "share/source.hpp"

#include <algorithm>

#include "buffer/machine.hpp"
#include "ring/pins.hpp"
#include "ring/signal.hpp"
#include "stream/exit_guard.hpp"

namespace zerobuffer::share {
namespace {
using buffer::Machine;
using Pins = ring::Pins<Machine>;
using SpaceSignal = ring::SpaceSignal<Machine>;
}  // namespace

Result<std::shared_ptr<Source>> Source::open(std::string_view name, SegmentId id, const BufferConfig& config,
                                             SegmentId pinned_for) {
  auto attachment = buffer::Attachment::open_source(name, id, config);
  if (!attachment) return attachment.take_failure();
  return std::make_shared<Source>(std::move(*attachment), pinned_for, config.max_held);
}

Source::Source(buffer::Attachment attachment, SegmentId pinned_for, std::uint32_t max_held)
    : attachment_(std::move(attachment)) {
  std::copy(pinned_for.begin(), pinned_for.end(), pinned_for_);
  held_.reserve(max_held);
  stream::leave_at_exit(attachment_);
}

Source::~Source() {
  stream::forget_at_exit(attachment_);
  attachment_.leave();
}

Source::Pinned Source::pin(std::uint64_t position) {
  const std::lock_guard guard(mutex_);
  if (attachment_.forked()) return Pinned::lost;
  if (held_.empty()) {
    if (!attachment_.take_pin(pinned_for_)) return Pinned::no_pin;
    if (!Pins::pin(attachment_.oieb(), attachment_.pin(), position)) return Pinned::lost;
  } else if (position < held_.front() || held_.size() == held_.capacity()) {
    return Pinned::no_pin;
  }
  // everything behind the oldest position is kept with it
  held_.insert(std::upper_bound(held_.begin(), held_.end(), position), position);
  return Pinned::yes;
}

void Source::release(std::uint64_t position) noexcept {
  const std::lock_guard guard(mutex_);
  const auto found = std::lower_bound(held_.begin(), held_.end(), position);
  if (attachment_.forked() || found == held_.end() || *found != position) return;
  const bool was_oldest = found == held_.begin();
  held_.erase(found);
  if (was_oldest && (held_.empty() || held_.front() != position)) publish();
}

void Source::publish() noexcept {
  if (!attachment_.has_pin()) return;
  if (held_.empty()) {
    Pins::park(attachment_.pin());
  } else {
    Pins::move(attachment_.pin(), held_.front());
  }
  const std::uint64_t position = held_.empty() ? protocol::parked : held_.front();
  SpaceSignal::notify(attachment_.oieb(), position, attachment_.barriers());
  // the writer has closed: who is idle here must not keep its buffer's name
  if (held_.empty() && attachment_.writer_place().writer_state() != protocol::WriterState::attached)
    attachment_.leave_pin();
}

std::uint64_t Source::origin() const noexcept {
  // acquire: reclaim_pos was beyond what lay there before; is_lost() sees that
  return Machine::load_acquire(attachment_.oieb().origin_pos);
}

bool Source::is_lost(std::uint64_t position) const noexcept {
  Machine::load_fence();  // after the copy; pairs with the fence in RingWriter::announce
  return Machine::load_relaxed(attachment_.oieb().reclaim_pos) > position;
}

bool Source::blocks_the_writer() noexcept {
  const std::lock_guard guard(mutex_);
  if (held_.empty() || attachment_.forked()) return false;
  const protocol::Oieb& oieb = attachment_.oieb();
  return Machine::load_acquire(oieb.writer_waiting) != 0 && Machine::load_relaxed(oieb.wanted_pos) > held_.front() &&
         attachment_.writer_place().writer_state() == protocol::WriterState::attached;
}

void Source::look_after() noexcept {
  const std::lock_guard guard(mutex_);
  if (attachment_.forked() || !attachment_.has_pin() || !held_.empty()) return;
  const bool writes = attachment_.writer_place().writer_state() == protocol::WriterState::attached;
  if (!writes || !attachment_.writer_lock_held()) attachment_.leave_pin();
}

}  // namespace zerobuffer::share
