// The configuration and the description of a buffer, between C and C++.
#pragma once

#include <cstddef>
#include <cstdint>

#include "zerobuffer/config.hpp"
#include "zerobuffer/result.hpp"
#include "zerobuffer/zerobuffer.h"

namespace zerobuffer::c_api {

/// @param config nullptr: the defaults
[[nodiscard]] Result<BufferConfig> to_cpp(const zb_buffer_config* config);

/// A field of a configuration that says which of 0 … most is chosen.
[[nodiscard]] Failure out_of_range(const char* field, std::uint64_t value, std::uint64_t most);
/// @param init the function that would have set struct_size
[[nodiscard]] Failure wrong_size(std::size_t struct_size, const char* init);

[[nodiscard]] zb_status store_info(const BufferInfo& info, zb_buffer_info* out) noexcept;

}  // namespace zerobuffer::c_api
