// Scenarios 1.1 to 1.8: frames from a writer to a reader, in two threads and in two processes.
#include "support.hpp"

namespace zerobuffer {
namespace {
using namespace support;

class Basics : public BothWays {};
RUN_BOTH_WAYS(Basics);

// Scenario 1.1
TEST_P(Basics, one_frame_arrives_with_the_metadata_before_it_and_sequence_1) {
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(4096)).value();
  Peer peer(GetParam(), [&] {
    auto writer = Writer::open(name, generous).value();
    REQUIRE(writer.write_metadata(bytes_of("640x480")));
    REQUIRE(writer.write(payload(1000, 1), generous, {.type = 200, .tag = 77}));
    return 0;
  });
  auto metadata = reader.metadata(generous);
  ASSERT_OK(metadata);
  EXPECT_EQ(text_of(*metadata), "640x480");
  auto frame = reader.read(generous);
  ASSERT_OK(frame);
  EXPECT_EQ(frame->sequence(), 1U);
  EXPECT_EQ(frame->type(), 200);
  EXPECT_EQ(frame->tag(), 77U);
  EXPECT_EQ(frame->size(), 1000U);
  EXPECT_TRUE(holds(frame->data(), 1));
  EXPECT_EQ(peer.join(), 0);
  EXPECT_STATUS(reader.read(generous), Status::closed);
}

// Scenario 1.2
TEST_P(Basics, ten_frames_arrive_in_order_with_sequences_1_to_10) {
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(4096)).value();
  Peer peer(GetParam(), [&] {
    auto writer = Writer::open(name, generous).value();
    for (std::uint64_t i = 1; i <= 10; ++i) REQUIRE(writer.write(payload(i * 100, i), generous));
    return 0;
  });
  for (std::uint64_t i = 1; i <= 10; ++i) {
    auto frame = reader.read(generous);
    ASSERT_OK(frame);
    EXPECT_EQ(frame->sequence(), i);
    EXPECT_EQ(frame->size(), i * 100);
    EXPECT_TRUE(holds(frame->data(), i));
  }
  EXPECT_EQ(peer.join(), 0);
  EXPECT_STATUS(reader.read(generous), Status::closed);
  EXPECT_EQ(reader.stats().frames, 10U);
  EXPECT_EQ(reader.stats().bytes, 5500U);
}

// Scenario 1.3
TEST_P(Basics, a_writer_of_a_full_ring_blocks_and_goes_on_as_soon_as_room_is_freed) {
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(1000)).value();
  Peer peer(GetParam(), [&] {
    auto writer = Writer::open(name, generous).value();
    for (std::uint64_t i = 1; i <= 6; ++i) REQUIRE(writer.write(payload(480, i), forever));
    REQUIRE(writer.stats().blocked_count >= 1);
    return 0;
  });
  ASSERT_TRUE(wait_until([&] { return dump_state(name).value().writer_waiting; })) << "it never waited";
  for (std::uint64_t i = 1; i <= 6; ++i) {
    auto frame = reader.read(generous);
    ASSERT_OK(frame);
    EXPECT_EQ(frame->sequence(), i);
    EXPECT_TRUE(holds(frame->data(), i));
  }
  EXPECT_EQ(peer.join(), 0);
}

// Scenario 1.3
TEST_P(Basics, a_full_ring_answers_try_at_once_and_a_timeout_in_time) {
  const std::string name = unique_name();
  auto writer = Writer::create(name, ring_of(1000)).value();
  Channel full;
  Channel done;
  Peer peer(GetParam(), [&] {
    auto reader = Reader::open(name, generous).value();
    full.send();
    REQUIRE(done.receive());
    return 0;
  });
  ASSERT_TRUE(full.receive());
  ASSERT_OK(writer.write(payload(900, 1), generous));
  EXPECT_STATUS(writer.try_write(payload(900, 2)), Status::would_block);
  EXPECT_STATUS(writer.try_claim(900), Status::would_block);
  EXPECT_STATUS(writer.write(payload(900, 2), 0s), Status::timeout);
  const auto before = std::chrono::steady_clock::now();
  EXPECT_STATUS(writer.write(payload(900, 2), 50ms), Status::timeout);
  const auto took = std::chrono::steady_clock::now() - before;
  EXPECT_GE(took, 50ms);
  EXPECT_LT(took, generous);
  done.send();
  EXPECT_EQ(peer.join(), 0);
}

