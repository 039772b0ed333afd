// Processes that are killed while they make, take over or give up a buffer: the next creator gets a clean one, and
// nothing is left in /dev/shm after its close. Both with unnamed files and where the file system has none.
#include "crash_points.hpp"

namespace {
using namespace zerobuffer;
using namespace zerobuffer::support;

enum class Act { create, take_over, close_last, close_beside_another };
struct SegmentStep {
  Step step;
  Act act;
};

constexpr SegmentStep segment_steps[] = {
    {{"create.locked"}, Act::create},
    {{"create.initialised"}, Act::create},
    {{"attach.writer_before_place"}, Act::create},
    {{"create.before_link"}, Act::create},
    {{"takeover.before_lock"}, Act::take_over},
    {{"takeover.locked"}, Act::take_over},
    {{"takeover.retired"}, Act::take_over},
    {{"create.before_link"}, Act::take_over},
    {{"close.place_given_up"}, Act::close_last},
    {{"close.last_locked"}, Act::close_last},
    {{"close.retired"}, Act::close_last},
    {{"close.place_given_up"}, Act::close_beside_another},
    {{"close.unlocked"}, Act::close_beside_another},
};
std::string name_of_act(Act act) {
  constexpr const char* names[] = {"creating", "taking_over", "closing_last", "closing_beside_another"};
  return names[static_cast<std::size_t>(act)];
}

// Whether files are made without a name, in this process and its children.
class Unnamed {
 public:
  explicit Unnamed(bool unnamed) {
    if (!unnamed) setenv("ZEROBUFFER_TEST_NO_TMPFILE", "1", 1);
  }
  ~Unnamed() { unsetenv("ZEROBUFFER_TEST_NO_TMPFILE"); }
};

void leave_stale(const std::string& name) {
  Child both_die([&] {
    Writer writer = Writer::create(name, ring_of(4096)).value();
    Reader reader = Reader::open(name, generous, ring_of(4096)).value();
    writer.write(payload(10, 1), generous).value();
    raise(SIGKILL);
  });
  EXPECT_EQ(both_die.wait(), 128 + SIGKILL);
  EXPECT_TRUE(exists(name));
}

void expect_that_a_new_buffer_works_and_goes(const std::string& name) {
  {
    auto writer = Writer::create(name, ring_of(4096));
    ASSERT_OK(writer);
    auto reader = Reader::open(name, Reader::Timeout::zero(), ring_of(4096));
    ASSERT_OK(reader);
    ASSERT_OK(writer->write(payload(100, 5), generous));
    auto frame = reader->read(generous);
    ASSERT_OK(frame);
    EXPECT_EQ(frame->sequence(), 1u);
    EXPECT_TRUE(holds(frame->data(), 5));
  }
  EXPECT_FALSE(exists(name)) << "left after the last one's close";
}

using Parameter = std::tuple<SegmentStep, bool>;
class killed_while : public testing::TestWithParam<Parameter> {};

// Scenario 4.5
TEST_P(killed_while, leaves_a_name_that_the_next_creator_gets) {
  const auto& [step, unnamed] = GetParam();
  const Unnamed choice(unnamed);
  const std::string name = unique_name();
  if (step.act == Act::take_over) leave_stale(name);
  std::optional<Reader> other;
  std::optional<Child> child;
  const auto create = [&, step = step] {
    signal_self_at(step.step, SIGKILL);
    Writer writer = Writer::create(name, ring_of(4096)).value();
    EXPECT_OK(writer.close());
    return 1;  // not reached
  };
  if (step.act == Act::close_beside_another) {
    auto made = Reader::create(name, ring_of(4096));
    ASSERT_OK(made);
    other = std::move(*made);
    child.emplace([&, step = step] {
      signal_self_at(step.step, SIGKILL);
      Writer writer = Writer::open(name, generous, ring_of(4096)).value();
      EXPECT_OK(writer.close());
      return 1;
    });
  } else {
    child.emplace(create);
  }
  EXPECT_EQ(child->wait(), 128 + SIGKILL) << "the step was never reached";
  if (other) {
    EXPECT_STATUS(other->read(generous), Status::closed);
    other->close();
    EXPECT_FALSE(exists(name)) << "the last one to leave left it behind";
  }
  expect_that_a_new_buffer_works_and_goes(name);
}
std::vector<Parameter> all_parameters() {
  std::vector<Parameter> all;
  for (const SegmentStep& step : segment_steps) {
    // without unnamed files nothing is offered: it is visible at once
    const bool offers = std::string_view(step.step.point) == "create.before_link";
    all.emplace_back(step, true);
    if (!offers) all.emplace_back(step, false);
  }
  return all;
}
std::string name_of_parameter(const testing::TestParamInfo<Parameter>& info) {
  const auto& [step, unnamed] = info.param;
  return name_of_act(step.act) + "_" + identifier(step.step) + (unnamed ? "_unnamed" : "_visible");
}
INSTANTIATE_TEST_SUITE_P(any_step, killed_while, testing::ValuesIn(all_parameters()), name_of_parameter);

// Scenario 4.5
TEST(both_killed, leave_a_buffer_that_the_next_creator_takes_over) {
  for (const bool unnamed : {true, false}) {
    const Unnamed choice(unnamed);
    const std::string name = unique_name();
    leave_stale(name);
    expect_that_a_new_buffer_works_and_goes(name);
  }
}

// Scenario 4.5
TEST(both_killed, leave_a_buffer_that_others_can_still_open_and_read) {
  const std::string name = unique_name();
  leave_stale(name);
  BufferConfig resume = ring_of(4096);
  resume.join = JoinAt::resume;
  auto reader = Reader::open(name, Reader::Timeout::zero(), resume);
  ASSERT_OK(reader);
  auto frame = reader->read(generous);
  ASSERT_OK(frame);
  EXPECT_TRUE(holds(frame->data(), 1));
  EXPECT_STATUS(reader->read(generous), Status::peer_dead);
}

// Scenario 4.5, 4.8
TEST(a_creator_stopped, at_any_step_neither_loses_nor_shares_the_name) {
  for (const bool unnamed : {true, false}) {
    for (const char* point :
         {"create.locked", "create.initialised", "takeover.before_lock", "takeover.locked", "takeover.retired"}) {
      SCOPED_TRACE(testing::Message() << point << (unnamed ? " unnamed" : " visible"));
      const Unnamed choice(unnamed);
      const std::string name = unique_name();
      const bool stale = std::string_view(point).starts_with("takeover");
      if (stale) leave_stale(name);
      Child stopped([&] {
        signal_self_at({point}, SIGSTOP);
        auto writer = Writer::create(name, ring_of(4096));
        if (writer.status() == Status::already_exists) return 2;
        return writer.ok() ? 0 : 1;
      });
      ASSERT_TRUE(wait_stopped(stopped));
      auto mine = Writer::create(name, ring_of(4096));
      // who has locked is somebody alive; who has not, has nothing yet
      if (mine) {
        ASSERT_OK(mine->write(payload(10, 2), generous));
      } else {
        EXPECT_STATUS(mine, Status::already_exists);
      }
      stopped.signal(SIGCONT);
      EXPECT_EQ(stopped.wait(), mine ? 2 : 0);
      if (mine) {
        auto reader = Reader::open(name, Reader::Timeout::zero(), ring_of(4096));
        ASSERT_OK(reader);
        auto frame = reader->read(generous);
        ASSERT_OK(frame);
        EXPECT_TRUE(holds(frame->data(), 2));
      }
    }
  }
}

}  // namespace
