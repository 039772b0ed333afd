// Two who do the same thing at the same moment: make a buffer, take a stale one over, leave as the last one.
#include <fcntl.h>
#include <unistd.h>

#include "crash_points.hpp"
#include "protocol/layout.hpp"

namespace {
using namespace zerobuffer;
using namespace zerobuffer::support;

constexpr int rounds = 1000;

// A stale buffer is a file that nobody has locked: a copy of a living one.
class StaleFile {
 public:
  StaleFile() {
    const std::string name = unique_name();
    auto writer = Writer::create(name, ring_of(512)).value();
    writer.write(payload(100, 1), generous).value();
    bytes_.resize(std::filesystem::file_size(path_of(name)));
    FILE* file = std::fopen(path_of(name).c_str(), "rb");
    EXPECT_EQ(std::fread(bytes_.data(), 1, bytes_.size(), file), bytes_.size());
    std::fclose(file);
  }
  void put(const std::string& name) const {
    FILE* file = std::fopen(path_of(name).c_str(), "wb");
    EXPECT_EQ(std::fwrite(bytes_.data(), 1, bytes_.size(), file), bytes_.size());
    std::fclose(file);
  }

 private:
  std::vector<char> bytes_;
};

struct Race {
  Meeting meeting{2};
  std::atomic<int> winners{0};
};

// In each of two processes: both create at once; exactly one has it, the other is told, and can open it.
void create_again_and_again(const std::string& name, Race& race, const StaleFile* stale, bool leads) {
  for (int round = 0; round < rounds; ++round) {
    if (leads) {
      race.winners = 0;
      if (stale != nullptr) stale->put(name);
    }
    race.meeting.wait();
    auto mine = Writer::create(name, ring_of(512));
    if (mine) {
      ++race.winners;
      EXPECT_OK(mine->write(payload(100, 9), generous));
    } else {
      EXPECT_STATUS(mine, Status::already_exists);
    }
    race.meeting.wait();
    EXPECT_EQ(race.winners, 1) << "in round " << round;
    if (::testing::Test::HasFailure()) break;
    if (!mine) {
      auto reader = Reader::open(name, Reader::Timeout::zero(), ring_of(512));
      EXPECT_OK(reader);
      if (reader) {
        EXPECT_STATUS(reader->read(generous), Status::ok);
      }
    }
    race.meeting.wait();
    mine = Status::handle_closed;  // closes it
    race.meeting.wait();
    if (leads) {
      EXPECT_FALSE(exists(name)) << "left after round " << round;
    }
    if (::testing::Test::HasFailure()) break;
  }
  if (::testing::Test::HasFailure()) _exit(98);  // the other one is waiting: its watchdog need not
}

void race_of_two_creators(bool unnamed, bool over_a_stale_one) {
  if (!unnamed) setenv("ZEROBUFFER_TEST_NO_TMPFILE", "1", 1);
  const std::string name = unique_name();
  std::optional<StaleFile> stale;
  if (over_a_stale_one) stale.emplace();
  Shared<Race> race;
  {
    Child first([&] { create_again_and_again(name, *race, stale ? &*stale : nullptr, true); }, 60);
    Child second([&] { create_again_and_again(name, *race, stale ? &*stale : nullptr, false); }, 60);
    const int code = first.wait();
    EXPECT_EQ(code, 0);
    if (code == 0) {
      EXPECT_EQ(second.wait(), 0);
    }
  }
  unsetenv("ZEROBUFFER_TEST_NO_TMPFILE");
}

// Scenario 4.8
TEST(Full_of_two_creators, exactly_one_wins_and_the_other_is_told) { race_of_two_creators(true, false); }
// Scenario 4.8
TEST(Full_of_two_creators, exactly_one_wins_where_files_are_visible_at_once) { race_of_two_creators(false, false); }
// Scenario 4.8, 4.5
TEST(Full_of_two_creators, exactly_one_takes_a_stale_buffer_over) { race_of_two_creators(true, true); }
// Scenario 4.8, 4.5
TEST(Full_of_two_creators, exactly_one_takes_a_stale_buffer_over_where_files_are_visible_at_once) {
  race_of_two_creators(false, true);
}

// In each of two processes: takes its end and both leave at once.
template <class Open>
void leave_again_and_again(const std::string& name, Race& race, Open&& open) {
  for (int round = 0; round < rounds / 2; ++round) {  // and as many with two readers
    auto end = open();
    race.meeting.wait();
    if (!end) {
      EXPECT_OK(end);
      break;
    }
    end->close();
    race.meeting.wait();
    EXPECT_FALSE(exists(name)) << "left after round " << round;
    race.meeting.wait();
    if (::testing::Test::HasFailure()) break;
  }
  if (::testing::Test::HasFailure()) _exit(98);
}

// Scenario 4.8, 4.5
TEST(Full_of_two_who_leave_at_once, the_last_one_removes_the_name) {
  for (const bool stay_readers : {false, true}) {
    const std::string name = unique_name();
    BufferConfig config = ring_of(512);
    config.max_readers = 2;
    Shared<Race> race;
    Child creator([&] { leave_again_and_again(name, *race, [&] { return Reader::create(name, config); }); }, 60);
    Child opener(
        [&] {
          if (stay_readers) {
            leave_again_and_again(name, *race, [&] { return Reader::open(name, generous, config); });
          } else {
            struct Closing {
              Result<Writer> writer;
              explicit operator bool() const { return writer.ok(); }
              Closing* operator->() { return this; }
              void close() { EXPECT_OK(writer->close()); }
              [[nodiscard]] Status status() const { return writer.status(); }
              [[nodiscard]] bool ok() const { return writer.ok(); }
              [[nodiscard]] const Failure& failure() const { return writer.failure(); }
            };
            leave_again_and_again(name, *race, [&] { return Closing{Writer::open(name, generous, config)}; });
          }
        },
        60);
    const int code = creator.wait();
    EXPECT_EQ(code, 0);
    if (code == 0) {
      EXPECT_EQ(opener.wait(), 0);
    }
  }
}

// Scenario 4.8
TEST(an_opener_with_time, never_meets_anything_but_a_whole_buffer) {
  for (const bool unnamed : {true, false}) {
    if (!unnamed) setenv("ZEROBUFFER_TEST_NO_TMPFILE", "1", 1);
    const std::string name = unique_name();
    Shared<std::atomic<bool>> over;
    {
      const auto make = [&] {
        while (!*over) {
          auto writer = Writer::create(name, ring_of(512));
          EXPECT_TRUE(writer.ok() || writer.status() == Status::already_exists) << writer.failure().message();
        }
      };
      Child first(make);
      Child second(make);
      int opened = 0;
      for (int i = 0; i < 300; ++i) {
        auto reader = Reader::open(name, generous, ring_of(512));
        ASSERT_OK(reader);
        ++opened;
      }
      EXPECT_EQ(opened, 300);
      over->store(true);
      EXPECT_EQ(first.wait(), 0);
      EXPECT_EQ(second.wait(), 0);
    }
    unsetenv("ZEROBUFFER_TEST_NO_TMPFILE");
  }
}

// Scenario 4.3, 1.7
TEST(a_writers_place, is_had_by_one_of_two_at_a_time_and_found_free_at_once) {
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(4096));
  ASSERT_OK(reader);
  Shared<std::atomic<int>> inside;
  const auto body = [&] {
    for (int i = 0; i < 300; ++i) {
      auto writer = Writer::open(name, generous, ring_of(4096));
      if (writer.status() == Status::writer_exists) continue;
      EXPECT_OK(writer);
      if (!writer) return;
      EXPECT_EQ(inside->fetch_add(1), 0);
      EXPECT_OK(writer->write(payload(8, 1), generous));  // the reader may be off the CPU for long
      inside->fetch_sub(1);
      EXPECT_OK(writer->close());
    }
  };
  Child first(body);
  Child second(body);
  std::uint64_t expected = 1;
  std::atomic<bool> over{false};
  std::thread reading([&] {
    while (!over) {
      auto frame = reader->read(10ms);
      if (frame) {
        EXPECT_EQ(frame->sequence(), expected++);
      }
    }
  });
  EXPECT_EQ(first.wait(), 0);
  EXPECT_EQ(second.wait(), 0);
  over = true;
  reading.join();
}

