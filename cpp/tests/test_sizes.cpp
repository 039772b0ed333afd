// Scenarios 2.1 to 2.8 through the public classes: sizes, edges of the ring, metadata.
#include <algorithm>
#include <fstream>

#include "support.hpp"

namespace zerobuffer {
namespace {
using namespace support;

class Sizes : public BothWays {};
RUN_BOTH_WAYS(Sizes);

struct Ends {
  explicit Ends(const BufferConfig& config)
      : reader(Reader::create_anonymous(config).value()), writer(Writer::open_fd(reader.fd(), config).value()) {}
  Reader reader;
  Writer writer;
};

// Scenario 2.1
TEST(Size, a_frame_of_max_frame_size_fits_at_every_start_offset_once_the_reader_has_looked) {
  Ends ends(ring_of(2000));
  const BufferInfo info = ends.writer.info();
  ASSERT_GE(info.max_frame_size, 2000U);
  std::uint64_t sequence = 0;
  for (std::uint64_t units = 0; units < info.capacity / 64; ++units) {
    // one small frame moves the start by 64 bytes; the large one begins at 0 again
    for (std::uint64_t i = 0; i < units; ++i) {
      ASSERT_OK(ends.writer.try_write(payload(32, ++sequence)));
      ASSERT_OK(ends.reader.try_read());
    }
    const auto data = payload(info.max_frame_size, ++sequence);
    if (ends.writer.try_write(data).status() == Status::would_block) {
      EXPECT_STATUS(ends.reader.try_read(), Status::would_block);  // steps over the padding
      ASSERT_OK(ends.writer.try_write(data));
    }
    auto frame = ends.reader.try_read();
    ASSERT_OK(frame);
    ASSERT_EQ(frame->sequence(), sequence);
    ASSERT_TRUE(holds(frame->data(), sequence));
  }
}

// Scenario 2.1: a writer that waits gets through without any help but a reader that waits too.
TEST_P(Sizes, frames_of_max_frame_size_go_through_one_after_another_whatever_lies_between) {
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(3000)).value();
  Peer peer(GetParam(), [&] {
    auto writer = Writer::open(name, generous).value();
    const std::size_t largest = writer.info().max_frame_size;
    for (std::uint64_t i = 1; i <= 2000; ++i) {
      REQUIRE(writer.write(payload(i % 2 != 0 ? mix(i) % largest : largest, i), generous));
    }
    return 0;
  });
  for (std::uint64_t i = 1; i <= 2000; ++i) {
    auto frame = reader.read(generous);
    ASSERT_OK(frame);
    ASSERT_EQ(frame->sequence(), i);
    ASSERT_TRUE(holds(frame->data(), i));
  }
  EXPECT_EQ(peer.join(), 0);
}

// Scenario 2.2
TEST(Size, one_byte_more_than_max_frame_size_is_refused_at_once_with_both_numbers) {
  Ends ends(ring_of(1000));
  const std::uint64_t most = ends.writer.info().max_frame_size;
  const std::vector<std::byte> data(most + 1);
  auto refused = ends.writer.write(data, forever);
  ASSERT_STATUS(refused, Status::frame_too_large);
  EXPECT_EQ(refused.failure().first(), most + 1);
  EXPECT_EQ(refused.failure().second(), most);
  EXPECT_NE(refused.failure().message().find(std::to_string(most + 1)), std::string::npos);
  EXPECT_NE(refused.failure().message().find(std::to_string(most)), std::string::npos);
  EXPECT_STATUS(ends.writer.try_write(data), Status::frame_too_large);
  EXPECT_STATUS(ends.writer.claim(most + 1, forever), Status::frame_too_large);
  EXPECT_STATUS(ends.writer.claim(~std::size_t{0}, forever), Status::frame_too_large);
  EXPECT_STATUS(ends.writer.try_claim(std::size_t{1} << 63), Status::frame_too_large);
  EXPECT_OK(ends.writer.try_write(std::span(data).first(most)));
}

// Scenario 2.3, 2.5
TEST_P(Sizes, frames_of_special_sizes_arrive_whole_in_an_order_that_wraps_everywhere) {
  constexpr std::size_t sizes[] = {0,   1,   31,  32,  33,  63,   64,   65,   127,  128,  129, 255,
                                   256, 257, 511, 512, 513, 1023, 1024, 1025, 2047, 2048, 2049};
  constexpr std::uint64_t frames = 5000;
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(4100)).value();
  Peer peer(GetParam(), [&] {
    auto writer = Writer::open(name, generous).value();
    for (std::uint64_t i = 1; i <= frames; ++i)
      REQUIRE(writer.write(payload(sizes[mix(i) % std::size(sizes)], i), generous));
    return 0;
  });
  for (std::uint64_t i = 1; i <= frames; ++i) {
    auto frame = reader.read(generous);
    ASSERT_OK(frame);
    ASSERT_EQ(frame->size(), sizes[mix(i) % std::size(sizes)]);
    ASSERT_TRUE(holds(frame->data(), i));
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(frame->data().data()) % 64, 0U);
  }
  EXPECT_EQ(peer.join(), 0);
}

