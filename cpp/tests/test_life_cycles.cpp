// Thousands of beginnings and ends leave nothing: no file, descriptor, mapping or memory.
#include <fstream>

#include "crash_points.hpp"

namespace {
using namespace zerobuffer;
using namespace zerobuffer::support;

// What this process holds of the system.
struct Holdings {
  std::size_t descriptors = 0;
  std::size_t mappings_of_buffers = 0;
  std::size_t mappings = 0;
  std::size_t resident_kib = 0;
};

Holdings holdings() {
  Holdings found;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++found.descriptors;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    ++found.mappings;
    if (line.find("/dev/shm") != std::string::npos || line.find("memfd:zerobuffer") != std::string::npos) {
      ++found.mappings_of_buffers;
    }
  }
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) found.resident_kib = std::stoul(line.substr(6));
  }
  return found;
}

void expect_no_growth(const Holdings& before) {
  const Holdings after = holdings();
  EXPECT_EQ(after.descriptors, before.descriptors);
  EXPECT_EQ(after.mappings_of_buffers, before.mappings_of_buffers);
  EXPECT_LE(after.mappings, before.mappings + 8);  // the heap may have grown by a piece
  // 100 bytes lost in each of 10,000 cycles would be 1 MB
  EXPECT_LT(after.resident_kib, before.resident_kib + 900);
}

template <class Cycle>
void repeat(int warm_up, int times, Cycle&& cycle) {
  for (int i = 0; i < warm_up; ++i) cycle(i);
  const Holdings before = holdings();
  for (int i = 0; i < times && !::testing::Test::HasFailure(); ++i) cycle(i);
  expect_no_growth(before);
}

// Scenario 4.9
TEST(Full_ten_thousand_times, opening_and_closing_leaks_nothing) {
  const std::string name = unique_name();
  auto config = ring_of(512);
  config.max_readers = 2;
  auto keeper = Reader::create(name, config);
  ASSERT_OK(keeper);
  std::uint64_t number = 0;
  repeat(500, 10'000, [&](int) {
    auto writer = Writer::open(name, Writer::Timeout::zero(), config);
    ASSERT_OK(writer);
    ASSERT_OK(writer->write(payload(16, ++number), generous));
    auto frame = keeper->read(generous);
    ASSERT_OK(frame);
    ASSERT_EQ(frame->sequence(), number);
  });
}

// Scenario 4.9
TEST(Full_two_thousand_times, making_a_buffer_and_using_it_and_closing_it_leaks_nothing) {
  repeat(200, 2000, [&](int i) {
    const std::string name = unique_name();
    auto writer = i % 2 == 0 ? Writer::create(name, ring_of(512)) : Writer::create_anonymous(ring_of(512));
    ASSERT_OK(writer);
    auto reader = i % 2 == 0 ? Reader::open(name, Reader::Timeout::zero(), ring_of(512))
                             : Reader::open_fd(writer->fd(), ring_of(512));
    ASSERT_OK(reader);
    ASSERT_OK(writer->write(payload(16, 1), generous));
    auto frame = reader->read(generous);
    ASSERT_OK(frame);
    if (i % 4 < 2) reader->close();  // before its frame is given back
    ASSERT_FALSE(Reader::open("zbtest-there-is-none", Reader::Timeout::zero()));
    ASSERT_STATUS(Writer::open(name, Writer::Timeout::zero()), i % 2 == 0 ? Status::writer_exists : Status::not_found);
  });
}

// Scenario 4.9, 4.3
TEST(Full_a_thousand_times, a_writer_killed_and_followed_by_another_leaks_nothing) {
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(4096));
  ASSERT_OK(reader);
  std::uint64_t number = 0;
  repeat(20, 1000, [&](int) {
    ++number;
    Child writer([&] {
      Writer mine = Writer::open(name, generous, ring_of(4096)).value();
      mine.write(payload(64, number), generous).value();
      auto open_claim = mine.claim(64, generous);
      raise(SIGKILL);
    });
    auto frame = reader->read(generous);
    if (frame.status() == Status::peer_dead) frame = reader->read(generous);  // the one before
    ASSERT_OK(frame);
    ASSERT_EQ(frame->sequence(), number);
    ASSERT_TRUE(holds(frame->data(), number));
    ASSERT_EQ(writer.wait(), 128 + SIGKILL);
  });
  EXPECT_STATUS(reader->read(generous), Status::peer_dead);  // the last one
}

// Scenario 4.9, 4.15
TEST(Full_five_hundred_times, a_reader_killed_and_resumed_leaks_nothing_and_loses_nothing) {
  const std::string name = unique_name();
  auto writer = Writer::create(name, ring_of(4096));
  ASSERT_OK(writer);
  std::uint64_t number = 0;
  repeat(20, 500, [&](int) {
    ++number;
    ASSERT_OK(writer->write(payload(64, number), generous));
    Child reader([&] {
      BufferConfig config = ring_of(4096);
      config.join = number == 1 ? JoinAt::automatic : JoinAt::resume;
      Reader mine = Reader::open(name, generous, config).value();
      if (mine.read(generous).value().sequence() != number) return 1;  // let go again at once
      raise(SIGKILL);
      return 2;
    });
    ASSERT_EQ(reader.wait(), 128 + SIGKILL);
  });
}

}  // namespace
