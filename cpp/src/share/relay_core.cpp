// Forwarding: describe the frame, have room, publish the descriptor, keep the frame.
#include "share/relay_core.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "stream/reader_core.hpp"
#include "stream/writer_core.hpp"

namespace zerobuffer::share {
namespace {
using buffer::Attachment;
using buffer::Machine;

bool same_segment(const Attachment& attachment, SegmentId id) noexcept {
  return std::equal(id.begin(), id.end(), std::begin(attachment.oieb().segment_id));
}

// What keeps ordinary frames of the source from being shared; empty: nothing.
std::string obstacle(const Attachment& output, const Attachment& source, std::uint32_t limit) {
  if (output.segment().geometry().share_slots == 0)
    return "the output was made with share_slots 0; make it with at least 1";
  if (source.segment().geometry().share_slots == 0)
    return "the source was made with share_slots 0; make it with as many as buffers will look at it at once";
  if (!source.named()) return "the source has no name by which the output's readers could open it";
  if (!os::name_refers_to(source.name(), source.segment().file()))
    return "the name of the source does not lead to it any more";
  if (same_segment(output, source.oieb().segment_id)) return "output and source are one buffer";
  if (limit == 0) return "the source's reader may hold one frame only; raise its max_held";
  return {};
}
}  // namespace

Result<RelayCore*> RelayCore::make(stream::WriterCore& output, stream::ReaderCore& source) {
  if (output.attachment().forked() || source.attachment().forked()) return Status::forked;
  auto probe = os::LockFile::open(output.attachment().segment().file());
  if (!probe) return probe.take_failure();
  const std::uint32_t limit = source.most_held() - 1;
  auto kept = std::make_shared<KeptFrames>(output.attachment(), std::move(*probe), limit);
  auto* core = new RelayCore(output, kept, obstacle(output.attachment(), source.attachment(), limit));
  if (output.attachment().segment().geometry().share_slots != 0 && limit != 0) {
    if (auto watched = core->watch([](void*) {}, nullptr); !watched) {
      delete core;
      return watched.take_failure();
    }
  }
  output.begin_sharing(kept);
  source.keep_with(std::move(kept));
  return core;
}

RelayCore::RelayCore(stream::WriterCore& output, std::shared_ptr<KeptFrames> kept, std::string why_not)
    : output_(output), kept_(std::move(kept)), why_not_(std::move(why_not)) {}

// ---------------------------------------------------------------- forwarding

Result<Forwarded> RelayCore::forward(Frame& frame, std::chrono::nanoseconds timeout, const FrameInfo* info) noexcept {
  if (!frame.valid()) return Status::handle_closed;
  if (const Status status = output_.usable(); status != Status::ok) return status;
  kept_->release_passed();
  if (kept_->take_dead_seen()) output_.look_after_the_dead();
  const FrameInfo sent = info != nullptr ? *info : FrameInfo{frame.type(), frame.tag()};
  const std::size_t size = frame.size();
  protocol::Descriptor descriptor{};
  if (!describe(frame, descriptor)) {
    if (auto written = output_.write(frame.data(), timeout, sent); !written) return written.take_failure();
    frame.release();
    copied_frames_.add();
    copied_bytes_.add(size);
    return Forwarded::copied;
  }
  stream::Deadline deadline(timeout);
  while (kept_->size() >= kept_->limit()) {
    if (output_.drops()) return output_.drop();
    const Status status = output_.wait_until_passed(kept_->next_end(), deadline, true);
    kept_->release_passed();
    if (kept_->size() < kept_->limit()) break;
    if (status != Status::ok) return status;
  }
  auto end = output_.write_descriptor(descriptor, sent, size, deadline);
  if (!end) return end.take_failure();
  ZEROBUFFER_POINT("forward.published");
  const stream::ReaderCore& source = *stream::ReaderCore::of(frame);
  const std::uint64_t position = source.position_of(frame);
  kept_->keep(std::move(frame), *end, position, source.attachment());
  shared_frames_.add();
  shared_bytes_.add(size);
  ZEROBUFFER_POINT("forward.kept");
  return Forwarded::shared;
}

bool RelayCore::describe(const Frame& frame, protocol::Descriptor& descriptor) noexcept {
  if (kept_->limit() == 0) return false;
  const stream::ReaderCore& source = *stream::ReaderCore::of(frame);
  if (!source.keeps_with(*kept_)) return false;  // of another reader
  const Attachment* attachment = &source.attachment();
  if (const Origin* origin = source.origin_of(frame)) {
    if (origin->copy) return false;
    attachment = &origin->source->attachment();
    descriptor.position = origin->position;
    descriptor.size = origin->size;
    descriptor.sequence = origin->sequence;
  } else {
    if (!can_share()) return false;
    descriptor.position = source.position_of(frame);
    descriptor.size = frame.size();
    descriptor.sequence = frame.sequence();
  }
  const SegmentId id = attachment->oieb().segment_id;
  if (same_segment(output_.attachment(), id)) return false;
  const Named named = output_.name_source(id, attachment->name());
  descriptor.source = named.index;
  descriptor.source_version = named.version;
  return named.version != 0;
}

std::uint32_t RelayCore::release_passed() noexcept {
  kept_->release_passed();
  return kept_->size();
}

SharedWriterStats RelayCore::stats() const noexcept {
  SharedWriterStats stats;
  stats.shared_frames = shared_frames_.get();
  stats.shared_bytes = shared_bytes_.get();
  stats.copied_frames = copied_frames_.get();
  stats.copied_bytes = copied_bytes_.get();
  stats.given_up = kept_->given_up();
  stats.kept = kept_->size();
  return stats;
}

Result<std::uint64_t> RelayCore::close(std::chrono::nanoseconds linger) noexcept {
  Status status = Status::ok;
  if (!output_.attachment().forked()) {
    stream::Deadline deadline(linger);
    while (linger.count() > 0 && status == Status::ok) {
      kept_->release_passed();
      const std::uint64_t end = kept_->last_end();
      if (end == KeptFrames::none) break;
      status = output_.wait_until_passed(end, deadline, false);
    }
    unwatch();
  }
  const std::uint64_t early = kept_->end();
  output_.end_sharing(*kept_);
  delete this;
  if (status == Status::interrupted) return status;
  return early;
}

// ---------------------------------------------------------------- the waiting thread

bool RelayCore::worth_a_look(std::int64_t now) noexcept {
  if (output_.attachment().forked()) return false;  // exit() has begun
  kept_->release_passed();
  if (now - looked_at_ >= stream::longest_sleep_ns) {
    looked_at_ = now;
    kept_->release_for_the_dead();
  }
  return false;  // as long as it lives
}

std::uint32_t RelayCore::arm() noexcept {
  const std::uint32_t value = Machine::load_acquire(word());
  kept_->call_the_waiting();
  return value;
}

std::uint32_t& RelayCore::word() noexcept { return output_.attachment().oieb().space_futex; }

std::int64_t RelayCore::longest_first_sleep() noexcept {
  return output_.attachment().barriers().sleeper_can_call ? stream::longest_sleep_ns : 1'000'000;
}

}  // namespace zerobuffer::share

