// See rows.hpp.
#include "rows.hpp"

#include <utility>

namespace zerobuffer::peers {
namespace {

/// Where a peer makes a system call for each small message, we have to be ahead by so much.
constexpr double far_ahead = 10;
constexpr std::size_t small_message = 64;
constexpr std::size_t long_message = 64 << 10;
/// Frames are bound by the same memory for everybody: as good as the best, within what a measurement can tell.
constexpr double level = 0.95;

std::string short_size(std::size_t size) {
  if (size >= 1 << 20) return std::to_string(size >> 20 == 5 ? 6 : size >> 20) + "m";
  return size >= 1 << 10 ? std::to_string(size >> 10) + "k" : std::to_string(size);
}

const char* suffix(Policy policy) { return policy == Policy::spin ? "_spin" : ""; }

}  // namespace

void Rows::add_round_trip(std::size_t size, Policy policy, cli::bench::Workload sides) {
  const std::string ours = "rtt" + short_size(size);
  const std::string row = ours + suffix(policy) + "_" + peer_;
  Json parameters = how_(size);
  parameters["message_bytes"] = size;
  add({peer_, row, "ns", std::move(parameters), std::move(sides), "rtt", false}, policy);
  const bool calls_kernel = policy == Policy::standard || send_ == Send::calls_kernel;
  // Where the copies last longer than our default policy spins, only who spins on is like a peer that does.
  const bool long_waits = policy == Policy::spin && size >= long_message;
  compare(long_waits ? ours + "_spin" : ours, row, policy, calls_kernel && size <= small_message ? 1 / far_ahead : 1,
          true);
  if (policy == Policy::standard && size == small_message) {
    plan_.comparisons.push_back({"rtt64_block_over_" + peer_, "rtt64_block", row, 1, true});
  }
}

void Rows::add_one_way(std::size_t size, Policy policy, cli::bench::Workload sides) {
  const std::string name = "one_way" + short_size(size);
  const std::string row = name + suffix(policy) + "_" + peer_;
  Json parameters = how_(size);
  parameters["message_bytes"] = size;
  add({peer_, row, "M/s", std::move(parameters), std::move(sides), "one_way", false}, policy);
  compare(name, row, policy, send_ == Send::calls_kernel && size <= small_message ? far_ahead : 1, false);
}

void Rows::add_frames(std::size_t size, Policy policy, bool copied_out, cli::bench::Workload sides) {
  const std::string name = "frame" + short_size(size) + (copied_out ? "_copy" : "_read");
  Json parameters = how_(size);
  parameters["frame_bytes"] = size;
  add({peer_, name + "_" + peer_, "GB/s", std::move(parameters), std::move(sides), "frames", false}, policy);
  compare(name, name + "_" + peer_, Policy::standard, level, false);
}

void Rows::add(cli::bench::Subject subject, Policy policy) {
  subject.parameters["wait"] = policy == Policy::spin ? "spin" : "block";
  plan_.subjects.push_back(std::move(subject));
}

void Rows::compare(const std::string& ours, const std::string& row, Policy policy, double target, bool at_most) {
  plan_.comparisons.push_back({ours + "_over_" + peer_ + suffix(policy), ours, row, target, at_most});
}

}  // namespace zerobuffer::peers
