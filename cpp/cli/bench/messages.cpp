// See messages.hpp.
#include "bench/messages.hpp"

#include <optional>

#include "bench/floors.hpp"
#include "bench/ring_ends.hpp"
#include "bench/sized.hpp"
#include "bench/surroundings.hpp"
#include "bench/workloads.hpp"

namespace zerobuffer::cli::bench {
namespace {

/// A mebibyte, or room for a few of the larger messages.
BufferConfig ring_for(std::size_t size, WaitPolicy wait = WaitPolicy::spin_then_block) {
  BufferConfig config = size * 4 <= small_ring_size ? small_ring() : BufferConfig::for_frames(size, 2);
  config.wait = wait;
  return config;
}

class SizedRings {
 public:
  SizedRings(Session& session, bool first, std::size_t size, WaitPolicy wait = WaitPolicy::spin_then_block)
      : ends_(session, first, ring_for(size, wait)) {}
  void send(std::span<const std::byte> message) { ends_.writer.write(message, forever).value(); }
  void flush() {}
  template <class Visit>
  void receive(Visit&& visit) {
    const Result<Frame> frame = ends_.reader.read(forever);
    if (!frame) throw Error(frame.failure());
    visit(frame->data());
  }

 private:
  RingEnds ends_;
};

/// @tparam batch so many messages are published together
template <unsigned batch>
class SizedRing {
 public:
  SizedRing(Session& session, bool first, std::size_t) : end_(session, first, small_ring()) {}
  void send(std::span<const std::byte> message) {
    if constexpr (batch > 1) {
      if (!batch_) batch_.emplace(end_.writer.batch());
    }
    end_.writer.write(message, forever).value();
    if constexpr (batch > 1) {
      if (++in_batch_ == batch) flush();
    }
  }
  void flush() {
    batch_.reset();
    in_batch_ = 0;
  }
  template <class Visit>
  void receive(Visit&& visit) {
    const Result<Frame> frame = end_.reader.read(forever);
    if (!frame) throw Error(frame.failure());
    visit(frame->data());
  }

