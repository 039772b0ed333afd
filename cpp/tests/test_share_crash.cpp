// A relay, a reader of its output, or the writer of its source is killed or stopped at every named step of sharing: who
// remains sees whole frames or is told of a lost one, and the source's room comes back.
#include <deque>
#include <random>

#include "share_support.hpp"

namespace zerobuffer {
namespace {
using namespace support;

constexpr std::uint64_t ring_bytes = 6000;

std::size_t size_of(std::uint64_t number) noexcept { return 200 + number * 97 % 1300; }

// Frames of A carry their number as tag, whoever passes them on.
Result<void> write_numbered(Writer& writer, std::uint64_t number, Writer::Timeout timeout) {
  return writer.write(payload(size_of(number), number), timeout, {.type = 0, .tag = number});
}
bool is_whole(const Frame& frame) { return frame.size() == size_of(frame.tag()) && holds(frame.data(), frame.tag()); }

// Writes on and on, and goes on without the dead.
class Source {
 public:
  explicit Source(Writer writer) : writer_(std::move(writer)), thread_([this] { run(); }) {}
  ~Source() { stop(); }
  void stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] std::uint64_t written() const { return written_.load(); }

 private:
  void run() {
    for (std::uint64_t number = 1; !stop_;) {
      const Status status = write_numbered(writer_, number, 50ms).status();
      if (status == Status::ok) {
        written_ = number++;
      } else if (status == Status::peer_dead) {
        EXPECT_OK(writer_.forget_dead_readers());
      } else if (status == Status::closed) {
        std::this_thread::sleep_for(1ms);
      } else {
        EXPECT_EQ(to_string(status), "timeout");
      }
    }
  }
  Writer writer_;
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> written_{0};
  std::thread thread_;
};

// A relay in a process of its own, for as long as it may.
void relay_frames(const std::string& a, const std::string& b, std::uint64_t count) {
  Reader source = Reader::open(a, generous, sharing(ring_bytes)).value();
  Writer output = Writer::open(b, generous, sharing(ring_bytes)).value();
  SharedWriter shared = SharedWriter::over(output, source).value();
  for (std::uint64_t i = 0; i < count; ++i) {
    auto frame = source.read(generous).value();
    static_cast<void>(shared.forward(std::move(frame), generous).value());
  }
  if (shared.stats().copied_bytes != 0) throw std::runtime_error("something was copied");
  if (shared.close(generous).value() != 0) throw std::runtime_error("something was given back too early");
}

// What a relay that died before it could attach leaves its successor: its writer's epoch does not grow.
bool has_attached(const std::string& buffer, std::uint64_t epoch, const Child& child) {
  return wait_until([&] {
    const auto state = dump_state(buffer);
    siginfo_t info{};
    static_cast<void>(waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOHANG | WNOWAIT));
    return (state.ok() && state->writer.epoch >= epoch) || info.si_pid != 0;
  });
}

// Reads until the relay's end, holding a few frames and looking at each of them again before it lets it go.
struct Saw {
  std::uint64_t whole = 0;
  std::uint64_t lost = 0;
  std::uint64_t torn = 0;
  Status end = Status::ok;
};
Saw read_holding(Reader& reader, std::size_t most_held) {
  Saw saw;
  std::deque<Frame> held;
  for (;;) {
    auto frame = reader.read(generous);
    if (frame.status() == Status::frame_lost) {
      ++saw.lost;
    } else if (frame.status() == Status::held_frames_block && !held.empty()) {
      held.clear();
    } else if (!frame) {
      saw.end = frame.status();
      break;
    } else {
      saw.torn += is_whole(*frame) ? 0 : 1;
      ++saw.whole;
      held.push_back(std::move(*frame));
    }
    while (held.size() > most_held) {
      saw.torn += is_whole(held.front()) ? 0 : 1;
      held.pop_front();
    }
  }
  std::this_thread::sleep_for(5ms);
  for (const Frame& frame : held) saw.torn += is_whole(frame) ? 0 : 1;
  return saw;
}

class relay_killed_at : public testing::TestWithParam<Step> {};