// Scenario 1.3, 2.6
TEST_P(Basics, the_drop_policy_drops_counts_and_readers_see_the_count_without_a_gap_in_the_sequence) {
  const std::string name = unique_name();
  BufferConfig config = ring_of(1000);
  config.full = FullPolicy::drop;
  auto writer = Writer::create(name, config).value();
  Channel attached;
  Channel written;
  Peer peer(GetParam(), [&] {
    auto reader = Reader::open(name, generous).value();
    attached.send();
    REQUIRE(written.receive());
    REQUIRE(reader.stats().dropped == 3);
    for (std::uint64_t i = 1; i <= 2; ++i) {
      auto frame = reader.read(generous);
      REQUIRE(frame && frame->sequence() == i && holds(frame->data(), i));
    }
    REQUIRE(reader.try_read().status() == Status::would_block);
    attached.send();
    auto third = reader.read(generous);
    REQUIRE(third && third->sequence() == 3 && holds(third->data(), 9));
    return 0;
  });
  ASSERT_TRUE(attached.receive());
  ASSERT_OK(writer.write(payload(480, 1), forever));
  ASSERT_OK(writer.write(payload(480, 2), forever));
  EXPECT_STATUS(writer.write(payload(480, 3), forever), Status::dropped);
  EXPECT_STATUS(writer.try_write(payload(480, 4)), Status::dropped);
  EXPECT_STATUS(writer.claim(480, forever), Status::dropped);
  EXPECT_EQ(writer.stats().dropped, 3U);
  written.send();
  ASSERT_TRUE(attached.receive());
  EXPECT_OK(writer.write(payload(480, 9), forever));
  EXPECT_EQ(peer.join(), 0);
  EXPECT_EQ(writer.stats().frames, 3U);
}

// Scenario 1.4
TEST_P(Basics, a_burst_of_50_frames_before_the_reader_starts_is_not_lost) {
  const std::string name = unique_name();
  auto writer = Writer::create(name, ring_of(50 * 1024)).value();
  for (std::uint64_t i = 1; i <= 50; ++i) ASSERT_OK(writer.try_write(payload(900, i)));
  Peer peer(GetParam(), [&] {
    auto reader = Reader::open(name, generous).value();
    for (std::uint64_t i = 1; i <= 50; ++i) {
      auto frame = reader.read(generous);
      REQUIRE(frame && frame->sequence() == i && holds(frame->data(), i));
    }
    return 0;
  });
  EXPECT_EQ(peer.join(), 0);
}

// Scenario 1.5
TEST_P(Basics, a_slow_reader_holds_the_writer_back_and_loses_nothing) {
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(4000)).value();
  Peer peer(GetParam(), [&] {
    auto writer = Writer::open(name, generous).value();
    for (std::uint64_t i = 1; i <= 14; ++i) REQUIRE(writer.write(payload(960, i), forever));
    REQUIRE(writer.stats().blocked_count > 0);
    REQUIRE(writer.stats().blocked_time > 0ns);
    REQUIRE(writer.stats().dropped == 0);
    return 0;
  });
  for (std::uint64_t i = 1; i <= 14; ++i) {
    auto frame = reader.read(generous);
    ASSERT_OK(frame);
    std::this_thread::sleep_for(100ms);
    EXPECT_EQ(frame->sequence(), i);
    EXPECT_TRUE(holds(frame->data(), i));
  }
  EXPECT_EQ(peer.join(), 0);
}

