// A writer that is killed or stopped at any of its steps, and what its reader and its successor make of it.
#include <thread>

#include "crash_points.hpp"

namespace {
using namespace zerobuffer;
using namespace zerobuffer::support;

struct WriterStep {
  Step step;
  bool full = false;     // reached only when the ring is full: nobody reads before
  bool sleeper = false;  // reached only when the reader sleeps
};

constexpr WriterStep writer_steps[] = {
    {{"claim.reserved", 1}},
    {{"claim.reserved", 7}},
    {{"write.half_copied", 4}},
    {{"write.copied", 4}},
    {{"commit.begin", 6}},
    {{"commit.before_publish", 1}},
    {{"commit.before_publish", 61}},  // some laps later; some of these publish padding
    {{"commit.before_publish", 62}},
    {{"commit.before_publish", 63}},
    {{"commit.published", 1}},
    {{"commit.published", 61}},
    {{"renew.announced", 3}},
    {{"wake.bits_cleared", 3}, false, true},
    {{"wake.word_changed", 3}, false, true},
    {{"writer_sleep.flag_set", 1}, true},
    {{"sleep.before_futex", 1}, true},
};

using Parameter = std::tuple<WriterStep, Waiting>;
std::string name_of_parameter(const testing::TestParamInfo<Parameter>& info) {
  return identifier(std::get<0>(info.param).step) + "_" + std::string(name_of(std::get<1>(info.param)));
}

std::vector<Parameter> all_parameters() {
  std::vector<Parameter> all;
  for (const WriterStep& step : writer_steps) {
    for (const Waiting waiting : {Waiting::block, Waiting::spin, Waiting::poll}) {
      if (!step.sleeper || waiting == Waiting::block) all.emplace_back(step, waiting);
    }
  }
  return all;
}

struct Progress {
  std::atomic<std::uint64_t> committed{0};
  std::atomic<std::int64_t> reached_at{0};
};

class writer_killed_at : public testing::TestWithParam<Parameter> {};

// Scenario 4.1, 4.3
TEST_P(writer_killed_at, leaves_everything_committed_then_peer_dead_once_then_its_successor) {
  const auto& [step, waiting] = GetParam();
  BufferConfig config = ring_of(4096);
  config.wait = policy_of(waiting);
  const std::string name = unique_name();
  auto reader = Reader::create(name, config);
  ASSERT_OK(reader);
  Shared<Progress> progress;
  Child child([&, step = step] {
    Writer writer = Writer::open(name, generous, ring_of(4096)).value();
    signal_self_at(step.step, SIGKILL, &progress->reached_at);
    return static_cast<int>(send_frames(writer, 1, 2000, &progress->committed, step.sleeper ? 2ms : 0ms));
  });
  if (step.full) wait_dead(child);
  const std::int64_t began = steady_ns();
  const Seen seen = read_to_end(*reader, waiting, 1);
  EXPECT_EQ(child.wait(), 128 + SIGKILL) << "the step was never reached";
  EXPECT_EQ(to_string(seen.end), "peer_dead");
  EXPECT_LT(seen.ended_at - std::max(began, progress->reached_at.load()), std::chrono::nanoseconds(2s).count());
  EXPECT_GE(seen.last, progress->committed.load());
  EXPECT_LE(seen.last, progress->committed.load() + 1);
  if (waiting == Waiting::block) {
    EXPECT_STATUS(reader->read(150ms), Status::timeout);  // it is told once
  }

  auto successor = Writer::open(name, Writer::Timeout::zero(), ring_of(4096));
  ASSERT_OK(successor);
  ASSERT_EQ(send_frames(*successor, seen.last + 1, seen.last + 5), Status::ok);
  ASSERT_OK(successor->close());
  const Seen rest = read_to_end(*reader, waiting, seen.last + 1);
  EXPECT_EQ(to_string(rest.end), "closed");
  EXPECT_EQ(rest.last, seen.last + 5);
}
INSTANTIATE_TEST_SUITE_P(any_step, writer_killed_at, testing::ValuesIn(all_parameters()), name_of_parameter);

// Sends frames one by one, each when everybody has let the one before it go: one that fits only at the start of a small
// ring finds it begun anew.
Status send_one_by_one(Writer& writer, std::uint64_t from, std::uint64_t to,
                       std::atomic<std::uint64_t>* committed = nullptr) {
  for (std::uint64_t number = from; number <= to; ++number) {
    if (const Status sent = send_frames(writer, number, number, committed); sent != Status::ok) return sent;
    if (auto drained = writer.drain(generous); !drained) return drained.status();
  }
  return Status::ok;
}

class writer_killed_as_it_begins_anew : public testing::TestWithParam<int> {};

// Scenario 4.1, 4.3: the origin is stored and nothing is published behind it.
TEST_P(writer_killed_as_it_begins_anew, leaves_a_ring_that_goes_on_for_its_reader_its_successor_and_who_joins) {
  BufferConfig config = ring_of(600);
  config.max_readers = 3;
  const std::string name = unique_name();
  auto reader = Reader::create(name, config);
  ASSERT_OK(reader);
  Shared<Progress> progress;
  Child child([&] {
    Writer writer = Writer::open(name, generous, config).value();
    signal_self_at({"anew.origin_stored", GetParam()}, SIGKILL);
    return static_cast<int>(send_one_by_one(writer, 1, 2000, &progress->committed));
  });
  const Seen seen = read_to_end(*reader, Waiting::block, 1);
  EXPECT_EQ(child.wait(), 128 + SIGKILL) << "the ring never began anew";
  EXPECT_EQ(to_string(seen.end), "peer_dead");
  EXPECT_EQ(seen.last, progress->committed.load());
  auto state = dump_state(name);
  ASSERT_OK(state);
  EXPECT_NE(state->origin_pos, 0U);
  EXPECT_EQ(state->origin_pos, state->write_pos) << "it died between the two stores";
  EXPECT_EQ(state->problem, "");

  auto joined = Reader::open(name, generous, config);  // where the ring begins now
  ASSERT_OK(joined);
  auto opened = Writer::open(name, generous, config);  // before anybody reads, who would find the dead one
  ASSERT_OK(opened);
  std::thread sending([&] {
    Writer successor = std::move(*opened);
    EXPECT_EQ(to_string(send_one_by_one(successor, seen.last + 1, seen.last + 100)), "ok");
  });
  std::thread reading([&] {
    const Seen all = read_to_end(*joined, Waiting::block, seen.last + 1);
    EXPECT_EQ(to_string(all.end), "closed");
    EXPECT_EQ(all.last, seen.last + 100);
  });
  const Seen rest = read_to_end(*reader, Waiting::block, seen.last + 1);
  reading.join();
  sending.join();
  EXPECT_EQ(to_string(rest.end), "closed");
  EXPECT_EQ(rest.last, seen.last + 100);
  state = dump_state(name);
  ASSERT_OK(state);
  EXPECT_GT(state->origin_pos, 0U);
}
INSTANTIATE_TEST_SUITE_P(nth_time, writer_killed_as_it_begins_anew, testing::Values(1, 2, 7));

class writer_stopped : public testing::TestWithParam<Waiting> {};

// Scenario 4.1
TEST_P(writer_stopped, at_any_step_for_a_second_loses_nothing_and_is_not_taken_for_dead) {
  constexpr std::uint64_t last = 300;
  struct Pair {
    const WriterStep* step;
    std::string name;
    Child reader;
    Child writer;
  };
  const Waiting waiting = GetParam();
  std::vector<Pair> pairs;
  for (const WriterStep& step : writer_steps) {
    if (step.sleeper && waiting != Waiting::block) continue;  // on a busy machine, a short spin may be long enough
    const std::string name = unique_name();
    Child reader([&] {
      BufferConfig config = ring_of(4096);
      config.wait = policy_of(waiting);
      Reader mine = Reader::create(name, config).value();
      if (step.full) std::this_thread::sleep_for(300ms);
      const Seen seen = read_to_end(mine, waiting, 1);
      EXPECT_EQ(to_string(seen.end), "closed");
      EXPECT_EQ(seen.last, last);
    });
    Child writer([&] {
      Writer mine = Writer::open(name, generous, ring_of(4096)).value();
      signal_self_at(step.step, SIGSTOP);
      EXPECT_EQ(send_frames(mine, 1, last, nullptr, step.sleeper ? 1ms : 0ms), Status::ok);
    });
    pairs.push_back({&step, name, std::move(reader), std::move(writer)});
  }
  for (const Pair& pair : pairs) EXPECT_TRUE(wait_stopped(pair.writer)) << pair.step->step << " was never reached";
  std::this_thread::sleep_for(1s);
  for (Pair& pair : pairs) {
    SCOPED_TRACE(testing::Message() << pair.step->step);
    pair.writer.signal(SIGCONT);
    EXPECT_EQ(pair.writer.wait(), 0);
    EXPECT_EQ(pair.reader.wait(), 0);
  }
}
INSTANTIATE_TEST_SUITE_P(waiting, writer_stopped,
                         testing::Values(Waiting::block, Waiting::spin_then_block, Waiting::spin, Waiting::poll),
                         [](const auto& parameter) { return std::string(name_of(parameter.param)); });

// Scenario 4.1
TEST(writer_killed, before_its_first_frame_is_peer_dead_without_a_frame) {
  for (const Waiting waiting : {Waiting::block, Waiting::spin_then_block, Waiting::spin, Waiting::poll}) {
    SCOPED_TRACE(name_of(waiting));
    BufferConfig config = ring_of(4096);
    config.wait = policy_of(waiting);
    const std::string name = unique_name();
    auto reader = Reader::create(name, config);
    ASSERT_OK(reader);
    Child child([&] {
      Writer writer = Writer::open(name, generous, ring_of(4096)).value();
      raise(SIGKILL);
    });
    wait_dead(child);
    const std::int64_t began = steady_ns();
    const Seen seen = read_to_end(*reader, waiting);
    EXPECT_EQ(to_string(seen.end), "peer_dead");
    EXPECT_EQ(seen.last, 0u);
    EXPECT_LT(seen.ended_at - began, std::chrono::nanoseconds(2s).count());
    EXPECT_EQ(child.wait(), 128 + SIGKILL);
  }
}

// Scenario 4.1
TEST(writer_killed, before_it_took_its_place_was_never_attached) {
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(4096));
  ASSERT_OK(reader);
  Child child([&] {
    signal_self_at({"attach.writer_before_place"}, SIGKILL);
    static_cast<void>(Writer::open(name, generous, ring_of(4096)));
  });
  EXPECT_EQ(child.wait(), 128 + SIGKILL);
  EXPECT_STATUS(reader->read(300ms), Status::timeout);
  auto successor = Writer::open(name, Writer::Timeout::zero(), ring_of(4096));
  ASSERT_OK(successor);
  EXPECT_OK(successor->write(payload(10, 1), 1s));
  EXPECT_OK(reader->read(1s));
}