// Scenario 7.3
TEST_P(relay_killed_at, leaves_whole_frames_or_tells_of_lost_ones_and_the_sources_room_comes_back) {
  const std::string a = unique_name();
  const std::string b = unique_name();
  Source source(Writer::create(a, sharing(ring_bytes)).value());
  auto reader = Reader::create(b, sharing(ring_bytes));
  ASSERT_OK(reader);
  // a successor finds the table's entry, and writes none
  const int rounds = std::string_view(GetParam().point) == "forward.source_writing" ? 1 : 2;
  for (int round = 0; round < rounds; ++round) {
    Child child([&] {
      signal_self_at(GetParam(), SIGKILL);
      relay_frames(a, b, 1'000'000);
    });
    ASSERT_TRUE(has_attached(b, 2 * static_cast<std::uint64_t>(round) + 1, child));
    const Saw saw = read_holding(*reader, 2);
    EXPECT_EQ(to_string(saw.end), "peer_dead");
    EXPECT_EQ(saw.torn, 0U);
    EXPECT_EQ(child.wait(), 128 + SIGKILL) << "the step was never reached";
    const std::uint64_t before = source.written();
    // a new relay goes on, and the room that the dead one had is there again
    Child successor([&] { relay_frames(a, b, 40); });
    ASSERT_TRUE(has_attached(b, 2 * static_cast<std::uint64_t>(round) + 2, successor));
    const Saw later = read_holding(*reader, 2);
    EXPECT_EQ(to_string(later.end), "closed");
    EXPECT_EQ(later.torn, 0U);
    EXPECT_EQ(later.lost, 0U);
    EXPECT_EQ(later.whole, 40U);
    EXPECT_EQ(successor.wait(), 0);
    EXPECT_TRUE(wait_until([&] { return source.written() > before + 20; }));
  }
  EXPECT_EQ(reader->stats().shared_copied_bytes, 0U);
  source.stop();
}
std::string step_name(const testing::TestParamInfo<Step>& info) { return identifier(info.param); }
INSTANTIATE_TEST_SUITE_P(any_step, relay_killed_at,
                         testing::Values(Step{"forward.source_writing"}, Step{"forward.reserved", 1},
                                         Step{"forward.reserved", 7}, Step{"forward.described", 1},
                                         Step{"forward.described", 7}, Step{"commit.before_publish", 3},
                                         Step{"commit.published", 3}, Step{"forward.published", 1},
                                         Step{"forward.published", 9}, Step{"forward.kept", 1}, Step{"forward.kept", 9},
                                         Step{"release.before_publish", 4}, Step{"release.published", 4},
                                         Step{"writer_sleep.flag_set", 2}, Step{"sleep.before_futex", 1}),
                         step_name);

class reader_killed_at : public testing::TestWithParam<Step> {};

// Scenario 7.3
TEST_P(reader_killed_at, leaves_no_pin_that_holds_the_source_for_ever) {
  const std::string a = unique_name();
  const std::string b = unique_name();
  BufferConfig few = sharing(ring_bytes);
  const bool copies = std::string_view(GetParam().point) == "shared.copied";
  few.share_slots = copies ? 1 : 2;  // a dead pin's slot is needed again
  auto writer = Writer::create(a, few);
  ASSERT_OK(writer);
  auto reader = Reader::create(b, sharing(ring_bytes, 2));
  ASSERT_OK(reader);
  Child relay([&] { relay_frames(a, b, 400); });
  ASSERT_OK(writer->wait_for_readers(1, generous));
  for (int round = 0; round < 3; ++round) {
    Shared<std::atomic<int>> attached;
    Child child([&] {
      signal_self_at(GetParam(), SIGKILL);
      Reader doomed = Reader::open(b, generous, sharing(ring_bytes)).value();
      attached->store(1);
      std::deque<Frame> held;
      for (;;) {
        auto frame = doomed.read(generous);
        if (frame.status() == Status::held_frames_block) held.clear();
        if (frame) held.push_back(std::move(*frame));
        if (held.size() > 2) held.clear();  // so that the pin is parked now and then
      }
    });
    while (attached->load() == 0) std::this_thread::sleep_for(1ms);
    for (std::uint64_t i = 1; i <= 100; ++i) {
      ASSERT_OK(write_numbered(*writer, i, generous));
      auto frame = reader->read(generous);
      ASSERT_OK(frame);
      ASSERT_TRUE(is_whole(*frame));
    }
    EXPECT_EQ(child.wait(), 128 + SIGKILL) << "the step was never reached";
  }
  for (std::uint64_t i = 1; i <= 100; ++i) {
    ASSERT_OK(write_numbered(*writer, i, generous));
    auto frame = reader->read(generous);
    ASSERT_OK(frame);
    ASSERT_TRUE(is_whole(*frame));
  }
  EXPECT_EQ(relay.wait(), 0);
}
INSTANTIATE_TEST_SUITE_P(any_step, reader_killed_at,
                         testing::Values(Step{"pin.locked"}, Step{"pin.before_place"}, Step{"pin.taken"},
                                         Step{"pin.stored", 1}, Step{"pin.stored", 5}, Step{"pin.valid", 1},
                                         Step{"pin.valid", 5}, Step{"shared.pinned", 1}, Step{"shared.pinned", 5},
                                         Step{"pin.moved", 1}, Step{"pin.moved", 4}),
                         step_name);

