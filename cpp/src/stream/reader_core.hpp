// A reader: the ring's reading side, what is held, how it waits, and what the writer's state means for it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "buffer/attachment.hpp"
#include "buffer/machine.hpp"
#include "ring/held.hpp"
#include "ring/reader.hpp"
#include "stream/waiter.hpp"
#include "stream/watcher.hpp"
#include "zerobuffer/config.hpp"
#include "zerobuffer/frame.hpp"
#include "zerobuffer/result.hpp"

namespace zerobuffer::share {
class KeptFrames;
class LentFrames;
struct Mappings;
struct Origin;
}  // namespace zerobuffer::share

namespace zerobuffer::stream {

/// Lives until the Reader is closed and the last Frame is back; deletes itself then.
class ReaderCore {
 public:
  static ReaderCore* make(buffer::Attachment attachment, const BufferConfig& config);

  Result<Frame> read(std::chrono::nanoseconds timeout) noexcept;
  Result<Frame> try_read() noexcept;
  Result<std::size_t> read_many(std::span<Frame> out, std::chrono::nanoseconds timeout) noexcept;
  Result<std::size_t> read_messages(std::span<std::byte> into, std::size_t size,
                                    std::chrono::nanoseconds timeout) noexcept;
  Result<Frame> read_newest(std::chrono::nanoseconds timeout) noexcept;
  Result<std::vector<std::byte>> metadata(std::chrono::nanoseconds timeout);

  Result<void> when_ready(ReadyCallback callback, void* context);
  Result<void> when_metadata(ReadyCallback callback, void* context);
  bool cancel_when() noexcept;

  void release(std::uint32_t held) noexcept;

  // For a SharedWriter, which keeps frames of this reader.
  [[nodiscard]] static ReaderCore* of(const Frame& frame) noexcept { return frame.core_; }
  [[nodiscard]] const buffer::Attachment& attachment() const noexcept { return attachment_; }
  [[nodiscard]] std::uint32_t most_held() const noexcept { return held_.capacity(); }
  [[nodiscard]] std::uint64_t position_of(const Frame& frame) const noexcept { return held_.position_of(frame.held_); }
  /// Null for a frame that lies in this reader's own buffer.
  [[nodiscard]] const share::Origin* origin_of(const Frame& frame) const noexcept;
  void keep_with(std::shared_ptr<share::KeptFrames> kept);
  [[nodiscard]] bool keeps_with(const share::KeptFrames& kept) const noexcept;

  void interrupt() noexcept;
  void set_wait_hook(WaitHook hook, void* context) noexcept { waiter_.set_hook(hook, context); }
  [[nodiscard]] ReaderStats stats() const noexcept;
  [[nodiscard]] BufferInfo info() const noexcept;
  [[nodiscard]] int fd() const noexcept;
  [[nodiscard]] std::shared_ptr<const void> mapping() const noexcept;
  void close() noexcept;

 private:
  using Machine = buffer::Machine;

  struct DataWait;      // waits for frames
  struct MetadataWait;  // waits for metadata

  /// What somebody else waits for in our place. While it is watched, nobody else uses what it looks at.
  class Watch final : public Watched {
   public:
    explicit Watch(ReaderCore& core) noexcept : core_(core) {}
    Result<void> begin(bool for_metadata, ReadyCallback callback, void* context);

   private:
    bool worth_a_look(std::int64_t now) noexcept override;
    std::uint32_t arm() noexcept override;
    void disarm() noexcept override;
    std::uint32_t& word() noexcept override { return core_.attachment_.oieb().data_futex; }
    std::int64_t longest_first_sleep() noexcept override { return core_.waiter_.next_sleep(); }

    ReaderCore& core_;
    bool for_metadata_ = false;
    std::int64_t looked_at_ = 0;  // when the writer's life was last looked at
  };

  ReaderCore(buffer::Attachment attachment, const BufferConfig& config);
  ~ReaderCore();

  enum class Next : std::uint8_t { frame, shared, nothing, failed };
  [[nodiscard]] Next look(Status& status) noexcept;
  [[nodiscard]] Next look_slow(ring::Peek peek, Status& status) noexcept;
  [[nodiscard]] Frame take() noexcept;
  Result<Frame> take_shared(bool step_over_lost) noexcept;
  void look_after_lent(std::int64_t now) noexcept;
  void give_back_shared(std::uint32_t held) noexcept;
  void call_the_waiting() noexcept;
  Result<Frame> read_slow(Next next, Status status, Deadline deadline) noexcept;
  [[nodiscard]] Next wait_for_next(Next next, Status& status, Deadline deadline) noexcept;
  [[nodiscard]] std::size_t copy_messages(std::byte* into, std::size_t size, std::size_t most) noexcept;
  [[nodiscard]] Failure failure(Status status) const noexcept;

  [[nodiscard]] Status look_at_writer(std::int64_t now) noexcept;
  [[nodiscard]] Status glance_at_writer(std::int64_t now) noexcept;
  [[nodiscard]] bool blocks_the_writer(std::int64_t now) noexcept;
  [[nodiscard]] bool owes_the_writer() const noexcept;
  void note_lost(std::uint64_t first_sequence) noexcept;
  void settle() noexcept;
  void work(std::uint64_t oldest, bool finished) noexcept;
  void tell(std::uint64_t oldest) noexcept;
  [[nodiscard]] bool is_due(std::uint64_t oldest) noexcept;
  void publish(std::uint64_t position) noexcept;
  [[nodiscard]] std::uint64_t count_before(std::uint64_t position) const noexcept;
  void finish() noexcept;

  buffer::Attachment attachment_;
  ring::RingReader<Machine> ring_;
  ring::HeldFrames<Machine> held_;
  Waiter waiter_;
  Watch watch_{*this};
  Acknowledge acknowledge_;

  // What the work of held_ touches: one thread at a time.
  std::uint64_t published_ = 0;    // read_pos
  std::uint64_t worked_on_ = 0;    // oldest position that work() was last given
  std::uint32_t unpublished_ = 0;  // releases since
  std::int64_t published_at_ = 0;
  std::atomic<bool> publish_now_{false};

  std::atomic<std::uint64_t> taken_sequence_{0};  // of the last frame handed out
  bool count_lost_ = false;                       // the first frame tells how many a late resume has lost
  std::int64_t looked_at_ = 0;                    // when the writer's life was last looked at
  std::uint64_t blocking_at_ = 0;                 // where this reader has stood ...
  std::int64_t blocking_since_ = 0;               // ... since when its held frames alone keep the writer from going on
  std::atomic<std::uint64_t> reported_dead_{0};   // writer epoch whose death was told
  std::atomic<std::int64_t> glanced_at_{0};       // when glance_at_writer() last found it alive
  int cpu_ = -1;
  protocol::PlaceWord seen_writer_;

  // Frames that came as descriptors: nothing as long as none has.
  std::atomic<share::LentFrames*> lent_{nullptr};
  std::shared_ptr<share::Mappings> mappings_;  // only where descriptors may come
  std::vector<std::shared_ptr<share::KeptFrames>> kept_;
  BufferConfig config_;
  std::int64_t looked_after_lent_ = 0;

  Counter frames_;
  Counter bytes_;
  Counter shared_frames_;
  Counter wakes_;
  Counter looks_;
  Counter lost_;
  Counter skipped_;
};

}  // namespace zerobuffer::stream