// Scenario 2.4
TEST(Size, the_smallest_ring_and_rings_that_are_no_power_of_two_work) {
  for (const std::uint64_t size : {1U, 32U, 33U, 95U, 97U, 1000U, 4063U, 4064U, 4065U, 12'345U, 99'999U}) {
    Ends ends(ring_of(size));
    EXPECT_EQ(ends.writer.info().capacity % 64, 0U);
    EXPECT_GE(ends.writer.info().max_frame_size, size);
    EXPECT_LT(ends.writer.info().max_frame_size, size + 64) << "no more than it must be";
    for (std::uint64_t i = 1; i <= 50; ++i) {
      ASSERT_OK(ends.writer.try_write(payload(size, i)));
      auto frame = ends.reader.try_read();
      ASSERT_OK(frame);
      ASSERT_TRUE(holds(frame->data(), i));
    }
  }
}

// Scenario 2.4
TEST(Size, metadata_of_nothing_of_exactly_the_block_and_of_one_byte_more) {
  for (const std::size_t block : {std::size_t{0}, std::size_t{1}, std::size_t{64}, std::size_t{1000}}) {
    BufferConfig config = ring_of(100);
    config.metadata_size = block;
    Ends ends(config);
    const auto data = payload(block + 1, 5);
    auto refused = ends.writer.write_metadata(data);
    ASSERT_STATUS(refused, Status::metadata_too_large);
    EXPECT_NE(refused.failure().message().find(std::to_string(block + 1)), std::string::npos);
    ASSERT_OK(ends.writer.write_metadata(std::span(data).first(block)));
    EXPECT_EQ(ends.reader.metadata(0s).value(), std::vector(data.begin(), data.end() - 1));
  }
  Ends ends(ring_of(100));
  EXPECT_STATUS(ends.reader.metadata(0s), Status::timeout);
  ASSERT_OK(ends.writer.write_metadata({}));
  EXPECT_TRUE(ends.reader.metadata(0s).value().empty());
}