// Scenario 7.3
TEST(ShareCrash, a_reader_killed_while_it_copies_leaves_nothing) {
  const std::string a = unique_name();
  BufferConfig one = sharing(ring_bytes);
  one.share_slots = 1;
  Chain chain(one, sharing(ring_bytes, 2));
  Child child([&] {
    signal_self_at({"shared.copied", 2}, SIGKILL);
    Reader doomed = Reader::open(chain.b_name, generous, sharing(ring_bytes)).value();
    for (;;) static_cast<void>(doomed.read(generous));
  });
  ASSERT_OK(chain.output.wait_for_readers(2, generous));
  Frame pinned;  // our own reader takes the only slot: the other one has not seen a frame yet
  child.signal(SIGSTOP);
  for (std::uint64_t i = 1; i <= 3; ++i) {
    ASSERT_OK(write_numbered(chain.a_writer, i, generous));
    ASSERT_OK(chain.forward());
    auto frame = chain.b_reader.read(generous);
    ASSERT_OK(frame);
    if (i == 1) pinned = std::move(*frame);
  }
  child.signal(SIGCONT);
  EXPECT_EQ(child.wait(), 128 + SIGKILL);
  EXPECT_TRUE(is_whole(pinned));
  pinned.release();
  for (std::uint64_t i = 4; i <= 60; ++i) {
    ASSERT_OK(write_numbered(chain.a_writer, i, generous));
    ASSERT_OK(chain.forward());
    ASSERT_OK(chain.b_reader.read(generous));
  }
}

class stopped_at : public testing::TestWithParam<Step> {};

// Scenario 7.3: a stopped process is not dead; what it needs stays, and what it then sees is whole or lost.
TEST_P(stopped_at, a_reader_goes_on_with_whole_frames_or_is_told) {
  const std::string a = unique_name();
  const std::string b = unique_name();
  Source source(Writer::create(a, sharing(ring_bytes)).value());
  auto output = Writer::create(b, sharing(ring_bytes));
  ASSERT_OK(output);
  Shared<std::atomic<std::int64_t>> reached;
  Child child([&] {
    signal_self_at(GetParam(), SIGSTOP, &*reached);
    Reader reader = Reader::open(b, generous, sharing(ring_bytes)).value();
    const Saw saw = read_holding(reader, 0);
    return saw.torn == 0 && saw.end == Status::closed ? 0 : 1;
  });
  ASSERT_OK(output->wait_for_readers(1, generous));
  {
    auto reader = Reader::open(a, generous, sharing(ring_bytes));
    ASSERT_OK(reader);
    auto shared = SharedWriter::over(*output, *reader);
    ASSERT_OK(shared);
    while (reached->load() == 0) {
      auto frame = reader->read(50ms);
      if (frame) static_cast<void>(shared->forward(std::move(*frame), 50ms));
    }
    // the relay goes, and the source runs on as far as the stopped reader's pin lets it
    static_cast<void>(shared->close());
  }
  std::this_thread::sleep_for(250ms);
  static_cast<void>(output->close());
  child.signal(SIGCONT);
  EXPECT_EQ(child.wait(), 0);
  const std::uint64_t before = source.written();
  auto reader = Reader::open(a, generous, sharing(ring_bytes));
  ASSERT_OK(reader);
  for (int i = 0; i < 30; ++i) ASSERT_OK(reader->read(generous));
  EXPECT_TRUE(wait_until([&] { return source.written() > before; })) << "the room is there again";
  source.stop();
}
INSTANTIATE_TEST_SUITE_P(any_step, stopped_at,
                         testing::Values(Step{"pin.locked"}, Step{"pin.taken"}, Step{"pin.stored", 1},
                                         Step{"pin.stored", 3}, Step{"pin.valid", 2}, Step{"shared.pinned", 1},
                                         Step{"shared.pinned", 3}, Step{"pin.moved", 2},
                                         Step{"release.before_publish", 2}),
                         step_name);

