// Ends and beginnings: closing, exiting, and taking over from a writer or a reader that went.
#include "crash_points.hpp"

namespace {
using namespace zerobuffer;
using namespace zerobuffer::support;

BufferConfig joining(JoinAt join, std::uint32_t max_readers = 1) {
  BufferConfig config = ring_of(4096);
  config.join = join;
  config.max_readers = max_readers;
  return config;
}

// A reader in a child that takes `frames` frames, lets all but the last one go, and dies.
void read_some_and_die(const std::string& name, int frames) {
  Child child([&] {
    Reader reader = Reader::open(name, generous, joining(JoinAt::automatic, 2)).value();
    for (int i = 1; i < frames; ++i) reader.read(generous).value().release();
    Frame held = reader.read(generous).value();
    raise(SIGKILL);
  });
  EXPECT_EQ(child.wait(), 128 + SIGKILL);
}

// Scenario 4.10
TEST(a_writer_that_closes, lets_its_reader_drain_and_then_see_the_end_which_is_no_death) {
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(4096));
  ASSERT_OK(reader);
  Child child([&] {
    Writer writer = Writer::open(name, generous, ring_of(4096)).value();
    EXPECT_EQ(send_frames(writer, 1, 8), Status::ok);
    EXPECT_OK(writer.close());
  });
  EXPECT_EQ(child.wait(), 0);
  const Seen seen = read_to_end(*reader, Waiting::block, 1);
  EXPECT_EQ(seen.last, 8u);
  EXPECT_EQ(to_string(seen.end), "closed");
  EXPECT_STATUS(reader->try_read(), Status::closed);  // and stays the end
}

// Scenario 4.10
TEST(a_process_that_exits, with_open_handles_has_closed_them) {
  for (const bool is_static : {false, true}) {
    const std::string name = unique_name();
    auto reader = Reader::create(name, joining(JoinAt::automatic, 2));
    ASSERT_OK(reader);
    Child child([&] {
      static Writer static_writer;
      static Reader static_reader;
      static Frame static_frame;
      auto writer = Writer::open(name, generous, joining(JoinAt::automatic, 2)).value();
      auto other = Reader::open(name, generous, joining(JoinAt::oldest, 2)).value();
      EXPECT_EQ(send_frames(writer, 1, 3), Status::ok);
      Frame frame = other.read(generous).value();
      if (is_static) {
        static_writer = std::move(writer);
        static_reader = std::move(other);
        static_frame = std::move(frame);
      } else {
        static auto* never_destroyed = new std::tuple(std::move(writer), std::move(other), std::move(frame));
        static_cast<void>(never_destroyed);
      }
      std::exit(0);
    });
    EXPECT_EQ(child.wait(), 0);
    const Seen seen = read_to_end(*reader, Waiting::block, 1);
    EXPECT_EQ(seen.last, 3u);
    EXPECT_EQ(to_string(seen.end), "closed");
    const BufferState state = dump_state(name).value();
    EXPECT_EQ(to_string(state.writer.presence), "closed");
    EXPECT_EQ(state.readers.at(1).state, "free");
    reader->close();
    EXPECT_FALSE(exists(name));
  }
}

