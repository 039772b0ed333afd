// See video.hpp.
#include "bench/video.hpp"

#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "bench/floors.hpp"
#include "bench/message.hpp"
#include "bench/pages.hpp"
#include "zerobuffer/zerobuffer.hpp"

namespace zerobuffer::cli::bench {
namespace {

constexpr std::chrono::seconds connect_timeout{5};
constexpr unsigned in_flight = 3;
constexpr unsigned longer = 10;  // than other workloads: at 30 pictures a second there are 18 in 600 ms

enum class Figure {
  latency,  ///< Median of the time from the sender's call to the picture's being there. Microseconds.
  cpu,      ///< The larger one of both sides' CPU time beyond the copies, over the time of the run.
};

/// What stands at the beginning of each picture.
struct Stamp {
  std::uint64_t sequence;
  std::uint64_t sent_ticks;
  std::uint64_t late_ns;  ///< How long after it was due it was sent.
};

std::uint64_t cpu_ns(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

void sleep_until(std::uint64_t ns) {
  const timespec time{static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
  while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nullptr) == EINTR) {
  }
}

/// Calls send(sequence, late_ns) for each picture when it is due. @return how long it took in nanoseconds
template <class Send>
double pace(std::uint64_t pictures, unsigned per_second, Send&& send) {
  const std::uint64_t interval_ns = 1'000'000'000 / per_second;
  const std::uint64_t start_ns = monotonic_ns();
  for (std::uint64_t i = 1; i <= pictures; ++i) {
    const std::uint64_t due_ns = start_ns + i * interval_ns;
    sleep_until(due_ns);
    send(i, monotonic_ns() - due_ns);
  }
  return static_cast<double>(monotonic_ns() - start_ns);
}

std::uint64_t pictures_of(const Session& session, unsigned per_second) {
  const double seconds = std::chrono::duration<double>(session.duration()).count();
  return std::max<std::uint64_t>(8, static_cast<std::uint64_t>(seconds * per_second));
}

/// CPU time of one copy of a picture at this rate, into as much memory as the ring has, in nanoseconds.
double copy_cost(Session& session, std::vector<std::byte>& picture, unsigned per_second) {
  auto* room = static_cast<std::byte*>(session.scratch());
  std::uint64_t sum_ns = 0;
  const std::uint64_t pictures = std::max<std::uint64_t>(4, pictures_of(session, per_second) / 4);
  pace(pictures, per_second, [&](std::uint64_t sequence, std::uint64_t) {
    std::memcpy(picture.data(), &sequence, sizeof sequence);
    touch_memory();
    const std::uint64_t before_ns = cpu_ns(CLOCK_THREAD_CPUTIME_ID);
    std::memcpy(room + sequence % (in_flight + 1) * frame_size, picture.data(), frame_size);
    touch_memory();
    sum_ns += cpu_ns(CLOCK_THREAD_CPUTIME_ID) - before_ns;
  });
  return static_cast<double>(sum_ns) / static_cast<double>(pictures);
}

/// Behind the memory for the copies.
double& senders_share(Session& session) {
  return *reinterpret_cast<double*>(static_cast<std::byte*>(session.scratch()) + (in_flight + 1) * frame_size);
}

void send_pictures(Session& session, unsigned per_second) {
  Writer writer = Writer::create(session.ring_name(), BufferConfig::for_frames(frame_size, in_flight)).value();
  std::vector<std::byte> picture(frame_size, std::byte{3});
  const auto send = [&](std::uint64_t sequence, std::uint64_t late_ns) {
    const Stamp stamp{sequence, ticks(), late_ns};
    std::memcpy(picture.data(), &stamp, sizeof stamp);
    touch_memory();
    writer.write(picture, forever).value();
  };
  const double one_copy_ns = copy_cost(session, picture, per_second);
  session.meet();  // the ring is there
  session.meet();  // the reader is
  const std::uint64_t pictures = pictures_of(session, per_second);
  const std::uint64_t cpu_before_ns = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
  const double elapsed_ns = pace(pictures, per_second, send);
  const auto spent_ns = static_cast<double>(cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_before_ns);
  send(stop_sequence, 0);
  // what the library copies faster than it was timed is no other work that was saved
  const double share = std::max(0.0, (spent_ns - one_copy_ns * static_cast<double>(pictures)) / elapsed_ns);
  session.report_cpu(share);
  senders_share(session) = share;
  session.meet();
}

void show_pictures(Session& session, Figure figure) {
  session.meet();
  Reader reader =
      Reader::open(session.ring_name(), connect_timeout, BufferConfig::for_frames(frame_size, in_flight)).value();
  Durations latencies(100'000);
  Durations lateness(100'000);
  unsigned sum = 0;
  std::uint64_t looked_ns = 0;
  session.meet();
  const std::uint64_t start_ns = monotonic_ns();
  const std::uint64_t cpu_before_ns = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
  for (std::uint64_t expected = 1;; ++expected) {
    const Frame frame = reader.read(forever).value();
    const std::uint64_t now = ticks();
    Stamp stamp{};
    std::memcpy(&stamp, frame.data().data(), sizeof stamp);
    if (stamp.sequence == stop_sequence) break;
    check_sequence(stamp.sequence, expected);
    const std::uint64_t before_ns = cpu_ns(CLOCK_THREAD_CPUTIME_ID);
    sum += touch_pages(frame.data());
    looked_ns += cpu_ns(CLOCK_THREAD_CPUTIME_ID) - before_ns;
    latencies.add(now - stamp.sent_ticks);
    const double late_ticks = static_cast<double>(stamp.late_ns) / nanoseconds_per_tick();
    lateness.add(now - stamp.sent_ticks + static_cast<std::uint64_t>(late_ticks));
  }
  const auto spent_ns = static_cast<double>(cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_before_ns);
  const auto elapsed_ns = static_cast<double>(monotonic_ns() - start_ns);
  must_be_made(sum);
  const double share = (spent_ns - static_cast<double>(looked_ns)) / elapsed_ns;
  const Latency latency = latencies.latency();
  const Latency late = lateness.latency();
  session.meet();
  session.report_cpu(share);
  session.note("late_p50_us", late.at(0.5) * 1e-3);
  session.note("late_p99_us", late.at(0.99) * 1e-3);
  session.note("late_most_us", late.at(1.0) * 1e-3);
  session.note("pictures_per_s", static_cast<double>(latencies.count()) * 1e9 / elapsed_ns);
  session.report(figure == Figure::latency ? latency.at(0.5) * 1e-3 : std::max(share, senders_share(session)),
                 latencies.count(), latency);
}

Workload camera(unsigned per_second, Figure figure) {
  Workload workload;
  workload.scratch_size = (in_flight + 1) * frame_size + sizeof(double);
  workload.times_as_long = longer;
  workload.first = [per_second](Session& session) { send_pictures(session, per_second); };
  workload.second = [figure](Session& session) { show_pictures(session, figure); };
  return workload;
}

}  // namespace

void add_video(Plan& plan) {
  for (const unsigned rate : {30U, 60U, 120U, 240U, 500U, 1000U}) {
    const Json parameters{{"frame_bytes", frame_size}, {"in_flight", in_flight}, {"per_second", rate}};
    const std::string name = "video" + std::to_string(rate);
    plan.subjects.push_back({"zerobuffer", name, "us", parameters, camera(rate, Figure::latency), "video"});
    if (rate != 60) continue;
    plan.subjects.push_back({"zerobuffer", name + "_cpu", "share", parameters, camera(rate, Figure::cpu), "video"});
    plan.comparisons.push_back({name + "_cpu_beyond_copy", name + "_cpu", "", 0.03, true});
  }
}

}  // namespace zerobuffer::cli::bench
