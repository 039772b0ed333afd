// Waiting and everything around it: policies, interrupts, hooks, acknowledgements, batches, draining and closing.
#include <pthread.h>

#include "os/cgroup.hpp"
#include "os/kernel.hpp"
#include "stream/waiter.hpp"
#include "support.hpp"

namespace zerobuffer {
namespace {
using namespace support;

struct Ends {
  explicit Ends(const BufferConfig& config)
      : reader(Reader::create_anonymous(config).value()), writer(Writer::open_fd(reader.fd(), config).value()) {}
  Reader reader;
  Writer writer;
};

class Waiting : public BothWays {};
RUN_BOTH_WAYS(Waiting);

// Scenario 1.3
TEST_P(Waiting, frames_come_through_with_every_pair_of_wait_policies) {
  constexpr WaitPolicy policies[] = {WaitPolicy::spin, WaitPolicy::spin_then_block, WaitPolicy::block};
  for (const WaitPolicy reading : policies) {
    for (const WaitPolicy writing : policies) {
      BufferConfig own = ring_of(2000);
      own.wait = reading;
      const std::string name = unique_name();
      auto reader = Reader::create(name, own).value();
      Peer peer(GetParam(), [&] {
        BufferConfig config;
        config.wait = writing;
        auto writer = Writer::open(name, generous, config).value();
        for (std::uint64_t i = 1; i <= 300; ++i) REQUIRE(writer.write(payload(mix(i) % 1500, i), generous));
        REQUIRE(writing != WaitPolicy::spin || writer.stats().sleeps == 0);
        return 0;
      });
      for (std::uint64_t i = 1; i <= 300; ++i) {
        auto frame = reader.read(generous);
        ASSERT_OK(frame);
        ASSERT_TRUE(holds(frame->data(), i));
      }
      EXPECT_EQ(peer.join(), 0);
      if (reading == WaitPolicy::spin) {
        EXPECT_EQ(reader.stats().sleeps, 0U);
        EXPECT_EQ(reader.stats().barriers, 0U);
      }
    }
  }
}

TEST(Wait, spinning_never_sleeps_and_blocking_does) {
  for (const WaitPolicy policy : {WaitPolicy::spin, WaitPolicy::block, WaitPolicy::spin_then_block}) {
    BufferConfig config = ring_of(100);
    config.wait = policy;
    Ends ends(config);
    const auto before = std::chrono::steady_clock::now();
    EXPECT_STATUS(ends.reader.read(30ms), Status::timeout);
    EXPECT_GE(std::chrono::steady_clock::now() - before, 30ms);
    EXPECT_EQ(ends.reader.stats().sleeps != 0, policy != WaitPolicy::spin);
    ASSERT_OK(ends.writer.try_write(payload(100, 1)));
    EXPECT_STATUS(ends.writer.write(payload(100, 2), 30ms), Status::timeout);
    EXPECT_EQ(ends.writer.stats().sleeps != 0, policy != WaitPolicy::spin);
  }
}

// Every call that waits, as a function of both ends.
const std::pair<const char*, Status (*)(Ends&)> waits[] = {
    {"read", [](Ends& ends) { return ends.reader.read(forever).status(); }},
    {"read_newest", [](Ends& ends) { return ends.reader.read_newest(forever).status(); }},
    {"read_many",
     [](Ends& ends) {
       Frame frames[2];
       return ends.reader.read_many(frames, forever).status();
     }},
    {"metadata", [](Ends& ends) { return ends.reader.metadata(forever).status(); }},
    {"wait_for_readers", [](Ends& ends) { return ends.writer.wait_for_readers(2, forever).status(); }},
    {"drain", [](Ends& ends) { return ends.writer.drain(forever).status(); }},
    {"claim", [](Ends& ends) { return ends.writer.claim(100, forever).status(); }},
    {"write", [](Ends& ends) { return ends.writer.write(payload(100, 1), forever).status(); }},
};

Ends ends_for(const char* call, WaitPolicy policy) {
  BufferConfig config = ring_of(100);
  config.max_readers = 2;
  config.wait = policy;
  Ends ends(config);
  if (std::string_view(call) == "drain" || std::string_view(call) == "claim" || std::string_view(call) == "write") {
    EXPECT_OK(ends.writer.try_write(payload(100, 1)));
  }
  return ends;
}

TEST(Wait, interrupt_from_another_thread_ends_every_kind_of_wait) {
  for (const WaitPolicy policy : {WaitPolicy::spin, WaitPolicy::spin_then_block, WaitPolicy::block}) {
    for (const auto& [name, call] : waits) {
      SCOPED_TRACE(name);
      Ends ends = ends_for(name, policy);
      std::thread other([&] {
        std::this_thread::sleep_for(15ms);
        ends.reader.interrupt();
        ends.writer.interrupt();
      });
      EXPECT_EQ(to_string(call(ends)), "interrupted");
      other.join();
    }
  }
}

TEST(Wait, an_interrupt_before_any_wait_ends_the_next_one_and_only_that) {
  for (const auto& [name, call] : waits) {
    SCOPED_TRACE(name);
    Ends ends = ends_for(name, WaitPolicy::spin_then_block);
    ends.reader.interrupt();
    ends.writer.interrupt();
    EXPECT_EQ(to_string(call(ends)), "interrupted");
    EXPECT_STATUS(ends.reader.metadata(20ms),
                  std::string_view(name).starts_with("re") || std::string_view(name) == "metadata"
                      ? Status::timeout
                      : Status::interrupted);
  }
}

// ---------------------------------------------------------------- meeting one that was just woken

/// Sleeps, and sleeps again whenever it was woken.
class Sleeper {
 public:
  ~Sleeper() {
    stop_ = true;
    os::futex_wake_all(word_);
    thread_.join();
  }
  void wake() {
    while (!os::futex_wake_all(word_)) std::this_thread::yield();
  }

