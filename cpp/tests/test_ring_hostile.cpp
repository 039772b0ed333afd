// Scenario 5.1, 5.2 at the level of the ring: any bytes in front of a RingReader or a RingWriter give `corrupt` or a
// frame inside the ring, never an access outside or an endless loop. The guard zones and the sanitizers watch.
#include <atomic>
#include <thread>
#include <vector>

#include "ring_on_array.hpp"

namespace zerobuffer {
namespace {
using namespace support;

constexpr std::uint64_t top = ~std::uint64_t{0};

// 0, 1, maxima, off by one, and what makes sums overflow.
std::vector<std::uint64_t> hostile_values(std::uint64_t good, std::uint64_t capacity) {
  return {0,
          1,
          31,
          32,
          63,
          64,
          65,
          good - 1,
          good + 1,
          good ^ 64,
          capacity,
          capacity - 32,
          capacity - 1,
          capacity + 1,
          capacity + 64,
          top,
          top - 31,
          top - 63,
          top / 2,
          top / 2 + 1,
          0xffffffff,
          0x100000000,
          0x7fffffff,
          0x80000000};
}

// Takes whatever the reader hands out; the payload must lie inside.
int drain(RingOnArray& array, Reading& reading) {
  int frames = 0;
  for (; frames < 10'000 && reading.peek() == Peek::frame; ++frames) {
    const std::uint64_t size = reading.header().size;
    EXPECT_GE(reading.payload(), array.records() + 32);
    EXPECT_LE(size, array.capacity() - 32);
    EXPECT_LE(reading.payload() + size, array.records() + array.capacity());
    reading.take();
  }
  return frames;
}

// Scenario 5.1
TEST(RingHostile, a_garbled_record_header_is_corrupt_or_stays_inside_the_ring) {
  constexpr std::uint64_t capacity = 1024;
  for (const int field : {0, 1, 2, 3, 4, 5}) {
    for (const std::uint64_t value : hostile_values(2, capacity)) {
      RingOnArray array(capacity);
      ArrayReader reader(array);
      Writing writing(array.memory(), {}, 0);
      for (int i = 0; i < 3; ++i) ASSERT_TRUE(try_write(writing, 100));
      protocol::RecordHeader& header = array.header_at(192);  // of the second one
      switch (field) {
        case 0:
          header.size = value;
          break;
        case 1:
          header.sequence = value;
          break;
        case 2:
          header.tag = value;
          break;
        case 3:
          header.extent = static_cast<std::uint32_t>(value);
          break;
        case 4:
          header.type = static_cast<std::uint16_t>(value);
          break;
        default:
          header.flags = static_cast<std::uint16_t>(value);
          break;
      }
      const int frames = drain(array, reader.reading());
      EXPECT_GE(frames, 1) << "the first one is whole";
      const bool legal = field == 2 || field == 4 || (field == 0 && value <= 160) || (field == 1 && value == 2) ||
                         (field == 3 && static_cast<std::uint32_t>(value) == 3) ||
                         (field == 5 && static_cast<std::uint16_t>(value) == 0);
      if (legal) {
        EXPECT_EQ(frames, 3) << "field " << field << " value " << value;
      } else {
        EXPECT_EQ(reader.peek(), Peek::corrupt) << "field " << field << " value " << value;
      }
    }
  }
}

// Scenario 5.1
TEST(RingHostile, a_garbled_write_position_is_corrupt_for_a_reader) {
  constexpr std::uint64_t capacity = 1024;
  for (const std::uint64_t start : {std::uint64_t{0}, 64 * capacity + 192}) {
    for (const std::uint64_t value : hostile_values(start, capacity)) {
      RingOnArray array(capacity, start);
      ArrayReader reader(array);
      for (std::uint64_t at = 0; at < capacity; at += 8) {  // nothing there makes sense either
        std::memcpy(array.records() + at, &value, 8);
      }
      array.oieb().write_pos = value;
      drain(array, reader.reading());
      EXPECT_NE(reader.peek(), Peek::frame);
    }
  }
}

// Scenario 5.1
TEST(RingHostile, a_reader_that_starts_at_any_position_stays_inside) {
  constexpr std::uint64_t capacity = 1024;
  for (const std::uint64_t start : hostile_values(0, capacity)) {
    for (const std::uint64_t position : hostile_values(start, capacity)) {
      RingOnArray array(capacity);
      for (std::uint64_t at = 0; at < capacity; at += 8) std::memcpy(array.records() + at, &position, 8);
      array.oieb().write_pos = position;
      array.oieb().last_record_pos = position - 64;
      Reading reading(array.memory(), start);
      drain(array, reading);
      static_cast<void>(reading.jump_to_newest());
      drain(array, reading);
    }
  }
}

// Scenario 5.1
TEST(RingHostile, a_lap_that_is_all_padding_is_corrupt_and_no_endless_loop) {
  RingOnArray array(1024);
  Reading reading(array.memory(), 0);
  array.header_at(0) = {
      .size = 0, .sequence = 0, .tag = 0, .extent = 16, .type = 0, .flags = protocol::record_flag::padding};
  array.oieb().write_pos = 1024;
  std::atomic<bool> done{false};
  std::thread hostile([&] {  // always one lap ahead
    while (!done.load())
      Machine::store_release(array.oieb().write_pos, Machine::load_relaxed(array.oieb().write_pos) + 1024);
  });
  EXPECT_NE(reading.peek(), Peek::frame);
  done = true;
  hostile.join();
}

// Scenario 5.1
TEST(RingHostile, a_garbled_hint_of_the_newest_record_moves_no_reader_outside) {
  constexpr std::uint64_t capacity = 1024;
  for (const std::uint64_t value : hostile_values(320, capacity)) {
    RingOnArray array(capacity);
    ArrayReader reader(array);
    Writing writing(array.memory(), {}, 0);
    for (int i = 0; i < 6; ++i) ASSERT_TRUE(try_write(writing, 20));
    array.oieb().last_record_pos = value;
    if (reader.reading().jump_to_newest()) drain(array, reader.reading());
  }
}

// Scenario 5.1: whatever a reader's slot says, the writer stays inside the ring and every call of it ends.
TEST(RingHostile, a_garbled_reader_slot_never_moves_the_writer_outside) {
  constexpr std::uint64_t capacity = 1024;
  for (const std::uint64_t position : hostile_values(128, capacity)) {
    for (const std::uint64_t place :
         {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{3}, std::uint64_t{4}, std::uint64_t{0xff},
          std::uint64_t{0x102}, std::uint64_t{0xff02}, top}) {
      RingOnArray array(capacity, 0, 2);
      ArrayReader honest(array, 1);
      Writing writing(array.memory(), {}, 0);
      array.slots()[0].place = place;
      array.slots()[0].read_pos = position;
      std::uint64_t expected = 1;
      for (int i = 0; i < 50; ++i) {
        if (!try_write(writing, static_cast<std::uint64_t>(i) * 13 % 400)) {
          ASSERT_NO_FATAL_FAILURE(honest.catch_up(expected));
        }
        static_cast<void>(writing.renew());
        static_cast<void>(writing.retire_published());
      }
    }
  }
}

// Scenario 5.1: only the origin that is known, or the reader's own position, can be; then it looks at offset 0, where
// the first frame of all still lies here. What is `corrupt` once stays so, whatever is written behind it.
TEST(RingHostile, a_garbled_origin_is_corrupt_for_a_reader_or_leads_to_offset_0) {
  constexpr std::uint64_t capacity = 1024;
  for (const std::uint64_t start : {std::uint64_t{0}, 64 * capacity + 192}) {
    for (const int read_before : {0, 1, 3}) {
      for (const std::uint64_t value : hostile_values(start, capacity)) {
        for (const std::uint64_t origin : {value, start + value}) {
          RingOnArray array(capacity, start);
          ArrayReader reader(array);
          Writing writing(array.memory(), {}, 0);
          for (int i = 0; i < read_before; ++i) ASSERT_TRUE(try_write(writing, 60));
          ASSERT_EQ(drain(array, reader.reading()), read_before);
          for (int i = 0; i < 3; ++i) ASSERT_TRUE(try_write(writing, 60));
          array.oieb().origin_pos = origin;
          const std::uint64_t next = reader.reading().next();
          const int frames = drain(array, reader.reading());
          if (origin == 0) {
            EXPECT_EQ(frames, 3) << "this is where it began";
          } else if (origin != next) {
            EXPECT_EQ(frames, 0) << "origin " << origin << " next " << next;
            for (int i = 0; i < 3; ++i) {
              EXPECT_EQ(reader.peek(), Peek::corrupt) << "origin " << origin << " next " << next;
              EXPECT_EQ(reader.reading().next(), next);
              static_cast<void>(try_write(writing, 20));
            }
          } else {
            EXPECT_NE(reader.peek(), Peek::frame) << "nothing there is the next frame";
          }
          static_cast<void>(reader.reading().jump_to_newest());
          drain(array, reader.reading());
        }
      }
    }
  }
}

// Scenario 5.1: what a reader has refused is over for it, also where everything is put back as it was.
TEST(RingHostile, a_reader_that_found_something_corrupt_never_goes_on) {
  using Word = std::uint64_t& (*)(RingOnArray&);
  const auto expect_refused = [](Word word, int read_before, bool jump) {
    RingOnArray array(1024);
    ArrayReader reader(array);
    Writing writing(array.memory(), {}, 0);
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(try_write(writing, 20));
    for (int i = 0; i < read_before; ++i) {
      ASSERT_EQ(reader.peek(), Peek::frame);
      reader.reading().take();
    }
    ASSERT_TRUE(try_write(writing, 20));
    const std::uint64_t before = std::exchange(word(array), 77);
    if (jump) {
      EXPECT_FALSE(reader.reading().jump_to_newest());
    } else {
      drain(array, reader.reading());
      EXPECT_EQ(reader.peek(), Peek::corrupt);
    }
    word(array) = before;
    const std::uint64_t next = reader.reading().next();
    EXPECT_EQ(reader.peek(), Peek::corrupt);
    EXPECT_TRUE(try_write(writing, 20));
    EXPECT_EQ(reader.peek(), Peek::corrupt);
    EXPECT_FALSE(reader.reading().jump_to_newest());
    EXPECT_EQ(reader.reading().next(), next);
  };
  expect_refused([](RingOnArray& array) -> std::uint64_t& { return array.header_at(64).sequence; }, 1, false);
  expect_refused([](RingOnArray& array) -> std::uint64_t& { return array.header_at(128).size; }, 1, false);
  expect_refused([](RingOnArray& array) -> std::uint64_t& { return array.oieb().write_pos; }, 3, false);
  expect_refused([](RingOnArray& array) -> std::uint64_t& { return array.oieb().origin_pos; }, 3, false);
  expect_refused([](RingOnArray& array) -> std::uint64_t& { return array.oieb().last_record_pos; }, 1, true);
}

// Scenario 5.1: while it is in the middle of what was published, no origin is looked at.
TEST(RingHostile, an_origin_that_moves_while_a_reader_is_in_the_middle_changes_nothing_until_it_has_read_all) {
  constexpr std::uint64_t capacity = 1024;
  for (const std::uint64_t value : hostile_values(192, capacity)) {
    RingOnArray array(capacity);
    ArrayReader reader(array);
    Writing writing(array.memory(), {}, 0);
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(try_write(writing, 20));
    ASSERT_EQ(reader.peek(), Peek::frame);
    array.oieb().origin_pos = value;
    for (std::uint64_t sequence = 1; sequence <= 3; ++sequence) {
      ASSERT_EQ(reader.peek(), Peek::frame);
      ASSERT_TRUE(holds(reader.data(), sequence));
      reader.take();
    }
    EXPECT_EQ(reader.peek(), Peek::empty);
    ASSERT_TRUE(try_write(writing, 20));
    const Peek after = reader.peek();
    if (value == 0) {
      EXPECT_EQ(after, Peek::frame);
    } else {
      EXPECT_EQ(after, Peek::corrupt) << value;  // at 192, its own position, it finds the first frame again
    }
  }
}

// Scenario 5.1: who joins, reads; who succeeds the writer, writes. Both stay inside.
TEST(RingHostile, whoever_begins_with_a_garbled_origin_stays_inside) {
  constexpr std::uint64_t capacity = 1024;
  for (const std::uint64_t start : {std::uint64_t{0}, 64 * capacity + 192}) {
    for (const std::uint64_t value : hostile_values(start, capacity)) {
      for (const std::uint64_t origin : {value, start + value}) {
        RingOnArray array(capacity, start, 2);
        array.oieb().origin_pos = origin;
        ArrayReader reader(array);
        if (origin > start || origin % 64 != 0) {
          EXPECT_EQ(reader.peek(), Peek::corrupt) << "origin " << origin << " position " << start;
        }
        Writing writing(array.memory(), {}, 0);
        for (int i = 0; i < 60; ++i) {
          static_cast<void>(try_write(writing, static_cast<std::uint64_t>(i) * 13 % 400));
          drain(array, reader.reading());
          static_cast<void>(reader.reading().jump_to_newest());
          drain(array, reader.reading());
          reader.let_go();
          if (i % 3 == 0) static_cast<void>(writing.begin_anew());
          if (i % 7 == 0) array.oieb().origin_pos = origin + static_cast<std::uint64_t>(i);
          if (i % 10 == 0) Writing(array.memory(), {}, 0).discard();
        }
        if (ring::positions_possible<Machine>(array.memory())) {
          EXPECT_LE(array.oieb().origin_pos, array.oieb().reclaim_pos);
        }
      }
    }
  }
}

// Waits until the other thread has changed everything once more than `seen`: however the two are scheduled, what is
// read next is no longer what it was.
void await_change(const std::atomic<std::uint64_t>& changes, std::uint64_t& seen) {
  while (changes.load() <= seen) std::this_thread::yield();
  seen = changes.load();
}

// Scenario 5.2: another one moves the origin while an honest writer and an honest reader are at work. Bounded by
// counts.
TEST(RingHostile, an_origin_that_moves_all_the_time_moves_no_end_outside) {
  constexpr std::uint64_t capacity = 1024;
  RingOnArray array(capacity, 0, 2);
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> changes{0};
  std::thread hostile([&] {
    std::mt19937_64 random(5);
    while (!done.load(std::memory_order_relaxed)) {
      const std::uint64_t end = Machine::load_relaxed(array.oieb().write_pos);
      const std::uint64_t values[] = {0, end, end - 64, end - 128, end + 64, random(), random() % 4096 * 64, 1};
      for (int i = 0; i < 8; ++i) Machine::store_relaxed(array.oieb().origin_pos, values[random() % std::size(values)]);
      ++changes;
    }
  });
  std::uint64_t seen = 0;
  Writing writing(array.memory(), {}, 0);
  protocol::ReaderSlot& slot = array.slots()[0];
  int frames = 0;
  int refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    if (round % 100 == 0) await_change(changes, seen);
    Slots::Joined joined = Slots::join_oldest(array.oieb(), slot);
    ASSERT_TRUE(joined.ok);
    Reading reading(array.memory(), joined.position);
    for (int i = 0; i < 4; ++i) {
      static_cast<void>(writing.begin_anew());
      static_cast<void>(try_write(writing, static_cast<std::uint64_t>(round + i) * 13 % 400));
      if (i == 2) static_cast<void>(reading.jump_to_newest());
      frames += drain(array, reading);
      refused += reading.peek() == Peek::corrupt ? 1 : 0;
      Machine::store_release(slot.read_pos, reading.next());
    }
    ASSERT_TRUE(Slots::begin_leave(slot, joined.word) && Slots::end_leave(slot, joined.word));
    writing.reclaim_unread();
  }
  done = true;
  hostile.join();
  EXPECT_GT(frames, 0) << "nothing was ever accepted: the test tests nothing";
  EXPECT_GT(refused, 0) << "nothing was ever refused: the test tests nothing";
}

// Scenario 5.2: bytes that change while they are read. Bounded by counts, not by time.
TEST(RingHostile, bytes_that_change_while_they_are_read_are_corrupt_or_inside) {
  constexpr std::uint64_t capacity = 2048;
  RingOnArray array(capacity);
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> changes{0};
  std::thread hostile([&] {
    std::mt19937_64 random(3);
    auto* words = reinterpret_cast<std::uint64_t*>(array.records());
    const std::uint64_t sizes[] = {0, 1, 32, 64, 96, 160, 161, capacity, top, top - 31};
    const std::uint64_t lasts[] = {
        1, 2, 3, 4, 0, 32, 0xffffffff, 0x0001000000000002, 0x0001000000000008, 0x0002000000000001};
    while (!done.load(std::memory_order_relaxed)) {
      for (int i = 0; i < 20; ++i) {
        const std::uint64_t record = random() % (capacity / 64) * 8;
        Machine::store_relaxed(words[record], sizes[random() % std::size(sizes)]);
        Machine::store_relaxed(words[record + 1], 1 + random() % 3);
        Machine::store_relaxed(words[record + 3], lasts[random() % std::size(lasts)]);
      }
      Machine::store_release(array.oieb().write_pos, (random() % 64) * 64);
      Machine::store_release(array.oieb().last_record_pos, (random() % 64) * 64);
      // a reader believes the one that it begins with, if that is no odd number and not ahead of it
      const std::uint64_t origin = random() % 64 * (random() % 8 == 0 ? 63 : 64);
      Machine::store_relaxed(array.oieb().origin_pos, random() % 4 == 0 ? origin : 0);
      ++changes;
    }
  });
  std::uint64_t seen = 0;
  std::mt19937_64 random(4);
  int frames = 0;
  for (int round = 0; round < 500'000; ++round) {
    if (round % 1'000 == 0) await_change(changes, seen);
    Reading reading(array.memory(), (random() % 64) * 64);
    if (round % 3 == 0) static_cast<void>(reading.jump_to_newest());
    for (int i = 0; i < 5 && reading.peek() == Peek::frame; ++i, ++frames) {
      const std::uint64_t size = reading.header().size;
      ASSERT_LE(size, capacity - 32);
      ASSERT_LE(reading.payload() + size, array.records() + capacity);
      reading.take();
    }
  }
  done = true;
  hostile.join();
  EXPECT_GT(frames, 0) << "nothing was ever accepted: the test tests nothing";
}

}  // namespace
}  // namespace zerobuffer
