// What a client and a server of C are, and how requests, answers and calls change hands between their C++ object and
// their C struct: exactly one of the two holds them.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "c_api/answer.hpp"
#include "c_api/handover.hpp"
#include "zerobuffer/duplex.hpp"
#include "zerobuffer/zerobuffer.h"

struct zb_client {
  zerobuffer::DuplexClient end;
};
/// Of either kind: they differ in how they are made only.
struct zb_server : zerobuffer::DuplexServer {
  zb_server() noexcept = default;
  static zerobuffer::Result<zb_server> create(std::string_view name, bool in_place,
                                              const zerobuffer::DuplexConfig& config) {
    auto core = create_core(name, in_place, config);
    if (!core) return core.take_failure();
    return zb_server(*core);
  }

 private:
  using DuplexServer::DuplexServer;
};

namespace zerobuffer::c_api {

/// A C++ object that is used and not owned: it is never destroyed.
template <class Object>
union Borrowed {
  explicit Borrowed(Object&& from) noexcept : object(std::move(from)) {}
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;
  ~Borrowed() {}
  Object object;
};

struct DuplexHandover {
  static zb_response give(Response&& response) noexcept {
    return {std::exchange(response.lane_, nullptr),
            response.data_,
            response.size_,
            response.sequence_,
            response.held_,
            response.type_,
            0};
  }
  static Response take(zb_response& response) noexcept {
    Response cpp;
    cpp.lane_ = static_cast<duplex::CallerLane*>(std::exchange(response.owner, nullptr));
    cpp.data_ = static_cast<const std::byte*>(response.data);
    cpp.size_ = response.size;
    cpp.sequence_ = response.sequence;
    cpp.held_ = response.slot;
    cpp.type_ = response.type;
    return cpp;
  }

  static zb_call give(PendingCall&& call) noexcept { return {std::exchange(call.lane_, nullptr), call.sequence_}; }
  static PendingCall take(zb_call& call) noexcept {
    return {static_cast<duplex::CallerLane*>(std::exchange(call.owner, nullptr)), call.sequence};
  }
  /// The same call, while the struct keeps it: another thread may cancel the wish for a callback meanwhile.
  static Borrowed<PendingCall> borrow(const zb_call& call) noexcept {
    return Borrowed<PendingCall>({static_cast<duplex::CallerLane*>(call.owner), call.sequence});
  }

  static zb_outgoing give(RequestClaim&& claim) noexcept {
    return {std::exchange(claim.lane_, nullptr), claim.data_, claim.size_, claim.pipelined_, 0};
  }
  static RequestClaim take(zb_outgoing& outgoing) noexcept {
    return {static_cast<duplex::CallerLane*>(std::exchange(outgoing.owner, nullptr)),
            {static_cast<std::byte*>(outgoing.data), outgoing.size},
            outgoing.pipelined != 0};
  }

  static zb_request give(Request&& request) noexcept {
    return {std::exchange(request.answerer_, nullptr),
            request.data_,
            request.size_,
            request.room_,
            request.room_size_,
            request.sequence_,
            request.tag_,
            request.client_,
            request.ticket_,
            request.held_,
            request.type_,
            0};
  }
  static Request take(zb_request& request) noexcept {
    Request cpp;
    cpp.answerer_ = static_cast<duplex::Answerer*>(std::exchange(request.owner, nullptr));
    cpp.data_ = static_cast<const std::byte*>(request.data);
    cpp.size_ = request.size;
    cpp.room_ = static_cast<std::byte*>(request.bytes);
    cpp.room_size_ = request.room;
    cpp.sequence_ = request.sequence;
    cpp.tag_ = request.tag;
    cpp.client_ = request.client;
    cpp.ticket_ = request.ticket;
    cpp.held_ = request.slot;
    cpp.type_ = request.type;
    return cpp;
  }
};

/// Puts the result of a call into the C struct, whose owner is NULL where there is none.
template <class Cpp, class C>
[[gnu::always_inline]] inline zb_status answer_into(Result<Cpp> result, C* out) noexcept {
  if (!result) [[unlikely]] {
    return answer(result);
  }
  *out = DuplexHandover::give(std::move(*result));
  return ZB_OK;
}

/// As received by a copy. Where the buffer is too small, the caller is told what it takes.
[[nodiscard]] inline zb_status answer_into(Result<Received> result, zb_received* out) noexcept {
  if (result) {
    *out = {result->size, result->sequence, result->type};
    return ZB_OK;
  }
  if (result.status() == Status::buffer_too_small) out->size = static_cast<std::size_t>(result.failure().first());
  return answer(result);
}

/// A handler of C for the C++ core. What it has not answered, or not kept, goes back and is finished there.
struct Handler {
  void operator()(Request& request) const {
    struct Lent {
      Request& whole;
      zb_request c;
      explicit Lent(Request& from) noexcept : whole(from), c(DuplexHandover::give(std::move(from))) {}
      Lent(const Lent&) = delete;
      Lent& operator=(const Lent&) = delete;
      ~Lent() { whole = DuplexHandover::take(c); }
    };
    Lent lent(request);
    function(&lent.c, context);
  }
  zb_request_handler function;
  void* context;
};

[[nodiscard]] inline std::span<const std::byte> bytes_of(const void* data, std::size_t size) noexcept {
  return {static_cast<const std::byte*>(data), size};
}
[[nodiscard]] constexpr bool missing(const void* data, std::size_t size) noexcept {
  return data == nullptr && size != 0;
}

}  // namespace zerobuffer::c_api
