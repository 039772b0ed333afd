// The configuration, the description and the counters of a channel for calls, and what travels with a request, between
// C and C++.
#pragma once

#include "c_api/answer.hpp"
#include "c_api/sized.hpp"
#include "zerobuffer/duplex.hpp"
#include "zerobuffer/result.hpp"
#include "zerobuffer/zerobuffer.h"

namespace zerobuffer::c_api {

/// @param config nullptr: the defaults
[[nodiscard]] Result<DuplexConfig> to_cpp(const zb_duplex_config* config);

[[nodiscard]] zb_status store_info(const DuplexInfo& info, zb_duplex_info* out) noexcept;
[[nodiscard]] zb_status store_stats(const DuplexStats& stats, zb_duplex_stats* out) noexcept;

/// Calls `use(RequestInfo)`. @param info nullptr: type 0, tag 0
template <class Use>
[[gnu::always_inline]] inline zb_status with_info(const zb_request_info* info, Use&& use) noexcept {
  zb_request_info c{};
  if (info != nullptr && !load_sized(info, c)) [[unlikely]] {
    return invalid("struct_size of the request's info was not set, or it has fields that this library does not know");
  }
  return use(RequestInfo{c.type, c.tag, c.response_capacity});
}

}  // namespace zerobuffer::c_api