namespace zerobuffer {

Result<SharedWriter> SharedWriter::over(Writer& output, Reader& source) {
  if (!output.is_open() || !source.is_open()) return Status::handle_closed;
  auto core = share::RelayCore::make(*output.core_, *source.core_);
  if (!core) return core.take_failure();
  return SharedWriter(*core);
}

SharedWriter& SharedWriter::operator=(SharedWriter&& other) noexcept {
  if (this != &other) {
    static_cast<void>(close());
    core_ = std::exchange(other.core_, nullptr);
  }
  return *this;
}
SharedWriter::~SharedWriter() { static_cast<void>(close()); }

Result<Forwarded> SharedWriter::forward(Frame&& frame, Timeout timeout) noexcept {
  return core_ != nullptr ? core_->forward(frame, timeout, nullptr) : Status::handle_closed;
}
Result<Forwarded> SharedWriter::forward(Frame&& frame, Timeout timeout, FrameInfo info) noexcept {
  return core_ != nullptr ? core_->forward(frame, timeout, &info) : Status::handle_closed;
}
bool SharedWriter::can_share() const noexcept { return core_ != nullptr && core_->can_share(); }
std::string SharedWriter::why_not() const {
  return core_ != nullptr ? core_->why_not() : std::string("this SharedWriter was closed");
}
std::uint32_t SharedWriter::release_passed() noexcept { return core_ != nullptr ? core_->release_passed() : 0; }
SharedWriterStats SharedWriter::stats() const noexcept {
  return core_ != nullptr ? core_->stats() : SharedWriterStats{};
}
Result<std::uint64_t> SharedWriter::close(Timeout linger) noexcept {
  if (core_ == nullptr) return std::uint64_t{0};
  return std::exchange(core_, nullptr)->close(linger);
}

}  // namespace zerobuffer
