// Scenarios 3.1 to 3.5: frames that are held, given back in any order, outlive their reader, and cannot be written.
#include <algorithm>
#include <deque>
#include <optional>

#include "support.hpp"

namespace zerobuffer {
namespace {
using namespace support;

class Holding : public BothWays {};
RUN_BOTH_WAYS(Holding);

// Scenario 3.1
TEST_P(Holding, held_frames_never_change_and_room_comes_back_as_the_oldest_goes) {
  constexpr std::uint64_t frames = 3000;
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(20'000)).value();
  Peer peer(GetParam(), [&] {
    auto writer = Writer::open(name, generous).value();
    for (std::uint64_t i = 1; i <= frames; ++i) REQUIRE(writer.write(payload(mix(i) % 900, i), generous));
    return 0;
  });
  std::mt19937_64 random(1);
  std::vector<Frame> held;
  for (std::uint64_t i = 1; i <= frames; ++i) {
    while (held.size() >= 7) {
      const std::size_t at = random() % held.size();
      ASSERT_TRUE(holds(held[at].data(), held[at].sequence())) << "frame " << held[at].sequence() << " changed";
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(at));
      // the oldest must go some time, or the ring stays full
      const auto oldest = std::min_element(held.begin(), held.end(),
                                           [](const Frame& a, const Frame& b) { return a.sequence() < b.sequence(); });
      if (i - oldest->sequence() > 7) held.erase(oldest);
    }
    auto frame = reader.read(generous);
    ASSERT_OK(frame);
    ASSERT_EQ(frame->sequence(), i);
    held.push_back(std::move(*frame));
    EXPECT_GE(reader.stats().held, held.size());
  }
  for (const Frame& frame : held) EXPECT_TRUE(holds(frame.data(), frame.sequence()));
  held.clear();
  EXPECT_EQ(reader.stats().held, 0U);
  EXPECT_EQ(peer.join(), 0);
}

// Scenario 3.1
TEST(Held, releasing_the_second_frame_first_gives_no_room_before_the_first_goes) {
  const std::string name = unique_name();
  auto writer = Writer::create(name, ring_of(1000)).value();
  auto reader = Reader::open(name, 0s).value();
  ASSERT_OK(writer.try_write(payload(480, 1)));
  ASSERT_OK(writer.try_write(payload(480, 2)));
  Frame first = reader.read(0s).value();
  Frame second = reader.read(0s).value();
  second.release();
  EXPECT_STATUS(writer.try_write(payload(480, 3)), Status::would_block);
  EXPECT_TRUE(holds(first.data(), 1));
  first.release();
  EXPECT_OK(writer.try_write(payload(480, 3)));
  EXPECT_OK(writer.try_write(payload(480, 4)));
}

// Scenario 3.2
TEST_P(Holding, a_frame_outlives_close_and_the_reader_and_then_everything_is_given_back) {
  const std::string name = unique_name();
  auto writer = Writer::create(name, ring_of(1000)).value();
  Channel holds_it;
  Channel let_go;
  Channel released;
  Peer peer(GetParam(), [&] {
    std::optional<Reader> reader = Reader::open(name, generous).value();
    Frame frame;
    {
      Frame inner = reader->read(generous).value();
      frame = std::move(inner);  // the object that read() gave is gone
    }
    const std::span<const std::byte> view = frame.data();
    reader->close();
    reader.reset();
    holds_it.send();
    REQUIRE(let_go.receive());
    REQUIRE(frame.sequence() == 1 && holds(view, 1));
    frame.release();
    released.send();
    return 0;
  });
  ASSERT_OK(writer.write(payload(900, 1), 0s));
  ASSERT_TRUE(holds_it.receive());
  // it still pins its bytes, but is no reader any more
  EXPECT_STATUS(writer.write(payload(900, 2), 50ms), Status::closed);
  EXPECT_EQ(writer.stats().readers, 0U);
  let_go.send();
  ASSERT_TRUE(released.receive());
  EXPECT_TRUE(wait_until([&] {
    auto again = Reader::open(name, 0s);
    return again.ok() && writer.try_write(payload(900, 2)).ok();
  })) << "the room was not given back";
  EXPECT_EQ(peer.join(), 0);
}

// Scenario 3.2
TEST(Held, the_last_frame_of_a_buffer_whose_ends_are_closed_removes_it) {
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(1000)).value();
  auto writer = Writer::open(name, 0s).value();
  ASSERT_OK(writer.try_write(payload(100, 1)));
  Frame frame = reader.read(0s).value();
  reader.close();
  EXPECT_OK(writer.close());
  EXPECT_TRUE(exists(name));
  EXPECT_TRUE(holds(frame.data(), 1));
  frame.release();
  EXPECT_FALSE(exists(name));
}

// Scenario 3.3
TEST(Held, releasing_twice_is_harmless_from_other_threads_too) {
  const std::string name = unique_name();
  auto writer = Writer::create(name, ring_of(4000)).value();
  auto reader = Reader::open(name, 0s).value();
  for (std::uint64_t i = 1; i <= 200; ++i) {
    ASSERT_OK(writer.try_write(payload(100, i)));
    ASSERT_OK(writer.try_write(payload(100, i)));
    Frame first = reader.read(0s).value();
    Frame second = reader.read(0s).value();
    second.release();
    std::thread([&] {
      first.release();
      first.release();
      second.release();
    }).join();
    first.release();
    EXPECT_FALSE(first.valid());
    EXPECT_TRUE(first.data().empty());
    ASSERT_EQ(reader.stats().held, 0U);
  }
  Frame moved_from = [&] {
    static_cast<void>(writer.try_write(payload(100, 1)));
    Frame frame = reader.read(0s).value();
    Frame other = std::move(frame);
    other.release();
    return frame;
  }();
  moved_from.release();
}

// Scenario 3.4
TEST(ProcessHeld, a_write_through_a_readers_mapping_faults) {
  const std::string name = unique_name();
  auto writer = Writer::create(name, ring_of(1000)).value();
  ASSERT_OK(writer.try_write(payload(100, 1)));
  for (const bool creator : {false, true}) {
    Child child([&] {
      ::signal(SIGSEGV, SIG_DFL);
      Frame frame;
      if (creator) {
        auto reader = Reader::create(name + "-c", ring_of(1000)).value();
        auto own_writer = Writer::open(name + "-c", 0s).value();
        static_cast<void>(own_writer.try_write(payload(100, 1)));
        frame = reader.read(0s).value();
        unlink(path_of(name + "-c").c_str());  // it will not get to close it
      } else {
        frame = Reader::open(name, 0s).value().read(0s).value();
      }
      const_cast<std::byte&>(frame.data()[50]) = std::byte{1};
      return 0;
    });
    EXPECT_EQ(child.wait(), 128 + SIGSEGV);
  }
}

// Scenario 3.5
TEST_P(Holding, a_reader_that_waits_while_it_holds_what_the_writer_needs_is_told) {
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(1000)).value();
  Peer peer(GetParam(), [&] {
    auto writer = Writer::open(name, generous).value();
    for (std::uint64_t i = 1; i <= 4; ++i) REQUIRE(writer.write(payload(480, i), forever));
    return 0;
  });
  std::vector<Frame> all;  // as list(reader) would
  Status status = Status::ok;
  std::string text;
  while (status == Status::ok) {
    auto frame = reader.read(forever);
    status = frame.status();
    if (frame) {
      all.push_back(std::move(*frame));
    } else {
      text = frame.failure().message();
    }
  }
  EXPECT_EQ(to_string(status), "held_frames_block");
  EXPECT_EQ(all.size(), 2U);
  EXPECT_NE(text.find("2 frame"), std::string::npos) << text;
  EXPECT_NE(text.find("1088 bytes"), std::string::npos) << text;
  all.clear();  // as it was told to
  EXPECT_EQ(reader.read(generous).value().sequence(), 3U);
  EXPECT_EQ(reader.read(generous).value().sequence(), 4U);
  EXPECT_EQ(peer.join(), 0);
}

