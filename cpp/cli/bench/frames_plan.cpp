// See frames_plan.hpp.
#include "bench/frames_plan.hpp"

#include "bench/floors.hpp"
#include "bench/frames.hpp"

namespace zerobuffer::cli::bench {
namespace {

struct Size {
  const char* name;
  std::size_t bytes;
};
constexpr Size sizes[] = {{"64k", 64 << 10},  {"256k", 256 << 10}, {"1m", 1 << 20},
                          {"6m", frame_size}, {"16m", 16 << 20},   {"64m", 64 << 20}};
/// Those that fit a ring of 64 MiB well.
constexpr std::size_t most_in_large_rings = frame_size;
constexpr std::uint64_t ring64m = 64 << 20;
constexpr std::uint64_t ring256m = 256 << 20;

const char* name_of(std::uint64_t ring_bytes) {
  return ring_bytes == 0 ? "" : ring_bytes == ring64m ? "_ring64m" : "_ring256m";
}

std::string name_of(const Size& size, const FrameFlow& flow) {
  std::string name = std::string("frame") + size.name;
  if (flow.in_place) name += "_in_place";
  name += flow.copied_out ? "_copy" : "_read";
  name += name_of(flow.ring_bytes);
  if (flow.walks_through) name += "_whole";
  if (flow.held != 0) name += "_held";
  if (flow.behind != 0) name += "_behind";
  return name;
}

std::string add(Plan& plan, const Size& size, FrameFlow flow) {
  flow.frame_bytes = size.bytes;
  std::string name = name_of(size, flow);
  Json parameters{{"frame_bytes", flow.frame_bytes},
                  {"in_flight", 3},
                  {"written", flow.in_place ? "in place" : "by copy"},
                  {"read", flow.copied_out ? "by copy" : "in place"}};
  if (flow.ring_bytes != 0) {
    parameters["ring_bytes"] = flow.ring_bytes;
    parameters["early_restart"] = !flow.walks_through;
  }
  if (flow.held != 0) parameters["held"] = flow.held;
  if (flow.behind != 0) parameters["behind"] = flow.behind;
  plan.subjects.push_back({"zerobuffer", name, "GB/s", std::move(parameters), frame_stream(flow), "frames"});
  return name;
}

/// A large ring that begins again early, the same one that does not, and the small ring.
void add_large_rings(Plan& plan, const Size& size, bool copied_out, std::uint64_t ring_bytes,
                     const std::string& small) {
  const std::string early = add(plan, size, {.ring_bytes = ring_bytes, .copied_out = copied_out});
  const std::string whole =
      add(plan, size, {.ring_bytes = ring_bytes, .walks_through = true, .copied_out = copied_out});
  plan.comparisons.push_back({early + "_over_whole", early, whole, 1.5, false});
  plan.comparisons.push_back({early + "_over_small", early, small, 0.95, false});
}

}  // namespace

void add_frames(Plan& plan) {
  for (const Size& size : sizes) {
    for (const bool copied_out : {false, true}) {
      const bool known = size.bytes == frame_size && !copied_out;  // frame6m_read is part of the brief plan
      const std::string small = known ? "frame6m_read" : add(plan, size, {.copied_out = copied_out});
      if (size.bytes > most_in_large_rings) continue;
      add_large_rings(plan, size, copied_out, ring64m, small);
      if (copied_out) add_large_rings(plan, size, copied_out, ring256m, small);
    }
    if (size.bytes <= most_in_large_rings) add(plan, size, {.in_place = true});
  }
  const Size picture{"6m", frame_size};
  const Size large{"16m", 16 << 20};
  add(plan, picture, {.ring_bytes = ring64m, .held = 2});
  add(plan, picture, {.ring_bytes = ring64m, .behind = 5});
  const std::string in_large_ring = add(plan, large, {.ring_bytes = ring256m});
  plan.comparisons.push_back({"frame16m_read_over_cold_memcpy", "frame16m_read", "memcpy_cold", 1.2, false});
  plan.comparisons.push_back({in_large_ring + "_over_cold_memcpy", in_large_ring, "memcpy_cold", 1.2, false});
}

}  // namespace zerobuffer::cli::bench
