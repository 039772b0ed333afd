// Many small frames of one size in one call: Writer::write_messages and Reader::read_messages. Whatever one of them
// does must be what single writes and reads would have done.
#include "share_support.hpp"

namespace zerobuffer {
namespace {
using namespace support;

class Messages : public BothWays {};
RUN_BOTH_WAYS(Messages);

/// `count` messages one after the other; each is the payload of its number, from `first` on.
std::vector<std::byte> messages(std::uint64_t first, std::size_t count, std::size_t size) {
  std::vector<std::byte> all(count * size);
  for (std::size_t i = 0; i < count; ++i) fill(std::span(all).subspan(i * size, size), first + i);
  return all;
}

bool are_messages(std::span<const std::byte> all, std::uint64_t first, std::size_t size) {
  for (std::size_t at = 0; at < all.size(); at += size, ++first) {
    if (!holds(all.subspan(at, size), first)) return false;
  }
  return true;
}

/// Reads `count` messages, in pieces of up to `most`; false where one is not what was sent.
bool read_in_order(Reader& reader, std::uint64_t first, std::size_t count, std::size_t size, std::size_t most) {
  std::vector<std::byte> room(most * size);
  while (count != 0) {
    const std::size_t piece = std::min(most, count);
    auto read = reader.read_messages(std::span(room).first(piece * size), size, generous);
    if (!read || *read == 0 || *read > piece) return false;
    if (!are_messages(std::span(room).first(*read * size), first, size)) return false;
    first += *read;
    count -= *read;
  }
  return true;
}

TEST_P(Messages, of_any_size_come_through_a_small_ring_whole_and_in_order) {
  constexpr std::size_t count = 3000;
  for (const std::size_t size : {1, 7, 8, 32, 63, 64, 65, 100, 400}) {
    const std::string name = unique_name();
    auto reader = Reader::create(name, ring_of(4096)).value();
    Peer peer(GetParam(), [&] {
      auto writer = Writer::open(name, generous).value();
      const std::vector<std::byte> all = messages(1, count, size);
      for (std::size_t sent = 0; sent < count;) {
        const std::size_t piece = std::min<std::size_t>(1 + sent % 777, count - sent);
        auto written = writer.write_messages(std::span(all).subspan(sent * size, piece * size), size, generous);
        REQUIRE(written && *written == piece);
        sent += piece;
      }
      return 0;
    });
    EXPECT_TRUE(read_in_order(reader, 1, count, size, 1 + size));
    EXPECT_EQ(peer.join(), 0);
    EXPECT_STATUS(reader.read(0s), Status::closed);
    EXPECT_EQ(reader.stats().frames, count);
    EXPECT_EQ(reader.stats().bytes, count * size);
    EXPECT_EQ(reader.stats().unread_bytes, 0U);
  }
}

TEST(Messages, large_ones_are_read_into_memory_of_any_alignment) {
  constexpr std::size_t size = (1 << 20) + 1;
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(4 * size)).value();
  auto writer = Writer::open(name, generous).value();
  const std::vector<std::byte> sent = messages(1, 2, size);
  EXPECT_EQ(writer.write_messages(std::span(sent), size, generous).value(), 2U);
  std::vector<std::byte> room(1 + 2 * size);
  EXPECT_EQ(reader.read_messages(std::span(room).subspan(1), size, generous).value(), 2U);
  EXPECT_TRUE(are_messages(std::span(room).subspan(1), 1, size));
}

TEST(Messages, are_frames_like_any_other) {
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(8192)).value();
  auto writer = Writer::open(name, 0s).value();
  const FrameInfo info{.type = 200, .tag = 77};
  ASSERT_EQ(writer.write_messages(messages(1, 5, 40), 40, 0s, info).value(), 5U);
  for (std::uint64_t i = 1; i <= 5; ++i) {
    Frame frame = reader.read(0s).value();
    EXPECT_EQ(frame.sequence(), i);
    EXPECT_EQ(frame.type(), 200U);
    EXPECT_EQ(frame.tag(), 77U);
    EXPECT_TRUE(holds(frame.data(), i) && frame.size() == 40);
  }
  for (std::uint64_t i = 6; i <= 10; ++i) ASSERT_OK(writer.write(payload(40, i), 0s));
  EXPECT_TRUE(read_in_order(reader, 6, 5, 40, 8));
  EXPECT_EQ(writer.stats().frames, 10U);
  EXPECT_EQ(writer.stats().bytes, 400U);
}