// Scenario 1.6
TEST_P(Basics, ten_thousand_quick_cycles_go_through_a_ring_of_10_kb) {
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(10'000)).value();
  Peer peer(GetParam(), [&] {
    auto writer = Writer::open(name, generous).value();
    for (std::uint64_t i = 1; i <= 10'000; ++i) REQUIRE(writer.write(payload(mix(i) % 3000, i), generous));
    REQUIRE(writer.stats().wraps > 100);
    return 0;
  });
  for (std::uint64_t i = 1; i <= 10'000; ++i) {
    auto frame = reader.read(generous);
    ASSERT_OK(frame);
    ASSERT_EQ(frame->sequence(), i);
    ASSERT_EQ(frame->size(), mix(i) % 3000);
    ASSERT_TRUE(holds(frame->data(), i));
  }
  EXPECT_EQ(peer.join(), 0);
}

// Scenario 1.7
TEST_P(Basics, a_second_writer_and_a_reader_too_many_are_refused_with_a_clear_error) {
  const std::string name = unique_name();
  BufferConfig config = ring_of(1000);
  config.max_readers = 2;
  auto writer = Writer::create(name, config).value();
  auto first = Reader::open(name, 0s).value();
  auto second = Reader::open(name, 0s).value();
  Peer peer(GetParam(), [&] {
    auto another = Writer::open(name, 0s);
    REQUIRE(another.status() == Status::writer_exists);
    REQUIRE(another.failure().message().find(std::to_string(getppid())) != std::string::npos ||
            another.failure().message().find(std::to_string(getpid())) != std::string::npos);
    auto third = Reader::open(name, 0s);
    REQUIRE(third.status() == Status::too_many_readers);
    REQUIRE(third.failure().message().find("2 reader slot") != std::string::npos);
    REQUIRE(Writer::create(name, config).status() == Status::already_exists);
    auto again = Reader::create(name, config);
    REQUIRE(again.status() == Status::already_exists);
    REQUIRE(again.failure().message().find("exist_ok") != std::string::npos);  // what helps
    return 0;
  });
  EXPECT_EQ(peer.join(), 0);
  // the refused ones have left no trace: everything works, and a place that became free can be taken
  ASSERT_OK(writer.write(payload(10, 1), 0s));
  EXPECT_OK(first.read(generous));
  EXPECT_OK(second.read(generous));
  second.close();
  EXPECT_OK(Reader::open(name, 0s));
  EXPECT_OK(writer.close());
  EXPECT_OK(Writer::open(name, 0s));
}

// Scenario 1.8
TEST_P(Basics, a_writer_that_comes_a_second_before_its_buffer_waits_for_it) {
  const std::string name = unique_name();
  Peer peer(GetParam(), [&] {
    auto writer = Writer::open(name, generous);
    REQUIRE(writer);
    REQUIRE(writer->write(payload(10, 1), generous));
    return 0;
  });
  std::this_thread::sleep_for(1s);
  auto reader = Reader::create(name, ring_of(1000)).value();
  EXPECT_OK(reader.read(generous));
  EXPECT_EQ(peer.join(), 0);
}

// Scenario 1.8
TEST_P(Basics, a_reader_that_comes_a_second_before_its_buffer_waits_for_it) {
  const std::string name = unique_name();
  Channel done;
  Peer peer(GetParam(), [&] {
    auto reader = Reader::open(name, generous);
    REQUIRE(reader);
    auto frame = reader->read(generous);
    REQUIRE(frame && frame->sequence() == 1 && holds(frame->data(), 1));
    return 0;
  });
  std::this_thread::sleep_for(1s);
  auto writer = Writer::create(name, ring_of(1000)).value();
  ASSERT_OK(writer.write(payload(10, 1), 0s));
  EXPECT_EQ(peer.join(), 0);
}

// Scenario 1.8
TEST(Connecting, waits_as_long_as_the_timeout_says_and_zero_looks_once) {
  EXPECT_STATUS(Reader::open(unique_name(), 0s), Status::not_found);
  const auto before = std::chrono::steady_clock::now();
  EXPECT_STATUS(Writer::open(unique_name(), 120ms), Status::not_found);
  const auto took = std::chrono::steady_clock::now() - before;
  EXPECT_GE(took, 120ms);
  EXPECT_LT(took, generous);
}

// Scenario 1.8
TEST(Connecting, finds_a_new_buffer_without_polling_steps_of_100_ms) {
  std::chrono::nanoseconds fastest = 1h;
  for (int i = 0; i < 10; ++i) {
    const std::string name = unique_name();
    std::chrono::steady_clock::time_point found;
    std::thread opening([&] {
      auto reader = Reader::open(name, generous);
      found = std::chrono::steady_clock::now();
      EXPECT_OK(reader);
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + 7 * i));
    auto writer = Writer::create(name, ring_of(1000));
    const auto made = std::chrono::steady_clock::now();
    opening.join();
    ASSERT_OK(writer);
    fastest = std::min<std::chrono::nanoseconds>(fastest, found - made);
  }
  EXPECT_LT(fastest, 50ms);
}

}  // namespace
}  // namespace zerobuffer
