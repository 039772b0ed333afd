// A writer: the ring's writing side, how it waits for room, and what the readers' states mean for it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "buffer/attachment.hpp"
#include "buffer/machine.hpp"
#include "ring/writer.hpp"
#include "share/source_table.hpp"
#include "stream/copy_choice.hpp"
#include "stream/waiter.hpp"
#include "stream/watcher.hpp"
#include "zerobuffer/config.hpp"
#include "zerobuffer/writer.hpp"

namespace zerobuffer::share {
class KeptFrames;
}

namespace zerobuffer::stream {

/// Lives until the Writer is closed and its Claim, Batch and SharedWriters, if any, are gone; deletes itself then.
class WriterCore {
 public:
  static WriterCore* make(buffer::Attachment attachment, const BufferConfig& config);

  Result<Claim> claim(std::size_t size, std::chrono::nanoseconds timeout) noexcept;
  Result<Claim> try_claim(std::size_t size) noexcept;
  Result<void> write(std::span<const std::byte> data, std::chrono::nanoseconds timeout, FrameInfo info) noexcept;
  Result<void> try_write(std::span<const std::byte> data, FrameInfo info) noexcept;
  Result<std::size_t> write_messages(std::span<const std::byte> messages, std::size_t size,
                                     std::chrono::nanoseconds timeout, FrameInfo info) noexcept;
  Batch batch() noexcept;

  // For Claim and Batch.
  Result<void> commit(std::size_t n, std::size_t claimed, FrameInfo info) noexcept;
  void end_claim(bool discard) noexcept;
  void end_batch() noexcept;

  Result<void> write_metadata(std::span<const std::byte> metadata) noexcept;
  Result<void> wait_for_readers(std::uint32_t n, std::chrono::nanoseconds timeout) noexcept;
  Result<void> drain(std::chrono::nanoseconds timeout) noexcept;
  Result<std::uint32_t> forget_dead_readers() noexcept;

  Result<void> when_ready(std::size_t size, ReadyCallback callback, void* context);
  bool cancel_when() noexcept;

  void interrupt() noexcept;
  void set_wait_hook(WaitHook hook, void* context) noexcept { waiter_.set_hook(hook, context); }

  // For SharedWriters, which keep this alive.
  [[nodiscard]] const buffer::Attachment& attachment() const noexcept { return attachment_; }
  /// ok, or why nothing can be written now.
  [[nodiscard]] Status usable() const noexcept;
  [[nodiscard]] bool drops() const noexcept { return full_ == FullPolicy::drop; }
  Status drop() noexcept;
  /// The room that dead readers keep is needed now, if not here.
  void look_after_the_dead() noexcept { static_cast<void>(look_at_readers(true)); }
  void begin_sharing(std::shared_ptr<share::KeptFrames> kept);
  void end_sharing(const share::KeptFrames& kept) noexcept;
  [[nodiscard]] share::Named name_source(share::SegmentId id, std::string_view name) noexcept;
  /// Sends a frame of `size` bytes that lies elsewhere; returns the position behind its descriptor.
  Result<std::uint64_t> write_descriptor(const protocol::Descriptor& descriptor, FrameInfo info, std::size_t size,
                                         Deadline& deadline) noexcept;
  /// Waits until every reader has let go of everything before `position`; what the dead hold, counts.
  /// @param for_room whether it keeps this writer from going on, so that a reader that holds it should be told
  Status wait_until_passed(std::uint64_t position, Deadline& deadline, bool for_room) noexcept;

  [[nodiscard]] WriterStats stats() const noexcept;
  [[nodiscard]] BufferInfo info() const noexcept { return attachment_.info(); }
  [[nodiscard]] int fd() const noexcept;
  [[nodiscard]] std::shared_ptr<const void> mapping() const noexcept { return attachment_.segment().payload_owner(); }
  Result<std::uint64_t> close(std::chrono::nanoseconds linger) noexcept;

 private:
  using Machine = buffer::Machine;
  enum class Full : std::uint8_t { wait, answer };  // what to do where there is no room

  struct SpaceWait;
  struct WaitingFlag;

  /// What somebody else waits for in our place. While it is watched, nobody else uses what it looks at.
  class Watch final : public Watched {
   public:
    explicit Watch(WriterCore& core) noexcept : core_(core) {}
    Result<void> begin(std::size_t size, ReadyCallback callback, void* context);

   private:
    bool worth_a_look(std::int64_t now) noexcept override;
    std::uint32_t arm() noexcept override;
    void disarm() noexcept override;
    std::uint32_t& word() noexcept override { return core_.attachment_.oieb().space_futex; }
    std::int64_t longest_first_sleep() noexcept override { return core_.waiter_.next_sleep(); }

    WriterCore& core_;
    bool there_is_room_ = false;  // already when it was asked for
    std::uint32_t seen_ = 0;      // readers then
    std::int64_t looked_at_ = 0;  // when the readers' lives were last looked at
  };

  WriterCore(buffer::Attachment attachment, const BufferConfig& config);
  ~WriterCore() = default;

  [[nodiscard]] Status check_claim(std::size_t size) const noexcept;
  [[nodiscard]] bool all_passed(std::uint64_t position) const noexcept;
  [[nodiscard]] std::byte* room(std::size_t size, Deadline deadline, Full full, Status& status) noexcept;
  [[nodiscard]] std::byte* room_slow(std::size_t size, Deadline deadline, Full full, Status& status) noexcept;
  Result<void> write_large(std::span<const std::byte> data, Deadline deadline, Full full, FrameInfo info) noexcept;
  [[nodiscard]] Failure failure(Status status, std::size_t size) const noexcept;
  void publish(std::size_t size) noexcept;
  void note_progress() noexcept;
  void seen_on(int cpu) noexcept;

  /// What the readers' places and locks say: ok (there is somebody to wait for), closed, or peer_dead.
  [[nodiscard]] Status look_at_readers(bool must_look) noexcept;
  void look_at_pins(std::uint64_t impossible) noexcept;
  [[nodiscard]] bool readers_ever_came() const noexcept;
  [[nodiscard]] std::uint64_t unread_by_all() const noexcept;
  void release_if_unused() noexcept;

  buffer::Attachment attachment_;
  ring::RingWriter<Machine> ring_;
  Waiter waiter_;
  Watch watch_{*this};
  FullPolicy full_;
  CopyChoice copying_;

  bool claim_open_ = false;
  bool flag_up_ = false;  // writer_waiting was set by the call that is running
  bool batch_open_ = false;
  bool closed_ = false;
  std::vector<std::shared_ptr<share::KeptFrames>> kept_;  // one per SharedWriter
  std::unique_ptr<share::SourceTable> sources_;           // made by the first of them
  bool metadata_settled_ = false;                         // written by this end
  std::uint64_t frames_at_open_ = 0;                      // the metadata comes before the first frame of this end
  std::int64_t looked_at_ = 0;
  std::uint64_t suspicious_ = 0;  // slots whose position was impossible at the last look
  std::uint64_t suspicious_pins_ = 0;
  std::uint64_t dead_ = 0;  // active slots whose owner was dead at the last look
  std::uint64_t forgotten_epochs_ = 0;
  std::uint64_t sampled_at_frame_ = 0;
  int cpu_ = -1;

  Counter bytes_;
  Counter wakes_;
  Counter looks_;
  Counter blocked_count_;
  Counter blocked_ns_;
};

}  // namespace zerobuffer::stream