TEST(Messages, without_room_for_all_the_first_ones_are_sent_and_counted_and_nothing_is_lost) {
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(4096)).value();
  auto writer = Writer::open(name, 0s).value();
  const std::size_t room = writer.info().capacity / 128;  // 64 bytes and their header
  const std::size_t count = room + 40;
  const std::vector<std::byte> all = messages(1, count, 64);
  ASSERT_EQ(writer.write_messages(all, 64, 20ms).value(), room);
  EXPECT_STATUS(writer.write_messages(std::span(all).subspan(room * 64), 64, 0s), Status::timeout);
  EXPECT_EQ(writer.stats().blocked_count, 1U);
  EXPECT_TRUE(read_in_order(reader, 1, 10, 64, 10));
  ASSERT_EQ(writer.write_messages(std::span(all).subspan(room * 64), 64, 0s).value(), 10U);
  EXPECT_TRUE(read_in_order(reader, 11, room, 64, count));
  ASSERT_EQ(writer.write_messages(std::span(all).subspan((room + 10) * 64), 64, 0s).value(), count - room - 10);
  EXPECT_TRUE(read_in_order(reader, room + 11, count - room - 10, 64, count));
}

TEST(Messages, one_time_limit_holds_for_all_the_waits_of_a_call) {
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(4096)).value();
  auto writer = Writer::open(name, 0s).value();
  std::atomic<bool> stop{false};
  std::thread slow([&] {
    std::vector<std::byte> one(64);
    while (!stop) {
      static_cast<void>(reader.read_messages(one, 64, 10ms));
      std::this_thread::sleep_for(20ms);
    }
  });
  const auto written = writer.write_messages(messages(1, 20'000, 64), 64, 300ms);  // at that pace 400 s
  stop = true;
  slow.join();
  ASSERT_OK(written);
  EXPECT_LT(*written, 20'000U);
}

TEST(Messages, no_messages_and_room_for_none_are_no_errors_and_no_size_is_one) {
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(4096)).value();
  auto writer = Writer::open(name, 0s).value();
  std::vector<std::byte> room(640);
  EXPECT_EQ(writer.write_messages({}, 64, 0s).value(), 0U);
  EXPECT_EQ(reader.read_messages({}, 64, 0s).value(), 0U);
  EXPECT_EQ(reader.read_messages(std::span(room).first(63), 64, 0s).value(), 0U);
  EXPECT_STATUS(reader.read_messages(room, 64, 0s), Status::timeout);
  EXPECT_STATUS(writer.write_messages(room, 0, 0s), Status::invalid_argument);
  EXPECT_STATUS(writer.write_messages({}, 0, 0s), Status::invalid_argument);
  EXPECT_STATUS(reader.read_messages(room, 0, 0s), Status::invalid_argument);
  EXPECT_STATUS(writer.write_messages(room, 63, 0s), Status::invalid_argument);
  EXPECT_FALSE(writer.write_messages(room, 63, 0s).failure().message().empty());
  const std::size_t too_large = writer.info().max_frame_size + 1;
  EXPECT_STATUS(writer.write_messages(std::vector<std::byte>(too_large), too_large, 0s), Status::frame_too_large);
  EXPECT_EQ(writer.stats().frames, 0U);
  static_cast<void>(writer.close());
  reader.close();
  EXPECT_STATUS(Writer().write_messages(room, 64, 0s), Status::handle_closed);
  EXPECT_STATUS(Reader().read_messages(room, 64, 0s), Status::handle_closed);
}

TEST(Messages, a_frame_of_another_size_stays_and_is_told_with_both_sizes) {
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(8192)).value();
  auto writer = Writer::open(name, 0s).value();
  ASSERT_OK(writer.write_messages(messages(1, 3, 64), 64, 0s));
  ASSERT_OK(writer.write(payload(65, 4), 0s));
  ASSERT_OK(writer.write({}, 0s));
  ASSERT_OK(writer.write_messages(messages(6, 2, 64), 64, 0s));
  std::vector<std::byte> room(640);
  ASSERT_EQ(reader.read_messages(room, 64, generous).value(), 3U);
  for (const std::size_t size : {65, 0}) {
    for (int again = 0; again < 2; ++again) {
      const auto refused = reader.read_messages(room, 64, generous);
      EXPECT_STATUS(refused, Status::wrong_size);
      EXPECT_EQ(refused.failure().first(), size);
      EXPECT_EQ(refused.failure().second(), 64U);
    }
    EXPECT_EQ(reader.read(0s).value().size(), size);
  }
  EXPECT_TRUE(read_in_order(reader, 6, 2, 64, 2));
  EXPECT_EQ(reader.stats().lost, 0U);
}

