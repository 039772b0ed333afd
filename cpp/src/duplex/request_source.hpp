// Where requests come from: the lanes that one end answers, and the wait for any of them. One thread at a time waits
// and takes (the leader), the others wait for it; answering needs none of this. Knows nothing of who the other side is.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "buffer/attachment.hpp"
#include "duplex/answerer.hpp"
#include "duplex/gate.hpp"
#include "stream/waiter.hpp"
#include "stream/watcher.hpp"
#include "zerobuffer/duplex.hpp"

namespace zerobuffer::duplex {

class RequestSource : private AnswererOwner {
 public:
  /// @param signal the control block on whose word this end sleeps, as the reader with bit 0
  RequestSource(const buffer::Attachment& attachment, protocol::Oieb& signal, const DuplexConfig& config);

  Result<Request> take(std::chrono::nanoseconds timeout, bool background) noexcept;
  Result<void> when_ready(ReadyCallback callback, void* context) { return watch_.begin(callback, context); }
  bool cancel_when() noexcept { return watch_.unwatch(); }

  /// Sends the takers in the background home, until resume().
  void pause() noexcept;
  void resume() noexcept { paused_.store(false, std::memory_order_seq_cst); }
  /// Answers that wait for room fail from now on; what has room is still answered.
  void begin_close() noexcept { share_.closing.store(true, std::memory_order_seq_cst); }
  void interrupt() noexcept;
  void set_wait_hook(WaitHook hook, void* context) noexcept;
  void add_to(DuplexStats& stats) const noexcept;

  /// Takes nothing any more. source_ended() comes when the last request is back, at once where none is out.
  void end() noexcept;

 protected:
  ~RequestSource() = default;
  RequestSource(const RequestSource&) = delete;
  RequestSource& operator=(const RequestSource&) = delete;

  void add(std::unique_ptr<Answerer> answerer) {
    answerer->set_wait_hook(hook_, hook_context_);
    answerers_.push_back(std::move(answerer));
  }
  [[nodiscard]] std::size_t count() const noexcept { return answerers_.size(); }
  [[nodiscard]] AnswererOwner& as_owner() noexcept { return *this; }
  [[nodiscard]] AnswererShare& share() noexcept { return share_; }
  [[nodiscard]] const buffer::Attachment& attachment() const noexcept { return attachment_; }

 private:
  using Machine = buffer::Machine;
  struct RequestWait;

  class Watch final : public stream::Watched {
   public:
    explicit Watch(RequestSource& source) noexcept : source_(source) {}
    Result<void> begin(ReadyCallback callback, void* context);

   private:
    bool worth_a_look(std::int64_t now) noexcept override;
    std::uint32_t arm() noexcept override;
    void disarm() noexcept override;
    std::uint32_t& word() noexcept override { return source_.signal_.data_futex; }
    std::int64_t longest_first_sleep() noexcept override { return source_.waiter_.next_sleep(); }

    RequestSource& source_;
    std::int64_t looked_at_ = 0;
  };

  // What differs between a server and a client that its server calls. By the leader.
  /// Whether there are lanes beyond count(). Cheap.
  [[nodiscard]] virtual bool has_more_lanes() const noexcept = 0;
  virtual Result<void> add_lanes() = 0;
  /// Whose lane this is.
  [[nodiscard]] virtual std::uint64_t client_of(std::size_t lane) const noexcept = 0;
  /// Nothing is there: is anybody?
  [[nodiscard]] virtual Status look_at_peer(std::int64_t now) noexcept = 0;
  [[nodiscard]] virtual bool peer_changed() const noexcept = 0;
  [[nodiscard]] virtual stream::PeerCpu peer_cpu(int cpu) const noexcept = 0;
  virtual void seen_on(int cpu) noexcept = 0;
  /// The other side of a lane has garbled it.
  virtual Status lane_is_broken(std::size_t lane) noexcept = 0;
  virtual void source_ended() noexcept = 0;

  void answerer_ended() noexcept final;
  void answerer_has_room() noexcept final;
  [[nodiscard]] bool any_ready() const noexcept;
  Status take(Request& request, std::chrono::nanoseconds timeout, bool background) noexcept;
  Status take_next(Request& request) noexcept;

  const buffer::Attachment& attachment_;
  protocol::Oieb& signal_;
  ring::Barriers barriers_;
  stream::Waiter waiter_;
  Watch watch_{*this};
  Gate gate_;
  AnswererShare share_;
  std::vector<std::unique_ptr<Answerer>> answerers_;
  std::size_t next_ = 0;  // whose turn it is
  WaitHook hook_ = nullptr;
  void* hook_context_ = nullptr;
  std::atomic<std::size_t> living_{0};  // answerers that have not ended, after end()
  std::atomic<bool> paused_{false};
  std::atomic<std::uint64_t> interrupts_{0};
  std::atomic<bool> ended_{false};
};

}  // namespace zerobuffer::duplex
