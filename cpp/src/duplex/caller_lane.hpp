// A lane as its caller sees it: requests go out, answers come in, in the same order. In place both are one ring, in
// which answers end where the other side has come to. Knows nothing of other lanes; who uses it is settled by `own`.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "buffer/attachment.hpp"
#include "buffer/machine.hpp"
#include "duplex/peer.hpp"
#include "ring/held.hpp"
#include "ring/reader.hpp"
#include "ring/writer.hpp"
#include "stream/waiter.hpp"
#include "stream/watcher.hpp"
#include "zerobuffer/duplex.hpp"

namespace zerobuffer::duplex {

/// What a caller needs of a segment.
struct CallerRings {
  ring::RingMemory out;  ///< Requests.
  ring::RingMemory in;   ///< Answers; in place the same ring.
  bool in_place = false;
  protocol::Oieb* data_signal;  ///< Where the other side sleeps when there is no request.
  std::uint64_t answer_bit;     ///< This side's bit of in.oieb->readers_waiting.
};

/// Hears that a lane can be used by somebody else.
class LaneOwner {
 public:
  virtual void lane_is_free() noexcept = 0;
  /// Nothing of a lane without a place of its own is in use any more, for good; it deletes itself next.
  virtual void lane_ended() noexcept = 0;

  /// The server (bits of its place) whose death was told to somebody: calls that begin later wait for its successor.
  std::atomic<std::uint64_t> told_death{0};

 protected:
  ~LaneOwner() = default;
};

/// Lives until end() was called and every claim, pending call and answer of it is back; deletes itself then.
class CallerLane {
 public:
  enum Use : std::uint32_t { sending = 1, receiving = 2, calling = 3 };

  /// @param attachment the place that this lane is, where it has one of its own; otherwise `shared` outlives the lane
  CallerLane(std::optional<buffer::Attachment> own, const buffer::Attachment* shared, const CallerRings& rings,
             const Peer& peer, const DuplexConfig& config, LaneOwner* owner);

  // Who uses it. Everything else is called by whoever owns that half.
  [[nodiscard]] bool try_own(Use use) noexcept;
  void disown(Use use) noexcept;
  /// For an owner of `calling`: nothing is on its way, no answer to an abandoned call is awaited, and what others hold
  /// of earlier answers leaves at least half of the lane.
  [[nodiscard]] bool is_clean() noexcept;
  /// For an owner of `calling`: requests of send() are on their way.
  [[nodiscard]] bool has_pipelined() const noexcept { return pipelined_.load(std::memory_order_acquire) != 0; }

  // Sending.
  Result<std::span<std::byte>> claim(std::size_t size, std::size_t response_capacity, stream::Deadline& deadline,
                                     Use use) noexcept;
  void discard_claim() noexcept { out_.discard(); }
  std::uint64_t commit(std::size_t n, const RequestInfo& info) noexcept;
  Result<std::uint64_t> send(std::span<const std::byte> request, stream::Deadline& deadline, const RequestInfo& info,
                             Use use) noexcept;
  /// The second half of send(), after claim(): `room` is what that gave, of the request's size.
  std::uint64_t send_claimed(std::byte* room, std::span<const std::byte> request, const RequestInfo& info) noexcept;
  /// What was just sent is a pipelined one: its answer comes from receive_pipelined().
  void count_pipelined() noexcept { pipelined_.fetch_add(1, std::memory_order_acq_rel); }
  void uncount_pipelined() noexcept { pipelined_.fetch_sub(1, std::memory_order_acq_rel); }

  // Receiving.
  Result<Response> receive(std::uint64_t sequence, stream::Deadline deadline) noexcept;
  Result<Received> receive_into(std::uint64_t sequence, std::span<std::byte> buffer,
                                stream::Deadline deadline) noexcept;
  Result<Response> receive_pipelined(stream::Deadline deadline) noexcept;
  Result<Received> receive_pipelined_into(std::span<std::byte> buffer, stream::Deadline deadline) noexcept;
  /// Nobody waits for this or any earlier request any more.
  void give_up(std::uint64_t sequence) noexcept;
  void release(std::uint32_t held) noexcept;

  // Handles of calls and claims keep the lane alive.
  void retain() noexcept { users_.fetch_add(1, std::memory_order_relaxed); }
  void drop() noexcept;
  /// The caller is closing: everything fails from now on.
  void end() noexcept;
  [[nodiscard]] bool is_forked() const noexcept { return place().forked(); }
  [[nodiscard]] bool ended() const noexcept { return ended_.load(std::memory_order_acquire); }

  Result<void> when_ready(ReadyCallback callback, void* context) { return call_watch_.begin(callback, context); }
  bool cancel_when() noexcept { return call_watch_.unwatch(); }
  /// The same for the answers to what send() sent. Who waits so does not own the lane: others may call, and send.
  Result<void> when_pipelined(ReadyCallback callback, void* context) {
    return pipeline_watch_.begin(callback, context);
  }
  bool cancel_pipelined() noexcept { return pipeline_watch_.unwatch(); }

  /// Ends a wait that runs now. False where none of that kind of use is running.
  bool interrupt() noexcept;
  void set_wait_hook(WaitHook hook, void* context) noexcept;
  void add_to(DuplexStats& stats) const noexcept;
  [[nodiscard]] buffer::Attachment& attachment() noexcept { return *own_; }

 private:
  using Machine = buffer::Machine;
  using Answers = ring::RingReader<Machine, protocol::record_flag::in_place>;

  struct RoomWait;
  struct AnswerWait;