 private:
  std::uint32_t word_ = 0;
  std::atomic<bool> stop_{false};
  std::thread thread_{[this] {
    while (!stop_) static_cast<void>(os::futex_wait(word_, 0, 10'000'000));
  }};
};

/// What is waited for is there at once, or as soon as its side has set about sleeping.
struct OtherSide {
  bool there;
  stream::PeerCpu place;
  bool armed = false;

  bool ready() const { return there || armed; }
  std::uint32_t arm() {
    armed = true;
    return 0;
  }
  void disarm() const {}
  const std::uint32_t& word() const {
    static const std::uint32_t never_changes = 0;
    return never_changes;
  }
  void seen_on(int) const {}
  stream::PeerCpu peer_cpu(int) const { return place; }
};

class MeetingOnTheWay : public ::testing::Test {
 protected:
  // Whom this thread woke in another test is of no interest.
  void SetUp() override { static_cast<void>(os::take_on_its_way_until()); }

  /// Whether it set about sleeping before it had looked.
  bool sleeps_at_once(bool there, stream::PeerCpu place = stream::PeerCpu::another) {
    OtherSide side{there, place};
    stream::Deadline deadline(generous);
    EXPECT_EQ(to_string(waiter_.wait(side, deadline)), "ok");
    EXPECT_EQ(waiter_.barriers(), barriers_ += side.armed ? 1 : 0);
    return side.armed;
  }
  Sleeper sleeper_;

