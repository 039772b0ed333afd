// See plan.hpp.
#include "bench/plan.hpp"

#include "bench/batches.hpp"
#include "bench/calls.hpp"
#include "bench/chain.hpp"
#include "bench/costs.hpp"
#include "bench/floors.hpp"
#include "bench/frames_plan.hpp"
#include "bench/life.hpp"
#include "bench/messages.hpp"
#include "bench/processor.hpp"
#include "bench/readers.hpp"
#include "bench/records_in_turn.hpp"
#include "bench/video.hpp"
#include "bench/workloads.hpp"

namespace zerobuffer::cli::bench {

namespace {

/// Those of a run of less than a minute.
std::vector<Subject> brief_subjects() {
  const Json message{{"message_bytes", 64}};
  const Json slots{{"message_bytes", 64}, {"slots", spsc_slots}};
  const Json back_off{{"message_bytes", 64}, {"slots", spsc_slots}, {"back_off_pauses", 16}};
  const Json walk{{"frame_bytes", frame_size}, {"memory_bytes", cold_size}};
  const Json rings{{"message_bytes", 64}, {"ring_bytes", small_ring_size}};
  const Json batches{{"message_bytes", 64}, {"ring_bytes", small_ring_size}, {"batch", 16}};
  const Json picture{{"frame_bytes", frame_size}, {"lanes", 1}};
  const Json chain{{"frame_bytes", frame_size}, {"in_flight", 3}, {"relays", chained_relays}};
  std::vector<Subject> subjects{
      {"floor", "pingpong_one_line", "ns", {{"message_bytes", 8}}, pingpong_one_line(), "floor", true},
      {"floor", "pingpong_two_lines", "ns", {{"message_bytes", 8}}, pingpong_two_lines(), "floor", true},
      {"floor", "pingpong_records", "ns", message, pingpong_records(), "floor", true},
      {"floor", "spsc_rtt64", "ns", slots, spsc_round_trip(), "floor", true},
      {"floor", "spsc_stream64", "M/s", slots, spsc_stream(), "floor", true},
      {"floor", "spsc_stream64_back_off", "M/s", back_off, spsc_stream_back_off(), "floor", true},
      {"floor", "memcpy_cold", "GB/s", walk, memory_copy(CopyKind::cold), "floor", true},
      {"floor", "memcpy_warm", "GB/s", {{"frame_bytes", frame_size}}, memory_copy(CopyKind::warm), "floor", true},
      {"floor", "futex_two_cpus", "ns", message, futex_hand_over(false), "floor", true},
      {"floor", "futex_one_cpu", "ns", message, futex_hand_over(true), "floor", true},
      {"zerobuffer", "rtt64", "ns", rings, ring_round_trip(false), "rtt", true},
      {"zerobuffer", "stream64", "M/s", rings, ring_stream(), "one_way", true},
      {"zerobuffer", "stream64_batch16", "M/s", batches, ring_stream_batch16(), "one_way", true},
      {"zerobuffer",
       "frame6m_read",
       "GB/s",
       {{"frame_bytes", frame_size}, {"in_flight", 3}},
       ring_frames(),
       "frames",
       true},
      {"zerobuffer", "rtt64_one_cpu", "ns", rings, ring_round_trip(true), "rtt", true},
      {"zerobuffer", "first_lap", "ratio", {{"ring_bytes", 64 << 20}, {"laps", 5}}, ring_first_lap(), "frames", true},
      {"zerobuffer", "call64", "ns", message, call_round_trip(Answer::two_rings, false), "calls", true},
      {"zerobuffer", "call64_spin", "ns", message, call_round_trip(Answer::two_rings, true), "calls", true},
      {"zerobuffer", "call64_in_place", "ns", message, call_round_trip(Answer::in_place, false), "calls", true},
      {"zerobuffer", "call64_in_place_spin", "ns", message, call_round_trip(Answer::in_place, true), "calls", true},
      {"zerobuffer", "invert6m_in_place", "us", picture, invert_picture(Inversion::in_place), "calls", true},
      {"zerobuffer", "invert6m_two_rings", "us", picture, invert_picture(Inversion::two_rings), "calls", true},
      {"zerobuffer", "invert6m_copying", "us", picture, invert_picture(Inversion::copying), "calls", true},
      {"zerobuffer", "chain6m_shared", "GB/s", chain, relay_chain(true), "chain", true},
      {"zerobuffer", "chain6m_copied", "GB/s", chain, relay_chain(false), "chain", true},
  };
  for (const unsigned threads : {1U, 2U, 4U}) {
    subjects.push_back({"zerobuffer",
                        "calls64_" + std::to_string(threads) + (threads == 1 ? "_thread" : "_threads"),
                        "M/s",
                        {{"message_bytes", 64}, {"threads", threads}},
                        call_from_threads(threads),
                        "calls",
                        true});
  }
  if (has_non_temporal_copy) {
    subjects.push_back(
        {"floor", "memcpy_non_temporal", "GB/s", walk, memory_copy(CopyKind::non_temporal), "floor", true});
  }
  return subjects;
}

std::vector<Comparison> brief_comparisons() {
  return {{"rtt64_over_pingpong", "rtt64", "pingpong_two_lines", 1.1, true},
          {"stream64_over_spsc", "stream64", "spsc_stream64", 2.0, false},
          {"stream64_over_spsc_back_off", "stream64", "spsc_stream64_back_off", 1.2, false},
          {"stream64_batch16_over_spsc", "stream64_batch16", "spsc_stream64", 1.5, false},
          {"frame6m_read_over_cold_memcpy", "frame6m_read", "memcpy_cold", 1.3, false},
          {"rtt64_one_cpu_over_futex", "rtt64_one_cpu", "futex_one_cpu", 0.7, true},
          {"first_lap_over_later", "first_lap", "", 0.8, false},
          {"call64_over_pingpong", "call64", "pingpong_two_lines", 1.3, true},
          {"call64_spin_over_pingpong", "call64_spin", "pingpong_two_lines", 1.3, true},
          {"call64_over_records", "call64", "pingpong_records", 1.3, true},
          {"call64_spin_over_records", "call64_spin", "pingpong_records", 1.3, true},
          {"call64_over_rtt64", "call64", "rtt64", {}, true},
          {"call64_in_place_over_two_rings", "call64_in_place", "call64", 1.0, true},
          {"call64_in_place_spin_over_two_rings", "call64_in_place_spin", "call64_spin", 1.0, true},
          {"invert6m_in_place_over_two_rings", "invert6m_in_place", "invert6m_two_rings", 1.0, true},
          {"invert6m_in_place_over_copying", "invert6m_in_place", "invert6m_copying", 1.0, true},
          {"chain6m_shared_over_copied", "chain6m_shared", "chain6m_copied", 1.0, false},
          {"calls64_2_threads_over_1", "calls64_2_threads", "calls64_1_thread", {}, false},
          {"calls64_4_threads_over_1", "calls64_4_threads", "calls64_1_thread", {}, false}};
}

}  // namespace

Plan own_plan() {
  Plan plan{brief_subjects(), brief_comparisons()};
  add_messages(plan);
  add_batches(plan);
  add_costs(plan);
  add_frames(plan);
  add_video(plan);
  add_readers(plan);
  add_life(plan);
  add_records_in_turn(plan);
  return plan;
}

}  // namespace zerobuffer::cli::bench
