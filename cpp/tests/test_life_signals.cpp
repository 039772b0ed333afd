// Signals and stops: a signal is never a timeout, interrupt() ends a wait, and stopped is not dead.
#include <pthread.h>

#include "crash_points.hpp"

namespace {
using namespace zerobuffer;
using namespace zerobuffer::support;

Reader* interrupted_reader = nullptr;
Writer* interrupted_writer = nullptr;

// Sends the calling thread SIGUSR1, handled without SA_RESTART, every millisecond.
class Storm {
 public:
  explicit Storm(void (*handler)(int)) : victim_(pthread_self()) {
    struct sigaction action {};
    action.sa_handler = handler;
    sigaction(SIGUSR1, &action, &before_);
    thread_ = std::thread([this] {
      while (!over_) {
        pthread_kill(victim_, SIGUSR1);
        std::this_thread::sleep_for(1ms);
      }
    });
  }
  ~Storm() {
    over_ = true;
    thread_.join();
    sigaction(SIGUSR1, &before_, nullptr);
  }

 private:
  pthread_t victim_;
  struct sigaction before_ {};
  std::atomic<bool> over_{false};
  std::thread thread_;
};

std::atomic<int> signals_seen{0};
void count_signal(int) { ++signals_seen; }

BufferConfig waiting_by(WaitPolicy wait) {
  BufferConfig config = ring_of(4096);
  config.wait = wait;
  return config;
}

// Scenario 4.12
TEST(a_signal, during_a_wait_is_never_a_timeout) {
  for (const WaitPolicy wait : {WaitPolicy::block, WaitPolicy::spin_then_block, WaitPolicy::spin}) {
    signals_seen = 0;
    while (signals_seen <= 20) {  // fewer are no storm; on a busy machine it takes several waits until they have come
      const std::string name = unique_name();
      auto reader = Reader::create(name, waiting_by(wait));
      auto writer = Writer::open(name, generous, waiting_by(wait));
      ASSERT_OK(reader);
      ASSERT_OK(writer);
      const Storm storm(count_signal);
      const std::int64_t began = steady_ns();
      EXPECT_STATUS(reader->read(400ms), Status::timeout);
      EXPECT_GE(steady_ns() - began, std::chrono::nanoseconds(400ms).count());
      EXPECT_STATUS(reader->metadata(200ms), Status::timeout);
      EXPECT_GE(steady_ns() - began, std::chrono::nanoseconds(600ms).count());
      ASSERT_OK(writer->write(payload(4000, 1), 0ms));
      EXPECT_STATUS(writer->write(payload(4000, 1), 200ms), Status::timeout);
      EXPECT_STATUS(writer->drain(200ms), Status::timeout);
      EXPECT_GE(steady_ns() - began, std::chrono::nanoseconds(1s).count());
      EXPECT_STATUS(Writer::open(unique_name(), 200ms), Status::not_found);
      EXPECT_GE(steady_ns() - began, std::chrono::nanoseconds(1200ms).count());
    }
  }
}

// Scenario 4.12
TEST(a_signal, during_a_wait_does_not_keep_what_is_waited_for_away) {
  const std::string name = unique_name();
  auto reader = Reader::create(name, waiting_by(WaitPolicy::block));
  ASSERT_OK(reader);
  Child child([&] {
    Writer writer = Writer::open(name, generous, ring_of(4096)).value();
    EXPECT_EQ(send_frames(writer, 1, 100, nullptr, 2ms), Status::ok);
  });
  Seen seen;
  {
    const Storm storm(count_signal);
    seen = read_to_end(*reader, Waiting::block, 1);
  }
  EXPECT_EQ(to_string(seen.end), "closed");
  EXPECT_EQ(seen.last, 100u);
  EXPECT_EQ(child.wait(), 0);
}

// Scenario 4.12
TEST(interrupt, from_a_signal_handler_ends_a_wait) {
  for (const WaitPolicy wait : {WaitPolicy::block, WaitPolicy::spin_then_block, WaitPolicy::spin}) {
    const std::string name = unique_name();
    auto reader = Reader::create(name, waiting_by(wait));
    auto writer = Writer::open(name, generous, waiting_by(wait));
    ASSERT_OK(reader);
    ASSERT_OK(writer);
    ASSERT_OK(writer->write(payload(4000, 1), generous));
    interrupted_reader = &*reader;
    interrupted_writer = &*writer;
    {
      const Storm storm([](int) { interrupted_writer->interrupt(); });
      EXPECT_STATUS(writer->write(payload(4000, 1), forever), Status::interrupted);
      EXPECT_STATUS(writer->drain(forever), Status::interrupted);
    }
    EXPECT_OK(reader->read(generous));
    {
      const Storm storm([](int) { interrupted_reader->interrupt(); });
      EXPECT_STATUS(reader->read(forever), Status::interrupted);
      EXPECT_STATUS(reader->metadata(forever), Status::interrupted);
    }
  }
}

// Scenario 4.12
TEST(a_wait_hook, is_asked_when_a_signal_came_and_can_end_the_wait) {
  for (const WaitPolicy wait : {WaitPolicy::block, WaitPolicy::spin_then_block, WaitPolicy::spin}) {
    const std::string name = unique_name();
    auto reader = Reader::create(name, waiting_by(wait));
    ASSERT_OK(reader);
    int asked = 0;
    reader->set_wait_hook([](void* context) { return ++*static_cast<int*>(context) == 3; }, &asked);
    const Storm storm(count_signal);
    EXPECT_STATUS(reader->read(forever), Status::interrupted);
    EXPECT_EQ(asked, 3);
  }
}

// A hook that takes longer than the longest sleep: it has ended the wait all the same, and is not asked again.
TEST(a_wait_hook, that_ended_a_wait_is_not_asked_again_however_long_it_took) {
  for (const WaitPolicy wait : {WaitPolicy::block, WaitPolicy::spin_then_block, WaitPolicy::spin}) {
    const std::string name = unique_name();
    auto reader = Reader::create(name, waiting_by(wait));
    ASSERT_OK(reader);
    int asked = 0;
    reader->set_wait_hook(
        [](void* context) {
          std::this_thread::sleep_for(150ms);
          return ++*static_cast<int*>(context) == 1;
        },
        &asked);
    const Storm storm(count_signal);
    EXPECT_STATUS(reader->read(forever), Status::interrupted);
    EXPECT_EQ(asked, 1);
  }
}

// Scenario 4.6
TEST(stopped_for_ten_seconds, a_reader_and_a_writer_lose_nothing_and_are_not_taken_for_dead) {
  constexpr std::uint64_t last = 400;
  struct Pair {
    Child first;
    Child second;
  };
  std::vector<Pair> pairs;
  for (const bool stops_writer : {true, false}) {
    const std::string name = unique_name();
    Child reader([&] {
      Reader mine = Reader::create(name, ring_of(4096)).value();
      const Seen seen = read_to_end(mine, Waiting::block, 1, 1ms);
      EXPECT_EQ(to_string(seen.end), "closed");
      EXPECT_EQ(seen.last, last);
    });
    Child writer([&] {
      Writer mine = Writer::open(name, generous, ring_of(4096)).value();
      EXPECT_EQ(to_string(send_frames(mine, 1, last, nullptr, 1ms)), "ok");
      EXPECT_EQ(mine.stats().readers_lost, 0u);
    });
    if (stops_writer) {
      pairs.push_back({std::move(writer), std::move(reader)});
    } else {
      pairs.push_back({std::move(reader), std::move(writer)});
    }
  }
  std::this_thread::sleep_for(150ms);
  for (Pair& pair : pairs) pair.first.signal(SIGSTOP);
  std::this_thread::sleep_for(10s);
  for (Pair& pair : pairs) pair.first.signal(SIGCONT);
  for (Pair& pair : pairs) {
    EXPECT_EQ(pair.first.wait(), 0);
    EXPECT_EQ(pair.second.wait(), 0);
  }
}

}  // namespace