// Scenario 4.10
TEST(a_process_that_exits, as_the_last_one_leaves_nothing_behind) {
  const std::string name = unique_name();
  Child child([&] {
    static auto* never_destroyed = new Writer(Writer::create(name, ring_of(4096)).value());
    static_cast<void>(never_destroyed);
    std::exit(0);
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_FALSE(exists(name));
}

// Scenario 4.10
TEST(a_process_that_exits, while_its_threads_still_write_never_disturbs_a_successor) {
  for (int round = 0; round < 20; ++round) {
    const std::string name = unique_name();
    auto reader = Reader::create(name, ring_of(4096));
    ASSERT_OK(reader);
    Child child([&] {
      static Writer& writer = *new Writer(Writer::open(name, generous, ring_of(4096)).value());  // outlives its thread
      static std::atomic<bool> began{false};
      std::thread([] {
        for (std::uint64_t number = 1; writer.write(payload(size_of_frame(number), number), generous); ++number)
          began = true;
        for (;;) pause();
      }).detach();
      while (!began) sched_yield();
      std::exit(0);
    });
    const Seen seen = read_to_end(*reader, Waiting::spin_then_block, 1);
    EXPECT_EQ(to_string(seen.end), "closed");
    auto successor = Writer::open(name, generous, ring_of(4096));
    ASSERT_OK(successor);
    EXPECT_EQ(send_frames(*successor, seen.last + 1, seen.last + 4), Status::ok);
    EXPECT_EQ(child.wait(), 0);
    ASSERT_OK(successor->close());
    EXPECT_EQ(read_to_end(*reader, Waiting::block, seen.last + 1).last, seen.last + 4);
  }
}

// Scenario 4.1
TEST(a_process_that_ends_without_exit_handlers, is_dead) {
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(4096));
  ASSERT_OK(reader);
  Child child([&] {
    Writer writer = Writer::open(name, generous, ring_of(4096)).value();
    _exit(0);
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_STATUS(reader->read(generous), Status::peer_dead);
}

// Scenario 4.3
TEST(a_writers_successor, goes_on_with_the_next_sequence_however_the_first_one_went) {
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(4096));
  ASSERT_OK(reader);
  std::uint64_t next = 1;
  for (const bool dies : {false, true, false, true, true}) {
    Child child([&] {
      Writer writer = Writer::open(name, generous, ring_of(4096)).value();
      EXPECT_EQ(send_frames(writer, next, next + 4), Status::ok);
      auto abandoned = writer.claim(100, generous);  // takes no sequence
      if (dies) raise(SIGKILL);
    });
    EXPECT_EQ(child.wait(), dies ? 128 + SIGKILL : 0);
    const Seen seen = read_to_end(*reader, Waiting::block, next);
    EXPECT_EQ(to_string(seen.end), dies ? "peer_dead" : "closed");
    next += 5;
    EXPECT_EQ(seen.last, next - 1);
  }
}

// Scenario 4.3
TEST(a_writers_successor, that_attached_meanwhile_keeps_the_death_from_being_told) {
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(4096));
  ASSERT_OK(reader);
  Child child([&] {
    Writer writer = Writer::open(name, generous, ring_of(4096)).value();
    EXPECT_EQ(send_frames(writer, 1, 3), Status::ok);
    raise(SIGKILL);
  });
  EXPECT_EQ(child.wait(), 128 + SIGKILL);
  auto successor = Writer::open(name, generous, ring_of(4096));
  ASSERT_OK(successor);
  ASSERT_EQ(send_frames(*successor, 4, 6), Status::ok);
  ASSERT_OK(successor->close());
  const Seen seen = read_to_end(*reader, Waiting::block, 1);
  EXPECT_EQ(seen.last, 6u);
  EXPECT_EQ(to_string(seen.end), "closed");
}

// Scenario 4.4
TEST(a_readers_successor, at_the_live_position_sees_what_comes_from_now_on) {
  const std::string name = unique_name();
  auto writer = Writer::create(name, ring_of(4096));
  ASSERT_OK(writer);
  ASSERT_EQ(send_frames(*writer, 1, 4), Status::ok);
  Child first([&] {
    Reader reader = Reader::open(name, generous, ring_of(4096)).value();
    reader.read(generous).value().release();
    raise(SIGKILL);
  });
  EXPECT_EQ(first.wait(), 128 + SIGKILL);
  auto second = Reader::open(name, Reader::Timeout::zero(), ring_of(4096));
  ASSERT_OK(second);
  ASSERT_EQ(send_frames(*writer, 5, 6), Status::ok);
  ASSERT_OK(writer->close());
  EXPECT_EQ(read_to_end(*second, Waiting::block, 5).last, 6u);
}

// Scenario 4.4, 4.15
TEST(a_resumed_reader, gets_every_frame_that_its_predecessor_had_not_let_go) {
  const std::string name = unique_name();
  auto writer = Writer::create(name, joining(JoinAt::automatic, 2));
  ASSERT_OK(writer);
  ASSERT_EQ(send_frames(*writer, 1, 6), Status::ok);
  read_some_and_die(name, 3);  // 1 and 2 are let go, 3 was held
  auto resumed = Reader::open(name, Reader::Timeout::zero(), joining(JoinAt::resume));
  ASSERT_OK(resumed);
  ASSERT_EQ(send_frames(*writer, 7, 8), Status::ok);
  ASSERT_OK(writer->close());
  const Seen seen = read_to_end(*resumed, Waiting::block, 3);
  EXPECT_EQ(seen.last, 8u);
  EXPECT_EQ(resumed->stats().lost, 0u);
}

// Scenario 4.4
TEST(a_resumed_reader, can_only_follow_one_that_died) {
  const std::string name = unique_name();
  auto writer = Writer::create(name, joining(JoinAt::automatic, 2));
  ASSERT_OK(writer);
  EXPECT_STATUS(Reader::open(name, Reader::Timeout::zero(), joining(JoinAt::resume)), Status::nothing_to_resume);
  auto living = Reader::open(name, Reader::Timeout::zero(), joining(JoinAt::now));
  ASSERT_OK(living);
  EXPECT_STATUS(Reader::open(name, Reader::Timeout::zero(), joining(JoinAt::resume)), Status::nothing_to_resume);
  living->close();
  EXPECT_STATUS(Reader::open(name, Reader::Timeout::zero(), joining(JoinAt::resume)), Status::nothing_to_resume);
}

// Scenario 4.15
TEST(a_reader_resumed_too_late, is_told_how_many_frames_it_lost) {
  const std::string name = unique_name();
  auto writer = Writer::create(name, joining(JoinAt::automatic, 2));
  ASSERT_OK(writer);
  auto other = Reader::open(name, Reader::Timeout::zero(), joining(JoinAt::oldest));
  ASSERT_OK(other);
  ASSERT_EQ(send_frames(*writer, 1, 4), Status::ok);
  Child child([&] {
    Reader reader = Reader::open(name, generous, joining(JoinAt::oldest)).value();
    for (int i = 0; i < 2; ++i) reader.read(generous).value().release();
    raise(SIGKILL);
  });
  EXPECT_EQ(child.wait(), 128 + SIGKILL);
  Seen seen;
  std::thread reading([&] { seen = read_to_end(*other, Waiting::block, 1); });
  EXPECT_EQ(send_frames(*writer, 5, 200), Status::ok);  // several laps: the dead reader's room was needed
  EXPECT_EQ(writer->stats().readers_lost, 1u);
  auto resumed = Reader::open(name, Reader::Timeout::zero(), joining(JoinAt::resume));
  ASSERT_OK(resumed);
  ASSERT_OK(writer->close());
  reading.join();
  EXPECT_EQ(seen.last, 200u);
  const Seen rest = read_to_end(*resumed, Waiting::block);
  EXPECT_GT(resumed->stats().lost, 0u);
  if (rest.first != 0) {  // otherwise the other reader had let all of it go before
    EXPECT_EQ(rest.last, 200u);
    EXPECT_EQ(resumed->stats().lost, rest.first - 3);
  }
}

// Scenario 4.15
TEST(a_reader_resumed_after_its_slot_was_taken_back, never_gets_a_frame_twice) {
  const std::string name = unique_name();
  auto writer = Writer::create(name, joining(JoinAt::automatic, 2));
  ASSERT_OK(writer);
  auto slow = Reader::open(name, Reader::Timeout::zero(), joining(JoinAt::oldest));
  ASSERT_OK(slow);
  ASSERT_EQ(send_frames(*writer, 1, 4), Status::ok);
  Child child([&] {
    Reader fast = Reader::open(name, generous, joining(JoinAt::oldest)).value();
    for (int i = 0; i < 3; ++i) fast.read(generous).value().release();
    raise(SIGKILL);
  });
  EXPECT_EQ(child.wait(), 128 + SIGKILL);
  std::uint64_t number = 5;  // until the ring is full, because of the slow one
  while (writer->try_write(payload(size_of_frame(number), number))) ++number;
  EXPECT_STATUS(writer->write(payload(size_of_frame(number), number), 200ms), Status::timeout);
  EXPECT_EQ(writer->stats().readers_lost, 1u);
  auto resumed = Reader::open(name, Reader::Timeout::zero(), joining(JoinAt::resume));
  ASSERT_OK(resumed);
  ASSERT_OK(writer->close());
  const Seen seen = read_to_end(*resumed, Waiting::block, 4);
  EXPECT_EQ(seen.last, number - 1);
  EXPECT_EQ(resumed->stats().lost, 0u);
}

// Scenario 4.14
TEST(a_writers_successor, changes_the_metadata_only_when_no_old_frame_can_be_read_any_more) {
  const std::string name = unique_name();
  auto reader = Reader::create(name, joining(JoinAt::automatic, 2));
  ASSERT_OK(reader);
  Child child([&] {
    Writer writer = Writer::open(name, generous, joining(JoinAt::automatic, 2)).value();
    EXPECT_OK(writer.write_metadata(bytes_of("old")));
    EXPECT_EQ(send_frames(writer, 1, 3), Status::ok);
    raise(SIGKILL);
  });
  EXPECT_EQ(child.wait(), 128 + SIGKILL);
  auto successor = Writer::open(name, generous, joining(JoinAt::automatic, 2));
  ASSERT_OK(successor);
  EXPECT_OK(successor->write_metadata(bytes_of("old")));  // the same bytes are no change
  ASSERT_OK(successor->close());
  successor = Writer::open(name, generous, joining(JoinAt::automatic, 2));
  ASSERT_OK(successor);
  for (std::uint64_t number = 1; number <= 3; ++number) {
    EXPECT_STATUS(successor->write_metadata(bytes_of("new")), Status::metadata_in_use);
    EXPECT_EQ(text_of(reader->metadata(generous).value()), "old");
    EXPECT_EQ(reader->read(generous).value().sequence(), number);
  }
  EXPECT_OK(successor->write_metadata(bytes_of("new")));
  EXPECT_EQ(text_of(reader->metadata(generous).value()), "new");
  ASSERT_EQ(send_frames(*successor, 4, 5), Status::ok);
  auto joiner = Reader::open(name, generous, joining(JoinAt::oldest, 2));
  ASSERT_OK(joiner);
  EXPECT_EQ(text_of(joiner->metadata(generous).value()), "new");
  EXPECT_EQ(joiner->read(generous).value().sequence(), 4u);
}

// Scenario 4.14
TEST(a_writers_successor, that_changes_the_metadata_never_shows_old_frames_to_those_who_join_meanwhile) {
  const std::string name = unique_name();
  Shared<std::atomic<bool>> over;
  auto keeper = Reader::create(name, joining(JoinAt::automatic, 4));
  ASSERT_OK(keeper);
  // joins at the oldest frame again and again, and compares what it finds: metadata "N" belongs to frames tagged N
  Child joiner([&] {
    int compared = 0;
    while (!*over || compared == 0) {
      Reader reader = Reader::open(name, generous, joining(JoinAt::oldest, 4)).value();
      auto frame = reader.try_read();
      if (!frame) continue;
      const auto metadata = reader.metadata(generous);
      if (!metadata) continue;
      EXPECT_EQ(text_of(*metadata), std::to_string(frame->tag()));
      ++compared;
    }
  });
  for (std::uint64_t stream = 1; stream <= 60; ++stream) {
    auto writer = Writer::open(name, generous, joining(JoinAt::automatic, 4));
    ASSERT_OK(writer);
    const std::string text = std::to_string(stream);
    Status status;
    while ((status = writer->write_metadata(bytes_of(text)).status()) == Status::metadata_in_use) {
      while (keeper->try_read()) {
      }
      sched_yield();
    }
    ASSERT_EQ(to_string(status), "ok");
    for (int i = 0; i < 4; ++i) ASSERT_OK(writer->write(payload(100, stream), generous, {.tag = stream}));
  }
  over->store(true);
  EXPECT_EQ(joiner.wait(), 0);
}

}  // namespace