 private:
  static BufferConfig blocking() {
    BufferConfig config;
    config.wait = WaitPolicy::block;
    return config;
  }
  stream::Waiter waiter_{blocking(), false};
  std::uint64_t barriers_ = 0;
};

// Under a quota of one CPU nobody comes while another looks.
const bool may_look = os::cgroup_cpu_quota() != 1;

TEST_F(MeetingOnTheWay, who_blocks_looks_first_only_where_it_has_just_woken_somebody) {
  EXPECT_TRUE(sleeps_at_once(true));
  sleeper_.wake();
  EXPECT_EQ(sleeps_at_once(true), !may_look);
  EXPECT_TRUE(sleeps_at_once(true)) << "one look for each time that it woke somebody";
  std::uint32_t nobody = 0;
  EXPECT_FALSE(os::futex_wake_all(nobody));
  EXPECT_TRUE(sleeps_at_once(true));
}

TEST_F(MeetingOnTheWay, nobody_comes_on_the_cpu_of_one_who_looks) {
  sleeper_.wake();
  EXPECT_TRUE(sleeps_at_once(true, stream::PeerCpu::mine));
}

TEST_F(MeetingOnTheWay, looks_in_vain_become_rare_and_one_that_was_not_makes_up_for_all) {
  const auto sleeps_until_the_next_look = [&] {
    int sleeps = 0;
    for (sleeper_.wake(); sleeps < 100 && sleeps_at_once(true); sleeper_.wake()) ++sleeps;
    return sleeps;
  };
  const auto look_in_vain = [&] {
    sleeper_.wake();
    EXPECT_TRUE(sleeps_at_once(false));
  };
  look_in_vain();
  EXPECT_EQ(sleeps_until_the_next_look(), may_look ? 1 : 100);
  sleeper_.wake();
  EXPECT_EQ(sleeps_at_once(true), !may_look);
  look_in_vain();
  sleeper_.wake();
  EXPECT_TRUE(sleeps_at_once(true));
  look_in_vain();
  EXPECT_EQ(sleeps_until_the_next_look(), may_look ? 3 : 100);
  for (int i = 0; i < 1000; ++i) look_in_vain();
  EXPECT_LE(sleeps_until_the_next_look(), may_look ? 63 : 100) << "it never gives up";
}

Reader* interrupted_by_signal = nullptr;

TEST(Wait, interrupt_from_a_signal_handler_ends_a_wait) {
  Ends ends(ring_of(100));
  interrupted_by_signal = &ends.reader;
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted_by_signal->interrupt(); };
  sigaction(SIGUSR1, &action, nullptr);
  const pthread_t waiting = pthread_self();
  std::thread other([&] {
    std::this_thread::sleep_for(20ms);
    pthread_kill(waiting, SIGUSR1);
  });
  EXPECT_STATUS(ends.reader.read(forever), Status::interrupted);
  other.join();
  signal(SIGUSR1, SIG_DFL);
}

// Scenario 4.12: EINTR is never a timeout, and never anything else.
TEST(Wait, signals_during_a_wait_make_it_neither_shorter_nor_fail) {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  sigaction(SIGUSR1, &action, nullptr);
  for (const auto& [name, call] : waits) {
    if (std::string_view(name) != "read" && std::string_view(name) != "write") continue;
    SCOPED_TRACE(name);
    Ends ends = ends_for(name, WaitPolicy::block);
    const pthread_t waiting = pthread_self();
    std::atomic<bool> done{false};
    std::thread other([&] {
      while (!done) {
        pthread_kill(waiting, SIGUSR1);
        std::this_thread::sleep_for(2ms);
      }
    });
    const auto before = std::chrono::steady_clock::now();
    const Status status = std::string_view(name) == "read" ? ends.reader.read(150ms).status()
                                                           : ends.writer.write(payload(100, 1), 150ms).status();
    EXPECT_EQ(to_string(status), "timeout");
    EXPECT_GE(std::chrono::steady_clock::now() - before, 150ms);
    done = true;
    other.join();
  }
  signal(SIGUSR1, SIG_DFL);
}

TEST(Wait, the_hook_is_called_while_waiting_and_its_true_ends_the_wait) {
  for (const WaitPolicy policy : {WaitPolicy::spin, WaitPolicy::spin_then_block}) {
    BufferConfig config = ring_of(100);
    config.wait = policy;
    Ends ends(config);
    int calls = 0;
    const auto hook = [](void* context) { return ++*static_cast<int*>(context) == 3; };
    ends.reader.set_wait_hook(hook, &calls);
    EXPECT_STATUS(ends.reader.read(forever), Status::interrupted);
    EXPECT_EQ(calls, 3);
    ASSERT_OK(ends.writer.try_write(payload(100, 1)));
    calls = 0;
    ends.writer.set_wait_hook(hook, &calls);
    EXPECT_STATUS(ends.writer.write(payload(100, 2), forever), Status::interrupted);
    EXPECT_EQ(calls, 3);
    EXPECT_OK(ends.reader.try_read());  // what is there is read whatever the hook says
    ends.reader.set_wait_hook(nullptr, nullptr);
    EXPECT_STATUS(ends.reader.read(5ms), Status::timeout);
  }
}

TEST(Wait, a_signal_calls_the_hook_at_once) {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  sigaction(SIGUSR1, &action, nullptr);
  BufferConfig config = ring_of(100);
  config.wait = WaitPolicy::block;
  Ends ends(config);
  std::atomic<bool> sent{false};
  ends.reader.set_wait_hook([](void* context) { return static_cast<std::atomic<bool>*>(context)->load(); }, &sent);
  const pthread_t waiting = pthread_self();
  std::thread other([&] {
    std::this_thread::sleep_for(20ms);
    sent = true;
    pthread_kill(waiting, SIGUSR1);
  });
  EXPECT_STATUS(ends.reader.read(forever), Status::interrupted);
  other.join();
  signal(SIGUSR1, SIG_DFL);
}

TEST(Acknowledging, every_n_frames_and_at_once_when_the_reader_or_the_writer_waits) {
  BufferConfig config = ring_of(4000);
  config.acknowledge.frames = 4;
  Ends ends(config);
  for (std::uint64_t i = 1; i <= 10; ++i) ASSERT_OK(ends.writer.try_write(payload(30, i)));
  EXPECT_EQ(ends.writer.stats().unread_bytes, 640U);
  for (int i = 1; i <= 10; ++i) {
    EXPECT_OK(ends.reader.try_read());
    EXPECT_EQ(ends.writer.stats().unread_bytes, 640U - 64U * static_cast<unsigned>(i / 4 * 4)) << "after " << i;
  }
  EXPECT_STATUS(ends.reader.try_read(), Status::would_block);
  EXPECT_EQ(ends.writer.stats().unread_bytes, 0U) << "told before it answers that there is nothing";
  // a full ring: the writer that waits is told of every frame
  while (ends.writer.try_write(payload(900, 1))) {
  }
  std::thread reading([&] {
    std::this_thread::sleep_for(30ms);
    EXPECT_OK(ends.reader.read(0s));
  });
  EXPECT_OK(ends.writer.write(payload(900, 1), generous));
  reading.join();
}

TEST(Acknowledging, after_an_interval_at_the_next_call) {
  BufferConfig config = ring_of(4000);
  config.acknowledge = {.frames = 1000, .interval = std::chrono::microseconds(30'000)};
  Ends ends(config);
  for (std::uint64_t i = 1; i <= 10; ++i) ASSERT_OK(ends.writer.try_write(payload(30, i)));
  EXPECT_OK(ends.reader.try_read());  // the interval has passed since ever: told
  const std::uint64_t told = ends.writer.stats().unread_bytes;
  std::this_thread::sleep_for(60ms);
  EXPECT_OK(ends.reader.try_read());
  EXPECT_LT(ends.writer.stats().unread_bytes, told);
}

TEST(Batches, are_seen_when_they_are_published_or_when_they_would_have_to_wait) {
  Ends ends(ring_of(1000));
  {
    Batch batch = ends.writer.batch();
    for (std::uint64_t i = 1; i <= 3; ++i) ASSERT_OK(ends.writer.try_write(payload(30, i)));
    EXPECT_STATUS(ends.reader.try_read(), Status::would_block);
    {
      Batch inner = ends.writer.batch();  // belongs to the outer one
      ASSERT_OK(ends.writer.try_write(payload(30, 4)));
    }
    EXPECT_STATUS(ends.reader.try_read(), Status::would_block);
    {
      auto claim = ends.writer.try_claim(30);
      ASSERT_OK(claim);  // left open: discarded
    }
  }
  for (std::uint64_t i = 1; i <= 4; ++i) EXPECT_TRUE(holds(ends.reader.try_read().value().data(), i));
  EXPECT_STATUS(ends.reader.try_read(), Status::would_block);
  Batch batch = ends.writer.batch();
  std::uint64_t sequence = 4;
  while (ends.writer.try_write(payload(200, sequence + 1))) ++sequence;
  EXPECT_GT(sequence, 4U);
  EXPECT_EQ(ends.reader.try_read().value().sequence(), 5U) << "published rather than waited with";
  batch.publish();
  batch.publish();
}

TEST(Batches, a_batch_that_outlives_its_writer_is_harmless) {
  Ends ends(ring_of(1000));
  Batch batch = ends.writer.batch();
  ASSERT_OK(ends.writer.try_write(payload(30, 1)));
  EXPECT_OK(ends.writer.close());
  EXPECT_TRUE(holds(ends.reader.read(generous).value().data(), 1)) << "closing publishes it";
  EXPECT_STATUS(ends.reader.read(generous), Status::closed);
}

TEST(Claims, a_claim_that_outlives_its_writer_is_refused_and_its_bytes_stay_mapped) {
  Ends ends(ring_of(1000));
  Claim claim = ends.writer.try_claim(500).value();
  EXPECT_OK(ends.writer.close());
  std::memset(claim.data().data(), 1, claim.data().size());
  EXPECT_STATUS(claim.commit(500), Status::handle_closed);
  EXPECT_STATUS(ends.reader.read(generous), Status::closed);
  EXPECT_OK(Writer::open_fd(ends.reader.fd()));
}

TEST(Reading, many_frames_in_one_call_and_only_the_newest_with_what_was_skipped) {
  Ends ends(ring_of(4000));
  for (std::uint64_t i = 1; i <= 10; ++i) ASSERT_OK(ends.writer.try_write(payload(30, i)));
  Frame some[4];
  ASSERT_EQ(ends.reader.read_many(some, 0s).value(), 4U);
  for (std::uint64_t i = 0; i < 4; ++i) EXPECT_TRUE(holds(some[i].data(), i + 1));
  auto newest = ends.reader.read_newest(0s);
  ASSERT_OK(newest);
  EXPECT_EQ(newest->sequence(), 10U);
  EXPECT_TRUE(holds(newest->data(), 10));
  EXPECT_EQ(ends.reader.stats().skipped, 5U);
  EXPECT_EQ(ends.reader.stats().unread_bytes, 0U);
  EXPECT_STATUS(ends.reader.read_newest(0s), Status::timeout);
  Frame rest[4];
  EXPECT_STATUS(ends.reader.read_many(rest, 5ms), Status::timeout);
  EXPECT_EQ(ends.reader.read_many({}, 5ms).value(), 0U);
  ASSERT_OK(ends.writer.try_write(payload(30, 11)));
  EXPECT_EQ(ends.reader.read_newest(0s).value().sequence(), 11U);
  EXPECT_EQ(ends.reader.stats().skipped, 5U) << "nothing lay between";
}

TEST(Reading, the_newest_of_a_running_stream_is_whole_and_every_skipped_frame_is_counted) {
  Ends ends(ring_of(4000));
  constexpr std::uint64_t frames = 20'000;
  std::thread writing([&] {
    for (std::uint64_t i = 1; i <= frames; ++i) EXPECT_OK(ends.writer.write(payload(mix(i) % 700, i), generous));
    EXPECT_OK(ends.writer.close());
  });
  std::uint64_t seen = 0;
  std::uint64_t last = 0;
  for (;;) {
    auto frame = ends.reader.read_newest(generous);
    if (frame.status() == Status::closed) break;
    ASSERT_OK(frame);
    ASSERT_GT(frame->sequence(), last);
    ASSERT_TRUE(holds(frame->data(), frame->sequence()));
    last = frame->sequence();
    ++seen;
  }
  writing.join();
  EXPECT_EQ(last, frames);
  EXPECT_EQ(seen + ends.reader.stats().skipped, frames);
}

TEST(Closing, drain_waits_until_every_frame_was_let_go) {
  Ends ends(ring_of(1000));
  ASSERT_OK(ends.writer.drain(0s));
  ASSERT_OK(ends.writer.try_write(payload(100, 1)));
  EXPECT_STATUS(ends.writer.drain(20ms), Status::timeout);
  Frame frame = ends.reader.read(0s).value();
  EXPECT_STATUS(ends.writer.drain(20ms), Status::timeout);
  std::thread releasing([&] {
    std::this_thread::sleep_for(20ms);
    frame.release();
  });
  EXPECT_OK(ends.writer.drain(generous));
  releasing.join();
}

TEST(Closing, close_says_how_many_frames_nobody_will_read) {
  {
    Ends ends(ring_of(1000));
    for (std::uint64_t i = 1; i <= 3; ++i) ASSERT_OK(ends.writer.try_write(payload(30, i)));
    EXPECT_EQ(ends.writer.close().value(), 0U) << "the reader goes on";
    for (std::uint64_t i = 1; i <= 3; ++i) EXPECT_OK(ends.reader.try_read());
    EXPECT_STATUS(ends.reader.read(forever), Status::closed);
  }
  {
    Ends ends(ring_of(1000));
    for (std::uint64_t i = 1; i <= 5; ++i) ASSERT_OK(ends.writer.try_write(payload(30, i)));
    EXPECT_OK(ends.reader.try_read());
    EXPECT_OK(ends.reader.try_read());
    ends.reader.close();
    EXPECT_EQ(ends.writer.close(20ms).value(), 3U);
  }
  {
    auto writer = Writer::create_anonymous(ring_of(1000)).value();
    ASSERT_OK(writer.try_write(payload(30, 1)));
    EXPECT_EQ(writer.close().value(), 1U) << "nobody ever came";
    EXPECT_EQ(writer.close().value(), 0U) << "again is harmless";
  }
}

TEST(Closing, close_lingers_until_the_readers_have_let_everything_go) {
  Ends ends(ring_of(1000));
  ASSERT_OK(ends.writer.try_write(payload(30, 1)));
  std::atomic<bool> read{false};
  std::thread reading([&] {
    std::this_thread::sleep_for(30ms);
    read = true;
    EXPECT_OK(ends.reader.try_read());
  });
  EXPECT_EQ(ends.writer.close(generous).value(), 0U);
  EXPECT_TRUE(read);
  reading.join();
}

TEST(Closing, a_writer_whose_readers_have_all_closed_is_told_when_the_ring_is_full) {
  Ends ends(ring_of(1000));
  ends.reader.close();
  Status status = Status::ok;
  int written = 0;
  for (; status == Status::ok; ++written) status = ends.writer.write(payload(200, 1), forever).status();
  EXPECT_EQ(to_string(status), "closed");
  EXPECT_GT(written, 2);
}

TEST(Closing, waiting_for_readers_counts_the_attached_and_refuses_more_than_there_can_be) {
  BufferConfig config = ring_of(100);
  config.max_readers = 2;
  const std::string name = unique_name();
  auto writer = Writer::create(name, config).value();
  EXPECT_OK(writer.wait_for_readers(0, 0s));
  EXPECT_STATUS(writer.wait_for_readers(1, 0s), Status::timeout);
  EXPECT_STATUS(writer.wait_for_readers(3, forever), Status::invalid_argument);
  auto first = Reader::open(name, 0s).value();
  EXPECT_OK(writer.wait_for_readers(1, 0s));
  std::thread joining([&] {
    std::this_thread::sleep_for(20ms);
    auto second = Reader::open(name, 0s);
    EXPECT_OK(second);
    std::this_thread::sleep_for(200ms);
  });
  EXPECT_OK(writer.wait_for_readers(2, generous));
  joining.join();
}

TEST(Closing, a_reader_drains_what_was_committed_and_then_waits_for_a_successor_if_it_likes) {
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(1000)).value();
  for (std::uint64_t round = 0; round < 3; ++round) {
    auto writer = Writer::open(name, 0s).value();
    for (std::uint64_t i = 1; i <= 4; ++i) ASSERT_OK(writer.try_write(payload(30, i)));
    EXPECT_OK(writer.close());
    for (std::uint64_t i = 1; i <= 4; ++i) EXPECT_EQ(reader.read(0s).value().sequence(), round * 4 + i);
    EXPECT_STATUS(reader.read(forever), Status::closed);
    EXPECT_STATUS(reader.read(forever), Status::closed);
  }
}

}  // namespace
}  // namespace zerobuffer