// Scenario 4.1
TEST(writer_killed, while_it_writes_its_metadata_has_written_none) {
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(4096));
  ASSERT_OK(reader);
  Child child([&] {
    Writer writer = Writer::open(name, generous, ring_of(4096)).value();
    signal_self_at({"metadata.writing"}, SIGKILL);
    static_cast<void>(writer.write_metadata(bytes_of("half of it")));
  });
  EXPECT_EQ(child.wait(), 128 + SIGKILL);
  EXPECT_STATUS(reader->metadata(generous), Status::peer_dead);
  auto successor = Writer::open(name, Writer::Timeout::zero(), ring_of(4096));
  ASSERT_OK(successor);
  ASSERT_OK(successor->write_metadata(bytes_of("the whole")));
  auto metadata = reader->metadata(generous);
  ASSERT_OK(metadata);
  EXPECT_EQ(text_of(*metadata), "the whole");
}

// Scenario 4.1
TEST(writer_killed, from_outside_in_the_middle_of_large_copies_never_leaves_half_a_frame) {
  constexpr std::size_t size = 3 << 20;
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(8 << 20));
  ASSERT_OK(reader);
  std::uint64_t expected = 1;
  for (int round = 0; round < 12; ++round) {
    Child writer([&] {
      Writer mine = Writer::open(name, generous, ring_of(8 << 20)).value();
      const auto data = payload(size, 7);
      for (;;) mine.write(data, forever).value();
    });
    auto first = reader->read(generous);
    ASSERT_OK(first);
    EXPECT_EQ(first->sequence(), expected++);
    first->release();
    std::this_thread::sleep_for(std::chrono::microseconds(mix(static_cast<std::uint64_t>(round)) % 5000));
    writer.kill();
    for (;;) {
      auto frame = reader->read(generous);
      if (!frame) {
        EXPECT_STATUS(frame, Status::peer_dead);
        break;
      }
      EXPECT_EQ(frame->sequence(), expected++);
      EXPECT_TRUE(holds(frame->data(), 7));
    }
  }
}