// Scenario 7.3: many deaths, at any moment.
TEST(ShareCrash, a_relay_killed_at_random_moments_many_times_never_shows_a_torn_frame) {
  const std::string a = unique_name();
  const std::string b = unique_name();
  Source source(Writer::create(a, sharing(ring_bytes)).value());
  auto reader = Reader::create(b, sharing(ring_bytes));
  ASSERT_OK(reader);
  std::mt19937 random(12345);
  std::uint64_t whole = 0;
  for (int round = 0; round < 25; ++round) {
    Child child([&] { relay_frames(a, b, 1'000'000); });
    std::thread killing([&, pause = random() % 40] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20 + pause));
      ::kill(child.pid(), SIGKILL);
    });
    const Saw saw = read_holding(*reader, 3);
    killing.join();
    EXPECT_EQ(child.wait(), 128 + SIGKILL);
    if (saw.end != Status::peer_dead) {  // it died before it had taken its place: a successor's death comes
      EXPECT_EQ(to_string(saw.end), "timeout");
    }
    EXPECT_EQ(saw.torn, 0U);
    whole += saw.whole;
  }
  EXPECT_GT(whole, 25U);
  source.stop();
}

// Scenario 7.3: the source's own writer dies; what is held stays, and its successor goes on.
TEST(ShareCrash, a_source_whose_writer_dies_keeps_what_is_pinned) {
  for (const char* point : {"commit.before_publish", "commit.published", "renew.announced"}) {
    SCOPED_TRACE(point);
    const std::string a = unique_name();
    const std::string b = unique_name();
    auto source = Reader::create(a, sharing(3 * ring_bytes));
    auto output = Writer::create(b, sharing(3 * ring_bytes));
    auto reader = Reader::open(b, generous, sharing(3 * ring_bytes));
    auto shared = SharedWriter::over(*output, *source);
    ASSERT_OK(shared);
    Child child([&] {
      signal_self_at({point, 12}, SIGKILL);
      Writer writer = Writer::open(a, generous, sharing(3 * ring_bytes)).value();
      for (std::uint64_t i = 1;; ++i) static_cast<void>(write_numbered(writer, i, generous));
    });
    std::deque<Frame> held;
    const auto pass_on = [&](Status last) {
      for (;;) {
        auto frame = source->read(generous);
        if (!frame) {
          EXPECT_EQ(to_string(frame.status()), to_string(last));
          return;
        }
        ASSERT_OK(shared->forward(std::move(*frame), generous));
        held.push_back(reader->read(generous).value());
        if (held.size() > 2) held.pop_front();
      }
    };
    pass_on(Status::peer_dead);
    EXPECT_EQ(child.wait(), 128 + SIGKILL);
    Child successor([&] {
      Writer writer = Writer::open(a, generous, sharing(3 * ring_bytes)).value();
      for (std::uint64_t i = 1; i <= 50; ++i) REQUIRE(write_numbered(writer, i, generous).ok());
      return 0;
    });
    pass_on(Status::closed);
    EXPECT_EQ(successor.wait(), 0);
    for (const Frame& frame : held) EXPECT_TRUE(is_whole(frame));
  }
}

// Scenario 7.3: the last reader of the output dies; the source's writer gets its room as soon as it wants it.
TEST(ShareCrash, what_only_a_dead_reader_needs_is_given_back_when_the_source_wants_its_room) {
  Chain chain(sharing(3000), sharing(3000, 2));
  chain.b_reader.close();
  Child child([&] {
    Reader doomed = Reader::open(chain.b_name, generous, sharing()).value();
    ASSERT_TRUE(doomed.read(generous).ok());
    raise(SIGKILL);
  });
  ASSERT_OK(chain.output.wait_for_readers(1, generous));
  for (std::uint64_t i = 1; i <= 2; ++i) {
    ASSERT_OK(chain.write(i, 1000));
    ASSERT_OK(chain.forward());
  }
  EXPECT_EQ(child.wait(), 128 + SIGKILL);
  EXPECT_EQ(chain.shared.release_passed(), 1U) << "it may be resumed";
  for (std::uint64_t i = 3; i <= 5; ++i) {
    ASSERT_OK(chain.write(i, 1000));  // while the relay does nothing
    if (i < 5) ASSERT_OK(chain.source.read(generous));
  }
  EXPECT_TRUE(wait_until([&] { return chain.shared.stats().given_up == 1U; })) << "counted after the room is free";
  BufferConfig again = sharing();
  again.join = JoinAt::resume;
  auto resumed = Reader::open(chain.b_name, generous, again);
  ASSERT_OK(resumed);
  EXPECT_STATUS(resumed->read(generous), Status::frame_lost);
}

}  // namespace
}  // namespace zerobuffer
