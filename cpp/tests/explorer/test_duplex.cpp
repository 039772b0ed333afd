// A lane that is answered in place: a caller and an answerer on one ring, each asleep whenever it can be, on two bits
// of one word and on the word for space. Publishing the answerer's position is the answer: requests and answers arrive
// whole, in order and once, and nobody sleeps for ever. Then with one error in it at a time.
#include <gtest/gtest.h>

#include "explorer/mutants.hpp"
#include "explorer/report.hpp"
#include "explorer/ring_world.hpp"

namespace zerobuffer::explorer {
namespace {

using Real = ExplorerMachine;
constexpr Side with_fences{.barriers = {.publisher_registered = false, .sleeper_can_call = false}};
constexpr Side asymmetric{.barriers = {.publisher_registered = true, .sleeper_can_call = true}};
constexpr std::uint64_t answerer_bit = 1;
constexpr std::uint64_t caller_bit = 2;
constexpr std::uint64_t size = 24;

template <class M>
using InPlaceReader = ring::RingReader<M, protocol::record_flag::in_place>;

// Keeps `ahead` requests on their way where there is room, and lets each answer go when it has looked at it.
template <class M, class W>
void call(std::uint64_t calls, std::uint64_t ahead, const Side& side) noexcept {
  Explorer& explorer = Explorer::now();
  Zeroed<ring::RingWriter<M>> out(world.memory(), side.barriers, world.capacity);
  Zeroed<InPlaceReader<M>> in(world.memory(), std::uint64_t{0}, world.slots[0].read_pos);
  for (std::uint64_t sent = 0, answered = 0; answered < calls;) {
    explorer.forget_all_but(std::uint64_t{6}, sent, answered, out.bytes(), in.bytes());
    if (sent < calls && sent - answered < ahead) {
      if (std::byte* at = out->try_claim(size)) {
        fill(at, size, 2 * ++sent);
        out->commit(size, 0, 0);
        out->publish();
        continue;
      }
    }
    const ring::Peek peek = in->peek();
    explorer.check(peek != ring::Peek::corrupt, "an answer is corrupt");
    if (peek == ring::Peek::empty) {
      W::for_data(caller_bit, side.barriers, side.sleep, [&] { return in->more(); });
      continue;
    }
    ++answered;
    explorer.check(in->header().sequence == answered, "an answer is missing or comes again");
    explorer.check(in->header().flags == protocol::record_flag::in_place, "no answer");
    verify(in->payload(), in->header().size, 2 * answered + 1);
    in->take();
    M::store_release(world.slots[1].read_pos, in->next());
  }
}

template <class M, class W>
void answer(std::uint64_t calls, const Side& side) noexcept {
  Explorer& explorer = Explorer::now();
  Zeroed<InPlaceReader<M>> in(world.memory(), std::uint64_t{0});
  for (std::uint64_t done = 0; done < calls;) {
    explorer.forget_all_but(std::uint64_t{7}, done, in.bytes());
    const ring::Peek peek = in->peek();
    explorer.check(peek != ring::Peek::corrupt, "a request is corrupt");
    if (peek == ring::Peek::empty) {
      W::for_data(answerer_bit, side.barriers, side.sleep, [&] { return in->more(); });
      continue;
    }
    ++done;
    verify(in->payload(), in->header().size, 2 * done);
    auto* header = reinterpret_cast<protocol::RecordHeader*>(const_cast<std::byte*>(in->payload()) - 32);
    M::store_relaxed(header->flags, protocol::record_flag::in_place);
    fill(const_cast<std::byte*>(in->payload()), size, 2 * done + 1);
    in->take();
    M::store_release(world.slots[0].read_pos, in->next());
    ring::DataSignal<M>::notify(world.oieb, side.barriers);
    ring::SpaceSignal<M>::notify(world.oieb, in->next(), side.barriers);
  }
}

template <class CallerM = Real, class AnswererM = Real, class CallerW = Waiting<CallerM>,
          class AnswererW = Waiting<AnswererM>>
Explorer::Scenario lane(std::uint64_t capacity, std::uint64_t calls, std::uint64_t ahead, const Side& side) {
  return [=](Explorer& explorer) {
    world.begin(explorer, capacity, 2, 2);
    world.only_the_writer_reads_its_own(explorer);
    if (!side.barriers.sleeper_can_call) {
      ring::DataSignal<Real>::require_fence(world.oieb, answerer_bit | caller_bit);
      ring::SpaceSignal<Real>::require_fence(world.oieb, true);
    }
    const Role role{.mortal = false, .registered = side.barriers.publisher_registered};
    explorer.spawn(
        "caller", [=] { call<CallerM, CallerW>(calls, ahead, side); }, role);
    explorer.spawn(
        "answerer", [=] { answer<AnswererM, AnswererW>(calls, side); }, role);
  };
}

TEST(Duplex, calls_are_answered_in_place_with_fences) {
  EXPECT_TRUE(holds(Explorer::explore(lane(64, 2, 1, with_fences), {})));
}
TEST(Duplex, calls_are_answered_in_place_with_asymmetric_barriers) {
  EXPECT_TRUE(holds(Explorer::explore(lane(64, 2, 1, asymmetric), {.preemptions = 4})));
}
TEST(Duplex, two_calls_on_their_way_are_answered_in_place) {
  EXPECT_TRUE(holds(Explorer::explore(lane(128, 3, 2, with_fences), {.preemptions = 3})));
}

TEST(SeededError, a_dropped_fence_in_the_answerer_is_found) {
  EXPECT_TRUE(found(Explorer::search(lane<Real, DropsFences>(64, 2, 1, with_fences), {}), "deadlock"));
}
TEST(SeededError, a_dropped_fence_in_the_caller_is_found) {
  EXPECT_TRUE(found(Explorer::search(lane<DropsFences>(64, 2, 1, with_fences), {}), "deadlock"));
}
TEST(SeededError, an_answer_that_overtakes_its_bytes_is_found) {
  EXPECT_TRUE(found(Explorer::search(lane<Real, ReleasesAtOnce>(64, 2, 1, with_fences), {}), ""));
}
TEST(SeededError, a_caller_that_sleeps_without_a_second_look_is_found) {
  EXPECT_TRUE(
      found(Explorer::search(lane<Real, Real, SleepsWithoutASecondLook>(64, 2, 1, with_fences), {}), "deadlock"));
}
TEST(SeededError, an_answer_that_wakes_nobody_is_found) {
  EXPECT_TRUE(found(Explorer::search(lane<Real, NeverWakes>(64, 2, 1, with_fences), {}), "deadlock"));
}

}  // namespace
}  // namespace zerobuffer::explorer