 private:
  RingEnd end_;
  std::optional<Batch> batch_;
  unsigned in_batch_ = 0;
};

struct NamedSize {
  const char* name;
  std::size_t bytes;
};

Workload longer(Workload workload, unsigned times) {
  workload.times_as_long = times;
  return workload;
}

Workload by_mean(Workload workload) {
  workload.mean_counts = true;
  return longer(std::move(workload), 5);
}

void add_sizes(Plan& plan) {
  for (const auto& [name, bytes] : {NamedSize{"8", 8},
                                    {"256", 256},
                                    {"1k", 1 << 10},
                                    {"4k", 4 << 10},
                                    {"16k", 16 << 10},
                                    {"64k", 64 << 10},
                                    {"256k", 256 << 10},
                                    {"1m", 1 << 20}}) {
    const Json parameters{{"message_bytes", bytes}, {"ring_bytes", ring_for(bytes).payload_size}};
    plan.subjects.push_back(
        {"zerobuffer", std::string("rtt") + name, "ns", parameters, round_trip_of<SizedRings>(bytes), "rtt"});
  }
  // Copies that last about as long as the default policy spins: whoever spins on never sleeps in them.
  for (const auto& [name, bytes] : {NamedSize{"64k", 64 << 10}, {"1m", 1 << 20}}) {
    const Json parameters{{"message_bytes", bytes}, {"ring_bytes", ring_for(bytes).payload_size}, {"wait", "spin"}};
    plan.subjects.push_back({"zerobuffer", std::string("rtt") + name + "_spin", "ns", parameters,
                             round_trip_of<SizedRings>(bytes, WaitPolicy::spin), "rtt"});
  }
  for (const auto& [name, bytes] : {NamedSize{"8", 8}, {"64", 64}, {"256", 256}, {"1k", 1 << 10}, {"4k", 4 << 10}}) {
    Json parameters{{"message_bytes", bytes}, {"ring_bytes", small_ring_size}};
    const std::string workload = std::string("one_way") + name;
    plan.subjects.push_back({"zerobuffer", workload, "M/s", parameters, one_way_of<SizedRing<1>>(bytes), "one_way"});
    parameters["batch"] = 16;
    plan.subjects.push_back(
        {"zerobuffer", workload + "_batch16", "M/s", parameters, one_way_of<SizedRing<16>>(bytes), "one_way"});
    plan.comparisons.push_back({workload + "_batch16_over_single", workload + "_batch16", workload, {}, false});
  }
  const Json small{{"message_bytes", 32}, {"ring_bytes", small_ring_size}};
  Json slots{{"message_bytes", 32}, {"slots", spsc_slots}};
  plan.subjects.push_back({"floor", "spsc_stream32", "M/s", slots, spsc_stream32(), "floor"});
  slots["back_off_pauses"] = 16;
  plan.subjects.push_back({"floor", "spsc_stream32_back_off", "M/s", slots, spsc_stream32_back_off(), "floor"});
  plan.subjects.push_back({"zerobuffer", "stream32", "M/s", small, ring_stream32(), "one_way"});
  plan.comparisons.push_back({"stream32_over_spsc", "stream32", "spsc_stream32", 2.0, false});
  plan.comparisons.push_back({"stream32_over_spsc_back_off", "stream32", "spsc_stream32_back_off", 1.2, false});
  plan.comparisons.push_back({"rtt8_over_pingpong", "rtt8", "pingpong_two_lines", {}, true});
}

/// 64 bytes there and back, by policy and by what goes on around.
void add_circumstances(Plan& plan) {
  const auto add = [&](const std::string& name, WaitPolicy wait, const char* around, const Workload& workload) {
    const char* policy = wait == WaitPolicy::spin ? "spin" : wait == WaitPolicy::block ? "block" : "default";
    Json parameters{{"message_bytes", 64}, {"ring_bytes", small_ring_size}, {"wait", policy}};
    if (around != nullptr) parameters["around"] = around;
    plan.subjects.push_back({"zerobuffer", name, "ns", parameters, workload, "rtt"});
  };
  constexpr const char* load = "a computing process on each CPU";
  constexpr const char* quota = "10 ms of CPU time in 10 ms for both sides together, by a control group";
  constexpr const char* signals = "each side stopped for 5 ms of every 10 ms, by signals";
  const auto idle = [](WaitPolicy wait) { return ring_round_trip(false, wait); };
  const WaitPolicy usual = WaitPolicy::spin_then_block;
  add("rtt64_spin", WaitPolicy::spin, nullptr, idle(WaitPolicy::spin));
  add("rtt64_block", WaitPolicy::block, nullptr, idle(WaitPolicy::block));
  add("rtt64_one_cpu_spin", WaitPolicy::spin, nullptr, longer(ring_round_trip(true, WaitPolicy::spin), 3));
  add("rtt64_one_cpu_block", WaitPolicy::block, nullptr, ring_round_trip(true, WaitPolicy::block));
  add("rtt64_busy", usual, load, by_mean(on_busy_machine(idle(usual))));
  add("rtt64_block_busy", WaitPolicy::block, load, by_mean(on_busy_machine(idle(WaitPolicy::block))));
  plan.subjects.push_back({"floor",
                           "futex_busy",
                           "ns",
                           {{"message_bytes", 64}, {"around", load}},
                           by_mean(on_busy_machine(futex_hand_over(false))),
                           "floor"});
  add("rtt64_quota", usual, quota, by_mean(under_quota(idle(usual))));
  add("rtt64_block_quota", WaitPolicy::block, quota, by_mean(under_quota(idle(WaitPolicy::block))));
  add("rtt64_stopped", usual, signals, by_mean(stop_and_go(idle(usual))));
  add("rtt64_block_stopped", WaitPolicy::block, signals, by_mean(stop_and_go(idle(WaitPolicy::block))));
  plan.comparisons.insert(plan.comparisons.end(),
                          {{"rtt64_spin_over_pingpong", "rtt64_spin", "pingpong_two_lines", 1.1, true},
                           {"rtt64_block_over_futex", "rtt64_block", "futex_two_cpus", {}, true},
                           {"rtt64_one_cpu_block_over_futex", "rtt64_one_cpu_block", "futex_one_cpu", {}, true},
                           {"rtt64_one_cpu_spin_over_default", "rtt64_one_cpu_spin", "rtt64_one_cpu", {}, true},
                           {"rtt64_busy_over_futex", "rtt64_busy", "futex_busy", 0.02, true},
                           {"rtt64_busy_over_block", "rtt64_busy", "rtt64_block_busy", {}, true},
                           {"rtt64_quota_over_block", "rtt64_quota", "rtt64_block_quota", {}, true},
                           {"rtt64_stopped_over_block", "rtt64_stopped", "rtt64_block_stopped", {}, true}});
}

}  // namespace

void add_messages(Plan& plan) {
  add_sizes(plan);
  add_circumstances(plan);
}

}  // namespace zerobuffer::cli::bench