// Scenario 4.1, 4.2
TEST(writer_killed, while_it_takes_a_dead_readers_slot_back_leaves_a_ring_that_goes_on) {
  for (const char* point : {"reclaim.locked", "reclaim.freed"}) {
    SCOPED_TRACE(point);
    BufferConfig config = ring_of(4096);
    config.max_readers = 2;
    const std::string name = unique_name();
    auto living = Reader::create(name, config);
    ASSERT_OK(living);
    Child dead_reader([&] {
      Reader reader = Reader::open(name, generous, config).value();
      raise(SIGKILL);
    });
    EXPECT_EQ(dead_reader.wait(), 128 + SIGKILL);
    Shared<Progress> progress;
    Child writer([&] {
      Writer mine = Writer::open(name, generous, config).value();
      signal_self_at({point}, SIGKILL);
      return static_cast<int>(send_frames(mine, 1, 2000, &progress->committed));
    });
    const Seen seen = read_to_end(*living, Waiting::block, 1);
    EXPECT_EQ(to_string(seen.end), "peer_dead");
    EXPECT_GE(seen.last, progress->committed.load());
    EXPECT_EQ(writer.wait(), 128 + SIGKILL);
    Child successor([&] {
      Writer mine = Writer::open(name, generous, config).value();
      EXPECT_EQ(to_string(send_frames(mine, seen.last + 1, seen.last + 100)), "ok");
    });
    EXPECT_EQ(read_to_end(*living, Waiting::block, seen.last + 1).last, seen.last + 100);
    EXPECT_EQ(successor.wait(), 0);
    EXPECT_OK(Reader::open(name, Reader::Timeout::zero(), config));  // the slot can be had
  }
}

}  // namespace
