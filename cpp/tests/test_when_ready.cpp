// Being called back instead of waiting: for what, how often, by how many threads, and what cancelling, closing, forking
// and exiting do to it. Knows nothing of how the threads sleep.
#include <fcntl.h>

#include "crash_points.hpp"
#include "protocol/layout.hpp"
#include "waiter_threads.hpp"

namespace zerobuffer {
namespace {
using namespace support;

/// Counts the callbacks of one wish after the other.
class Calls {
 public:
  static void one(void* self) { static_cast<Calls*>(self)->count_.fetch_add(1); }
  [[nodiscard]] int count() const { return count_; }
  [[nodiscard]] bool come(int wanted = 1) const {
    return wait_until([&] { return count_ >= wanted; });
  }

 private:
  std::atomic<int> count_{0};
};

struct Ends {
  explicit Ends(const BufferConfig& config = ring_of(1000))
      : reader(Reader::create_anonymous(config).value()), writer(Writer::open_fd(reader.fd(), config).value()) {
    EXPECT_STATUS(reader.try_read(), Status::would_block);  // knows its writer from here on
  }
  Reader reader;
  Writer writer;
};

/// Ends whose ring is full of one frame, which the reader has not read.
struct FullEnds : Ends {
  explicit FullEnds(BufferConfig config = ring_of(1000)) : Ends(config) {
    EXPECT_OK(writer.try_write(payload(1000, 1)));
  }
};

// ---------------------------------------------------------------- what is waited for

TEST(WhenReady, a_frame_that_is_there_already_calls_back) {
  Ends ends;
  ASSERT_OK(ends.writer.try_write(payload(10, 1)));
  Calls calls;
  ASSERT_OK(ends.reader.when_ready(&Calls::one, &calls));
  ASSERT_TRUE(calls.come());
  EXPECT_OK(ends.reader.try_read());
}

TEST(WhenReady, a_frame_that_comes_later_calls_back_once) {
  Ends ends;
  Calls calls;
  ASSERT_OK(ends.reader.when_ready(&Calls::one, &calls));
  std::this_thread::sleep_for(30ms);
  EXPECT_EQ(calls.count(), 0);
  for (std::uint64_t i = 1; i <= 3; ++i) ASSERT_OK(ends.writer.try_write(payload(10, i)));
  ASSERT_TRUE(calls.come());
  std::this_thread::sleep_for(250ms);
  EXPECT_EQ(calls.count(), 1);
  EXPECT_FALSE(ends.reader.cancel_when());
  for (std::uint64_t i = 1; i <= 3; ++i) EXPECT_TRUE(holds(ends.reader.try_read().value().data(), i));
}

TEST(WhenReady, the_end_of_the_stream_calls_back) {
  Ends ends;
  Calls calls;
  ASSERT_OK(ends.reader.when_ready(&Calls::one, &calls));
  ASSERT_OK(ends.writer.close());
  ASSERT_TRUE(calls.come());
  EXPECT_STATUS(ends.reader.try_read(), Status::closed);
  ASSERT_OK(ends.reader.when_ready(&Calls::one, &calls));
  EXPECT_TRUE(calls.come(2)) << "and again for who asks again";
}

TEST(WhenReady, a_writer_that_appears_closes_and_has_a_successor_is_noticed) {
  const std::string name = unique_name();
  Reader reader = Reader::create(name, ring_of(1000)).value();
  Status status = Status::ok;
  const auto next = [&]() -> std::uint64_t {  // the next frame's sequence; 0 where it ends, for `status`
    for (;;) {
      auto frame = reader.try_read();
      if (frame) return frame->sequence();
      status = frame.status();
      if (status != Status::would_block) return 0;
      Calls calls;
      EXPECT_OK(reader.when_ready(&Calls::one, &calls));
      if (!calls.come()) return 0;
    }
  };
  std::thread writing([&] {
    for (std::uint64_t round = 1; round <= 3; ++round) {
      std::this_thread::sleep_for(20ms);
      auto writer = Writer::open(name, generous, ring_of(1000)).value();
      std::this_thread::sleep_for(20ms);
      EXPECT_OK(writer.try_write(payload(10, round)));
    }
  });
  EXPECT_EQ(next(), 1U);
  std::uint64_t sequence = 1;
  while (sequence < 3) {
    const std::uint64_t found = next();
    if (found == 0) {
      ASSERT_EQ(to_string(status), "closed");
      std::this_thread::sleep_for(1ms);  // a successor comes
    } else {
      EXPECT_EQ(found, ++sequence);
    }
  }
  writing.join();
}

TEST(WhenReady, metadata_calls_back_who_waits_for_it_and_a_frame_does_not) {
  Ends ends;
  Calls calls;
  EXPECT_STATUS(ends.reader.metadata(0ns), Status::timeout);
  ASSERT_OK(ends.reader.when_metadata(&Calls::one, &calls));
  ASSERT_OK(ends.writer.write_metadata(bytes_of("what it is")));
  ASSERT_TRUE(calls.come());
  EXPECT_EQ(text_of(ends.reader.metadata(0ns).value()), "what it is");
  ASSERT_OK(ends.reader.when_metadata(&Calls::one, &calls));
  EXPECT_TRUE(calls.come(2)) << "it is there";

  Ends bare;
  ASSERT_OK(bare.reader.when_metadata(&Calls::one, &calls));
  ASSERT_OK(bare.writer.try_write(payload(10, 1)));
  std::this_thread::sleep_for(250ms);
  EXPECT_EQ(calls.count(), 2);
  ASSERT_OK(bare.writer.close());
  ASSERT_TRUE(calls.come(3));
  EXPECT_STATUS(bare.reader.metadata(0ns), Status::closed);
}

TEST(WhenReady, room_calls_back_at_once_where_there_is_some_and_else_when_it_comes) {
  FullEnds ends;
  EXPECT_STATUS(ends.writer.try_claim(1000), Status::would_block);
  Calls calls;
  ASSERT_OK(ends.writer.when_ready(1000, &Calls::one, &calls));
  std::this_thread::sleep_for(250ms);
  EXPECT_EQ(calls.count(), 0);
  { Frame frame = ends.reader.try_read().value(); }
  ASSERT_TRUE(calls.come());
  auto claim = ends.writer.try_claim(1000);
  ASSERT_OK(claim);
  EXPECT_STATUS(ends.writer.when_ready(1, &Calls::one, &calls), Status::claim_open);
  claim->discard();
  ASSERT_OK(ends.writer.when_ready(1000, &Calls::one, &calls));
  EXPECT_TRUE(calls.come(2));
  EXPECT_STATUS(ends.writer.when_ready(10'000, &Calls::one, &calls), Status::frame_too_large);
}

TEST(WhenReady, no_room_has_been_taken_by_who_only_asked) {
  Ends ends(ring_of(4000));
  Calls calls;
  for (int i = 1; i <= 100; ++i) {
    ASSERT_OK(ends.writer.when_ready(4000, &Calls::one, &calls));
    ASSERT_TRUE(calls.come(i));
  }
  EXPECT_OK(ends.writer.try_write(payload(4000, 1)));
  EXPECT_EQ(ends.writer.stats().frames, 1U);
}

TEST(WhenReady, a_batch_is_published_rather_than_waited_with) {
  Ends ends;
  Batch batch = ends.writer.batch();
  ASSERT_OK(ends.writer.try_write(payload(1000, 1)));
  Calls calls;
  ASSERT_OK(ends.writer.when_ready(1000, &Calls::one, &calls));
  ends.reader.read(generous).value().release();
  ASSERT_TRUE(calls.come());
}

TEST(WhenReady, readers_that_come_and_go_call_a_writer_without_room_back) {
  BufferConfig config = ring_of(1000);
  config.max_readers = 2;
  FullEnds ends(config);
  Calls calls;
  ASSERT_OK(ends.writer.when_ready(1000, &Calls::one, &calls));
  Reader second = Reader::open_fd(ends.reader.fd(), config).value();
  ASSERT_TRUE(calls.come()) << "there is another one to wait for";
  EXPECT_STATUS(ends.writer.try_claim(1000), Status::would_block);
  ASSERT_OK(ends.writer.when_ready(1000, &Calls::one, &calls));
  second.close();
  ASSERT_TRUE(calls.come(2));
  EXPECT_STATUS(ends.writer.try_claim(1000), Status::would_block);
  ASSERT_OK(ends.writer.when_ready(1000, &Calls::one, &calls));
  ends.reader.close();
  ASSERT_TRUE(calls.come(3));
  EXPECT_STATUS(ends.writer.try_claim(1000), Status::closed);
}

TEST(WhenReady, a_full_ring_that_nobody_reads_yet_calls_back_when_somebody_comes) {
  const std::string name = unique_name();
  Writer writer = Writer::create(name, ring_of(1000)).value();
  ASSERT_OK(writer.try_write(payload(1000, 1)));
  Calls calls;
  ASSERT_OK(writer.when_ready(1000, &Calls::one, &calls));
  Reader reader = Reader::open(name, generous).value();
  ASSERT_TRUE(calls.come());
}

// ---------------------------------------------------------------- across processes, and deaths

// Scenario 4.1
TEST(ProcessWhenReady, a_writer_that_is_killed_calls_its_reader_back_after_its_last_frame) {
  const std::string name = unique_name();
  Reader reader = Reader::create(name, ring_of(4096)).value();
  Channel written;
  Child child([&] {
    Writer writer = Writer::open(name, generous).value();
    REQUIRE(send_frames(writer, 1, 3) == Status::ok);
    written.send();
    pause();
    return 0;
  });
  ASSERT_TRUE(written.receive());
  for (std::uint64_t number = 1; number <= 3; ++number) {
    Calls calls;
    ASSERT_OK(reader.when_ready(&Calls::one, &calls));
    ASSERT_TRUE(calls.come());
    EXPECT_EQ(reader.try_read().value().sequence(), number);
  }
  EXPECT_STATUS(reader.try_read(), Status::would_block);
  Calls calls;
  ASSERT_OK(reader.when_ready(&Calls::one, &calls));
  child.kill();
  ASSERT_TRUE(calls.come());
  EXPECT_STATUS(reader.try_read(), Status::peer_dead);

  ASSERT_OK(reader.when_ready(&Calls::one, &calls));
  std::this_thread::sleep_for(350ms);
  EXPECT_EQ(calls.count(), 1) << "a death is told once";
  Writer successor = Writer::open(name, generous).value();
  EXPECT_TRUE(calls.come(2));
}

TEST(ProcessWhenReady, a_writer_that_is_killed_before_it_wrote_metadata_calls_back_who_waits_for_it) {
  const std::string name = unique_name();
  Reader reader = Reader::create(name, ring_of(4096)).value();
  Channel open;
  Child child([&] {
    Writer writer = Writer::open(name, generous).value();
    open.send();
    pause();
  });
  ASSERT_TRUE(open.receive());
  EXPECT_STATUS(reader.metadata(0ns), Status::timeout);
  Calls calls;
  ASSERT_OK(reader.when_metadata(&Calls::one, &calls));
  child.kill();
  ASSERT_TRUE(calls.come());
  EXPECT_STATUS(reader.metadata(0ns), Status::peer_dead);
}

TEST(ProcessWhenReady, a_last_reader_that_is_killed_calls_a_writer_without_room_back) {
  const std::string name = unique_name();
  Writer writer = Writer::create(name, ring_of(1000)).value();
  Channel open;
  Child child([&] {
    Reader reader = Reader::open(name, generous).value();
    open.send();
    pause();
  });
  ASSERT_TRUE(open.receive());
  ASSERT_OK(writer.try_write(payload(1000, 1)));
  EXPECT_STATUS(writer.try_claim(1000), Status::would_block);
  Calls calls;
  ASSERT_OK(writer.when_ready(1000, &Calls::one, &calls));
  child.kill();
  ASSERT_TRUE(calls.come());
  EXPECT_STATUS(writer.try_claim(1000), Status::peer_dead);
}

TEST(ProcessWhenReady, one_of_two_readers_that_is_killed_makes_room) {
  BufferConfig config = ring_of(1000);
  config.max_readers = 2;
  const std::string name = unique_name();
  Writer writer = Writer::create(name, config).value();
  Channel open;
  Child child([&] {
    Reader reader = Reader::open(name, generous).value();
    open.send();
    pause();
  });
  ASSERT_TRUE(open.receive());
  Reader reader = Reader::open(name, generous).value();
  ASSERT_OK(writer.try_write(payload(1000, 1)));
  reader.read(generous).value().release();
  Calls calls;
  ASSERT_OK(writer.when_ready(1000, &Calls::one, &calls));
  child.kill();
  ASSERT_TRUE(calls.come());
  EXPECT_OK(writer.try_write(payload(1000, 2)));
}

/// Writes frames 1 … last and asks to be called where there is no room.
int write_all(const std::string& name, std::uint64_t last) {
  Writer writer = Writer::open(name, generous).value();
  for (std::uint64_t number = 1; number <= last; ++number) {
    const auto data = payload(size_of_frame(number), number);
    for (;;) {
      const auto written = writer.try_write(data);
      if (written) break;
      REQUIRE(written.status() == Status::would_block);
      Calls calls;
      REQUIRE(writer.when_ready(data.size(), &Calls::one, &calls));
      REQUIRE(calls.come());
    }
  }
  return 0;
}

class WhenReadyBothWays : public BothWays {};
RUN_BOTH_WAYS(WhenReadyBothWays);

TEST_P(WhenReadyBothWays, a_reader_and_a_writer_that_never_wait_exchange_every_frame) {
  constexpr std::uint64_t last = 3000;
  const std::string name = unique_name();
  Reader reader = Reader::create(name, ring_of(4096)).value();
  Peer peer(GetParam(), [&] { return write_all(name, last); });
  std::uint64_t next = 1;
  for (;;) {
    Calls calls;
    auto frame = reader.try_read();
    if (frame) {
      ASSERT_EQ(frame->sequence(), next);
      ASSERT_TRUE(holds(frame->data(), next++));
    } else if (frame.status() == Status::would_block) {
      ASSERT_OK(reader.when_ready(&Calls::one, &calls));
      ASSERT_TRUE(calls.come());
    } else {
      EXPECT_STATUS(frame, Status::closed);
      break;
    }
  }
  EXPECT_EQ(next, last + 1);
  EXPECT_EQ(peer.join(), 0);
}

// ---------------------------------------------------------------- what would wait for ever

TEST(WhenReady, a_watched_reader_is_told_that_what_it_holds_blocks_the_writer) {
  FullEnds ends;
  Frame held = ends.reader.try_read().value();
  EXPECT_STATUS(ends.reader.try_read(), Status::would_block);
  Calls reads;
  ASSERT_OK(ends.reader.when_ready(&Calls::one, &reads));
  std::this_thread::sleep_for(250ms);
  EXPECT_EQ(reads.count(), 0) << "nobody wants the room yet";
  Calls writes;
  EXPECT_STATUS(ends.writer.try_claim(1000), Status::would_block);
  ASSERT_OK(ends.writer.when_ready(1000, &Calls::one, &writes));
  ASSERT_TRUE(reads.come());
  EXPECT_STATUS(ends.reader.try_read(), Status::held_frames_block);
  EXPECT_EQ(writes.count(), 0);
  held.release();
  EXPECT_TRUE(writes.come());
}

TEST(WhenReady, a_waiting_reader_is_told_that_what_it_holds_blocks_a_watched_writer) {
  FullEnds ends;
  Frame held = ends.reader.try_read().value();
  Calls writes;
  ASSERT_OK(ends.writer.when_ready(1000, &Calls::one, &writes));
  EXPECT_STATUS(ends.reader.read(forever), Status::held_frames_block);
  EXPECT_TRUE(ends.writer.cancel_when());
  EXPECT_STATUS(ends.reader.read(300ms), Status::timeout);  // nobody wants the room any more
}

TEST(WhenReady, releases_that_were_not_told_reach_a_writer_that_waits_while_the_reader_is_watched) {
  BufferConfig config = ring_of(1000);
  config.acknowledge.frames = 100;
  FullEnds ends(config);
  Frame held = ends.reader.try_read().value();
  EXPECT_STATUS(ends.reader.try_read(), Status::would_block);
  Calls reads;
  ASSERT_OK(ends.reader.when_ready(&Calls::one, &reads));
  held.release();
  Calls writes;
  ASSERT_OK(ends.writer.when_ready(1000, &Calls::one, &writes));
  ASSERT_TRUE(writes.come());
  EXPECT_OK(ends.writer.try_write(payload(1000, 2)));
  ASSERT_TRUE(reads.come());
  EXPECT_EQ(ends.reader.try_read().value().sequence(), 2U);
}

TEST(WhenReady, a_writer_that_drops_is_called_back_when_there_is_room) {
  BufferConfig config = ring_of(1000);
  config.full = FullPolicy::drop;
  FullEnds ends(config);
  EXPECT_STATUS(ends.writer.try_write(payload(1000, 2)), Status::dropped);
  Calls calls;
  ASSERT_OK(ends.writer.when_ready(1000, &Calls::one, &calls));
  std::this_thread::sleep_for(150ms);
  EXPECT_EQ(calls.count(), 0);
  EXPECT_EQ(ends.writer.stats().dropped, 1U) << "asking drops nothing";
  ends.reader.try_read().value().release();
  EXPECT_TRUE(calls.come());
}

// Scenario 5.1
TEST(WhenReady, a_reader_with_an_impossible_position_does_not_keep_a_watched_writer_for_ever) {
  BufferConfig config = ring_of(1000);
  config.max_readers = 2;
  const std::string name = unique_name();
  Reader good = Reader::create(name, config).value();
  Reader bad = Reader::open(name, 0s).value();
  Writer writer = Writer::open(name, 0s).value();
  const int file = open(path_of(name).c_str(), O_RDWR | O_CLOEXEC);
  const std::uint64_t impossible = std::uint64_t{1} << 40;
  const auto place = static_cast<off_t>(protocol::oieb_size + 128 + offsetof(protocol::ReaderSlot, read_pos));
  ASSERT_EQ(pwrite(file, &impossible, sizeof impossible, place), ssize_t{sizeof impossible});
  close(file);
  Calls calls;
  for (std::uint64_t i = 1; i <= 2;) {
    if (const auto written = writer.try_write(payload(1000, i))) {
      ASSERT_OK(good.try_read());
      ++i;
    } else {
      ASSERT_STATUS(written, Status::would_block);
      const int before = calls.count();
      ASSERT_OK(writer.when_ready(1000, &Calls::one, &calls));
      ASSERT_TRUE(calls.come(before + 1));
    }
  }
  EXPECT_EQ(writer.stats().readers, 1U);
}

// ---------------------------------------------------------------- interrupting, cancelling, closing

TEST(WhenReady, an_interrupt_calls_back_and_is_told_to_who_asks_again) {
  FullEnds ends;
  ends.reader.try_read().value().release();
  ASSERT_OK(ends.writer.try_write(payload(1000, 2)));
  EXPECT_OK(ends.reader.try_read());
  EXPECT_STATUS(ends.reader.try_read(), Status::would_block);
  Calls calls;
  ASSERT_OK(ends.reader.when_ready(&Calls::one, &calls));
  ends.reader.interrupt();
  ASSERT_TRUE(calls.come());
  EXPECT_STATUS(ends.reader.try_read(), Status::would_block);
  EXPECT_STATUS(ends.reader.when_ready(&Calls::one, &calls), Status::interrupted);
  ASSERT_OK(ends.reader.when_ready(&Calls::one, &calls));
  EXPECT_TRUE(ends.reader.cancel_when());
  EXPECT_EQ(calls.count(), 1);

  FullEnds full;
  ASSERT_OK(full.writer.when_ready(1000, &Calls::one, &calls));
  full.writer.interrupt();
  ASSERT_TRUE(calls.come(2));
  EXPECT_STATUS(full.writer.when_ready(1000, &Calls::one, &calls), Status::interrupted);
  ASSERT_OK(full.writer.when_ready(1000, &Calls::one, &calls));
}

TEST(WhenReady, a_second_wish_is_refused_and_takes_no_interrupt_from_the_first) {
  Ends ends;
  Calls calls;
  ASSERT_OK(ends.reader.when_ready(&Calls::one, &calls));
  EXPECT_STATUS(ends.reader.when_ready(&Calls::one, &calls), Status::invalid_argument);
  EXPECT_STATUS(ends.reader.when_metadata(&Calls::one, &calls), Status::invalid_argument);
  EXPECT_TRUE(ends.reader.cancel_when());
  EXPECT_STATUS(ends.reader.when_ready(nullptr, nullptr), Status::invalid_argument);
  EXPECT_FALSE(ends.reader.cancel_when());
}

TEST(WhenReady, cancelling_says_whether_the_callback_came) {
  FullEnds ends;
  Calls calls;
  EXPECT_FALSE(ends.reader.cancel_when()) << "none was asked for";
  EXPECT_FALSE(ends.writer.cancel_when());
  ASSERT_OK(ends.writer.when_ready(1000, &Calls::one, &calls));
  EXPECT_TRUE(ends.writer.cancel_when());
  EXPECT_FALSE(ends.writer.cancel_when());
  ends.reader.try_read().value().release();
  ASSERT_OK(ends.reader.when_ready(&Calls::one, &calls));
  EXPECT_TRUE(ends.reader.cancel_when());
  std::this_thread::sleep_for(150ms);
  EXPECT_EQ(calls.count(), 0);
  ASSERT_OK(ends.writer.when_ready(1000, &Calls::one, &calls));
  ASSERT_TRUE(calls.come());
  EXPECT_FALSE(ends.writer.cancel_when());
}

/// A callback that says when it began and stays until it may end.
struct Staying {
  std::atomic<bool> began{false};
  std::atomic<bool> may_end{false};
  std::atomic<bool> ended{false};
  static void call(void* context) {
    auto& self = *static_cast<Staying*>(context);
    self.began = true;
    EXPECT_TRUE(wait_until([&] { return self.may_end.load(); }));
    self.ended = true;
  }
};

TEST(WhenReady, cancelling_waits_for_the_callback_that_is_running) {
  Ends ends;
  Staying staying;
  ASSERT_OK(ends.reader.when_ready(&Staying::call, &staying));
  ASSERT_OK(ends.writer.try_write(payload(10, 1)));
  ASSERT_TRUE(wait_until([&] { return staying.began.load(); }));
  std::thread other([&] {
    std::this_thread::sleep_for(50ms);
    staying.may_end = true;
  });
  EXPECT_FALSE(ends.reader.cancel_when());
  EXPECT_TRUE(staying.ended);
  other.join();
}

TEST(WhenReady, cancelling_a_second_wish_waits_for_the_callback_of_the_first) {
  Ends ends;
  Staying staying;
  Calls calls;
  ASSERT_OK(ends.reader.when_ready(&Staying::call, &staying));
  ASSERT_OK(ends.writer.try_write(payload(10, 1)));
  ASSERT_TRUE(wait_until([&] { return staying.began.load(); }));
  ASSERT_OK(ends.reader.when_ready(&Calls::one, &calls));
  std::thread other([&] {
    std::this_thread::sleep_for(50ms);
    staying.may_end = true;
  });
  EXPECT_TRUE(ends.reader.cancel_when());
  EXPECT_TRUE(staying.ended);
  EXPECT_EQ(calls.count(), 0);
  other.join();
}

TEST(ProcessWhenReady, waiting_for_a_callback_is_not_disturbed_by_threads_that_are_added_meanwhile) {
  Child child([] {  // where no thread waits yet
    Ends ends;
    Staying staying;
    ASSERT_OK(ends.reader.when_ready(&Staying::call, &staying));
    ASSERT_OK(ends.writer.try_write(payload(10, 1)));
    ASSERT_TRUE(wait_until([&] { return staying.began.load(); }));
    std::thread cancelling([&] { EXPECT_FALSE(ends.reader.cancel_when()); });
    std::this_thread::sleep_for(20ms);
    BufferConfig many = ring_of(1000);
    many.max_readers = 64;
    std::vector<Reader> readers;
    std::vector<Writer> writers;
    Calls calls;
    while (readers.size() < 200) {
      if (readers.size() % 64 == 0) writers.push_back(Writer::create_anonymous(many).value());
      readers.push_back(Reader::open_fd(writers.back().fd(), many).value());
      EXPECT_STATUS(readers.back().try_read(), Status::would_block);
      ASSERT_OK(readers.back().when_ready(&Calls::one, &calls));
    }
    staying.may_end = true;
    cancelling.join();
    EXPECT_TRUE(wait_until([] { return waiter_threads().size() == 2; }));
  });
  EXPECT_EQ(child.wait(), 0);
}

/// A callback that does something to the ends.
struct Doing {
  std::function<void()> what;
  std::atomic<int> done{0};
  static void call(void* context) {
    auto& self = *static_cast<Doing*>(context);
    self.what();
    ++self.done;
  }
  [[nodiscard]] bool come(int wanted = 1) const {
    return wait_until([&] { return done >= wanted; });
  }
};

TEST(WhenReady, a_callback_may_close_and_destroy_its_own_reader_or_writer) {
  Ends ends;
  Doing closing{[&] { ends.reader.close(); }};
  ASSERT_OK(ends.reader.when_ready(&Doing::call, &closing));
  ASSERT_OK(ends.writer.try_write(payload(10, 1)));
  ASSERT_TRUE(closing.come());
  auto writer = std::make_unique<Writer>(std::move(ends.writer));
  Doing destroying{[&] { writer.reset(); }};
  ASSERT_OK(writer->when_ready(10, &Doing::call, &destroying));
  ASSERT_TRUE(destroying.come());
}

TEST(WhenReady, a_callback_may_read_ask_again_and_cancel_what_it_asked) {
  Ends ends;
  std::uint64_t seen = 0;
  Doing reading;
  reading.what = [&] {
    EXPECT_FALSE(ends.reader.cancel_when()) << "it is this one that runs";
    for (auto frame = ends.reader.try_read(); frame; frame = ends.reader.try_read()) seen = frame->sequence();
    EXPECT_OK(ends.reader.when_ready(&Doing::call, &reading));
    EXPECT_TRUE(ends.reader.cancel_when());
    if (seen < 50) EXPECT_OK(ends.reader.when_ready(&Doing::call, &reading));
  };
  ASSERT_OK(ends.reader.when_ready(&Doing::call, &reading));
  int calls = 0;
  for (std::uint64_t i = 1; i <= 50; ++i) {
    ASSERT_OK(ends.writer.write(payload(10, i), generous));
    ASSERT_TRUE(reading.come(++calls));
    calls = reading.done;
  }
  EXPECT_EQ(seen, 50U);
}

TEST(WhenReady, closing_and_destroying_while_watched_call_nobody_back) {
  Calls calls;
  for (int i = 0; i < 200; ++i) {
    FullEnds ends;
    EXPECT_OK(ends.reader.try_read());
    EXPECT_STATUS(ends.reader.try_read(), Status::would_block);
    ASSERT_OK(ends.reader.when_ready(&Calls::one, &calls));
    if (i % 2 == 0) ends.reader.close();
    const Reader destroyed = std::move(ends.reader);  // before its writer, whose end it would be told
  }
  EXPECT_EQ(calls.count(), 0);
}

// ---------------------------------------------------------------- threads

TEST(ProcessWhenReady, one_thread_serves_127_and_none_is_there_before_the_first_wish) {
  for (const std::size_t count : {1U, 127U, 128U, 300U}) {
    SCOPED_TRACE(count);
    Child child([&] {
      BufferConfig config = ring_of(1000);
      config.max_readers = 60;
      std::vector<Writer> writers;
      std::vector<Reader> readers;
      while (readers.size() < count) {
        if (readers.size() % 60 == 0) writers.push_back(Writer::create_anonymous(config).value());
        readers.push_back(Reader::open_fd(writers.back().fd(), config).value());
        EXPECT_STATUS(readers.back().try_read(), Status::would_block);
      }
      EXPECT_EQ(waiter_threads().size(), 0U);
      for (std::uint64_t round = 1; round <= 3; ++round) {
        Calls calls;
        for (Reader& reader : readers) ASSERT_OK(reader.when_ready(&Calls::one, &calls));
        EXPECT_TRUE(wait_until([&] { return waiter_threads().size() == (count + 126) / 127; }));
        EXPECT_EQ(calls.count(), 0);
        for (Writer& writer : writers) ASSERT_OK(writer.try_write(payload(10, round)));
        EXPECT_TRUE(calls.come(static_cast<int>(count)));
        for (Reader& reader : readers) EXPECT_EQ(reader.try_read().value().sequence(), round);
      }
    });
    EXPECT_EQ(child.wait(), 0);
  }
}

TEST(ProcessWhenReady, an_idle_reader_costs_about_ten_looks_per_second) {
  Child child([] {
    Ends ends;
    Calls calls;
    ASSERT_OK(ends.reader.when_ready(&Calls::one, &calls));
    ASSERT_TRUE(wait_until([] { return waiter_threads().size() == 1; }));
    const int thread = waiter_threads().front();
    const Wakeups before = wakeups_of(thread);
    std::this_thread::sleep_for(2s);
    const Wakeups after = wakeups_of(thread);
    EXPECT_GE(after.voluntary - before.voluntary, 5U) << "nobody sleeps longer than 100 ms";
    EXPECT_LE(after.voluntary - before.voluntary, 60U);
    EXPECT_LE(after.cpu_ticks - before.cpu_ticks, 50U) << "of 200";
    EXPECT_EQ(calls.count(), 0);
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST(ProcessWhenReady, a_wake_up_that_was_meant_for_another_reader_is_slept_on) {
  Child child([] {
    BufferConfig config = ring_of(1000);
    config.max_readers = 2;
    Ends ends(config);
    Reader other = Reader::open_fd(ends.reader.fd(), config).value();
    Calls calls;
    ASSERT_OK(ends.reader.when_ready(&Calls::one, &calls));
    ASSERT_TRUE(wait_until([] { return waiter_threads().size() == 1; }));
    std::this_thread::sleep_for(50ms);  // it sleeps
    other.interrupt();
    const Wakeups before = wakeups_of(waiter_threads().front());
    std::this_thread::sleep_for(1s);
    EXPECT_GE(wakeups_of(waiter_threads().front()).voluntary - before.voluntary, 5U) << "one that spins never sleeps";
    EXPECT_EQ(calls.count(), 0);
    ASSERT_OK(ends.writer.try_write(payload(10, 1)));
    EXPECT_TRUE(calls.come());
  });
  EXPECT_EQ(child.wait(), 0);
}

// Scenario 4.11
TEST(ProcessWhenReady, a_forked_child_has_a_thread_of_its_own_and_leaves_its_parents_alone) {
  Ends ends;
  Calls calls;
  ASSERT_OK(ends.reader.when_ready(&Calls::one, &calls));
  Child child([&] {
    EXPECT_EQ(waiter_threads().size(), 0U);
    EXPECT_FALSE(ends.reader.cancel_when()) << "it is the parent's";
    EXPECT_STATUS(ends.reader.when_ready(&Calls::one, &calls), Status::forked);
    EXPECT_STATUS(ends.writer.when_ready(1, &Calls::one, &calls), Status::forked);
    Ends own;
    Calls own_calls;
    ASSERT_OK(own.reader.when_ready(&Calls::one, &own_calls));
    ASSERT_OK(own.writer.try_write(payload(10, 1)));
    EXPECT_TRUE(own_calls.come());
    EXPECT_EQ(waiter_threads().size(), 1U);
    ends.reader.close();
    static_cast<void>(ends.writer.close());
    EXPECT_EQ(calls.count(), 0);
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(calls.count(), 0);
  ASSERT_OK(ends.writer.try_write(payload(10, 1)));
  EXPECT_TRUE(calls.come());
}

TEST(ProcessWhenReady, forks_while_handles_are_watched_and_called_disturb_neither_side) {
  Ends ends;
  std::atomic<bool> over{false};
  std::thread busy([&] {
    for (std::uint64_t i = 1; !over; ++i) {
      Calls calls;
      EXPECT_OK(ends.reader.when_ready(&Calls::one, &calls));
      EXPECT_OK(ends.writer.try_write(payload(10, i)));
      EXPECT_TRUE(calls.come());
      EXPECT_OK(ends.reader.try_read());
    }
  });
  for (int i = 0; i < 30; ++i) {
    Child child([] {
      Ends own;
      Calls calls;
      ASSERT_OK(own.reader.when_ready(&Calls::one, &calls));
      ASSERT_OK(own.writer.try_write(payload(10, 1)));
      EXPECT_TRUE(calls.come());
    });
    EXPECT_EQ(child.wait(), 0);
  }
  over = true;
  busy.join();
}

TEST(ProcessWhenReady, exit_while_watched_is_an_end_and_not_a_death) {
  const std::string name = unique_name();
  Reader reader = Reader::create(name, ring_of(1000)).value();
  Child child([&] {
    Writer writer = Writer::open(name, generous).value();
    EXPECT_OK(writer.try_write(payload(1000, 1)));
    Ends ends;
    static Calls calls;
    EXPECT_OK(writer.when_ready(1000, &Calls::one, &calls));
    EXPECT_OK(ends.reader.when_ready(&Calls::one, &calls));
    std::exit(0);
  });
  EXPECT_EQ(reader.read(generous).value().sequence(), 1U);
  EXPECT_STATUS(reader.read(generous), Status::closed);
  EXPECT_EQ(child.wait(), 0);
}

TEST(ProcessWhenReady, no_thread_of_the_library_takes_a_signal_of_the_application) {
  Child child([] {
    Ends ends;
    Calls calls;
    ASSERT_OK(ends.reader.when_ready(&Calls::one, &calls));
    static std::atomic<pid_t> taken_by{0};
    struct sigaction action {};
    action.sa_handler = [](int) { taken_by = static_cast<pid_t>(syscall(SYS_gettid)); };
    sigaction(SIGUSR1, &action, nullptr);
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
    ::kill(getpid(), SIGUSR1);
    std::this_thread::sleep_for(200ms);
    EXPECT_EQ(taken_by, 0);
    pthread_sigmask(SIG_UNBLOCK, &blocked, nullptr);
    EXPECT_EQ(taken_by, getpid());
  });
  EXPECT_EQ(child.wait(), 0);
}

// ---------------------------------------------------------------- kernels that refuse

TEST(ProcessWhenReady, without_futex_waitv_every_watched_end_has_a_thread_and_everything_works) {
  for (const int error : {ENOSYS, EPERM}) {
    Child child([&] {
      const std::string number = std::to_string(error);
      execl(ZEROBUFFER_HELPER_DIR "/without_futex_waitv", "without_futex_waitv", number.c_str(), nullptr);
      return 99;
    });
    EXPECT_EQ(child.wait(), 0);
  }
}

TEST(ProcessWhenReady, a_filter_that_refuses_futex_waitv_later_makes_it_dearer_but_loses_nothing) {
  Child child([] {
    Ends ends;
    Calls calls;
    ASSERT_OK(ends.reader.when_ready(&Calls::one, &calls));
    std::this_thread::sleep_for(100ms);  // the thread knows the call and sleeps in it
    refuse_futex_waitv(EPERM);
    for (int i = 1; i <= 20; ++i) {
      ASSERT_OK(ends.writer.try_write(payload(10, 1)));
      ASSERT_TRUE(calls.come(i));
      EXPECT_OK(ends.reader.try_read());
      ASSERT_OK(ends.reader.when_ready(&Calls::one, &calls));
    }
    const Wakeups before = wakeups_of(waiter_threads().front());
    std::this_thread::sleep_for(1s);
    EXPECT_GE(wakeups_of(waiter_threads().front()).voluntary - before.voluntary, 5U) << "one that spins never sleeps";
  });
  EXPECT_EQ(child.wait(), 0);
}

}  // namespace
}  // namespace zerobuffer
