// One writer and many readers, each in a process of its own: each sees every frame, whatever the others do.
#include "crash_points.hpp"

namespace {
using namespace zerobuffer;
using namespace zerobuffer::support;

BufferConfig for_many(std::uint32_t readers) {
  BufferConfig config = ring_of(16384);
  config.max_readers = readers;
  return config;
}

// Scenario 8.1
TEST(each_of, one_to_sixteen_readers_sees_every_frame) {
  for (const std::uint32_t count : {1u, 2u, 3u, 8u, 16u}) {
    SCOPED_TRACE(testing::Message() << count << " readers");
    constexpr std::uint64_t last = 1500;
    const std::string name = unique_name();
    auto writer = Writer::create(name, for_many(count));
    ASSERT_OK(writer);
    std::vector<Child> readers;
    for (std::uint32_t i = 0; i < count; ++i) {
      readers.emplace_back([&] {
        BufferConfig config = for_many(count);
        config.join = JoinAt::oldest;
        config.wait = i % 2 == 0 ? WaitPolicy::block : WaitPolicy::spin_then_block;
        Reader reader = Reader::open(name, generous, config).value();
        const Seen seen = read_to_end(reader, Waiting::block, 1);
        EXPECT_EQ(to_string(seen.end), "closed");
        EXPECT_EQ(seen.last, last);
        EXPECT_EQ(reader.stats().lost, 0u);
      });
    }
    ASSERT_OK(writer->wait_for_readers(count, generous));
    EXPECT_STATUS(Reader::open(name, Reader::Timeout::zero(), for_many(count)), Status::too_many_readers);
    EXPECT_EQ(to_string(send_frames(*writer, 1, last)), "ok");
    auto unread = writer->close(generous);
    ASSERT_OK(unread);
    EXPECT_EQ(*unread, 0u);
    for (Child& reader : readers) EXPECT_EQ(reader.wait(), 0);
  }
}

// Scenario 8.1
TEST(each_of, several_readers_sees_every_frame_though_one_is_killed_one_is_slow_and_one_comes_late) {
  constexpr std::uint64_t last = 1000;
  const std::string name = unique_name();
  auto writer = Writer::create(name, for_many(6));
  ASSERT_OK(writer);
  const auto reads_all = [&](std::chrono::microseconds pause) {
    BufferConfig config = for_many(6);
    config.join = JoinAt::oldest;
    Reader reader = Reader::open(name, generous, config).value();
    const Seen seen = read_to_end(reader, Waiting::block, 1, pause);
    EXPECT_EQ(to_string(seen.end), "closed");
    EXPECT_EQ(seen.last, last);
  };
  Child quick([&] { reads_all(0us); });
  Child other([&] { reads_all(0us); });
  Child slow([&] { reads_all(500us); });
  Child killed([&] {
    BufferConfig config = for_many(6);
    config.join = JoinAt::oldest;
    Reader reader = Reader::open(name, generous, config).value();
    for (int i = 0; i < 100; ++i) reader.read(generous).value().release();
    Frame held = reader.read(generous).value();
    raise(SIGKILL);
  });
  ASSERT_OK(writer->wait_for_readers(4, generous));
  EXPECT_EQ(to_string(send_frames(*writer, 1, last / 2)), "ok");
  Child late([&] {
    BufferConfig config = for_many(6);
    config.join = JoinAt::now;
    Reader reader = Reader::open(name, generous, config).value();
    const Seen seen = read_to_end(reader, Waiting::block, last / 2 + 1);
    EXPECT_EQ(to_string(seen.end), "closed");
    EXPECT_EQ(seen.last, last);
  });
  EXPECT_EQ(killed.wait(), 128 + SIGKILL);
  ASSERT_TRUE(wait_until([&] { return writer->stats().readers == 4; }));  // the three and the late one
  EXPECT_EQ(to_string(send_frames(*writer, last / 2 + 1, last)), "ok");
  EXPECT_EQ(writer->stats().readers_lost, 1u);
  ASSERT_OK(writer->close(generous));
  for (Child* child : {&quick, &other, &slow, &late}) EXPECT_EQ(child->wait(), 0);
}

}  // namespace
