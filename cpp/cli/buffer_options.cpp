// See buffer_options.hpp.
#include "buffer_options.hpp"

#include <algorithm>
#include <map>

namespace zerobuffer::cli {

void BufferOptions::add_to(CLI::App& command) {
  command.add_option("name", name, "Name of the buffer: [A-Za-z0-9._-], up to 200 characters")->required();
  command.add_option("--timeout", timeout, "Longest wait for a frame, for room or for metadata (default: none)")
      ->type_name("SECONDS")
      ->check(CLI::NonNegativeNumber);
  command.add_option("--connect-timeout", connect_timeout, "Longest wait for the buffer to appear")
      ->capture_default_str()
      ->type_name("SECONDS")
      ->check(CLI::NonNegativeNumber);

  const std::string making = "Making the buffer";
  command.add_flag("--create", create, "Make the buffer (default: open it)")->group(making);
  command.add_flag("--exist-ok", config.exist_ok, "With --create: open a living buffer of the same geometry instead")
      ->group(making);
  command
      .add_option("--payload-size", payload_size,
                  "Ring size; one frame of this size fits (default: 64 MiB, or for frames)")
      ->type_name("SIZE")
      ->transform(CLI::AsSizeValue(false))
      ->group(making);
  command
      .add_option("--in-flight", in_flight,
                  "Where the frame size is known and --payload-size not given: a ring for so many frames")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024))
      ->group(making);
  command.add_option("--metadata-size", config.metadata_size, "Room for metadata")
      ->capture_default_str()
      ->type_name("SIZE")
      ->transform(CLI::AsSizeValue(false))
      ->group(making);
  command.add_option("--max-readers", config.max_readers, "Reader places, 1 to 64")
      ->capture_default_str()
      ->group(making);
  command.add_flag("--huge-pages", config.huge_pages, "Ask for 2 MiB pages")->group(making);

  const std::string behaviour = "Behaviour of this end";
  const std::map<std::string, WaitPolicy> policies{
      {"spin", WaitPolicy::spin}, {"spin-then-block", WaitPolicy::spin_then_block}, {"block", WaitPolicy::block}};
  command.add_option("--wait", config.wait, "How to wait: spin, spin-then-block (default) or block")
      ->type_name("POLICY")
      ->transform(CLI::CheckedTransformer(policies))
      ->group(behaviour);
  command.add_option("--spin-pauses", config.spin_pauses, "Pauses before sleeping, with spin-then-block")
      ->capture_default_str()
      ->group(behaviour);
  command
      .add_option("--burst-size", burst_size,
                  "Bytes that can always be written while no reader moves (default: half the ring)")
      ->type_name("SIZE")
      ->transform(CLI::AsSizeValue(false))
      ->group(behaviour);
  command.add_flag("--no-pre-touch", no_pre_touch, "Do not map the pages of the ring beforehand")->group(behaviour);
  command.add_flag("--lock-in-memory", config.lock_in_memory, "Lock the ring in memory (mlock)")->group(behaviour);
}

BufferConfig BufferOptions::resolve(std::uint64_t frame_size) const {
  BufferConfig resolved = config;
  if (payload_size != 0) {
    resolved.payload_size = payload_size;
  } else if (frame_size != 0) {
    // Small frames want more than a few places: a ring of 1 MiB costs nothing and never makes both sides wait in turn.
    constexpr std::uint64_t smallest_ring = 1 << 20;
    const BufferConfig fitted = BufferConfig::for_frames(frame_size, in_flight);
    resolved.payload_size = std::max(fitted.payload_size, smallest_ring);
    resolved.burst_size = fitted.payload_size < smallest_ring ? 0 : fitted.burst_size;
  }
  if (burst_size != 0) resolved.burst_size = burst_size;
  if (no_pre_touch) resolved.pre_touch = false;
  return resolved;
}

}  // namespace zerobuffer::cli
