// Both ends of the real ring, its waiting and its table of held frames on one mapping, in threads of one process: here
// ThreadSanitizer sees every access of both ends, the payload's included. (A Reader and a Writer of one process map the
// segment twice, at two addresses.)
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "os/kernel.hpp"
#include "ring_on_array.hpp"

namespace zerobuffer {
namespace {
using namespace support;
using DataSignal = ring::DataSignal<Machine>;
using SpaceSignal = ring::SpaceSignal<Machine>;
using Held = ring::HeldFrames<Machine>;

constexpr std::int64_t longest_sleep = 100'000'000;

#if defined(__SANITIZE_THREAD__)
constexpr std::uint64_t many = 20'000;
#else
constexpr std::uint64_t many = 100'000;
#endif

// The writing end: waits for room as stream/ does.
class WritingEnd {
 public:
  WritingEnd(RingOnArray& array, ring::Barriers barriers)
      : array_(array), barriers_(barriers), ring_(array.memory(), barriers, 0) {}

  void write(std::uint64_t size) {
    std::byte* room;
    while ((room = ring_.try_claim(size)) == nullptr) wait();
    fill({room, size}, ring_.frames() + 1);
    ring_.commit(size, 0, 0);
    ring_.publish();
  }
  /// `count` frames; all that fit without a wait become visible together.
  void write_some(std::uint64_t size, std::uint64_t count) {
    for (; count != 0; --count) {
      std::byte* room;
      while ((room = ring_.try_claim(size)) == nullptr) {
        ring_.publish();
        wait();
      }
      fill({room, size}, ring_.frames() + 1);
      ring_.commit(size, 0, 0);
    }
    ring_.publish();
  }
  /// The same, and first tries to begin the ring anew, when every reader has let go what it had or `patience` looks
  /// have shown that one has not.
  void write_anew(std::uint64_t size, int patience) {
    for (; patience != 0 && ring_.scan().slowest != ring_.write_pos(); --patience) std::this_thread::yield();
    if (ring_.begin_anew()) ++anew_;
    write(size);
  }
  [[nodiscard]] std::uint64_t anew() const noexcept { return anew_; }
  [[nodiscard]] std::uint64_t sleeps() const noexcept { return sleeps_; }

 private:
  void wait() {
    const std::uint32_t value = SpaceSignal::arm(array_.oieb(), ring_.wanted_pos(), barriers_);
    if (ring_.scan().slowest >= ring_.wanted_pos()) {
      SpaceSignal::disarm(array_.oieb());
      return;
    }
    ++sleeps_;
    os::futex_wait(array_.oieb().space_futex, value, longest_sleep);
  }
  RingOnArray& array_;
  ring::Barriers barriers_;
  Writing ring_;
  std::uint64_t sleeps_ = 0;
  std::uint64_t anew_ = 0;
};

// The reading end in one slot: frames are held in the real table and let go by whatever thread.
class ReadingEnd {
 public:
  struct Taken {
    std::span<const std::byte> data;
    std::uint64_t sequence = 0;
    std::uint32_t id = 0;
  };

  ReadingEnd(RingOnArray& array, std::uint32_t slot, ring::Barriers barriers, std::uint32_t max_held)
      : array_(array),
        bit_(std::uint64_t{1} << slot),
        barriers_(barriers),
        reader_(array, slot),
        held_(max_held, os::thread_barrier_available(), reader_.reading().next()) {}