// Scenario 2.6
TEST(Size, a_claim_is_shrunk_discarded_or_left_and_the_sequence_has_no_gap) {
  Ends ends(ring_of(10'000));
  std::uint64_t sequence = 0;
  for (int i = 0; i < 500; ++i) {
    auto claim = ends.writer.claim(2000, 0s);
    ASSERT_OK(claim);
    EXPECT_EQ(claim->data().size(), 2000U);
    switch (i % 4) {
      case 0: {
        const std::size_t n = static_cast<std::size_t>(i) * 4;
        fill(claim->data().first(n), ++sequence);
        ASSERT_OK(claim->commit(n));
        EXPECT_FALSE(claim->valid());
        EXPECT_STATUS(claim->commit(n), Status::handle_closed);
        auto frame = ends.reader.try_read();
        ASSERT_OK(frame);
        ASSERT_EQ(frame->size(), n);
        ASSERT_EQ(frame->sequence(), sequence);
        ASSERT_TRUE(holds(frame->data(), sequence));
        break;
      }
      case 1:
        claim->discard();
        claim->discard();
        break;
      case 2:
        EXPECT_STATUS(claim->commit(2001), Status::invalid_argument);
        EXPECT_TRUE(claim->valid()) << "it stays open";
        EXPECT_STATUS(ends.writer.try_claim(1), Status::claim_open);
        EXPECT_STATUS(ends.writer.write(payload(1, 1), 0s), Status::claim_open);
        break;  // left: its destructor discards it
      default:
        *claim = Claim();
        EXPECT_OK(ends.writer.try_claim(1));  // assigning over it discards it too
    }
  }
  EXPECT_EQ(ends.writer.stats().frames, sequence);
}

// Scenario 2.7
TEST(FullSizes, frames_of_more_than_100_mb_go_through) {
  constexpr std::size_t size = 120'000'000;
  BufferConfig config = ring_of(150'000'000);
  config.pre_touch = false;
  Ends ends(config);
  const auto data = payload(size, 1);
  std::thread writing([&] {
    for (int i = 0; i < 3; ++i) EXPECT_OK(ends.writer.write(data, generous));
  });
  for (int i = 0; i < 3; ++i) {
    auto frame = ends.reader.read(generous);
    ASSERT_OK(frame);
    ASSERT_EQ(frame->size(), size);
    ASSERT_TRUE(std::equal(frame->data().begin(), frame->data().end(), data.begin()));
  }
  writing.join();
}

// Scenario 2.7
TEST(FullSizes, a_ring_of_more_than_4_gib_holds_a_frame_of_more_than_4_gib) {
  std::uint64_t available_kib = 0;
  std::ifstream meminfo("/proc/meminfo");
  for (std::string line; std::getline(meminfo, line);) {
    if (line.starts_with("MemAvailable:")) available_kib = std::stoull(line.substr(13));
  }
  if (available_kib < std::uint64_t{8} << 20) {
    GTEST_SKIP() << "needs 8 GiB of free memory, there are " << available_kib / 1024 << " MiB";
  }
  constexpr std::uint64_t size = (std::uint64_t{4} << 30) + 4097;
  BufferConfig config = ring_of(size + 1000);
  config.pre_touch = false;
  Ends ends(config);
  auto claim = ends.writer.claim(size, 0s);
  ASSERT_OK(claim);
  fill(claim->data().first(5000), 1);
  fill(claim->data().last(5000), 2);
  ASSERT_OK(claim->commit(size));
  {
    auto frame = ends.reader.read(0s);
    ASSERT_OK(frame);
    ASSERT_EQ(frame->size(), size);
    EXPECT_TRUE(holds(frame->data().first(5000), 1));
    EXPECT_TRUE(holds(frame->data().last(5000), 2));
  }
  for (std::uint64_t i = 2; i <= 4; ++i) {  // and small ones after it, across the wrap
    if (ends.writer.try_write(payload(900, i)).status() == Status::would_block) {
      EXPECT_STATUS(ends.reader.try_read(), Status::would_block);
      ASSERT_OK(ends.writer.try_write(payload(900, i)));
    }
    EXPECT_TRUE(holds(ends.reader.read(0s).value().data(), i));
  }
}

// Scenario 2.7
TEST(Size, more_than_2_to_the_32_bytes_go_through_a_small_ring) {
  Ends ends(ring_of(1 << 20));
  std::uint64_t total = 0;
  for (std::uint64_t i = 1; total <= (std::uint64_t{1} << 32) + (1 << 24); ++i) {
    auto claim = ends.writer.try_claim(1'000'000);
    if (claim.status() == Status::would_block) {
      ASSERT_STATUS(ends.reader.try_read(), Status::would_block);
      claim = ends.writer.try_claim(1'000'000);
    }
    ASSERT_OK(claim);
    fill(claim->data().first(64), i);
    ASSERT_OK(claim->commit(1'000'000));
    auto frame = ends.reader.try_read();
    ASSERT_OK(frame);
    ASSERT_EQ(frame->sequence(), i);
    ASSERT_TRUE(holds(frame->data().first(64), i));
    total += frame->size();
  }
  EXPECT_EQ(ends.reader.stats().bytes, total);
  EXPECT_EQ(ends.writer.stats().bytes, total);
}

// Scenario 2.8
TEST_P(Sizes, metadata_without_any_frame_is_read_and_then_the_stream_ends) {
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(100)).value();
  Peer peer(GetParam(), [&] {
    auto writer = Writer::open(name, generous).value();
    REQUIRE(writer.write_metadata(bytes_of("only this")));
    return 0;
  });
  EXPECT_EQ(text_of(reader.metadata(generous).value()), "only this");
  EXPECT_EQ(peer.join(), 0);
  EXPECT_STATUS(reader.read(generous), Status::closed);
  EXPECT_EQ(text_of(reader.metadata(0s).value()), "only this") << "it can be asked for again";
}

// Scenario 2.8
TEST(Size, metadata_a_second_time_or_after_a_frame_is_refused) {
  Ends first(ring_of(100));
  ASSERT_OK(first.writer.write_metadata(bytes_of("one")));
  EXPECT_STATUS(first.writer.write_metadata(bytes_of("two")), Status::metadata_exists);
  EXPECT_STATUS(first.writer.write_metadata(bytes_of("one")), Status::metadata_exists);
  EXPECT_EQ(text_of(first.reader.metadata(0s).value()), "one");
  Ends second(ring_of(100));
  ASSERT_OK(second.writer.try_write(payload(10, 1)));
  EXPECT_STATUS(second.writer.write_metadata(bytes_of("late")), Status::metadata_exists);
}

// Scenario 2.8
TEST(Size, a_reader_that_waits_for_metadata_learns_that_the_writer_closed_without) {
  Ends ends(ring_of(100));
  std::thread closing([&] {
    std::this_thread::sleep_for(50ms);
    EXPECT_OK(ends.writer.close());
  });
  EXPECT_STATUS(ends.reader.metadata(forever), Status::closed);
  closing.join();
}

}  // namespace
}  // namespace zerobuffer