TEST(Messages, read_beside_a_held_frame_leave_it_unchanged_and_their_room_comes_back_with_it) {
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(4096)).value();
  auto writer = Writer::open(name, 0s).value();
  const std::size_t room = writer.info().capacity / 128;
  ASSERT_EQ(writer.write_messages(messages(1, room, 64), 64, 0s).value(), room);
  Frame held = reader.read(0s).value();
  EXPECT_TRUE(read_in_order(reader, 2, room - 1, 64, 7));
  EXPECT_STATUS(writer.write_messages(messages(1, 1, 64), 64, 0s), Status::timeout);
  EXPECT_TRUE(holds(held.data(), 1));
  held.release();
  EXPECT_EQ(writer.write_messages(messages(room + 1, room, 64), 64, 0s).value(), room);
  EXPECT_TRUE(read_in_order(reader, room + 1, room, 64, room));
}

TEST(Messages, that_can_never_come_because_of_held_frames_are_told_so) {
  BufferConfig config = ring_of(4096);
  config.max_held = 1;
  const std::string name = unique_name();
  auto reader = Reader::create(name, config).value();
  auto writer = Writer::open(name, 0s).value();
  std::vector<std::byte> room(640);
  ASSERT_OK(writer.write_messages(messages(1, 2, 64), 64, 0s));
  Frame held = reader.read(0s).value();
  EXPECT_STATUS(reader.read_messages(room, 64, generous), Status::too_many_held);  // as read()
  held.release();
  EXPECT_TRUE(read_in_order(reader, 2, 1, 64, 1));
}

TEST_P(Messages, reach_each_of_two_readers) {
  constexpr std::size_t count = 4000;
  BufferConfig config = ring_of(4096);
  config.max_readers = 2;
  const std::string name = unique_name();
  auto writer = Writer::create(name, config).value();
  Channel attached;
  Peer many(GetParam(), [&] {
    auto reader = Reader::open(name, generous).value();
    attached.send();
    REQUIRE(read_in_order(reader, 1, count, 64, 50));
    return 0;
  });
  Peer single(GetParam(), [&] {
    auto reader = Reader::open(name, generous).value();
    attached.send();
    for (std::uint64_t i = 1; i <= count; ++i) {
      auto frame = reader.read(generous);
      REQUIRE(frame && frame->sequence() == i && frame->size() == 64 && holds(frame->data(), i));
    }
    return 0;
  });
  ASSERT_TRUE(attached.receive() && attached.receive());
  EXPECT_EQ(writer.write_messages(messages(1, count, 64), 64, generous).value(), count);
  EXPECT_EQ(many.join(), 0);
  EXPECT_EQ(single.join(), 0);
}