// What the opener below meets when it has locked the slot's byte: another reader has resumed the slot and left again,
// and the writer leaves just now. Both find the byte taken and believe that somebody stays.
std::optional<Writer> last_other;
std::string contested;
void all_others_leave(const char* point) {
  if (std::string_view(point) != "join.locked" || !last_other) return;
  const int fd = open(path_of(contested).c_str(), O_RDWR);
  const std::uint64_t free_word = protocol::PlaceWord::of(protocol::SlotState::free, 2).bits;
  EXPECT_EQ(pwrite(fd, &free_word, sizeof free_word, protocol::oieb_size + offsetof(protocol::ReaderSlot, place)), 8);
  close(fd);
  last_other.reset();
}

TEST(an_opener_that_loses_the_place_it_had_locked, removes_the_name_if_all_others_have_left_meanwhile) {
  contested = unique_name();
  last_other = Writer::create(contested, ring_of(4096)).value();
  Child reader([&] {
    auto dies = Reader::open(contested, generous, ring_of(4096)).value();
    raise(SIGKILL);
  });
  EXPECT_NE(reader.wait(), 0);
  BufferConfig resume = ring_of(4096);
  resume.join = JoinAt::resume;
  ring::test_point_hook = &all_others_leave;
  EXPECT_STATUS(Reader::open(contested, 0ns, resume), Status::nothing_to_resume);
  ring::test_point_hook = nullptr;
  EXPECT_FALSE(std::filesystem::exists(path_of(contested)));
}

}  // namespace
