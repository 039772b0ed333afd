// The ring's algorithm on a plain array: sizes, wraps, padding, counts. One thread; both ends called by turns.
#include <deque>
#include <vector>

#include "ring_on_array.hpp"

namespace zerobuffer {
namespace {
using namespace support;

constexpr ring::Barriers no_barriers{};

// Sizes around everything that the record format makes special, up to `most`.
std::vector<std::uint64_t> special_sizes(std::uint64_t most) {
  std::vector<std::uint64_t> sizes{0, 1, 31, 32, 33, 63, 64, 65};
  for (std::uint64_t power = 128; power <= most + 1; power *= 2) {
    for (const std::uint64_t size : {power - 1, power, power + 1}) sizes.push_back(size);
  }
  sizes.push_back(most);
  std::erase_if(sizes, [&](std::uint64_t size) { return size > most; });
  return sizes;
}

// Scenario 2.1: at every start offset, in the first lap and in a later one.
TEST(Ring, a_frame_of_max_frame_size_fits_a_drained_ring_at_every_start_offset) {
  for (std::uint64_t units = 1; units <= 40; ++units) {
    const std::uint64_t capacity = units * 64;
    for (std::uint64_t offset = 0; offset < capacity; offset += 64) {
      for (const std::uint64_t laps : {std::uint64_t{0}, std::uint64_t{1} << 40}) {
        RingOnArray array(capacity, laps * capacity + offset);
        ArrayReader reader(array);
        Writing writing(array.memory(), no_barriers, 0);
        const std::uint64_t size = writing.max_frame_size();
        ASSERT_EQ(size, capacity - 32);
        ASSERT_TRUE(try_write(writing, size)) << "capacity " << capacity << " offset " << offset;
        std::uint64_t expected = 1;
        ASSERT_NO_FATAL_FAILURE(reader.catch_up(expected));
        ASSERT_EQ(expected, 2U);
      }
    }
  }
}

// Scenario 2.1: the same without a pause, lap after lap, with what a user asks for.
TEST(Ring, who_asks_for_a_payload_of_n_bytes_sends_frames_of_n_bytes) {
  for (std::uint64_t payload = 1; payload <= 600; ++payload) {
    RingOnArray array(protocol::capacity_for(payload));
    ArrayReader reader(array);
    Writing writing(array.memory(), no_barriers, 0);
    ASSERT_GE(writing.max_frame_size(), payload);
    std::uint64_t expected = 1;
    for (int i = 0; i < 5; ++i) {
      ASSERT_TRUE(try_write(writing, payload));
      ASSERT_NO_FATAL_FAILURE(reader.catch_up(expected));
    }
  }
}

// Scenario 2.3: every ordered pair of special sizes follows one another, in rings of several sizes.
TEST(Ring, special_sizes_follow_one_another_in_every_order) {
  for (const std::uint64_t capacity : {64U, 128U, 192U, 320U, 1024U, 4160U, 8192U}) {
    RingOnArray array(capacity);
    ArrayReader reader(array);
    Writing writing(array.memory(), no_barriers, 0);
    std::uint64_t expected = 1;
    const auto sizes = special_sizes(writing.max_frame_size());
    for (const std::uint64_t first : sizes) {
      for (const std::uint64_t second : sizes) {
        for (const std::uint64_t size : {first, second}) {
          if (!try_write(writing, size)) {
            ASSERT_NO_FATAL_FAILURE(reader.catch_up(expected));
            ASSERT_TRUE(try_write(writing, size)) << size << " bytes in a drained ring of " << capacity;
          }
        }
      }
    }
    ASSERT_NO_FATAL_FAILURE(reader.catch_up(expected));
    EXPECT_EQ(expected, 2 * sizes.size() * sizes.size() + 1);
  }
}

// Scenario 2.3, 2.6: random operations against a queue; no byte of an unread frame is ever overwritten.
TEST(Ring, behaves_like_a_queue_under_random_operations) {
  std::mt19937_64 random(20261121);
  for (const std::uint64_t capacity : {64U, 128U, 192U, 448U, 1024U, 4160U}) {
    RingOnArray array(capacity, (random() % 1000) * 64);
    ArrayReader reader(array);
    Writing writing(array.memory(), no_barriers, 0);
    struct Sent {
      std::uint64_t sequence;
      std::uint64_t size;
    };
    std::deque<Sent> queue;
    std::deque<std::uint64_t> held;  // positions after each taken, not yet let go frame
    for (int step = 0; step < 30'000; ++step) {
      switch (random() % 4) {
        case 0:
        case 1: {
          const std::uint64_t size =
              random() % 3 == 0 ? random() % (capacity - 31) : random() % std::min<std::uint64_t>(capacity - 31, 80);
          std::byte* room = writing.try_claim(size);
          if (room == nullptr) {
            ASSERT_FALSE(queue.empty() && held.empty() && reader.peek() == Peek::empty &&
                         (reader.let_go(), writing.try_claim(size)) == nullptr)
                << "no room in a drained ring";
            break;
          }
          const std::uint64_t sequence = writing.frames() + 1;
          const std::uint64_t kept = random() % (size + 1);
          fill({room, size}, sequence);
          if (random() % 5 == 0) {
            writing.discard();
          } else {
            fill({room, kept}, sequence);
            writing.commit(kept, static_cast<std::uint16_t>(128 + sequence % 100), sequence * 3);
            writing.publish();
            queue.push_back({sequence, kept});
          }
          break;
        }
        case 2:
          if (reader.peek() == Peek::frame) {
            ASSERT_FALSE(queue.empty());
            ASSERT_EQ(reader.header().sequence, queue.front().sequence);
            ASSERT_EQ(reader.header().size, queue.front().size);
            ASSERT_EQ(reader.header().tag, queue.front().sequence * 3);
            ASSERT_TRUE(holds(reader.data(), queue.front().sequence));
            queue.pop_front();
            reader.take();
            held.push_back(reader.reading().next());
          } else {
            ASSERT_TRUE(queue.empty());
            if (held.empty()) reader.let_go();
          }
          break;
        default:
          if (!held.empty()) {
            reader.let_go(held.front());
            held.pop_front();
          }
      }
    }
  }
}

// Scenario 2.5: with every number of bytes before the end, and every length of the next record.
TEST(Ring, wraps_with_any_number_of_bytes_left_before_the_end) {
  constexpr std::uint64_t capacity = 16 * 64;
  for (std::uint64_t offset = 0; offset < capacity; offset += 64) {
    for (std::uint64_t length = 64; length <= capacity; length += 64) {
      RingOnArray array(capacity, 7 * capacity + offset);
      ArrayReader reader(array);
      Writing writing(array.memory(), no_barriers, 0);
      std::uint64_t expected = 1;
      for (int i = 0; i < 4; ++i) {
        if (!try_write(writing, length - 32)) {
          ASSERT_NO_FATAL_FAILURE(reader.catch_up(expected));
          ASSERT_TRUE(try_write(writing, length - 32)) << "offset " << offset << " length " << length;
        }
      }
      ASSERT_NO_FATAL_FAILURE(reader.catch_up(expected));
      ASSERT_EQ(expected, 5U);
    }
  }
}

// A house rule from a bug of old: the room that the wrap wastes counts.
TEST(Ring, never_overwrites_an_unread_frame_when_there_is_room_neither_at_the_end_nor_at_the_start) {
  RingOnArray array(1024);
  ArrayReader reader(array);
  Writing writing(array.memory(), no_barriers, 0);
  ASSERT_TRUE(try_write(writing, 480));  // 0..512
  ASSERT_TRUE(try_write(writing, 224));  // 512..768
  ASSERT_EQ(reader.peek(), Peek::frame);
  reader.take();
  reader.let_go();  // 0..512 is free, and 768..1024
  EXPECT_FALSE(try_write(writing, 600)) << "640 bytes are free in all, but not in one piece";
  std::uint64_t expected = 2;
  ASSERT_NO_FATAL_FAILURE(reader.catch_up(expected));
  EXPECT_EQ(expected, 3U);
  EXPECT_TRUE(try_write(writing, 600));
}

// A house rule from a bug of old: what is accepted as fitting does fit, some time.
TEST(Ring, a_frame_of_600_bytes_fits_a_ring_of_1024_after_one_of_484) {
  RingOnArray array(1024);
  ArrayReader reader(array);
  Writing writing(array.memory(), no_barriers, 0);
  std::uint64_t expected = 1;
  ASSERT_TRUE(try_write(writing, 484));
  ASSERT_NO_FATAL_FAILURE(reader.catch_up(expected));
  if (!try_write(writing, 600)) {
    ASSERT_NO_FATAL_FAILURE(reader.catch_up(expected));
    ASSERT_TRUE(try_write(writing, 600));
  }
  ASSERT_NO_FATAL_FAILURE(reader.catch_up(expected));
  EXPECT_EQ(expected, 3U);
}

TEST(Ring, a_failed_claim_changes_nothing_while_even_the_padding_is_not_free) {
  RingOnArray array(1024);
  ArrayReader reader(array);
  Writing writing(array.memory(), no_barriers, 0);
  ASSERT_TRUE(try_write(writing, 992));  // all of it
  const std::uint64_t before = array.oieb().write_pos;
  EXPECT_FALSE(try_write(writing, 0));
  EXPECT_EQ(array.oieb().write_pos, before);
  EXPECT_EQ(writing.wanted_pos(), 64U) << "one record of 64 bytes";
  EXPECT_EQ(writing.frames(), 1U);
}

TEST(Ring, padding_is_published_on_its_own_and_readers_step_over_it_with_nothing_behind) {
  RingOnArray array(1024, 512);
  Writing writing(array.memory(), no_barriers, 0);
  EXPECT_FALSE(try_write(writing, 992)) << "it would begin anew if there were a reader who had read all";
  EXPECT_EQ(array.oieb().write_pos, 1024U) << "the padding";
  EXPECT_EQ(array.header_at(512).flags, protocol::record_flag::padding);
  EXPECT_EQ(array.header_at(512).extent, 8U);
  EXPECT_EQ(array.oieb().counts[0].position == 1024 ? array.oieb().counts[0].count : array.oieb().counts[1].count, 0U)
      << "padding is no frame";
  ArrayReader reader(array);
  EXPECT_EQ(reader.peek(), Peek::empty);
  EXPECT_EQ(reader.reading().next(), 1024U);
}

TEST(Ring, one_store_publishes_padding_and_record_where_both_are_free) {
  RingOnArray array(1024, 768);
  ArrayReader reader(array);
  Writing writing(array.memory(), no_barriers, 0);
  std::byte* room = writing.try_claim(480);
  ASSERT_EQ(room, array.records() + 32);
  EXPECT_EQ(array.oieb().write_pos, 768U) << "nothing is seen before the commit";
  writing.discard();
  EXPECT_EQ(array.header_at(768).flags, 0U) << "a discarded claim leaves not even padding";
  ASSERT_NE(writing.try_claim(480), nullptr);
  writing.commit(480, 0, 0);
  EXPECT_EQ(array.oieb().write_pos, 768U);
  writing.publish();
  EXPECT_EQ(array.oieb().write_pos, 1024U + 512U);
}

// Scenario 2.6
TEST(Ring, claims_that_are_shrunk_discarded_or_dropped_leave_no_gap_in_the_sequence) {
  RingOnArray array(4096);
  ArrayReader reader(array);
  Writing writing(array.memory(), no_barriers, 0);
  std::vector<std::uint64_t> sizes;
  for (int i = 0; i < 300; ++i) {
    std::byte* room = writing.try_claim(400);
    if (room == nullptr) {
      writing.drop();
      std::size_t at =
          sizes.size() - (writing.frames() - (reader.reading().expected() == 0 ? 0 : reader.reading().expected() - 1));
      while (reader.peek() == Peek::frame) {
        ASSERT_EQ(reader.header().sequence, at + 1);
        ASSERT_EQ(reader.header().size, sizes[at++]);
        reader.take();
      }
      reader.let_go();
    } else if (i % 3 == 0) {
      writing.discard();
    } else {
      const std::uint64_t kept = static_cast<std::uint64_t>(i) % 401;
      writing.commit(kept, 0, 0);
      writing.publish();
      sizes.push_back(kept);
      EXPECT_EQ(writing.frames(), sizes.size());
    }
  }
  EXPECT_GT(writing.dropped(), 0U);
  EXPECT_EQ(array.oieb().dropped, writing.dropped()) << "readers see the count";
}

TEST(Ring, a_batch_is_seen_only_when_it_is_published_and_then_whole) {
  RingOnArray array(4096);
  ArrayReader reader(array);
  Writing writing(array.memory(), no_barriers, 0);
  for (int i = 0; i < 5; ++i) {
    ASSERT_NE(writing.try_claim(10), nullptr);
    writing.commit(10, 0, 0);
    EXPECT_EQ(reader.peek(), Peek::empty);
  }
  EXPECT_TRUE(writing.unpublished());
  writing.publish();
  EXPECT_FALSE(writing.unpublished());
  int seen = 0;
  for (; reader.peek() == Peek::frame; ++seen) reader.take();
  EXPECT_EQ(seen, 5);
}

TEST(Ring, exactly_one_count_entry_belongs_to_every_published_position) {
  RingOnArray array(1024);
  ArrayReader reader(array);
  Writing writing(array.memory(), no_barriers, 0);
  for (std::uint64_t i = 1; i <= 200; ++i) {
    if (!try_write(writing, i * 37 % 500)) {
      while (reader.peek() == Peek::frame) reader.take();
      reader.let_go();
      ASSERT_TRUE(try_write(writing, i * 37 % 500));
    }
    const auto& counts = array.oieb().counts;
    const std::uint64_t position = array.oieb().write_pos;
    ASSERT_NE(counts[0].position == position, counts[1].position == position);
    ASSERT_EQ(counts[0].position == position ? counts[0].count : counts[1].count, i);
    // a successor that looks now goes on with the next sequence, at the same place
    Writing successor(array.memory(), no_barriers, 0);
    ASSERT_EQ(successor.frames(), i);
    ASSERT_EQ(successor.write_pos(), position);
  }
}

RingOnArray* watched = nullptr;

TEST(Ring, until_the_last_store_of_a_publication_the_old_position_has_its_count) {
  RingOnArray array(1024);
  ArrayReader reader(array);
  Writing writing(array.memory(), no_barriers, 0);
  watched = &array;
  ring::test_point_hook = [](const char* name) {
    if (std::string_view(name) != "commit.before_publish") return;
    const Writing successor(watched->memory(), no_barriers, 0);  // what it would find if the writer died here
    EXPECT_EQ(successor.frames() * 64, watched->oieb().write_pos);
    EXPECT_EQ(successor.write_pos(), watched->oieb().write_pos);
  };
  for (int i = 0; i < 16; ++i) EXPECT_TRUE(try_write(writing, 32));
  ring::test_point_hook = nullptr;
}

TEST(Ring, a_writer_that_stopped_before_the_last_store_has_published_nothing) {
  RingOnArray array(1024, 256, 1, 41);
  ArrayReader reader(array);
  {
    Writing writing(array.memory(), no_barriers, 0);
    ASSERT_NE(writing.try_claim(100), nullptr);
    writing.commit(100, 0, 0);
    // what publish() stores before write_pos
    array.oieb().counts[1] = {384 + 64, 42};
    array.oieb().last_record_pos = 256;
  }
  EXPECT_EQ(reader.peek(), Peek::empty);
  Writing successor(array.memory(), no_barriers, 0);
  EXPECT_EQ(successor.frames(), 41U);
  EXPECT_TRUE(try_write(successor, 5));
  ASSERT_EQ(reader.peek(), Peek::frame);
  EXPECT_EQ(reader.header().sequence, 42U);
  EXPECT_TRUE(holds(reader.data(), 42));
}

TEST(Ring, without_any_reader_the_writer_fills_the_ring_and_reclaims_nothing) {
  RingOnArray array(1024);
  Writing writing(array.memory(), no_barriers, 0);
  int written = 0;
  while (try_write(writing, 32)) ++written;
  EXPECT_EQ(written, 16);
  EXPECT_EQ(array.oieb().reclaim_pos, 0U);
  ArrayReader reader(array);
  std::uint64_t expected = 1;
  ASSERT_NO_FATAL_FAILURE(reader.catch_up(expected));
  EXPECT_EQ(expected, 17U);
}

TEST(Ring, a_reader_that_wants_the_newest_jumps_to_the_last_record) {
  RingOnArray array(8192);
  ArrayReader reader(array);
  Writing writing(array.memory(), no_barriers, 0);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(try_write(writing, 100));
  ASSERT_TRUE(reader.reading().jump_to_newest());
  ASSERT_EQ(reader.peek(), Peek::frame);
  EXPECT_EQ(reader.header().sequence, 20U);
  EXPECT_TRUE(holds(reader.data(), 20));
  reader.take();
  EXPECT_TRUE(reader.reading().jump_to_newest());
  EXPECT_EQ(reader.peek(), Peek::empty);
}

TEST(Ring, a_drained_reader_leaves_room_for_half_the_ring_at_every_offset) {
  constexpr std::uint64_t capacity = 64 * 64;
  std::mt19937_64 random(7);
  for (std::uint64_t offset = 0; offset < capacity; offset += 64) {
    for (int round = 0; round < 8; ++round) {
      RingOnArray array(capacity, offset);
      ArrayReader reader(array);
      Writing writing(array.memory(), no_barriers, 0);
      for (std::uint64_t left = capacity / 2; left != 0;) {
        const std::uint64_t length = (1 + random() % (left / 64)) * 64;
        ASSERT_TRUE(try_write(writing, length - 32))
            << "offset " << offset << ", " << left << " bytes of the guarantee left";
        left -= length;
      }
    }
  }
}

TEST(Ring, early_restarts_keep_the_guarantee_and_the_start_of_the_ring_warm) {
  constexpr std::uint64_t capacity = 16 << 20;
  constexpr std::uint64_t burst = 2 << 20;
  RingOnArray array(capacity);
  ArrayReader reader(array);
  Writing writing(array.memory(), no_barriers, burst);
  std::mt19937_64 random(9);
  std::uint64_t furthest = 0;
  std::uint64_t expected = 1;
  for (int round = 0; round < 60; ++round) {
    // the reader has caught up and does not move: the whole guarantee must be there
    for (std::uint64_t left = burst; left >= 64;) {
      const std::uint64_t length = std::min<std::uint64_t>(left, (1 + random() % 8192) * 64);
      ASSERT_TRUE(try_write(writing, length - 32)) << left << " bytes of the guarantee were left";
      furthest = std::max(furthest, array.offset_of(writing.write_pos() - length));
      left -= length;
    }
    if (round % 2 == 0) {
      ASSERT_NO_FATAL_FAILURE(reader.catch_up(expected));
    } else {
      // what may be given up for the guarantee is only what lies before the frame that is held
      ASSERT_NO_FATAL_FAILURE(reader.catch_up_and_hold(expected));
      ASSERT_TRUE(try_write(writing, 32));
      ASSERT_NO_FATAL_FAILURE(reader.catch_up(expected));
    }
  }
  EXPECT_GT(writing.early_restarts(), 10U);
  EXPECT_LT(furthest, capacity / 2) << "the rest of the ring was never needed";
  EXPECT_EQ(array.oieb().wraps, writing.wraps());
}

TEST(Ring, a_small_guarantee_keeps_a_large_ring_in_a_cores_own_cache_while_the_reader_keeps_up) {
  constexpr std::uint64_t capacity = 16 << 20;
  constexpr std::uint64_t frame = 64 << 10;
  RingOnArray array(capacity);
  ArrayReader reader(array);
  Writing writing(array.memory(), no_barriers, 3 * protocol::record_length(frame));
  std::uint64_t furthest = 0;
  std::uint64_t expected = 1;
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(try_write(writing, frame));
    furthest = std::max(furthest, array.offset_of(writing.write_pos() - 1));
    ASSERT_NO_FATAL_FAILURE(reader.catch_up_and_hold(expected));
  }
  EXPECT_LT(furthest, std::uint64_t{512} << 10);
  EXPECT_GT(writing.early_restarts(), 20U);
}

// SPEC.md 7.3: where somebody still holds something when the frame is claimed first, the padding goes ahead.
TEST(Ring, a_frame_of_max_frame_size_fits_once_the_readers_have_stepped_over_the_padding) {
  for (std::uint64_t units = 3; units <= 40; ++units) {
    RingOnArray array(units * 64);
    ArrayReader reader(array);
    Writing writing(array.memory(), no_barriers, 0);
    ASSERT_TRUE(try_write(writing, 32));
    std::uint64_t expected = 1;
    ASSERT_NO_FATAL_FAILURE(reader.catch_up_and_hold(expected));
    ASSERT_FALSE(try_write(writing, writing.max_frame_size()));
    ASSERT_EQ(reader.peek(), Peek::empty) << "only padding was published";
    reader.let_go();
    ASSERT_TRUE(try_write(writing, writing.max_frame_size())) << units << " units";
    ASSERT_NO_FATAL_FAILURE(reader.catch_up(expected));
    EXPECT_EQ(array.oieb().origin_pos, 0U) << "nobody needed that";
  }
}

TEST(Ring, never_begins_anew_where_a_reader_holds_or_has_not_read_something) {
  for (const bool holds : {false, true}) {
    RingOnArray array(1 << 20, 0, 2);
    ArrayReader reader(array);
    ArrayReader other(array, 1);
    Writing writing(array.memory(), no_barriers, 0);
    std::uint64_t expected = 1;
    std::uint64_t held = 1;
    for (int i = 0; i < 1000; ++i) {
      ASSERT_TRUE(try_write(writing, 64));
      if (holds) {
        ASSERT_NO_FATAL_FAILURE(other.catch_up_and_hold(held));
      }
      ASSERT_NO_FATAL_FAILURE(reader.catch_up(expected));
    }
    EXPECT_FALSE(writing.begin_anew());
    EXPECT_EQ(array.oieb().origin_pos, 0U);
    EXPECT_EQ(writing.early_restarts(), 0U);
    // and does as soon as it is let go
    ASSERT_NO_FATAL_FAILURE(other.catch_up(held));
    other.let_go();
    EXPECT_TRUE(writing.begin_anew());
    EXPECT_EQ(array.oieb().origin_pos, writing.write_pos());
  }
}

TEST(Ring, never_begins_anew_without_a_reader_or_before_it_has_published) {
  RingOnArray array(1 << 20);
  Writing writing(array.memory(), no_barriers, 0);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(try_write(writing, 64));
  EXPECT_FALSE(writing.begin_anew()) << "the frames wait for the first reader";
  ArrayReader reader(array);
  std::uint64_t expected = 1;
  ASSERT_NO_FATAL_FAILURE(reader.catch_up(expected));
  ASSERT_NE(writing.try_claim(64), nullptr);
  writing.commit(64, 0, 0);
  EXPECT_FALSE(writing.begin_anew());
  writing.publish();
  EXPECT_FALSE(writing.begin_anew());
}

TEST(Ring, all_of_it_is_free_after_it_began_anew) {
  for (std::uint64_t before = 1; before <= 64; ++before) {
    RingOnArray array(4096);
    ArrayReader reader(array);
    Writing writing(array.memory(), no_barriers, 0);
    std::uint64_t expected = 1;
    for (std::uint64_t i = 0; i < before; ++i) {
      ASSERT_TRUE(try_write(writing, 32));
      ASSERT_NO_FATAL_FAILURE(reader.catch_up(expected));
    }
    ASSERT_TRUE(writing.begin_anew());
    ASSERT_TRUE(try_write(writing, writing.max_frame_size())) << "after " << before;
    ASSERT_FALSE(try_write(writing, 0));
    ASSERT_NO_FATAL_FAILURE(reader.catch_up(expected));
    for (int i = 0; i < 300; ++i) {  // and laps as any other ring
      ASSERT_TRUE(try_write(writing, 200 + static_cast<std::uint64_t>(i)));
      ASSERT_NO_FATAL_FAILURE(reader.catch_up(expected));
    }
  }
}

TEST(Ring, a_successor_goes_on_where_a_ring_began_anew) {
  for (const bool published : {false, true}) {
    RingOnArray array(4096);
    ArrayReader reader(array);
    std::uint64_t expected = 1;
    {
      Writing dead(array.memory(), no_barriers, 0);
      for (int i = 0; i < 5; ++i) ASSERT_TRUE(try_write(dead, 500));
      ASSERT_NO_FATAL_FAILURE(reader.catch_up(expected));
      ASSERT_TRUE(dead.begin_anew());
      if (published) {
        ASSERT_TRUE(try_write(dead, 500));
      }
    }
    ASSERT_TRUE(ring::positions_possible<Machine>(array.memory()));
    Writing successor(array.memory(), no_barriers, 0);
    for (int i = 0; i < 30; ++i) {
      ASSERT_TRUE(try_write(successor, 700));
      ASSERT_NO_FATAL_FAILURE(reader.catch_up(expected));
    }
  }
}

TEST(Ring, who_joins_a_ring_that_began_anew_reads_from_its_origin) {
  RingOnArray array(4096, 0, 3);
  ArrayReader reader(array);
  Writing writing(array.memory(), no_barriers, 0);
  std::uint64_t expected = 1;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(try_write(writing, 500));
  ASSERT_NO_FATAL_FAILURE(reader.catch_up(expected));
  ASSERT_TRUE(writing.begin_anew());
  ArrayReader before(array, 1, false);  // between the change and the first publication
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(try_write(writing, 500));
  ArrayReader after(array, 2, true);
  for (ArrayReader* late : {&before, &after}) {
    std::uint64_t sequence = 6;
    ASSERT_NO_FATAL_FAILURE(late->catch_up(sequence));
    EXPECT_EQ(sequence, 9U);
  }
}

TEST(Ring, makes_no_early_restart_where_half_of_all_positions_are_used_up) {
  constexpr std::uint64_t capacity = 16 << 20;
  constexpr std::uint64_t frame = 64 << 10;
  constexpr std::uint64_t half = ring::max_position / 2;
  for (const bool beyond : {false, true}) {
    RingOnArray array(capacity, beyond ? half + 64 : half - (std::uint64_t{1} << 40));
    ArrayReader reader(array);
    Writing writing(array.memory(), no_barriers, 3 * protocol::record_length(frame));
    std::uint64_t expected = 1;
    for (int i = 0; i < 400; ++i) {
      ASSERT_TRUE(try_write(writing, frame));
      ASSERT_NO_FATAL_FAILURE(reader.catch_up_and_hold(expected));
    }
    EXPECT_EQ(writing.early_restarts() == 0, beyond);
  }
}

TEST(Ring, for_frames_promises_that_many_frames_in_flight) {
  const BufferConfig config = BufferConfig::for_frames(1000, 3);
  const std::uint64_t capacity = protocol::capacity_for(config.payload_size);
  std::mt19937_64 random(11);
  RingOnArray array(capacity);
  ArrayReader reader(array);
  Writing writing(array.memory(), no_barriers, config.burst_size);
  std::uint64_t expected = 1;
  for (int round = 0; round < 2000; ++round) {
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(try_write(writing, random() % 1001)) << "round " << round << " frame " << i;
    ASSERT_NO_FATAL_FAILURE(reader.catch_up(expected));
  }
}

TEST(Ring, the_slowest_of_several_readers_holds_the_writer_back) {
  RingOnArray array(1024, 0, 3);
  ArrayReader fast(array, 0);
  ArrayReader slow(array, 2);
  Writing writing(array.memory(), no_barriers, 0);
  int written = 0;
  for (; try_write(writing, 32); ++written) {
    while (fast.peek() == Peek::frame) fast.take();
    fast.let_go();
  }
  EXPECT_EQ(written, 16);
  ASSERT_EQ(slow.peek(), Peek::frame);
  slow.take();
  slow.let_go();
  EXPECT_TRUE(try_write(writing, 32));
  EXPECT_FALSE(try_write(writing, 32));
}

TEST(RingSlots, joining_now_begins_behind_and_joining_oldest_at_what_is_still_there) {
  RingOnArray array(1024, 0, 3);
  ArrayReader first(array, 0);
  Writing writing(array.memory(), no_barriers, 0);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(try_write(writing, 32));
  ArrayReader now(array, 1, false);
  ArrayReader oldest(array, 2, true);
  EXPECT_EQ(now.peek(), Peek::empty);
  ASSERT_EQ(oldest.peek(), Peek::frame);
  EXPECT_EQ(oldest.header().sequence, 1U) << "nothing was reclaimed so far";
}

TEST(RingSlots, a_dead_readers_slot_is_resumed_at_its_position_and_its_epoch_grows) {
  RingOnArray array(1024);
  ArrayReader reader(array);
  Writing writing(array.memory(), no_barriers, 0);
  ASSERT_TRUE(try_write(writing, 32));
  ASSERT_TRUE(try_write(writing, 32));
  ASSERT_EQ(reader.peek(), Peek::frame);
  reader.take();
  reader.let_go();
  const std::uint64_t epoch = reader.word().epoch();
  const auto resumed = Slots::resume(array.slots()[0]);
  ASSERT_TRUE(resumed.ok);
  EXPECT_EQ(resumed.position, 64U);
  EXPECT_EQ(resumed.word.epoch(), epoch + 1);
  EXPECT_FALSE(Slots::begin_leave(array.slots()[0], reader.word())) << "the former owner has nothing to leave any more";
}

TEST(RingSlots, a_slot_that_changed_hands_is_not_freed_as_dead) {
  RingOnArray array(1024);
  ArrayReader reader(array);
  const protocol::PlaceWord seen = Slots::place(array.slots()[0]);
  ASSERT_TRUE(Slots::resume(array.slots()[0]).ok);
  EXPECT_FALSE(Slots::free_dead(array.slots()[0], seen));
  EXPECT_EQ(Slots::place(array.slots()[0]).slot_state(), protocol::SlotState::active);
}

}  // namespace
}  // namespace zerobuffer
