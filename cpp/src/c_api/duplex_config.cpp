// The configuration, the description and the counters of a channel for calls, between C and C++.
#include "c_api/duplex_config.hpp"

#include "c_api/config.hpp"

namespace zerobuffer::c_api {
namespace {
zb_duplex_config to_c(const DuplexConfig& config) noexcept {
  zb_duplex_config c{};
  c.request_size = config.request_size;
  c.response_size = config.response_size;
  c.callback_size = config.callback_size;
  c.lanes = config.lanes;
  c.huge_pages = config.huge_pages;
  c.exist_ok = config.exist_ok;
  c.pre_touch = config.pre_touch;
  c.lock_in_memory = config.lock_in_memory;
  c.client_lanes = config.client_lanes;
  c.wait = static_cast<std::uint32_t>(config.wait);
  c.spin_pauses = config.spin_pauses;
  c.max_held = config.max_held;
  return c;
}
}  // namespace

Result<DuplexConfig> to_cpp(const zb_duplex_config* config) {
  DuplexConfig cpp;
  if (config == nullptr) return cpp;
  zb_duplex_config c = to_c(cpp);
  if (!load_sized(config, c)) return wrong_size(config->struct_size, "zb_duplex_config_init");
  if (c.wait > ZB_WAIT_BLOCK) return out_of_range("wait", c.wait, ZB_WAIT_BLOCK);
  cpp.request_size = c.request_size;
  cpp.response_size = c.response_size;
  cpp.callback_size = c.callback_size;
  cpp.lanes = c.lanes;
  cpp.huge_pages = c.huge_pages;
  cpp.exist_ok = c.exist_ok;
  cpp.pre_touch = c.pre_touch;
  cpp.lock_in_memory = c.lock_in_memory;
  cpp.client_lanes = c.client_lanes;
  cpp.wait = static_cast<WaitPolicy>(c.wait);
  cpp.spin_pauses = c.spin_pauses;
  cpp.max_held = c.max_held;
  return cpp;
}

zb_status store_info(const DuplexInfo& info, zb_duplex_info* out) noexcept {
  zb_duplex_info c{};
  c.segment_size = info.segment_size;
  c.max_request_size = info.max_request_size;
  c.max_response_size = info.max_response_size;
  c.max_callback_size = info.max_callback_size;
  c.lanes = info.lanes;
  c.in_place = info.in_place;
  c.created = info.created;
  return store_sized(c, out) ? ZB_OK : invalid("the info is NULL, or its struct_size was not set");
}

zb_status store_stats(const DuplexStats& stats, zb_duplex_stats* out) noexcept {
  zb_duplex_stats c{};
  c.requests = stats.requests;
  c.answers = stats.answers;
  c.errors = stats.errors;
  c.late = stats.late;
  c.copied_bytes = stats.copied_bytes;
  c.callbacks = stats.callbacks;
  c.sleeps = stats.sleeps;
  c.wakes = stats.wakes;
  c.lanes = stats.lanes;
  return store_sized(c, out) ? ZB_OK : invalid("the stats are NULL, or their struct_size was not set");
}

}  // namespace zerobuffer::c_api

using namespace zerobuffer;
using namespace zerobuffer::c_api;

zb_status zb_duplex_config_init(zb_duplex_config* config, size_t struct_size) {
  if (config == nullptr || !possible_size(struct_size)) return invalid("config is NULL, or struct_size is impossible");
  config->struct_size = struct_size;
  return store_sized(to_c(DuplexConfig()), config) ? ZB_OK : ZB_INVALID_ARGUMENT;
}