// Scenario 3.5
TEST(Held, a_reader_is_told_that_it_blocks_a_writer_which_only_spins) {
  BufferConfig config = ring_of(1000);
  config.wait = WaitPolicy::spin;
  const std::string name = unique_name();
  auto reader = Reader::create(name, config).value();
  std::thread writing([&] {
    auto writer = Writer::open(name, generous, config).value();
    for (std::uint64_t i = 1; i <= 3; ++i) EXPECT_OK(writer.write(payload(480, i), forever));
  });
  Frame first = reader.read(generous).value();
  Frame second = reader.read(generous).value();
  EXPECT_STATUS(reader.read(generous), Status::held_frames_block);
  first.release();
  EXPECT_EQ(reader.read(generous).value().sequence(), 3U);
  writing.join();
}

TEST(Held, a_reader_that_holds_a_frame_is_not_in_the_way_of_a_writer_that_waits_for_more_readers) {
  const std::string name = unique_name();
  BufferConfig config = ring_of(1000);
  config.max_readers = 2;
  auto reader = Reader::create(name, config).value();
  auto writer = Writer::open(name, 0s).value();
  ASSERT_OK(writer.try_write(payload(100, 1)));
  Frame frame = reader.read(0s).value();
  std::thread waiting([&] { EXPECT_STATUS(writer.wait_for_readers(2, 600ms), Status::timeout); });
  EXPECT_STATUS(reader.read(400ms), Status::timeout);
  waiting.join();
}

TEST(Held, more_frames_than_max_held_are_refused_with_the_number) {
  const std::string name = unique_name();
  BufferConfig config = ring_of(8000);
  config.max_held = 4;
  auto writer = Writer::create(name, ring_of(8000)).value();
  auto reader = Reader::open(name, 0s, config).value();
  for (std::uint64_t i = 1; i <= 6; ++i) ASSERT_OK(writer.try_write(payload(100, i)));
  std::deque<Frame> held;
  for (int i = 0; i < 4; ++i) held.push_back(reader.read(0s).value());
  auto fifth = reader.read(generous);
  ASSERT_STATUS(fifth, Status::too_many_held);
  EXPECT_NE(fifth.failure().message().find("4 frames are held"), std::string::npos) << fifth.failure().message();
  held.pop_front();
  EXPECT_EQ(reader.read(0s).value().sequence(), 5U);
}

}  // namespace
}  // namespace zerobuffer
