// Handles in a forked child: refused there, harmless for the parent, and never what keeps a dead parent alive.
#include "crash_points.hpp"

namespace {
using namespace zerobuffer;
using namespace zerobuffer::support;

struct Ends {
  std::string name = unique_name();
  Reader reader = Reader::create(name, ring_of(4096)).value();
  Writer writer = Writer::open(name, generous, ring_of(4096)).value();
};

// Scenario 4.11
TEST(a_forked_child, is_refused_every_use_of_its_parents_handles) {
  Ends ends;
  ASSERT_EQ(send_frames(ends.writer, 1, 2), Status::ok);
  Frame held = ends.reader.read(generous).value();
  Claim claim = ends.writer.claim(100, generous).value();
  Child child([&] {
    EXPECT_STATUS(ends.reader.read(generous), Status::forked);
    EXPECT_STATUS(ends.reader.try_read(), Status::forked);
    EXPECT_STATUS(ends.reader.read_newest(generous), Status::forked);
    EXPECT_STATUS(ends.reader.metadata(generous), Status::forked);
    EXPECT_STATUS(ends.writer.claim(1, generous), Status::forked);
    EXPECT_STATUS(ends.writer.try_write(payload(1, 1)), Status::forked);
    EXPECT_STATUS(ends.writer.write_metadata({}), Status::forked);
    EXPECT_STATUS(ends.writer.wait_for_readers(1, generous), Status::forked);
    EXPECT_STATUS(ends.writer.drain(generous), Status::forked);
    EXPECT_STATUS(ends.writer.forget_dead_readers(), Status::forked);
    EXPECT_STATUS(claim.commit(10), Status::forked);
    ends.reader.interrupt();
    ends.writer.interrupt();
    EXPECT_TRUE(holds(held.data(), 1)) << "views of the child do not fault";
    held.release();
    ends.reader.close();
    EXPECT_OK(ends.writer.close());
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_TRUE(exists(ends.name));
  // for the parent nothing has happened: the frame is held, the claim is open, nobody was interrupted
  EXPECT_EQ(ends.reader.stats().held, 1u);
  std::memset(claim.data().data(), 1, claim.data().size());
  EXPECT_OK(claim.commit(100));
  EXPECT_EQ(ends.reader.read(generous).value().sequence(), 2u);
  EXPECT_EQ(ends.reader.read(generous).value().sequence(), 3u);
  EXPECT_TRUE(holds(held.data(), 1));
}

// Scenario 4.11
TEST(a_forked_child, that_exits_or_dies_leaves_its_parent_unharmed) {
  for (const int way : {0, 1, 2}) {
    Ends ends;
    ASSERT_EQ(send_frames(ends.writer, 1, 1), Status::ok);
    Frame held = ends.reader.read(generous).value();
    Child child([&] {
      if (way == 0) std::exit(0);  // runs the exit handlers
      if (way == 1) raise(SIGKILL);
      Reader reader = std::move(ends.reader);  // runs the destructors
      Writer writer = std::move(ends.writer);
      Frame frame = std::move(held);
    });
    EXPECT_EQ(child.wait(), way == 1 ? 128 + SIGKILL : 0);
    EXPECT_TRUE(exists(ends.name));
    EXPECT_TRUE(holds(held.data(), 1));
    held.release();
    for (std::uint64_t number = 2; number < 40; ++number) {
      ASSERT_OK(ends.writer.write(payload(size_of_frame(number), number), generous));
      auto frame = ends.reader.read(generous);
      ASSERT_OK(frame);
      EXPECT_EQ(frame->sequence(), number);
    }
    ASSERT_OK(ends.writer.close());
    EXPECT_STATUS(ends.reader.read(generous), Status::closed);
  }
}

// Scenario 4.11
TEST(a_forked_child, opens_handles_of_its_own) {
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(4096));
  ASSERT_OK(reader);
  Child child([&] {
    Writer mine = Writer::open(name, generous, ring_of(4096)).value();
    EXPECT_EQ(to_string(send_frames(mine, 1, 100)), "ok");
    Child grandchild([&] { EXPECT_STATUS(mine.try_write(payload(1, 1)), Status::forked); });
    EXPECT_EQ(grandchild.wait(), 0);
  });
  const Seen seen = read_to_end(*reader, Waiting::spin_then_block, 1);
  EXPECT_EQ(to_string(seen.end), "closed");
  EXPECT_EQ(seen.last, 100u);
  EXPECT_EQ(child.wait(), 0);
}

// Scenario 4.11
TEST(a_forked_child, that_lives_on_never_keeps_its_dead_parent_alive) {
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(4096));
  ASSERT_OK(reader);
  Channel orphan_pid;
  Channel end;
  Child parent([&] {
    Writer writer = Writer::open(name, generous, ring_of(4096)).value();
    EXPECT_EQ(send_frames(writer, 1, 3), Status::ok);
    const pid_t orphan = fork();
    if (orphan == 0) {
      static_cast<void>(end.receive());  // lives until the test says so, with all that it inherited
      _exit(0);
    }
    orphan_pid.send(orphan);
    raise(SIGKILL);
  });
  pid_t orphan = 0;
  ASSERT_TRUE(orphan_pid.receive(orphan));
  const Seen seen = read_to_end(*reader, Waiting::block, 1);
  EXPECT_EQ(::kill(orphan, 0), 0) << "the child was to live meanwhile";
  EXPECT_EQ(to_string(seen.end), "peer_dead");
  EXPECT_EQ(seen.last, 3u);
  EXPECT_OK(Writer::open(name, Writer::Timeout::zero(), ring_of(4096)));
  EXPECT_EQ(parent.wait(), 128 + SIGKILL);
  end.send();
}

// What a child can do, whatever other threads of its parent were at.
Child opens_and_exits() {
  return Child(
      [] {
        Writer mine = Writer::create(unique_name() + "-child", ring_of(4096)).value();
        EXPECT_OK(mine.close());
        std::exit(0);  // runs the exit handlers
      },
      20);
}

// Scenario 4.11. Each round in a process that has opened nothing yet, as long as this one has not either (under ctest).
TEST(Full_a_fork, beside_the_first_handle_of_a_process_gives_a_child_that_can_open_and_exit) {
  for (int round = 0; round < 60 && !HasFailure(); ++round) {
    Child process([&] {
      std::atomic<bool> begun{false};
      std::thread other([&] {
        begun = true;
        EXPECT_OK(Writer::create(unique_name(), ring_of(4096)));
      });
      while (!begun) {
      }
      const auto moment = std::chrono::steady_clock::now() + round * 1us;
      while (std::chrono::steady_clock::now() < moment) {
      }
      Child child = opens_and_exits();
      EXPECT_EQ(child.wait(), 0) << "forked " << round << " us after the other thread began";
      other.join();
    });
    EXPECT_EQ(process.wait(), 0);
  }
}

// Scenario 4.11
TEST(Full_a_fork, while_other_threads_open_and_close_gives_a_child_that_can_open_and_exit) {
  std::atomic<bool> over{false};
  std::thread busy([&] {
    while (!over) {
      auto writer = Writer::create(unique_name(), ring_of(4096));
      if (!writer) ADD_FAILURE() << writer.failure().message();
    }
  });
  for (int i = 0; i < 100; ++i) {
    Child child = opens_and_exits();
    EXPECT_EQ(child.wait(), 0);
  }
  over = true;
  busy.join();
}

}  // namespace
