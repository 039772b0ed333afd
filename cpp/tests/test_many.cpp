// Scenario 8.1: one writer and up to 64 readers of one ring; each of them sees every frame.
#include <deque>

#include "support.hpp"

namespace zerobuffer {
namespace {
using namespace support;

class Many : public BothWays {};
RUN_BOTH_WAYS(Many);

int read_all(const std::string& name, const Channel& attached, std::uint64_t frames, std::chrono::microseconds pause) {
  auto reader = Reader::open(name, generous).value();
  attached.send();
  for (std::uint64_t i = 1; i <= frames; ++i) {
    auto frame = reader.read(generous);
    REQUIRE(frame && frame->sequence() == i && holds(frame->data(), i));
    if (pause.count() != 0) std::this_thread::sleep_for(pause);
  }
  REQUIRE(reader.read(generous).status() == Status::closed);
  return 0;
}

// Scenario 8.1
TEST_P(Many, each_of_1_to_16_readers_sees_every_frame) {
  for (const std::uint32_t count : {1U, 2U, 5U, 16U}) {
    const std::uint64_t frames = 4000 / count;
    BufferConfig config = ring_of(20'000);
    config.max_readers = count;
    const std::string name = unique_name();
    auto writer = Writer::create(name, config).value();
    Channel attached;
    std::deque<Peer> readers;
    for (std::uint32_t i = 0; i < count; ++i) {
      readers.emplace_back(GetParam(), [&] { return read_all(name, attached, frames, 0us); });
    }
    for (std::uint32_t i = 0; i < count; ++i) ASSERT_TRUE(attached.receive());
    ASSERT_OK(writer.wait_for_readers(count, generous));
    EXPECT_EQ(writer.stats().readers, count);
    EXPECT_STATUS(Reader::open(name, 0s), Status::too_many_readers);
    for (std::uint64_t i = 1; i <= frames; ++i) ASSERT_OK(writer.write(payload(mix(i) % 2000, i), generous));
    EXPECT_OK(writer.close());
    for (Peer& reader : readers) EXPECT_EQ(reader.join(), 0);
  }
}

// Scenario 8.1: one is slow, and one comes late and sees everything from then on.
TEST_P(Many, a_slow_reader_holds_the_others_back_and_a_late_one_sees_every_frame_from_then_on) {
  constexpr std::uint64_t frames = 600;
  BufferConfig config = ring_of(10'000);
  config.max_readers = 4;
  const std::string name = unique_name();
  auto writer = Writer::create(name, config).value();
  Channel attached;
  Channel late_attached;
  Peer fast(GetParam(), [&] { return read_all(name, attached, frames, 0us); });
  Peer slow(GetParam(), [&] { return read_all(name, attached, frames, 500us); });
  ASSERT_TRUE(attached.receive() && attached.receive());
  for (std::uint64_t i = 1; i <= frames / 2; ++i) ASSERT_OK(writer.write(payload(900, i), generous));
  Peer late(GetParam(), [&] {
    auto reader = Reader::open(name, generous).value();
    late_attached.send();
    for (std::uint64_t i = frames / 2 + 1; i <= frames; ++i) {
      auto frame = reader.read(generous);
      REQUIRE(frame && frame->sequence() == i && holds(frame->data(), i));
    }
    REQUIRE(reader.read(generous).status() == Status::closed);
    return 0;
  });
  ASSERT_TRUE(late_attached.receive());
  for (std::uint64_t i = frames / 2 + 1; i <= frames; ++i) ASSERT_OK(writer.write(payload(900, i), generous));
  EXPECT_GT(writer.stats().blocked_count, 0U) << "the slow one was never waited for";
  EXPECT_EQ(writer.stats().dropped, 0U);
  EXPECT_OK(writer.close());
  EXPECT_EQ(fast.join(), 0);
  EXPECT_EQ(slow.join(), 0);
  EXPECT_EQ(late.join(), 0);
}

// Scenario 8.1: one is killed; the others and the writer go on, and its slot is free again.
TEST(ProcessMany, a_killed_reader_stops_neither_the_writer_nor_the_others) {
  constexpr std::uint64_t frames = 400;
  BufferConfig config = ring_of(10'000);
  config.max_readers = 3;
  const std::string name = unique_name();
  auto writer = Writer::create(name, config).value();
  Channel attached;
  Channel taken;
  Child first([&] { return read_all(name, attached, frames, 0us); });
  Child second([&] { return read_all(name, attached, frames, 0us); });
  Child victim([&] {
    auto reader = Reader::open(name, generous).value();
    attached.send();
    for (int i = 0; i < 20; ++i) REQUIRE(reader.read(generous));
    Frame held = reader.read(generous).value();
    taken.send();
    std::this_thread::sleep_for(generous);
    return 1;
  });
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(attached.receive());
  std::uint64_t sequence = 0;
  const auto write_up_to = [&](std::uint64_t last) {
    for (; sequence < last; ++sequence) ASSERT_OK(writer.write(payload(300, sequence + 1), generous));
  };
  ASSERT_NO_FATAL_FAILURE(write_up_to(25));
  ASSERT_TRUE(taken.receive());
  victim.kill();
  ASSERT_NO_FATAL_FAILURE(write_up_to(frames));
  EXPECT_EQ(writer.stats().readers_lost, 1U);
  auto successor = Reader::open(name, 0s);
  EXPECT_OK(successor);
  EXPECT_OK(writer.close());
  EXPECT_EQ(first.wait(), 0);
  EXPECT_EQ(second.wait(), 0);
}

// Scenario 8.1
TEST(Many64, sixty_four_readers_of_one_process_see_every_frame) {
  BufferConfig config = ring_of(4000);
  config.max_readers = 64;
  const std::string name = unique_name();
  auto writer = Writer::create(name, config).value();
  std::vector<Reader> readers;
  for (int i = 0; i < 64; ++i) readers.push_back(Reader::open(name, 0s).value());
  EXPECT_STATUS(Reader::open(name, 0s), Status::too_many_readers);
  EXPECT_EQ(writer.stats().readers, 64U);
  for (std::uint64_t i = 1; i <= 30; ++i) {
    ASSERT_OK(writer.try_write(payload(i * 30, i)));
    for (Reader& reader : readers) {
      auto frame = reader.try_read();
      ASSERT_OK(frame);
      ASSERT_EQ(frame->sequence(), i);
      ASSERT_TRUE(holds(frame->data(), i));
    }
  }
}

TEST(Many64, a_reader_of_several_can_join_now_or_at_the_oldest_frame) {
  BufferConfig config = ring_of(4000);
  config.max_readers = 4;
  const std::string name = unique_name();
  auto writer = Writer::create(name, config).value();
  auto first = Reader::open(name, 0s).value();
  for (std::uint64_t i = 1; i <= 5; ++i) ASSERT_OK(writer.try_write(payload(100, i)));
  const auto joined = [&](JoinAt join) {
    BufferConfig own = config;
    own.join = join;
    return Reader::open(name, 0s, own);
  };
  auto oldest = joined(JoinAt::oldest).value();
  auto now = joined(JoinAt::now).value();
  auto automatic = joined(JoinAt::automatic).value();
  EXPECT_STATUS(joined(JoinAt::resume), Status::nothing_to_resume);
  EXPECT_EQ(oldest.try_read().value().sequence(), 1U);
  EXPECT_STATUS(now.try_read(), Status::would_block);
  EXPECT_STATUS(automatic.try_read(), Status::would_block);
  ASSERT_OK(writer.try_write(payload(100, 6)));
  EXPECT_EQ(now.try_read().value().sequence(), 6U);
  EXPECT_EQ(automatic.try_read().value().sequence(), 6U);
}

}  // namespace
}  // namespace zerobuffer
