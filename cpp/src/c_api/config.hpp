// The configuration and the description of a buffer, between C and C++.
#pragma once

#include "zerobuffer/config.hpp"
#include "zerobuffer/result.hpp"
#include "zerobuffer/zerobuffer.h"

namespace zerobuffer::c_api {

/// @param config nullptr: the defaults
[[nodiscard]] Result<BufferConfig> to_cpp(const zb_buffer_config* config);

[[nodiscard]] zb_status store_info(const BufferInfo& info, zb_buffer_info* out) noexcept;

}  // namespace zerobuffer::c_api
