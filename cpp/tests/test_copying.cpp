// How large payloads get into the ring: both routines copy every byte, and the choice between them follows what was
// measured. Times are made up here; no test looks at a clock.
#include <algorithm>
#include <cstring>
#include <functional>
#include <vector>

#include "stream/copy_choice.hpp"
#include "support.hpp"

namespace zerobuffer {
namespace {
using namespace support;
using stream::CopyChoice;
using stream::CopyRoutine;

/// Sends frames as a writer does, to a reader that is always some frames behind.
class Sender {
 public:
  explicit Sender(bool goes_back_early = false) : choice_(goes_back_early) {}

  std::function<std::int64_t(CopyRoutine)> frame_ns;
  std::uint64_t size = 1 << 20;
  std::uint64_t behind = 3;  ///< frames; more than are sent: a reader that does not move
  bool one_by_one = false;   ///< Each frame is let go before the next one is begun.

  /// @return the share of the frames that went past the cache
  double send(unsigned frames) {
    unsigned past_cache = 0;
    for (unsigned i = 0; i < frames; ++i) {
      if (choice_.is_untried()) choice_.comes_after(one_by_one);
      if (choice_.measures()) choice_.begun(now_ns);
      const CopyRoutine routine = choice_.routine();
      if (routine == CopyRoutine::past_cache) ++past_cache;
      const std::int64_t ns = frame_ns(routine);
      now_ns += ns;
      end_ += size;
      const std::uint64_t reached = end_ > behind * size ? end_ - behind * size : 0;
      choice_.copied(size, end_, choice_.settles() ? reached : 0);
    }
    return static_cast<double>(past_cache) / frames;
  }

  std::int64_t now_ns = 1;

