// Who lives is told by kernel locks alone: neither equal process ids, nor reused ones, nor other namespaces matter.
#include <sched.h>

#include "buffer/attachment.hpp"
#include "crash_points.hpp"

namespace {
using namespace zerobuffer;
using namespace zerobuffer::support;

// Runs `body` as process 1 of a PID namespace of its own, and hands its exit code on.
template <class Body>
Child in_a_pid_namespace(Body&& body) {
  return Child([&]() -> int {
    if (unshare(CLONE_NEWPID) != 0) {
      std::perror("unshare(CLONE_NEWPID)");
      return 96;
    }
    Child first([&]() -> int {
      EXPECT_EQ(getpid(), 1);
      body();
      return 0;
    });
    return first.wait();
  });
}

bool is_root() { return geteuid() == 0; }

// Scenario 4.7
TEST(process_ids, that_are_equal_in_two_namespaces_are_never_mistaken) {
  if (!is_root()) GTEST_SKIP() << "needs root";
  const std::string name = unique_name();
  Channel attached;
  Channel go_on;
  // both are process 1, and neither sees the other
  Child reader = in_a_pid_namespace([&] {
    Reader mine = Reader::create(name, ring_of(4096)).value();
    attached.send();
    const Seen seen = read_to_end(mine, Waiting::block, 1);
    EXPECT_EQ(seen.last, 50u);
    EXPECT_EQ(to_string(seen.end), "peer_dead");
    go_on.send();
    const Seen rest = read_to_end(mine, Waiting::block, 51);
    EXPECT_EQ(rest.last, 60u);
    EXPECT_EQ(to_string(rest.end), "closed");
  });
  ASSERT_TRUE(attached.receive());
  Child writer = in_a_pid_namespace([&] {
    Writer mine = Writer::open(name, generous, ring_of(4096)).value();
    EXPECT_EQ(send_frames(mine, 1, 25), Status::ok);
    EXPECT_STATUS(Writer::open(name, 0ms, ring_of(4096)), Status::writer_exists);
    std::this_thread::sleep_for(300ms);  // looked at meanwhile, and not taken for dead
    EXPECT_EQ(send_frames(mine, 26, 50), Status::ok);
    _exit(0);
  });
  EXPECT_EQ(writer.wait(), 0);
  ASSERT_TRUE(go_on.receive());
  Child successor = in_a_pid_namespace([&] {
    Writer mine = Writer::open(name, generous, ring_of(4096)).value();
    EXPECT_EQ(send_frames(mine, 51, 60), Status::ok);
  });
  EXPECT_EQ(successor.wait(), 0);
  EXPECT_EQ(reader.wait(), 0);
}

// Scenario 4.7
TEST(process_ids, of_the_dead_that_somebody_living_has_now_are_never_mistaken) {
  const std::string name = unique_name();
  auto config = ring_of(4096);
  auto reader = Reader::create(name, config);
  ASSERT_OK(reader);
  Child child([&] {
    Writer writer = Writer::open(name, generous, config).value();
    EXPECT_EQ(send_frames(writer, 1, 3), Status::ok);
    raise(SIGKILL);
  });
  EXPECT_EQ(child.wait(), 128 + SIGKILL);
  // the dead writer's place, and the living reader's, get the ids of others
  auto file = os::open_existing(name);
  ASSERT_OK(file);
  auto mapping = os::Mapping::map(*file, 0, 4096, os::Access::read_write);
  ASSERT_OK(mapping);
  auto& oieb = *reinterpret_cast<protocol::Oieb*>(mapping->data());
  auto& slot = *reinterpret_cast<protocol::ReaderSlot*>(mapping->data() + oieb.reader_table_offset);
  oieb.writer_pid = static_cast<std::uint64_t>(getpid());  // alive
  oieb.writer_start_time = os::process_start_time();
  slot.pid = static_cast<std::uint64_t>(child.pid());  // dead, or nobody
  slot.start_time = 1;
  const Seen seen = read_to_end(*reader, Waiting::block, 1);
  EXPECT_EQ(seen.last, 3u);
  EXPECT_EQ(to_string(seen.end), "peer_dead");
  auto successor = Writer::open(name, Writer::Timeout::zero(), config);
  ASSERT_OK(successor);
  EXPECT_EQ(successor->stats().readers, 1u);
  EXPECT_EQ(send_frames(*successor, 4, 6), Status::ok);
  EXPECT_EQ(reader->read(generous).value().sequence(), 4u);
}

}  // namespace
