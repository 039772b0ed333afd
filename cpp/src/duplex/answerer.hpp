// A lane as its other side sees it: requests are taken, several at a time if wanted, and answered in the order in which
// they came. In place publishing the position is the answer; otherwise it goes into a ring of its own. Knows nothing of
// other lanes, and nothing of who waits for requests.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "buffer/attachment.hpp"
#include "buffer/machine.hpp"
#include "duplex/peer.hpp"
#include "ring/held.hpp"
#include "ring/reader.hpp"
#include "ring/writer.hpp"
#include "stream/waiter.hpp"
#include "zerobuffer/duplex.hpp"

namespace zerobuffer::duplex {

/// What an answerer needs of a segment.
struct AnswererRings {
  ring::RingMemory in;   ///< Requests.
  ring::RingMemory out;  ///< Answers; in place the same ring.
  bool in_place = false;
};

/// Hears that an answerer has ended.
class AnswererOwner {
 public:
  /// The last request is back, after Answerer::end(). May delete the answerer.
  virtual void answerer_ended() noexcept = 0;
  /// A request can be taken again of a lane that had too many.
  virtual void answerer_has_room() noexcept = 0;

 protected:
  ~AnswererOwner() = default;
};

/// Counters of a lane that answers in rings of its own: whoever's turn it is adds.
struct LaneCounters {
  stream::Counter answers;
  stream::Counter copied_bytes;
  const LaneCounters* others = nullptr;  ///< Of the lanes before this one.
};

/// What all answerers of an end share: counters, to which any thread adds, and whether it is closing.
struct AnswererShare {
  stream::Counter requests;  // by whoever takes
  std::atomic<std::uint64_t> answers{0};
  std::atomic<std::uint64_t> errors{0};
  std::atomic<std::uint64_t> copied_bytes{0};
  std::atomic<std::uint64_t> wakes{0};
  std::atomic<std::uint64_t> sleeps{0};
  std::atomic<const LaneCounters*> lanes{nullptr};
  std::atomic<bool> closing{false};  // no answer waits for room any more
};

class Answerer {
 public:
  /// @param from_now what was sent before is not ours to answer: it is stepped over
  Answerer(const buffer::Attachment& attachment, const AnswererRings& rings, const Peer& peer,
           const DuplexConfig& config, bool from_now, AnswererOwner& owner, AnswererShare& share);

  // By whoever takes, one thread at a time.
  /// Whether there may be a request. One load.
  [[nodiscard]] bool has_request() const noexcept {
    return !broken_ && (in_.more() || garbled_.load(std::memory_order_relaxed));
  }
  /// Whether there may be one that can be taken.
  [[nodiscard]] bool ready() const noexcept { return has_request() && held_.room() != 0; }
  enum class Taken : std::uint8_t { request, nothing, corrupt, too_many };
  Taken take(Request& request, std::uint64_t client) noexcept;
  /// Takes nothing any more: the other side has garbled the lane.
  void mark_broken() noexcept { broken_ = true; }
  void set_wait_hook(WaitHook hook, void* context) noexcept { waiter_.set_hook(hook, context); }
  /// No request will be taken any more; answers fail from now on.
  void end() noexcept;

  // For Request, by any thread.
  Result<std::span<std::byte>> claim(Request& request, std::size_t size) noexcept;
  Result<void> respond(Request& request, std::size_t n, std::uint16_t type) noexcept;
  Result<void> write(Request& request, std::span<const std::byte> answer, std::uint16_t type) noexcept;
  void fail(Request& request, std::string_view text) noexcept;
  void finish(Request& request) noexcept;

 private:
  using Machine = buffer::Machine;
  using Requests = ring::RingReader<Machine, protocol::record_flag::in_place>;

  struct RoomWait;

  /// An answer that is made before it is its turn: in memory of its own, from which it is copied when the turn comes.
  struct Early {
    Early(std::uint64_t its_ticket, std::uint64_t its_sequence, std::uint32_t its_held) noexcept
        : ticket(its_ticket), sequence(its_sequence), held(its_held) {}

    std::uint64_t ticket;
    std::uint64_t sequence;
    std::uint32_t held;
    std::uint16_t type = 0;
    bool ready = false;  ///< The request is answered; whoever answers the one before it publishes this.
    std::size_t size = 0;
    std::unique_ptr<std::byte[]> memory;
    std::byte* bytes = nullptr;  ///< 64-byte aligned.
  };

  [[nodiscard]] bool unusable() const noexcept;
  [[nodiscard]] bool was_begun() const noexcept;
  [[nodiscard]] std::uint64_t last_answered() const noexcept;
  void begin_change() noexcept;
  [[nodiscard]] bool is_turn_of(const Request& request) const noexcept;
  Result<std::byte*> room(std::uint64_t sequence, std::size_t size) noexcept;
  [[nodiscard]] std::byte* try_room(std::size_t size, std::uint64_t& wanted) noexcept;
  void publish_answer(Request& request, std::size_t n, std::uint16_t type) noexcept;
  void count(std::atomic<std::uint64_t>& any, stream::Counter& own, std::uint64_t amount) noexcept;
  void let_go(Request& request) noexcept;
  void release(std::uint32_t held) noexcept;
  void work(std::uint64_t oldest, bool finished, std::optional<Early>& next) noexcept;

  Result<std::span<std::byte>> claim_early(Request& request, std::size_t size) noexcept;
  [[nodiscard]] bool has_early(const Request& request) noexcept;
  void forget_early(const Request& request) noexcept;
  void answer_early(Request& request, std::size_t n, std::uint16_t type) noexcept;
  [[nodiscard]] std::optional<Early> take_early(std::uint64_t turn) noexcept;
  void publish(const Early& early) noexcept;
  void publish_from(std::optional<Early> next) noexcept;

  const buffer::Attachment& attachment_;
  AnswererRings rings_;
  AnswererOwner& owner_;
  AnswererShare& share_;
  LaneCounters counters_;
  ring::Barriers barriers_;
  Requests in_;
  ring::HeldFrames<Machine> held_;
  ring::RingWriter<Machine> out_;  // unused in place
  stream::Waiter waiter_;
  Peer peer_;

  std::uint64_t begun_ = 0;          // not in place: what a predecessor had begun, up to this sequence ...
  std::uint64_t answered_ = 0;       // ... and answered
  std::atomic<std::uint64_t> turn_;  // every request before this position is answered and let go; not in place
  std::mutex early_mutex_;
  std::vector<Early> early_;  // not in place
  std::atomic<std::size_t> early_count_{0};
  std::uint64_t claimed_ = ~std::uint64_t{0};  // ticket (end of the request before it) of what has room in out_
  std::uint64_t published_;
  std::atomic<bool> ended_{false};
  std::atomic<bool> full_{false};     // more requests are there than may be taken
  std::atomic<bool> garbled_{false};  // an answer found that its client's position cannot be
  bool broken_ = false;
};

}  // namespace zerobuffer::duplex