 private:
  CopyChoice choice_;
  std::uint64_t end_ = 0;
};

std::function<std::int64_t(CopyRoutine)> times(std::int64_t past_cache_ns, std::int64_t through_cache_ns) {
  return [=](CopyRoutine routine) { return routine == CopyRoutine::past_cache ? past_cache_ns : through_cache_ns; };
}

TEST(Copying, the_routine_that_takes_less_time_is_taken) {
  for (const std::uint64_t size : {std::uint64_t{64} << 10, std::uint64_t{1} << 20, std::uint64_t{64} << 20}) {
    Sender past_cache;
    past_cache.size = size;
    past_cache.frame_ns = times(100'000, 150'000);
    EXPECT_GT(past_cache.send(40'000), 0.9) << size;

    Sender through_cache;
    through_cache.size = size;
    through_cache.frame_ns = times(150'000, 100'000);
    EXPECT_LT(through_cache.send(40'000), 0.1) << size;
  }
}

TEST(Copying, the_choice_changes_when_the_other_routine_becomes_the_better_one) {
  Sender sender;
  sender.frame_ns = times(100'000, 130'000);
  sender.send(2'000);
  sender.frame_ns = times(130'000, 100'000);
  sender.send(2'000);
  EXPECT_LT(sender.send(2'000), 0.1);
  sender.frame_ns = times(100'000, 500'000);
  sender.send(2'000);
  EXPECT_GT(sender.send(2'000), 0.9);
}

TEST(Copying, trials_of_a_bad_routine_take_little_of_the_time) {
  Sender sender;
  sender.frame_ns = times(100'000, 700'000);
  constexpr unsigned frames = 20'000;
  sender.send(frames);
  EXPECT_LT(sender.now_ns, std::int64_t{105'000} * frames);
}

TEST(Copying, equal_routines_are_not_taken_in_turns) {
  Sender sender;
  unsigned frame = 0;
  sender.frame_ns = [&](CopyRoutine) { return ++frame % 3 == 0 ? 103'000 : 100'000; };
  EXPECT_GT(sender.send(20'000), 0.9);
}

TEST(Copying, one_interruption_decides_nothing) {
  Sender sender;
  unsigned frame = 0;
  // less often than a trial, and always while the better one is measured
  sender.frame_ns = [&](CopyRoutine routine) -> std::int64_t {
    if (routine == CopyRoutine::through_cache) return 150'000;
    return ++frame % 5 == 0 ? 4'000'000 : 100'000;
  };
  EXPECT_GT(sender.send(20'000), 0.9);
}

// A reader that has once fallen behind by a large ring has nothing in its cache, whatever is tried then.
TEST(Copying, in_a_ring_that_goes_back_early_frames_up_to_two_mebibytes_are_tried_at_once) {
  Sender small(true);
  small.size = 2 << 20;
  small.frame_ns = times(500'000, 100'000);
  EXPECT_LT(small.send(128), 0.5);
  Sender large(true);
  large.size = (2 << 20) + 64;
  large.frame_ns = times(500'000, 100'000);
  EXPECT_EQ(large.send(128), 1.0);
}

TEST(Copying, the_first_128_mebibytes_and_the_first_128_frames_pay_for_no_trial) {
  for (const std::uint64_t size : {std::uint64_t{64} << 10, std::uint64_t{1} << 20, std::uint64_t{64} << 20}) {
    const auto frames = static_cast<unsigned>(std::max(std::uint64_t{128 << 20} / size, std::uint64_t{128}));
    Sender sender;
    sender.size = size;
    sender.frame_ns = times(500'000, 100'000);
    EXPECT_EQ(sender.send(frames), 1.0) << size;
    EXPECT_LT(sender.send(20'000), 0.1) << size << ": later ones do";
  }
}

TEST(Copying, a_writer_whose_frames_are_let_go_one_by_one_tries_early) {
  Sender sender;
  sender.frame_ns = times(150'000, 100'000);
  sender.one_by_one = true;
  sender.behind = 0;
  sender.send(32);
  EXPECT_EQ(sender.send(32), 0.0);
}

TEST(Copying, a_change_that_was_none_for_the_better_is_taken_back_soon) {
  Sender sender;
  sender.frame_ns = times(1'000'000, 100'000);
  sender.send(200);
  ASSERT_EQ(sender.send(1), 0.0);
  sender.frame_ns = times(100'000, 150'000);
  sender.send(400);
  EXPECT_GT(sender.send(100), 0.9);
}

TEST(Copying, a_writer_whose_frame_is_still_needed_now_and_then_tries_late) {
  Sender sender;
  sender.frame_ns = times(150'000, 100'000);
  for (unsigned i = 0; i < 16; ++i) {
    sender.one_by_one = true;
    EXPECT_EQ(sender.send(7), 1.0);
    sender.one_by_one = false;
    EXPECT_EQ(sender.send(1), 1.0);
  }
}

TEST(Copying, nothing_is_tried_before_its_effect_can_be_seen) {
  Sender sender;
  sender.frame_ns = times(150'000, 100'000);
  sender.behind = 1'000;
  EXPECT_EQ(sender.send(1'000), 1.0);
  EXPECT_LT(sender.send(10'000), 0.5) << "but afterwards";
}

TEST(Copying, both_routines_copy_every_byte_and_none_beyond) {
  for (const CopyRoutine routine : {CopyRoutine::past_cache, CopyRoutine::through_cache}) {
    for (const std::size_t size : {stream::large_copy, stream::large_copy + 1, stream::large_copy + 63,
                                   stream::large_copy + 127, std::size_t{1'000'003}}) {
      for (const std::size_t skew : {0, 1, 33}) {  // of the source
        const auto source = payload(size + skew, size);
        std::vector<std::byte> room(size + 128, std::byte{0x5a});
        std::byte* to = room.data() + (64 - reinterpret_cast<std::uintptr_t>(room.data()) % 64) % 64;
        stream::copy_large(to, source.data() + skew, size, routine);
        EXPECT_EQ(std::memcmp(to, source.data() + skew, size), 0) << size << " " << skew;
        EXPECT_EQ(std::count(room.data(), to, std::byte{0x5a}), to - room.data());
        EXPECT_TRUE(
            std::all_of(to + size, room.data() + room.size(), [](std::byte b) { return b == std::byte{0x5a}; }));
      }
    }
  }
}

TEST(Copying, large_frames_arrive_unchanged_through_many_trials) {
  BufferConfig config = ring_of(1 << 20);
  Reader reader = Reader::create_anonymous(config).value();
  Writer writer = Writer::open_fd(reader.fd(), config).value();
  const auto data = payload(stream::large_copy + 4095, 7);
  for (std::size_t i = 0; i < 16'000; ++i) {
    const std::span<const std::byte> frame = std::span(data).first(stream::large_copy - 8 + i % 4'000);
    ASSERT_OK(i % 2 == 0 ? writer.write(frame, forever) : writer.try_write(frame));
    auto got = reader.try_read();
    ASSERT_OK(got);
    ASSERT_EQ(got->size(), frame.size());
    ASSERT_EQ(std::memcmp(got->data().data(), frame.data(), frame.size()), 0) << i;
  }
}

}  // namespace
}  // namespace zerobuffer