TEST(Messages, inside_a_batch_are_published_with_it) {
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(16384)).value();
  auto writer = Writer::open(name, 0s).value();
  {
    const Batch batch = writer.batch();
    ASSERT_OK(writer.write_messages(messages(1, 60, 64), 64, 0s));
    EXPECT_STATUS(reader.try_read(), Status::would_block);
  }
  EXPECT_TRUE(read_in_order(reader, 1, 60, 64, 60));
}

TEST(Messages, are_refused_while_a_claim_is_open) {
  const std::string name = unique_name();
  auto writer = Writer::create(name, ring_of(4096)).value();
  const Claim claim = writer.claim(10, 0s).value();
  EXPECT_STATUS(writer.write_messages(messages(1, 2, 64), 64, 0s), Status::claim_open);
}

TEST(Messages, that_find_no_room_under_the_dropping_policy_are_dropped_and_counted) {
  BufferConfig config = ring_of(4096);
  config.full = FullPolicy::drop;
  const std::string name = unique_name();
  auto reader = Reader::create(name, config).value();
  auto writer = Writer::open(name, 0s, config).value();
  const std::size_t room = writer.info().capacity / 128;
  EXPECT_EQ(writer.write_messages(messages(1, room + 8, 64), 64, generous).value(), room);
  EXPECT_EQ(writer.stats().dropped, 8U);
  EXPECT_STATUS(writer.write_messages(messages(1, 3, 64), 64, generous), Status::dropped);
  EXPECT_EQ(writer.stats().dropped, 11U);
  EXPECT_TRUE(read_in_order(reader, 1, room, 64, room));
}

TEST(Messages, whose_wait_is_interrupted_are_counted_and_the_next_call_hears_of_it) {
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(4096)).value();
  auto writer = Writer::open(name, 0s).value();
  const std::size_t room = writer.info().capacity / 128;
  writer.interrupt();
  const std::vector<std::byte> all = messages(1, room + 1, 64);
  EXPECT_EQ(writer.write_messages(all, 64, forever).value(), room);
  EXPECT_STATUS(writer.write_messages(std::span(all).last(64), 64, forever), Status::interrupted);
  EXPECT_STATUS(writer.write_messages(std::span(all).last(64), 64, 1ms), Status::timeout);  // once
  reader.interrupt();
  EXPECT_TRUE(read_in_order(reader, 1, room, 64, room));  // no wait, no interrupt
  std::vector<std::byte> one(64);
  EXPECT_STATUS(reader.read_messages(one, 64, forever), Status::interrupted);
}

TEST(Messages, whose_wait_a_hook_ended_interrupt_no_later_call) {
  const std::string name = unique_name();
  auto writer = Writer::create(name, ring_of(4096)).value();
  const std::size_t room = writer.info().capacity / 128;
  writer.set_wait_hook([](void*) { return true; }, nullptr);
  EXPECT_EQ(writer.write_messages(messages(1, room + 1, 64), 64, forever).value(), room);
  writer.set_wait_hook(nullptr, nullptr);
  EXPECT_STATUS(writer.write_messages(messages(1, 1, 64), 64, 1ms), Status::timeout);
}

TEST(Messages, end_where_the_writer_closed_and_where_the_readers_have) {
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(4096)).value();
  auto writer = Writer::open(name, 0s).value();
  ASSERT_OK(writer.write_messages(messages(1, 5, 64), 64, 0s));
  static_cast<void>(writer.close());
  EXPECT_TRUE(read_in_order(reader, 1, 5, 64, 9));
  std::vector<std::byte> room(640);
  EXPECT_STATUS(reader.read_messages(room, 64, generous), Status::closed);
  auto successor = Writer::open(name, 0s).value();
  reader.close();
  const std::size_t more_than_fits = successor.info().capacity / 128 + 1;
  EXPECT_LT(successor.write_messages(messages(6, more_than_fits, 64), 64, generous).value(), more_than_fits);
  EXPECT_STATUS(successor.write_messages(messages(6, 1, 64), 64, generous), Status::closed);
}