  Taken next() {
    for (;;) {
      if (reader_.peek() == Peek::frame) {
        Taken taken;
        if (held_.room() != 0) {
          taken.id = held_.hold(reader_.reading().next());
          taken.data = reader_.data();
          taken.sequence = reader_.header().sequence;
          reader_.take();
          held_.passed(reader_.reading().next());
          return taken;
        }
        std::this_thread::yield();  // too many are held: others let them go
        continue;
      }
      held_.passed(reader_.reading().next());
      held_.settle([&](std::uint64_t oldest, bool) { publish(oldest); });
      const std::uint32_t value = DataSignal::arm(array_.oieb(), bit_, barriers_);
      if (reader_.reading().more()) {
        DataSignal::disarm(array_.oieb(), bit_);
      } else {
        os::futex_wait(array_.oieb().data_futex, value, longest_sleep);
      }
    }
  }
  /// Copies frames of `size` bytes that are there, at most `most`, and lets them go together without holding one: what
  /// ReaderCore::copy_messages does.
  std::uint64_t copy(std::byte* into, std::size_t size, std::uint64_t most) {
    std::uint64_t count = 0;
    for (; count < most && reader_.peek() == Peek::frame && reader_.header().size == size; ++count) {
      std::memcpy(into + count * size, reader_.data().data(), size);
      reader_.take();
    }
    held_.passed(reader_.reading().next());
    held_.settle([&](std::uint64_t oldest, bool) { publish(oldest); });
    return count;
  }
  void release(std::uint32_t id) {
    held_.release(id, [&](std::uint64_t oldest, bool) { publish(oldest); });
  }

