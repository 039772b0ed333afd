// See life.hpp.
#include "bench/life.hpp"

#include <fstream>

#include "bench/message.hpp"
#include "zerobuffer/zerobuffer.hpp"

namespace zerobuffer::cli::bench {
namespace {

constexpr std::chrono::seconds connect_timeout{5};
constexpr std::size_t most_lives = 1000;

enum class Phase {
  create,       ///< Writer::create, with all pages mapped.
  open,         ///< Reader::open in the other process, likewise.
  first_frame,  ///< From the first write() to the return of the read() that waits for it.
  close,        ///< Writer::close, the last one: the memory goes back.
};

struct Life {
  Phase phase;
  std::uint64_t ring_bytes;
  bool huge_pages;
};

BufferConfig config_of(const Life& life) {
  BufferConfig config;
  config.payload_size = life.ring_bytes;
  config.huge_pages = life.huge_pages;
  return config;
}

/// One buffer after the other. The first side says in the scratch memory whether there is another one.
struct Control {
  bool another;
};

void report_median(Session& session, Durations& durations) {
  const Latency latency = durations.latency();
  session.report(latency.at(0.5) * 1e-3, durations.count(), latency);
}

template <class Act>
void timed(Durations& durations, bool counts, Act&& act) {
  const std::uint64_t start = ticks();
  act();
  if (counts) durations.add(ticks() - start);
}

void write_lives(Session& session, const Life& life) {
  auto& control = *static_cast<Control*>(session.scratch());
  Durations durations(most_lives);
  const auto duration = static_cast<std::uint64_t>(session.duration().count());
  const std::uint64_t start_ns = monotonic_ns();
  for (std::size_t i = 0;; ++i) {
    // three at least, as the first one, which warms up, does not count
    control.another = i < 4 || (i < most_lives && monotonic_ns() - start_ns < duration);
    session.meet();
    if (!control.another) break;
    Writer writer;
    timed(durations, i != 0 && life.phase == Phase::create,
          [&] { writer = Writer::create(session.ring_name(), config_of(life)).value(); });
    if (life.huge_pages && writer.info().huge_bytes == 0) throw NotRun("no huge pages for shared memory here");
    session.meet();  // there is the buffer
    session.meet();  // the reader is attached ...
    session.meet();  // ... and about to wait
    Message message;
    message.sequence = ticks();
    touch_memory();
    writer.write(std::as_bytes(std::span(&message, 1)), forever).value();
    session.meet();  // it was read, and the reader has closed
    timed(durations, i != 0 && life.phase == Phase::close, [&] { static_cast<void>(writer.close()); });
  }
  if (life.phase == Phase::create || life.phase == Phase::close) report_median(session, durations);
}

void read_lives(Session& session, const Life& life) {
  const auto& control = *static_cast<const Control*>(session.scratch());
  Durations durations(most_lives);
  for (std::size_t i = 0;; ++i) {
    session.meet();
    if (!control.another) break;
    session.meet();
    Reader reader;
    timed(durations, i != 0 && life.phase == Phase::open,
          [&] { reader = Reader::open(session.ring_name(), connect_timeout, config_of(life)).value(); });
    session.meet();
    session.meet();
    {
      const Frame frame = reader.read(forever).value();
      std::uint64_t sent = 0;
      std::memcpy(&sent, frame.data().data(), sizeof sent);
      if (i != 0 && life.phase == Phase::first_frame) durations.add(ticks() - sent);
    }
    reader.close();
    session.meet();
  }
  if (life.phase == Phase::open || life.phase == Phase::first_frame) report_median(session, durations);
}

Workload lives(const Life& life) {
  Workload workload;
  workload.scratch_size = sizeof(Control);
  workload.first = [life](Session& session) { write_lives(session, life); };
  workload.second = [life](Session& session) { read_lives(session, life); };
  return workload;
}

}  // namespace

void add_life(Plan& plan) {
  struct Ring {
    const char* name;
    std::uint64_t bytes;
    bool huge_pages;
  };
  struct Step {
    const char* name;
    Phase phase;
  };
  for (const Ring& ring :
       {Ring{"ring1m", 1 << 20, false}, Ring{"ring64m", 64 << 20, false}, Ring{"ring64m_huge_pages", 64 << 20, true}}) {
    for (const Step& step : {Step{"create", Phase::create}, Step{"open", Phase::open},
                             Step{"first_frame", Phase::first_frame}, Step{"close", Phase::close}}) {
      plan.subjects.push_back({"zerobuffer",
                               std::string(step.name) + "_" + ring.name,
                               "us",
                               {{"ring_bytes", ring.bytes}, {"huge_pages", ring.huge_pages}},
                               lives({step.phase, ring.bytes, ring.huge_pages}),
                               "life"});
    }
  }
}

}  // namespace zerobuffer::cli::bench