TEST(Messages, go_on_where_a_killed_reader_stopped) {
  BufferConfig config = ring_of(4096);
  config.max_readers = 2;
  const std::string name = unique_name();
  auto writer = Writer::create(name, config).value();
  {
    Child child([&] {
      auto reader = Reader::open(name, generous).value();
      REQUIRE(read_in_order(reader, 1, 3, 64, 3));
      raise(SIGKILL);
      return 1;
    });
    ASSERT_OK(writer.wait_for_readers(1, generous));
    ASSERT_EQ(writer.write_messages(messages(1, 3, 64), 64, generous).value(), 3U);
    EXPECT_EQ(child.wait(), 128 + SIGKILL);
  }
  config.join = JoinAt::resume;
  ASSERT_EQ(writer.write_messages(messages(4, 7, 64), 64, generous).value(), 7U);
  auto reader = Reader::open(name, 0s, config).value();
  EXPECT_TRUE(read_in_order(reader, 4, 7, 64, 10));
  EXPECT_EQ(reader.stats().lost, 0U);
}

TEST(Messages, that_were_forwarded_without_a_copy_are_read_like_their_own) {
  Chain chain;
  for (std::uint64_t i = 1; i <= 4; ++i) {
    ASSERT_OK(chain.write(i, 64));
    ASSERT_OK(chain.forward());
  }
  ASSERT_OK(chain.output.write(payload(64, 5), generous));
  ASSERT_OK(chain.write(6, 65));
  ASSERT_OK(chain.forward());
  EXPECT_TRUE(read_in_order(chain.b_reader, 1, 5, 64, 5));
  std::vector<std::byte> room(640);
  EXPECT_STATUS(chain.b_reader.read_messages(room, 64, generous), Status::wrong_size);
  EXPECT_EQ(chain.b_reader.read(0s).value().size(), 65U);
  EXPECT_EQ(chain.b_reader.stats().shared_frames, 5U);
  EXPECT_EQ(chain.b_reader.stats().held, 0U);
}

// Scenario 4.1: whatever step the writer dies at, what is read is whole and in order.
TEST(ProcessMessages, of_a_killed_writer_are_whole_and_in_order_up_to_its_death) {
  for (const Step& step : {Step{"write.copied", 23}, Step{"write.copied", 500}, Step{"commit.before_publish", 3},
                           Step{"commit.published", 2}}) {
    const std::string name = unique_name();
    auto reader = Reader::create(name, ring_of(4096)).value();
    Child child([&] {
      auto writer = Writer::open(name, generous).value();
      const std::vector<std::byte> all = messages(1, 2000, 64);
      signal_self_at(step, SIGKILL);
      static_cast<void>(writer.write_messages(all, 64, forever));
      return 1;
    });
    std::vector<std::byte> room(50 * 64);
    std::uint64_t next = 1;
    for (;;) {
      auto read = reader.read_messages(room, 64, generous);
      if (!read) {
        EXPECT_STATUS(read, Status::peer_dead);
        break;
      }
      ASSERT_TRUE(are_messages(std::span(room).first(*read * 64), next, 64)) << step;
      next += *read;
    }
    EXPECT_EQ(child.wait(), 128 + SIGKILL) << step;
    auto successor = Writer::open(name, 0s).value();
    ASSERT_OK(successor.write_messages(messages(next, 20, 64), 64, generous));
    EXPECT_TRUE(read_in_order(reader, next, 20, 64, 50)) << step;
  }
}

}  // namespace
}  // namespace zerobuffer