 private:
  void publish(std::uint64_t position) {
    if (position == published_) return;
    published_ = position;
    reader_.let_go(position);
    SpaceSignal::notify(array_.oieb(), position, barriers_);
  }
  RingOnArray& array_;
  std::uint64_t bit_;
  ring::Barriers barriers_;
  ArrayReader reader_;
  Held held_;
  std::uint64_t published_ = top;
  static constexpr std::uint64_t top = ~std::uint64_t{0};
};

ring::Barriers asymmetric() {
  return {.publisher_registered = os::register_for_remote_barrier(),
          .sleeper_can_call = os::remote_barrier_available()};
}

void stream_through(ring::Barriers barriers, std::uint64_t capacity, std::uint64_t biggest) {
  RingOnArray array(capacity);
  ReadingEnd reader(array, 0, barriers, 8);
  std::thread thread([&] {
    WritingEnd writer(array, barriers);
    for (std::uint64_t i = 1; i <= many; ++i) writer.write(mix(i) % (biggest + 1));
  });
  for (std::uint64_t i = 1; i <= many; ++i) {
    const ReadingEnd::Taken taken = reader.next();
    EXPECT_EQ(taken.sequence, i);
    EXPECT_EQ(taken.data.size(), mix(i) % (biggest + 1));
    EXPECT_TRUE(holds(taken.data, i));
    reader.release(taken.id);
    if (::testing::Test::HasFailure()) abort();  // the other thread would wait for ever
  }
  thread.join();
}

// Scenario 1.2, 1.3
TEST(SharedMapping, every_frame_comes_through_a_small_ring_whole_and_in_order_with_full_fences) {
  stream_through({}, 512, 480);
}
TEST(SharedMapping, every_frame_comes_through_a_small_ring_whole_and_in_order_with_the_asymmetric_barrier) {
  if (!asymmetric().publisher_registered || !asymmetric().sleeper_can_call)
    GTEST_SKIP() << "the kernel refuses membarrier";
  stream_through(asymmetric(), 512, 480);
}
TEST(SharedMapping, every_frame_comes_through_a_larger_ring) { stream_through({}, 16 << 10, 1000); }

// Scenario 3.1, 3.3: the reading thread takes, a second one lets go in another order.
TEST(SharedMapping, frames_released_by_another_thread_in_any_order_never_change_while_held) {
  constexpr std::size_t most_held = 8;
  RingOnArray array(4096);
  ReadingEnd reader(array, 0, {}, most_held);
  std::mutex mutex;
  std::deque<ReadingEnd::Taken> handed_over;
  std::thread writing([&] {
    WritingEnd writer(array, {});
    for (std::uint64_t i = 1; i <= many; ++i) writer.write(mix(i) % 300);
  });
  std::thread releasing([&] {
    std::mt19937_64 random(5);
    for (std::uint64_t released = 0; released < many;) {
      ReadingEnd::Taken taken;
      {
        const std::lock_guard lock(mutex);
        if (!handed_over.empty()) {
          const auto at = handed_over.begin() + static_cast<std::ptrdiff_t>(random() % handed_over.size());
          taken = *at;
          handed_over.erase(at);
        }
      }
      if (taken.sequence == 0) {
        std::this_thread::yield();
        continue;
      }
      EXPECT_TRUE(holds(taken.data, taken.sequence)) << "frame " << taken.sequence << " changed while it was held";
      if (::testing::Test::HasFailure()) abort();
      reader.release(taken.id);
      ++released;
    }
  });
  for (std::uint64_t i = 1; i <= many; ++i) {
    const ReadingEnd::Taken taken = reader.next();
    EXPECT_EQ(taken.sequence, i);
    if (::testing::Test::HasFailure()) abort();
    const std::lock_guard lock(mutex);
    handed_over.push_back(taken);
  }
  writing.join();
  releasing.join();
}

// As Writer::write_messages and Reader::read_messages do: several are published at once, copied and let go together,
// beside frames that a second thread holds and lets go.
TEST(SharedMapping, messages_that_are_copied_many_at_a_time_beside_held_frames_are_whole_and_in_order) {
  constexpr std::size_t size = 64;
  RingOnArray array(4096);
  ReadingEnd reader(array, 0, {}, 4);
  std::mutex mutex;
  std::deque<ReadingEnd::Taken> handed_over;
  std::atomic<bool> ended{false};
  std::thread writing([&] {
    WritingEnd writer(array, {});
    for (std::uint64_t i = 1; i <= many; i += 16) writer.write_some(size, std::min<std::uint64_t>(16, many - i + 1));
  });
  std::thread releasing([&] {
    for (;;) {
      const bool last = ended;
      ReadingEnd::Taken taken;
      {
        const std::lock_guard lock(mutex);
        if (!handed_over.empty()) {
          taken = handed_over.front();
          handed_over.pop_front();
        }
      }
      if (taken.sequence == 0) {
        if (last) return;
        std::this_thread::yield();
        continue;
      }
      EXPECT_TRUE(holds(taken.data, taken.sequence)) << "frame " << taken.sequence << " changed while it was held";
      reader.release(taken.id);
    }
  });
  std::vector<std::byte> room(20 * size);
  for (std::uint64_t next = 1; next <= many;) {
    const ReadingEnd::Taken taken = reader.next();  // waits
    EXPECT_EQ(taken.sequence, next++);
    {
      const std::lock_guard lock(mutex);
      handed_over.push_back(taken);
    }
    const std::uint64_t count = reader.copy(room.data(), size, 20);
    for (std::uint64_t i = 0; i < count; ++i, ++next) {
      EXPECT_TRUE(holds(std::span(room).subspan(i * size, size), next)) << "message " << next;
    }
    if (::testing::Test::HasFailure()) abort();
  }
  ended = true;
  writing.join();
  releasing.join();
}

// Scenario 8.1
TEST(SharedMapping, three_readers_see_every_frame_while_one_of_them_is_slow) {
  constexpr std::uint64_t frames = many / 10;
  RingOnArray array(2048, 0, 3);
  std::deque<ReadingEnd> readers;
  for (std::uint32_t slot = 0; slot < 3; ++slot) readers.emplace_back(array, slot, ring::Barriers{}, 4);
  std::vector<std::thread> threads;
  for (std::uint32_t slot = 0; slot < 3; ++slot) {
    threads.emplace_back([&, slot] {
      for (std::uint64_t i = 1; i <= frames; ++i) {
        const ReadingEnd::Taken taken = readers[slot].next();
        EXPECT_EQ(taken.sequence, i);
        EXPECT_TRUE(holds(taken.data, i));
        if (::testing::Test::HasFailure()) abort();
        if (slot == 2 && i % 16 == 0) std::this_thread::yield();
        readers[slot].release(taken.id);
      }
    });
  }
  WritingEnd writer(array, {});
  for (std::uint64_t i = 1; i <= frames; ++i) writer.write(mix(i) % 200);
  for (std::thread& thread : threads) thread.join();
}

// A prompt reader, so that the ring begins anew again and again, and others that come at the oldest position or now,
// read a little and go, or stay behind for a while. It goes on until both have happened, however the threads run.
TEST(SharedMapping, messages_come_through_a_ring_that_begins_anew_while_readers_come_and_go) {
  for (const std::uint64_t capacity : {256, 1024}) {
    constexpr std::uint64_t messages = many / 4;
    RingOnArray array(capacity, 0, 3);
    ReadingEnd prompt(array, 0, {}, 4);
    std::atomic<bool> over{false};
    std::atomic<std::uint64_t> seen{0};
    std::atomic<std::uint64_t> last{0};
    std::vector<std::thread> visitors;
    for (const std::uint32_t slot : {1U, 2U}) {
      visitors.emplace_back([&, slot] {
        for (std::uint64_t visit = 1; !over; ++visit) {
          ArrayReader reader(array, slot, slot == 1);
          std::uint64_t expected = 0;
          for (std::uint64_t i = 0; i < visit % 8; ++i) {
            const Peek peek = reader.peek();
            if (peek == Peek::corrupt) ADD_FAILURE() << "corrupt at " << reader.reading().next();
            if (peek != Peek::frame) break;
            EXPECT_TRUE(expected == 0 || reader.header().sequence == expected);
            EXPECT_TRUE(holds(reader.data(), reader.header().sequence)) << "frame " << reader.header().sequence;
            expected = reader.header().sequence + 1;
            reader.take();
            reader.let_go();
            ++seen;
          }
          EXPECT_TRUE(Slots::begin_leave(reader.slot(), reader.word()) &&
                      Slots::end_leave(reader.slot(), reader.word()));
          SpaceSignal::notify(array.oieb(), ~std::uint64_t{0}, {});
          if (::testing::Test::HasFailure()) abort();
          std::this_thread::yield();
        }
      });
    }
    std::thread writing([&] {
      WritingEnd writer(array, {});
      for (std::uint64_t i = 1; last == 0; ++i) {
        if (i >= messages && writer.anew() > 10 && seen > 10) last = i;
        writer.write_anew(mix(i) % 65, mix(i) % 4 == 0 ? 0 : 50);
      }
    });
    for (std::uint64_t i = 1; last == 0 || i <= last; ++i) {
      const ReadingEnd::Taken taken = prompt.next();
      EXPECT_EQ(taken.sequence, i);
      EXPECT_EQ(taken.data.size(), mix(i) % 65);
      EXPECT_TRUE(holds(taken.data, i));
      prompt.release(taken.id);
      if (::testing::Test::HasFailure()) abort();
    }
    writing.join();
    over = true;
    for (std::thread& visitor : visitors) visitor.join();
  }
}

// The end of a reader whose frames are with other threads: the last one out finishes, exactly once.
TEST(SharedMapping, the_last_of_several_threads_to_release_finishes_the_table_exactly_once) {
  for (int round = 0; round < 300; ++round) {
    struct Owner {
      Held held{8, os::thread_barrier_available(), 0};
      std::atomic<int> finished{0};
      std::atomic<std::uint64_t> oldest{0};
    } owner;
    const auto work = [&](std::uint64_t oldest, bool finished) {
      if (finished) ++owner.finished;
      owner.oldest = oldest;
    };
    std::uint32_t ids[6];
    for (std::uint32_t i = 0; i < 6; ++i) {
      ids[i] = owner.held.hold(i * 64);
      owner.held.passed((i + 1) * 64);
    }
    owner.held.release(ids[round % 6], work);  // this thread owns the table now
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; ++t) {
      threads.emplace_back([&, t] {
        for (int i = t; i < 6; i += 2) {
          if (i != round % 6) owner.held.release(ids[i], work);
        }
      });
    }
    owner.held.end(work);
    for (std::thread& thread : threads) thread.join();
    ASSERT_EQ(owner.finished, 1);
    ASSERT_EQ(owner.oldest, 6U * 64);
  }
}

// The public classes in two threads: their own state, if not the payload, is seen by ThreadSanitizer here as well.
TEST(SharedMapping, a_reader_and_a_writer_object_work_in_two_threads_of_one_process) {
  BufferConfig config = ring_of(4096);
  const std::string name = unique_name();
  auto reader = Reader::create(name, config).value();
  std::thread thread([&] {
    auto writer = Writer::open(name, generous, config).value();
    for (std::uint64_t i = 1; i <= many / 4; ++i) {
      const auto data = payload(mix(i) % 700, i);
      const auto written = writer.write(data, generous);
      if (!written) abort();
    }
  });
  for (std::uint64_t i = 1; i <= many / 4; ++i) {
    auto frame = reader.read(generous);
    ASSERT_OK(frame);
    ASSERT_EQ(frame->sequence(), i);
    ASSERT_TRUE(holds(frame->data(), i));
  }
  thread.join();
  EXPECT_STATUS(reader.read(generous), Status::closed);
}

// ---------------------------------------------------------------- asking to be called back

/// Counts callbacks; every wish must end in exactly one, or in a cancel() that says that it did not come.
struct Wish {
  std::atomic<int> called{0};
  static void call(void* self) { static_cast<Wish*>(self)->called.fetch_add(1); }
};

/// Asks, and cancels every other time; false where a callback was lost or came twice.
template <class End, class Ask>
bool ask_once(End& end, Wish& wish, bool cancels, Ask&& ask) {
  wish.called = 0;
  const Result<void> asked = ask();
  if (!asked) return false;
  if (cancels) return end.cancel_when() ? wish.called == 0 : wish.called == 1;
  return wait_until([&] { return wish.called != 0; }) && wish.called == 1;
}

TEST(SharedMapping, a_reader_that_asks_and_cancels_while_the_writer_writes_loses_no_callback_and_gets_none_twice) {
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(1 << 16)).value();
  constexpr std::uint64_t frames = many / 10;
  std::thread thread([&] {
    auto writer = Writer::open(name, generous).value();
    for (std::uint64_t i = 1; i <= frames; ++i) {
      if (!writer.write(payload(100, i), generous)) abort();
      if (i % 3 == 0) std::this_thread::sleep_for(std::chrono::microseconds(mix(i) % 100));
    }
  });
  Wish wish;
  std::uint64_t next = 1;
  Status status = Status::ok;
  for (std::uint64_t round = 0; status != Status::closed; ++round) {
    auto frame = reader.try_read();
    status = frame.status();
    if (frame) {
      ASSERT_EQ(frame->sequence(), next++);
      continue;
    }
    if (status != Status::would_block) continue;
    ASSERT_TRUE(ask_once(reader, wish, mix(round) % 2 == 0, [&] { return reader.when_ready(&Wish::call, &wish); }));
  }
  EXPECT_EQ(next, frames + 1);
  thread.join();
}

