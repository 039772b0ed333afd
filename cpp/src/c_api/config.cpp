// The configuration and the description of a buffer, between C and C++.
#include "c_api/config.hpp"

#include <chrono>
#include <cstddef>
#include <limits>
#include <string>

#include "c_api/answer.hpp"
#include "c_api/sized.hpp"

namespace zerobuffer::c_api {
namespace {
static_assert(ZB_FULL_WAIT == static_cast<int>(FullPolicy::wait) && ZB_FULL_DROP == static_cast<int>(FullPolicy::drop));
static_assert(ZB_WAIT_SPIN == static_cast<int>(WaitPolicy::spin) &&
              ZB_WAIT_BLOCK == static_cast<int>(WaitPolicy::block));
static_assert(ZB_WAIT_SPIN_THEN_BLOCK == static_cast<int>(WaitPolicy::spin_then_block));
static_assert(ZB_JOIN_AUTOMATIC == static_cast<int>(JoinAt::automatic) && ZB_JOIN_NOW == static_cast<int>(JoinAt::now));
static_assert(ZB_JOIN_OLDEST == static_cast<int>(JoinAt::oldest) && ZB_JOIN_RESUME == static_cast<int>(JoinAt::resume));
static_assert(forever.count() == ZB_FOREVER);

zb_buffer_config to_c(const BufferConfig& config) noexcept {
  zb_buffer_config c{};
  c.payload_size = config.payload_size;
  c.metadata_size = config.metadata_size;
  c.max_readers = config.max_readers;
  c.huge_pages = config.huge_pages;
  c.exist_ok = config.exist_ok;
  c.pre_touch = config.pre_touch;
  c.lock_in_memory = config.lock_in_memory;
  c.full = static_cast<std::uint32_t>(config.full);
  c.wait = static_cast<std::uint32_t>(config.wait);
  c.spin_pauses = config.spin_pauses;
  c.join = static_cast<std::uint32_t>(config.join);
  c.burst_size = config.burst_size;
  c.acknowledge_frames = config.acknowledge.frames;
  c.max_held = config.max_held;
  c.share_slots = config.share_slots;
  c.acknowledge_interval_ns = static_cast<std::uint64_t>(std::chrono::nanoseconds(config.acknowledge.interval).count());
  return c;
}
}  // namespace

Failure out_of_range(const char* field, std::uint64_t value, std::uint64_t most) {
  return {Status::invalid_argument,
          std::string(field) + " is " + std::to_string(value) + "; it must be 0 … " + std::to_string(most)};
}

Failure wrong_size(std::size_t struct_size, const char* init) {
  return {Status::invalid_argument, "struct_size of the configuration is " + std::to_string(struct_size) +
                                        ": uninitialised (use " + init +
                                        "), or with fields that this library does not know"};
}

Result<BufferConfig> to_cpp(const zb_buffer_config* config) {
  BufferConfig cpp;
  if (config == nullptr) return cpp;
  zb_buffer_config c = to_c(cpp);
  if (!load_sized(config, c)) return wrong_size(config->struct_size, "zb_buffer_config_init");
  if (c.full > ZB_FULL_DROP) return out_of_range("full", c.full, ZB_FULL_DROP);
  if (c.wait > ZB_WAIT_BLOCK) return out_of_range("wait", c.wait, ZB_WAIT_BLOCK);
  if (c.join > ZB_JOIN_RESUME) return out_of_range("join", c.join, ZB_JOIN_RESUME);
  constexpr std::uint64_t longest_interval = std::numeric_limits<std::int64_t>::max();
  if (c.acknowledge_interval_ns > longest_interval) {
    return out_of_range("acknowledge_interval_ns", c.acknowledge_interval_ns, longest_interval);
  }
  cpp.payload_size = c.payload_size;
  cpp.metadata_size = c.metadata_size;
  cpp.max_readers = c.max_readers;
  cpp.huge_pages = c.huge_pages;
  cpp.exist_ok = c.exist_ok;
  cpp.pre_touch = c.pre_touch;
  cpp.lock_in_memory = c.lock_in_memory;
  cpp.full = static_cast<FullPolicy>(c.full);
  cpp.wait = static_cast<WaitPolicy>(c.wait);
  cpp.spin_pauses = c.spin_pauses;
  cpp.join = static_cast<JoinAt>(c.join);
  cpp.burst_size = c.burst_size;
  cpp.acknowledge.frames = c.acknowledge_frames;
  cpp.max_held = c.max_held;
  cpp.share_slots = c.share_slots;
  cpp.acknowledge.interval =
      std::chrono::ceil<std::chrono::microseconds>(std::chrono::nanoseconds(c.acknowledge_interval_ns));
  return cpp;
}

zb_status store_info(const BufferInfo& info, zb_buffer_info* out) noexcept {
  zb_buffer_info c{};
  c.segment_size = info.segment_size;
  c.capacity = info.capacity;
  c.max_frame_size = info.max_frame_size;
  c.metadata_size = info.metadata_size;
  c.huge_bytes = info.huge_bytes;
  c.max_readers = info.max_readers;
  c.created = info.created;
  c.share_slots = info.share_slots;
  return store_sized(c, out) ? ZB_OK : invalid("the info is NULL, or its struct_size was not set");
}

}  // namespace zerobuffer::c_api

using namespace zerobuffer;
using namespace zerobuffer::c_api;

zb_status zb_buffer_config_init(zb_buffer_config* config, size_t struct_size) {
  if (config == nullptr || !possible_size(struct_size)) return invalid("config is NULL, or struct_size is impossible");
  config->struct_size = struct_size;
  return store_sized(to_c(BufferConfig()), config) ? ZB_OK : ZB_INVALID_ARGUMENT;
}

zb_status zb_buffer_config_for_frames(zb_buffer_config* config, uint64_t frame_size, uint32_t in_flight) {
  if (config == nullptr || !possible_size(config->struct_size) ||
      config->struct_size < offsetof(zb_buffer_config, acknowledge_frames)) {
    return invalid("config is NULL, or was not initialised with zb_buffer_config_init");
  }
  const BufferConfig made = BufferConfig::for_frames(frame_size, in_flight);
  config->payload_size = made.payload_size;
  config->burst_size = made.burst_size;
  return ZB_OK;
}
