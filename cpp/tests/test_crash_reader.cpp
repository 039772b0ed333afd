// A reader that is killed or stopped at any of its steps, and what its writer and the other readers make of it.
#include "crash_points.hpp"

namespace {
using namespace zerobuffer;
using namespace zerobuffer::support;

struct ReaderStep {
  Step step;
  const char* alone;          // what a blocked writer is told where it was the last reader
  unsigned counted_lost;      // where another reader lives
  bool full = false;          // reached only by a reader that the writer waits for
  bool closes_early = false;  // the reader closes after three frames
};

constexpr ReaderStep reader_steps[] = {
    {{"join.locked"}, "timeout", 0},  // never attached: the writer goes on waiting for its first reader
    {{"join.position_stored"}, "timeout", 0},
    {{"join.joining"}, "closed", 0},
    {{"join.active"}, "peer_dead", 1},
    {{"attach.locked"}, "peer_dead", 1},
    {{"sleep.bit_set"}, "peer_dead", 1},
    {{"sleep.before_futex"}, "peer_dead", 1},
    {{"release.before_publish", 1}, "peer_dead", 1},
    {{"release.before_publish", 9}, "peer_dead", 1},
    {{"release.published", 1}, "peer_dead", 1},
    {{"release.published", 9}, "peer_dead", 1},
    {{"reader_wake.flag_cleared"}, "peer_dead", 1, true},
    {{"reader_wake.word_changed"}, "peer_dead", 1, true},
    {{"close.closing"}, "closed", 0, false, true},
    {{"close.place_given_up"}, "closed", 0, false, true},
};

bool before_attached(const ReaderStep& step) {
  return std::string_view(step.step.point).starts_with("join.") && step.alone[0] != 'p';
}

// The child: attaches, waits where the writer must wait first, reads, and comes to the step on its way.
void read_until_struck(const std::string& name, const ReaderStep& step, WaitPolicy wait) {
  signal_self_at(step.step, SIGKILL);
  BufferConfig config = ring_of(4096);
  config.wait = wait;
  Reader reader = Reader::open(name, generous, config).value();
  if (step.full) std::this_thread::sleep_for(300ms);
  for (int i = 0; !step.closes_early || i < 3; ++i) reader.read(generous).value().release();
  reader.close();
}

using Parameter = std::tuple<ReaderStep, WaitPolicy>;
std::string name_of_parameter(const testing::TestParamInfo<Parameter>& info) {
  return identifier(std::get<0>(info.param).step) + (std::get<1>(info.param) == WaitPolicy::spin ? "_spin" : "_block");
}
std::vector<Parameter> all_parameters() {
  std::vector<Parameter> all;
  for (const ReaderStep& step : reader_steps) {
    all.emplace_back(step, WaitPolicy::block);
    if (!step.full) all.emplace_back(step, WaitPolicy::spin);  // a spinning writer is never woken
  }
  return all;
}

class last_reader_killed_at : public testing::TestWithParam<Parameter> {};

// Scenario 4.2
TEST_P(last_reader_killed_at, is_told_to_the_blocked_writer_which_can_go_on_without_it) {
  const auto& [step, wait] = GetParam();
  BufferConfig config = ring_of(4096);
  config.wait = wait;
  const std::string name = unique_name();
  auto writer = Writer::create(name, config);
  ASSERT_OK(writer);
  Child child([&, step = step] { read_until_struck(name, step, WaitPolicy::block); });
  if (before_attached(step)) {
    wait_dead(child);
  } else if (std::string_view(step.step.point).starts_with("sleep.")) {
    wait_dead(child);  // there was nothing to read
  } else {
    ASSERT_TRUE(wait_until([&] {
      return writer->stats().readers == 1 || waitpid(child.pid(), nullptr, WNOHANG | WNOWAIT) != 0 ||
             std::string_view(step.step.point) == "attach.locked" || std::string_view(step.step.point) == "join.active";
    }));
  }
  const std::string_view expected = step.alone;
  std::uint64_t number = 0;
  Status status = Status::ok;
  const std::int64_t began = steady_ns();
  while (status == Status::ok && number < 2000) {
    ++number;
    const std::chrono::nanoseconds limit = expected == "timeout" ? std::chrono::nanoseconds(300ms) : generous;
    status = writer->write(payload(size_of_frame(number), number), limit).status();
  }
  EXPECT_EQ(to_string(status), expected);
  EXPECT_LT(steady_ns() - began, std::chrono::nanoseconds(3s).count());  // the death within 2 s, and the way to it
  EXPECT_EQ(child.wait(), 128 + SIGKILL) << "the step was never reached";

  if (expected == "peer_dead") {
    EXPECT_STATUS(writer->try_write(payload(400, 1)), Status::peer_dead);  // as long as nobody decides otherwise
    auto forgotten = writer->forget_dead_readers();
    ASSERT_OK(forgotten);
    EXPECT_EQ(*forgotten, 1u);
    EXPECT_EQ(writer->stats().readers_lost, 1u);
    EXPECT_OK(writer->try_write(payload(400, 1)));
  }
  // a new reader is a reader like any other
  auto successor = Reader::open(name, Reader::Timeout::zero(), ring_of(4096));
  ASSERT_OK(successor);
  for (;;) {
    auto frame = successor->try_read();
    if (!frame) break;
  }
  ASSERT_OK(writer->write(payload(200, 3), generous));
  auto frame = successor->read(generous);
  ASSERT_OK(frame);
  EXPECT_TRUE(holds(frame->data(), 3));
}
INSTANTIATE_TEST_SUITE_P(any_step, last_reader_killed_at, testing::ValuesIn(all_parameters()), name_of_parameter);

class one_of_two_readers_killed_at : public testing::TestWithParam<ReaderStep> {};

// Scenario 4.2, 8.1
TEST_P(one_of_two_readers_killed_at, never_keeps_the_other_from_every_frame_and_is_counted) {
  const ReaderStep& step = GetParam();
  constexpr std::uint64_t last = 300;
  BufferConfig config = ring_of(4096);
  config.max_readers = 2;
  config.wait = WaitPolicy::block;
  const std::string name = unique_name();
  auto writer = Writer::create(name, config);
  auto other = Reader::open(name, generous, config);
  ASSERT_OK(writer);
  ASSERT_OK(other);
  Child child([&] { read_until_struck(name, step, WaitPolicy::block); });
  const std::string_view point = step.step.point;
  if (point.starts_with("join.") || point.starts_with("sleep.") || point == "attach.locked") {
    wait_dead(child);
  } else {
    ASSERT_TRUE(wait_until([&] { return writer->stats().readers == 2; }));  // asked without sleeping: nobody wakes us
  }
  Seen seen;
  std::thread reading([&] { seen = read_to_end(*other, Waiting::block, 1); });
  EXPECT_EQ(to_string(send_frames(*writer, 1, last)), "ok");
  wait_dead(child);
  // whoever died after the last time that room was short, is found when it is short again
  EXPECT_EQ(to_string(send_frames(*writer, last + 1, 2 * last)), "ok");
  EXPECT_EQ(writer->stats().readers_lost, step.counted_lost);
  ASSERT_OK(writer->close());
  reading.join();
  EXPECT_EQ(to_string(seen.end), "closed");
  EXPECT_EQ(seen.last, 2 * last);
  EXPECT_EQ(child.wait(), 128 + SIGKILL) << "the step was never reached";
}
INSTANTIATE_TEST_SUITE_P(any_step, one_of_two_readers_killed_at, testing::ValuesIn(reader_steps),
                         [](const auto& parameter) { return identifier(parameter.param.step); });

// Scenario 4.2, 4.6
TEST(reader_stopped, at_any_step_for_a_second_loses_nothing_and_keeps_its_place) {
  constexpr std::uint64_t last = 300;
  struct Pair {
    const ReaderStep* step;
    Child reader;
    Child writer;
  };
  std::vector<Pair> pairs;
  for (const ReaderStep& step : reader_steps) {
    const std::string name = unique_name();
    Child writer([&] {
      BufferConfig config = ring_of(4096);
      config.wait = WaitPolicy::block;
      Writer mine = Writer::create(name, config).value();
      if (!step.full) std::this_thread::sleep_for(200ms);
      EXPECT_EQ(to_string(send_frames(mine, 1, last)), "ok");
      auto unread = mine.close(generous);
      EXPECT_OK(unread);
      EXPECT_EQ(unread.ok() ? *unread : 1, 0u);
    });
    Child reader([&] {
      signal_self_at(step.step, SIGSTOP);
      BufferConfig config = ring_of(4096);
      config.wait = WaitPolicy::block;
      Reader mine = Reader::open(name, generous, config).value();
      if (step.full) std::this_thread::sleep_for(300ms);
      const Seen seen = read_to_end(mine, Waiting::block, 1);
      EXPECT_EQ(to_string(seen.end), "closed");
      EXPECT_EQ(seen.last, last);
    });
    pairs.push_back({&step, std::move(reader), std::move(writer)});
  }
  for (const Pair& pair : pairs) EXPECT_TRUE(wait_stopped(pair.reader)) << pair.step->step << " was never reached";
  std::this_thread::sleep_for(1s);
  for (Pair& pair : pairs) {
    SCOPED_TRACE(testing::Message() << pair.step->step);
    pair.reader.signal(SIGCONT);
    EXPECT_EQ(pair.reader.wait(), 0);
    EXPECT_EQ(pair.writer.wait(), 0);
  }
}

// Scenario 4.2, 3.1
TEST(reader_killed, while_it_holds_frames_keeps_them_until_the_writer_needs_their_room) {
  const std::string name = unique_name();
  auto writer = Writer::create(name, ring_of(4096));
  ASSERT_OK(writer);
  Child child([&] {
    Reader reader = Reader::open(name, generous, ring_of(4096)).value();
    std::vector<Frame> held;
    for (int i = 0; i < 3; ++i) held.push_back(reader.read(generous).value());
    raise(SIGKILL);
  });
  ASSERT_EQ(send_frames(*writer, 1, 3), Status::ok);
  EXPECT_EQ(child.wait(), 128 + SIGKILL);
  ASSERT_EQ(send_frames(*writer, 4, 6), Status::ok);  // there is room: nobody asks who lives
  BufferConfig resume = ring_of(4096);
  resume.join = JoinAt::resume;
  auto successor = Reader::open(name, Reader::Timeout::zero(), resume);
  ASSERT_OK(successor);
  ASSERT_OK(writer->close());
  const Seen seen = read_to_end(*successor, Waiting::block, 1);
  EXPECT_EQ(seen.last, 6u);
}

}  // namespace
