// A client: its lanes, who may use which, and the calls that its server makes to it.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "duplex/caller_lane.hpp"
#include "duplex/request_source.hpp"
#include "protocol/layout.hpp"
#include "zerobuffer/duplex.hpp"

namespace zerobuffer::duplex {

/// The calls of the server, which this client answers in place.
class CallbackSource final : public RequestSource {
 public:
  /// Lives until end() and the last request is back; deletes itself then.
  CallbackSource(buffer::Attachment& attachment, const ring::RingMemory& ring, const DuplexConfig& config);

 private:
  ~CallbackSource() = default;
  bool has_more_lanes() const noexcept override { return false; }
  Result<void> add_lanes() override { return {}; }
  std::uint64_t client_of(std::size_t) const noexcept override { return 0; }
  Status look_at_peer(std::int64_t now) noexcept override { return server_.look(now); }
  bool peer_changed() const noexcept override { return server_.changed(); }
  stream::PeerCpu peer_cpu(int cpu) const noexcept override { return where(server_.last_cpu(), cpu); }
  void seen_on(int) noexcept override {}
  Status lane_is_broken(std::size_t) noexcept override { return Status::corrupt; }
  void source_ended() noexcept override;

  Peer server_;
  CallerLane* lane_;  // whose attachment this uses
  friend class ClientCore;
};

class ClientCore final : private LaneOwner {
 public:
  static Result<ClientCore*> open(std::string_view name, std::chrono::nanoseconds timeout, const DuplexConfig& config);

  Result<Response> call(std::span<const std::byte> request, std::chrono::nanoseconds timeout,
                        const RequestInfo& info) noexcept;
  Result<PendingCall> begin(std::span<const std::byte> request, std::chrono::nanoseconds timeout,
                            const RequestInfo& info) noexcept;
  Result<RequestClaim> claim(std::size_t size, std::size_t response_capacity, std::chrono::nanoseconds timeout,
                             bool pipelined) noexcept;
  Result<std::uint64_t> send(std::span<const std::byte> request, std::chrono::nanoseconds timeout,
                             const RequestInfo& info) noexcept;
  Result<Response> receive(std::chrono::nanoseconds timeout) noexcept;
  Result<Received> receive_into(std::span<std::byte> buffer, std::chrono::nanoseconds timeout) noexcept;
  Result<void> when_ready(ReadyCallback callback, void* context);
  bool cancel_when() noexcept;

  [[nodiscard]] RequestSource* calls_of_server() noexcept { return callbacks_; }

  void interrupt() noexcept;
  void set_wait_hook(WaitHook hook, void* context) noexcept;
  [[nodiscard]] DuplexStats stats() const noexcept;
  [[nodiscard]] DuplexInfo info() const noexcept;
  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
  [[nodiscard]] std::shared_ptr<const void> mapping() const;
  void close() noexcept;

 private:
  using Machine = buffer::Machine;

  explicit ClientCore(const DuplexConfig& config) noexcept : config_(config) {}
  ~ClientCore() = default;

  Result<CallerLane*> add(Result<buffer::Attachment> attachment);
  Result<CallerLane*> lane_for_call(stream::Deadline& deadline) noexcept;
  [[nodiscard]] CallerLane* try_lane(bool clean_only) noexcept;
  Result<CallerLane*> one_more_lane() noexcept;
  template <class Try>
  Status await_lane(stream::Deadline& deadline, Try&& try_it) noexcept;
  Result<CallerLane*> own_pipeline(CallerLane::Use use, stream::Deadline& deadline) noexcept;
  [[nodiscard]] CallerLane& pipeline() noexcept;
  [[nodiscard]] bool take_interrupt() noexcept;
  [[nodiscard]] std::size_t count() const noexcept { return count_.load(std::memory_order_acquire); }

  void lane_is_free() noexcept override;
  void lane_ended() noexcept override {}  // each has a place of its own

  DuplexConfig config_;
  std::uint64_t id_ = 0;
  CallbackSource* callbacks_ = nullptr;
  WaitHook hook_ = nullptr;
  void* hook_context_ = nullptr;

  std::unique_ptr<CallerLane*[]> lanes_;
  std::atomic<std::size_t> count_{0};
  std::size_t most_ = 0;  // lanes that this client may take
  mutable std::mutex adding_;
  std::vector<std::shared_ptr<const void>> memory_;  // of all lanes
  std::atomic<std::int64_t> no_more_until_{0};       // every lane of the channel was taken when last asked
  std::mutex choosing_;
  std::atomic<CallerLane*> pipeline_{nullptr};  // the lane of send() and receive(), once they are used

  std::atomic<std::uint32_t> freed_{0};  // changes when a lane gets free and somebody waits for one
  std::atomic<std::uint32_t> waiting_{0};
  std::atomic<std::uint64_t> interrupts_{0};
  std::atomic<bool> interrupted_{false};  // nobody waited: the next wait ends
};

[[nodiscard]] DuplexInfo info_of(const buffer::Attachment& attachment) noexcept;

/// What a client is called by its server: its first lane and whose turn it was there.
[[nodiscard]] constexpr std::uint64_t client_id(std::uint32_t lane, std::uint64_t epoch) noexcept {
  return epoch * (2 * protocol::max_lanes) + lane + 1;
}
[[nodiscard]] constexpr std::uint32_t lane_of_client(std::uint64_t id) noexcept {
  return static_cast<std::uint32_t>((id - 1) % (2 * protocol::max_lanes));
}

}  // namespace zerobuffer::duplex
