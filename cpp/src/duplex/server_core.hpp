// A server: the lanes of all clients, and its own calls to them.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "duplex/caller_lane.hpp"
#include "duplex/request_source.hpp"
#include "zerobuffer/duplex.hpp"

namespace zerobuffer::duplex {

/// The place of a server; before everything that uses it.
struct ServerPlace {
  buffer::Attachment own_place;
};

/// Lives until it was closed and every request and answer of it is back; deletes itself then.
class ServerCore final : private ServerPlace, public RequestSource, private LaneOwner {
 public:
  static Result<ServerCore*> create(std::string_view name, bool in_place, const DuplexConfig& config);

  [[nodiscard]] std::vector<std::uint64_t> clients() const;
  Result<Response> call_client(std::uint64_t client, std::span<const std::byte> request,
                               std::chrono::nanoseconds timeout, const RequestInfo& info) noexcept;
  Result<void> notify(std::uint64_t client, std::span<const std::byte> notice, std::chrono::nanoseconds timeout,
                      const RequestInfo& info) noexcept;

  void interrupt_all() noexcept;
  void set_hook(WaitHook hook, void* context) noexcept;
  [[nodiscard]] DuplexStats stats() const noexcept;
  [[nodiscard]] DuplexInfo info() const noexcept;
  [[nodiscard]] std::shared_ptr<const void> mapping() const;
  void close() noexcept;

 private:
  using Machine = buffer::Machine;

  /// Calls to one client.
  struct Caller {
    Gate gate;
    std::atomic<CallerLane*> lane{nullptr};
  };

  ServerCore(buffer::Attachment attachment, const DuplexConfig& config);
  ~ServerCore() = default;

  [[nodiscard]] const buffer::Shape& shape() const noexcept { return attachment().segment().geometry().shape; }
  [[nodiscard]] std::uint32_t lanes_used() const noexcept;
  [[nodiscard]] bool is_client(std::uint64_t client) const noexcept;
  [[nodiscard]] bool had_lane_last(std::uint64_t client) const noexcept;
  Result<CallerLane*> caller(std::uint32_t lane);
  Result<std::uint64_t> send_to(std::uint64_t client, CallerLane& lane, std::span<const std::byte> request,
                                stream::Deadline& deadline, const RequestInfo& info) noexcept;
  template <class Call>
  auto with_caller(std::uint64_t client, stream::Deadline& deadline, Call&& call) noexcept
      -> decltype(call(std::declval<CallerLane&>()));

  bool has_more_lanes() const noexcept override { return lanes_used() > count(); }
  Result<void> add_lanes() override;
  std::uint64_t client_of(std::size_t lane) const noexcept override;
  Status look_at_peer(std::int64_t) noexcept override { return Status::ok; }
  bool peer_changed() const noexcept override { return false; }
  stream::PeerCpu peer_cpu(int cpu) const noexcept override;
  void seen_on(int cpu) noexcept override;
  Status lane_is_broken(std::size_t lane) noexcept override;
  void source_ended() noexcept override { part_ended(); }
  void lane_is_free() noexcept override {}
  void lane_ended() noexcept override { part_ended(); }
  void part_ended() noexcept;

  DuplexConfig config_;
  std::unique_ptr<Caller[]> callers_;  // by lane
  mutable std::mutex mapping_;
  std::shared_ptr<const void> memory_;  // of all lanes mapped so far
  WaitHook hook_ = nullptr;
  void* hook_context_ = nullptr;
  std::atomic<std::uint64_t> calls_{0};
  std::atomic<std::uint32_t> parts_{2};  // that must end first: the taking of requests, close(), and every caller
  int cpu_ = -1;
};

}  // namespace zerobuffer::duplex