  class Watch : public stream::Watched {
   public:
    explicit Watch(CallerLane& lane) noexcept : lane_(lane) {}

   protected:
    ~Watch() = default;
    [[nodiscard]] Status may_begin() const;
    [[nodiscard]] bool look(std::int64_t now) noexcept;
    std::uint32_t arm() noexcept override;
    std::uint32_t& word() noexcept override { return lane_.rings_.in.oieb->data_futex; }
    std::int64_t longest_first_sleep() noexcept override { return lane_.in_waiter_.next_sleep(); }

    CallerLane& lane_;

   private:
    std::int64_t looked_at_ = 0;
  };

  /// For the owner of `calling`.
  class CallWatch final : public Watch {
   public:
    using Watch::Watch;
    Result<void> begin(ReadyCallback callback, void* context);

   private:
    bool worth_a_look(std::int64_t now) noexcept override;
    void disarm() noexcept override;
  };

  /// For one who owns nothing meanwhile.
  class PipelineWatch final : public Watch {
   public:
    using Watch::Watch;
    Result<void> begin(ReadyCallback callback, void* context);
    void interrupt() noexcept { interrupted_.store(true, std::memory_order_seq_cst); }
    [[nodiscard]] bool take_interrupt() noexcept {
      return interrupted_.load(std::memory_order_relaxed) && interrupted_.exchange(false, std::memory_order_seq_cst);
    }

   private:
    bool worth_a_look(std::int64_t now) noexcept override;
    void disarm() noexcept override;

    std::atomic<bool> interrupted_{false};  // calls on the same lane have an interrupt of their own
  };

  enum class Next : std::uint8_t { answer, nothing, failed };

  [[nodiscard]] const buffer::Attachment& place() const noexcept { return own_ ? *own_ : *shared_; }
  /// The slot whose position says what this caller has let go.
  [[nodiscard]] protocol::ReaderSlot& own_slot() const noexcept {
    return rings_.in_place ? rings_.in.slots[1] : rings_.in.slots[0];
  }
  [[nodiscard]] std::byte* room(std::size_t size, std::size_t response_capacity, stream::Deadline& deadline, Use use,
                                Failure& failure) noexcept;
  [[nodiscard]] std::byte* room_slow(stream::Deadline& deadline, Use use, Failure& failure) noexcept;
  void step_on(Use use) noexcept;
  [[nodiscard]] bool is_crowded() const noexcept;
  [[nodiscard]] bool blocked_by_ourselves(Use use, bool waited) const noexcept;

  void wait_for_look() const noexcept;
  [[nodiscard]] bool try_look() noexcept;
  [[nodiscard]] bool somebody_receives() const noexcept;
  void stop_using(std::uint32_t use) noexcept;

  void tell_death(const Peer& peer) noexcept;
  [[nodiscard]] bool more() const noexcept;
  [[nodiscard]] Next look(Status& status) noexcept;
  [[nodiscard]] std::uint64_t answers_to() const noexcept;
  Result<void> await_answer(stream::Deadline& deadline) noexcept;
  [[nodiscard]] Result<void> await_slow(Next next, Status status, stream::Deadline& deadline) noexcept;
  Result<Response> take() noexcept;
  Result<Response> take_answer() noexcept;
  Result<Received> take_into(std::span<std::byte> buffer) noexcept;
  [[nodiscard]] bool is_no_answer() const noexcept;
  [[nodiscard]] Failure take_failure() noexcept;
  [[nodiscard]] bool blocks_the_server(std::int64_t now, bool time_is_over) noexcept;
  void pass() noexcept;
  void pass_late() noexcept;
  void settle() noexcept;
  void work(std::uint64_t oldest, bool finished) noexcept;

  std::optional<buffer::Attachment> own_;
  const buffer::Attachment* shared_;
  CallerRings rings_;
  LaneOwner* owner_;
  ring::Barriers barriers_;
  ring::RingWriter<Machine> out_;
  Answers in_;
  ring::HeldFrames<Machine> held_;
  stream::Waiter out_waiter_;
  stream::Waiter in_waiter_;
  Peer out_peer_;
  Peer in_peer_;
  CallWatch call_watch_{*this};
  PipelineWatch pipeline_watch_{*this};

  // Use bits. watch_looks: the pipeline's watch owns `receiving`, which is over at once, so others wait for it
  static constexpr std::uint32_t watch_looks = 4;
  std::atomic<std::uint32_t> used_{0};
  // The pipeline's watch found the lane in use, or lost its bit to who slept there: who gives `receiving` back pokes.
  std::atomic<bool> wants_a_poke_{false};
  std::atomic<std::uint32_t> users_{2};  // the caller, and held_
  std::atomic<bool> ended_{false};
  std::atomic<std::uint64_t> pipelined_{0};     // sent by send() and not received
  std::atomic<const void*> receiver_{nullptr};  // which thread received last, of what was sent by send()

  std::size_t reserved_ = 0;             // payload bytes of the open claim's record
  std::atomic<std::uint64_t> floor_{1};  // answers to earlier requests are late
  std::uint64_t last_answer_ = 0;        // request that the last answer was to
  std::uint64_t published_ = 0;          // what work() told last
  std::uint64_t blocking_at_ = 0;        // where this caller has stood ...
  std::int64_t blocking_since_ = 0;      // ... since when its held answers alone keep the server from answering
  int cpu_ = -1;

  stream::Counter requests_;
  stream::Counter answers_;
  stream::Counter errors_;
  stream::Counter late_;
  stream::Counter copied_out_;
  stream::Counter copied_in_;
  stream::Counter wakes_;
};

}  // namespace zerobuffer::duplex
