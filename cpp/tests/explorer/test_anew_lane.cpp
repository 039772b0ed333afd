// A lane of two rings, each of which begins anew wherever it can: a client and its server, and a second client that
// takes the lane over when the first one has died, with answers to it still on their way. Every answer is that to its
// own request, and the lane never comes to a stop.
#include <gtest/gtest.h>

#include "explorer/anew_world.hpp"
#include "explorer/report.hpp"

namespace zerobuffer::explorer::anew {
namespace {

RingWorld answers;  // the requests are in `world`

struct Lane {
  std::uint64_t capacity = 128;      ///< Of both rings.
  std::vector<std::uint64_t> calls;  ///< Of one client after the other.
};

std::uint64_t bytes_of(RingWorld& ring) noexcept {
  std::uint64_t all = 0;
  for (std::uint64_t unit = 0; unit < ring.capacity; unit += 64) {
    all = all * 0x9e3779b97f4a7c15 + std::to_integer<std::uint64_t>(ring.records()[unit + 32]);
  }
  return all;
}

void put(RingWorld& ring, std::byte* at, std::uint64_t number) noexcept {
  Explorer::now().check(at >= ring.records() && at + 32 <= ring.records() + ring.capacity, "a claim outside");
  std::memset(at, std::to_integer<int>(mark_of(number)), 32);
}

void look_at(RingWorld& ring, const std::byte* at, std::uint64_t number) noexcept {
  Explorer::now().check(at >= ring.records() && at + 32 <= ring.records() + ring.capacity, "a frame outside");
  for (int i = 0; i < 2; ++i) {
    const bool whole = std::all_of(at, at + 32, [&](std::byte byte) { return byte == mark_of(number); });
    Explorer::now().check(whole, "a frame was written over");
    if (i == 0) Explorer::now().pass("looks at the frame");
  }
}

void serve(const Lane& lane) noexcept {
  Explorer& explorer = Explorer::now();
  Zeroed<ring::RingReader<Real>> in(world.memory(), std::uint64_t{0});
  auto& out = writer_of<Real>(answers.memory(), no_fence_to_publish, answers.capacity);
  const auto clients_ended = [&explorer, clients = lane.calls.size()] {
    for (std::size_t i = 0; i < clients; ++i) {
      if (!explorer.ended(i)) return false;
    }
    return true;
  };
  for (std::uint64_t done = 0;;) {
    explorer.forget_all_but(std::uint64_t{5}, done, bytes_of(world), bytes_of(answers), in.bytes(), out.bytes());
    const ring::Peek peek = in->peek();
    explorer.check(peek == ring::Peek::empty || peek == ring::Peek::frame, "a request is corrupt");
    if (peek == ring::Peek::empty) {
      const auto more = [next = in->next()] { return world.oieb.write_pos != next; };
      explorer.wait_until("a request", [=] { return more() || clients_ended(); });
      if (!explorer.observe("looks for a request", more)) return;
      continue;
    }
    explorer.check(in->header().sequence == ++done, "a request is missing or comes again");
    look_at(world, in->payload(), 2 * done);
    in->take();
    std::byte* at = nullptr;
    for (;;) {
      out->begin_anew();
      if ((at = out->try_claim(32)) != nullptr) break;
      const auto room = [wanted = out->wanted_pos()] { return answers.slots[0].read_pos >= wanted; };
      explorer.wait_until("room for an answer", [=] { return room() || clients_ended(); });
      if (!explorer.observe("looks for room", room)) return;
    }
    put(answers, at, 2 * done + 1);
    explorer.pass("makes the answer");
    out->commit(32, protocol::record_type::normal, done);
    out->publish();
    Real::store_release(world.slots[0].read_pos, in->next());
  }
}

void call(const Lane& lane, std::size_t client) noexcept {
  Explorer& explorer = Explorer::now();
  explorer.wait_until("the end of the client before", [&explorer, client] {
    for (std::size_t i = 0; i < client; ++i) {
      if (!explorer.ended(i)) return false;
    }
    return true;
  });
  auto& out = writer_of<Real>(world.memory(), no_fence_to_publish, world.capacity);
  const std::uint64_t from = Real::load_acquire(answers.oieb.write_pos);
  Zeroed<ring::RingReader<Real>> in(answers.memory(), from);
  const std::uint64_t floor = out->frames() + 1;
  Real::store_release(answers.slots[0].read_pos, in->next());
  const auto pass_over = [&] {
    in->take();
    Real::store_release(answers.slots[0].read_pos, in->next());
  };
  const auto has_answer = [&] {
    const ring::Peek peek = in->peek();
    explorer.check(peek == ring::Peek::empty || peek == ring::Peek::frame, "an answer is corrupt");
    return peek == ring::Peek::frame;
  };
  const auto more = [&in] { return answers.oieb.write_pos != in->next(); };
  for (std::uint64_t done = 0; done < lane.calls[client]; ++done) {
    explorer.forget_all_but(std::uint64_t{6}, done, floor, bytes_of(world), bytes_of(answers), in.bytes(), out.bytes());
    std::byte* at = nullptr;
    for (;;) {
      out->begin_anew();
      if ((at = out->try_claim(32)) != nullptr) break;
      const auto room = [wanted = out->wanted_pos()] { return world.slots[0].read_pos >= wanted; };
      explorer.wait_until("room for a request", [=] { return room() || more(); });
      while (has_answer() && in->header().tag < floor) pass_over();
    }
    const std::uint64_t number = out->frames() + 1;
    put(world, at, 2 * number);
    explorer.pass("makes the request");
    out->commit(32, protocol::record_type::normal, 0);
    out->publish();
    for (bool answered = false; !answered;) {
      if (!has_answer()) {
        explorer.wait_until("an answer", more);
        continue;
      }
      answered = in->header().tag == number;
      explorer.check(answered || in->header().tag < floor, "the answer to another request");
      look_at(answers, in->payload(), 2 * in->header().tag + 1);
      pass_over();
    }
  }
}

Explorer::Scenario lane_of(const Lane& lane) {
  return [lane](Explorer& explorer) {
    for (RingWorld* ring : {&answers, &world}) {
      ring->begin(explorer, lane.capacity, 1, 1);
      explorer.quiet(&ring->oieb.counts[0], sizeof ring->oieb.counts);
      explorer.quiet(&ring->oieb.last_record_pos, sizeof ring->oieb.last_record_pos);
      explorer.quiet(&ring->oieb.wraps, sizeof ring->oieb.wraps);
    }
    explorer.name(&answers.oieb.origin_pos, "origin_pos of the answers");
    explorer.name(&world.oieb.origin_pos, "origin_pos of the requests");
    for (std::size_t i = 0; i < lane.calls.size(); ++i) {
      explorer.spawn("client " + std::to_string(i), [&lane, i] { call(lane, i); },
                     {.mortal = i + 1 < lane.calls.size()});
    }
    explorer.spawn("server", [&lane] { serve(lane); });
  };
}

TEST(AnewLane, calls_are_answered_in_every_schedule) {
  EXPECT_TRUE(holds(Explorer::explore(lane_of({.capacity = 64, .calls = {3}}), {})));
  EXPECT_TRUE(holds(Explorer::explore(lane_of({.capacity = 128, .calls = {3}}), {})));
}

TEST(AnewLane, a_client_takes_the_lane_over_whatever_step_its_predecessor_died_at) {
  EXPECT_TRUE(holds(Explorer::explore(lane_of({.capacity = 64, .calls = {1, 1}}), {.preemptions = 2, .kills = 1})));
  EXPECT_TRUE(holds(Explorer::explore(lane_of({.capacity = 128, .calls = {1, 1}}), {.preemptions = 2, .kills = 1})));
}

TEST(AnewLane, random_schedules_of_four_clients) {
  EXPECT_TRUE(survives(lane_of({.capacity = 128, .calls = {3, 3, 3, 3}}), {.kills = 3}));
}

}  // namespace
}  // namespace zerobuffer::explorer::anew