TEST(SharedMapping, a_writer_that_asks_and_cancels_while_the_reader_reads_loses_no_callback_and_gets_none_twice) {
  const std::string name = unique_name();
  auto writer = Writer::create(name, ring_of(1000)).value();
  constexpr std::uint64_t frames = many / 10;
  std::thread thread([&] {
    auto reader = Reader::open(name, generous).value();
    for (std::uint64_t i = 1; i <= frames; ++i) {
      auto frame = reader.read(generous);
      if (!frame || frame->sequence() != i || !holds(frame->data(), i)) abort();
      if (i % 3 == 0) std::this_thread::sleep_for(std::chrono::microseconds(mix(i) % 100));
    }
  });
  ASSERT_OK(writer.wait_for_readers(1, generous));
  Wish wish;
  std::uint64_t round = 0;
  for (std::uint64_t i = 1; i <= frames; ++i) {
    const auto data = payload(300, i);
    for (;;) {
      const auto written = writer.try_write(data);
      if (written) break;
      ASSERT_STATUS(written, Status::would_block);
      ASSERT_TRUE(ask_once(writer, wish, mix(++round) % 2 == 0,
                           [&] { return writer.when_ready(data.size(), &Wish::call, &wish); }));
    }
  }
  thread.join();
}

// The one who cancels is not the one who asks, and releases come from a third thread.
TEST(SharedMapping, cancelling_from_another_thread_ends_every_wish_once) {
  const std::string name = unique_name();
  BufferConfig config = ring_of(1 << 16);
  config.acknowledge.frames = 8;
  auto reader = Reader::create(name, config).value();
  constexpr std::uint64_t frames = many / 40;
  std::thread writing([&] {
    auto writer = Writer::open(name, generous, config).value();
    for (std::uint64_t i = 1; i <= frames; ++i) {
      if (!writer.write(payload(2000, i), generous)) abort();
      std::this_thread::sleep_for(std::chrono::microseconds(mix(i) % 50));
    }
  });
  Wish wish;
  std::atomic<bool> over{false};
  std::atomic<int> cancelled{0};
  std::thread cancelling([&] {
    while (!over) {
      if (reader.cancel_when()) ++cancelled;
      std::this_thread::sleep_for(std::chrono::microseconds(30));
    }
  });
  std::mutex mutex;
  std::vector<Frame> to_release;
  std::thread releasing([&] {
    while (!over) {
      {
        const std::lock_guard lock(mutex);
        to_release.clear();
      }
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  });
  std::uint64_t next = 1;
  for (Status status = Status::ok; status != Status::closed;) {
    auto frame = reader.try_read();
    status = frame.status();
    if (frame) {
      EXPECT_EQ(frame->sequence(), next++);
      const std::lock_guard lock(mutex);
      to_release.push_back(std::move(*frame));
    } else if (status == Status::would_block) {
      wish.called = 0;
      const int before = cancelled;
      EXPECT_OK(reader.when_ready(&Wish::call, &wish));
      EXPECT_TRUE(wait_until([&] { return wish.called + (cancelled - before) != 0; }));
      EXPECT_EQ(wish.called + (cancelled - before), 1);
    } else if (status != Status::closed && status != Status::too_many_held) {
      ADD_FAILURE() << to_string(status);
      break;
    }
  }
  EXPECT_EQ(next, frames + 1);
  over = true;
  writing.join();
  cancelling.join();
  releasing.join();
}

TEST(SharedMapping, any_thread_may_ask_for_metadata_that_is_not_there_while_another_one_reads) {
  auto reader = Reader::create_anonymous(ring_of(4096)).value();
  auto writer = Writer::open_fd(reader.fd(), ring_of(4096)).value();
  std::atomic<bool> over{false};
  std::thread asking([&] {
    while (!over) {
      EXPECT_STATUS(reader.metadata(0ns), Status::timeout);
    }
  });
  std::thread writing([&] {
    for (int i = 0; i < 2000; ++i) writer.write(payload(100, 1), generous).value();
  });
  for (int i = 0; i < 2000; ++i) EXPECT_OK(reader.read(generous));
  writing.join();
  over = true;
  asking.join();
  EXPECT_OK(writer.close());
  EXPECT_STATUS(reader.metadata(0ns), Status::closed);
}

}  // namespace
}  // namespace zerobuffer
