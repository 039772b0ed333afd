// Lanes: calls of one client from many threads do not wait for each other, lanes come back, and an answer that comes
// after its call was given up reaches nobody.
#include <mutex>
#include <set>

#include "duplex_ends.hpp"

namespace zerobuffer {
namespace {
using namespace support;

class DuplexLanes : public BothKinds {};
RUN_BOTH_KINDS(DuplexLanes);
class DuplexShared : public AllWays {};
RUN_ALL_WAYS(DuplexShared);

// A request as the server has taken it, kept until somebody answers it.
class Kept {
 public:
  void put(Request request) {
    const std::lock_guard lock(mutex_);
    kept_.push_back(std::move(request));
  }
  [[nodiscard]] std::size_t count() {
    const std::lock_guard lock(mutex_);
    return kept_.size();
  }
  void answer_all() {
    const std::lock_guard lock(mutex_);
    for (Request& request : kept_) invert(request);
    kept_.clear();
  }

 private:
  std::mutex mutex_;
  std::vector<Request> kept_;
};

// Scenario 6.2, 8.2
TEST_P(DuplexShared, threads_that_share_a_client_each_call_in_a_lane_of_their_own) {
  const std::string name = unique_name();
  const auto config = channel_of(2000, 4);
  Kept kept;
  auto server = Server::create(GetParam().kind, name, config).value();
  std::atomic<bool> hold{true};
  server
      ->start(
          [&](Request& request) {
            if (hold) return kept.put(std::move(request));
            invert(request);
          },
          2)
      .value();
  Peer peer(GetParam().where, [&] {
    auto client = DuplexClient::open(name, generous, config).value();
    std::atomic<int> failures{0};
    std::vector<std::thread> threads;
    for (std::uint64_t thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&, thread] {
        for (std::uint64_t i = 0; i < 300; ++i) {
          if (call_inverted(client, 1 + (thread * 300 + i) % 1900, thread * 300 + i) != Status::ok) ++failures;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    REQUIRE(failures == 0);
    REQUIRE(client.stats().lanes == 4);
    REQUIRE(client.stats().requests == 1200 && client.stats().answers == 1200);
    return 0;
  });
  // the first four are all here although none was answered
  EXPECT_TRUE(wait_until([&] { return kept.count() == 4; }));
  hold = false;
  kept.answer_all();
  EXPECT_EQ(peer.join(), 0);
  EXPECT_EQ(server->stats().lanes, 4U);
}

// Scenario 8.2
TEST_P(DuplexLanes, more_callers_than_lanes_take_turns_and_a_call_that_gets_none_in_time_is_told) {
  const std::string name = unique_name();
  auto config = channel_of(2000, 2);
  Kept kept;
  auto server = Server::create(GetParam(), name, config).value();
  auto client = DuplexClient::open(name, generous, config).value();
  auto first = client.begin(payload(10, 1), generous).value();
  auto second = client.begin(payload(10, 2), generous).value();
  EXPECT_STATUS(client.begin(payload(10, 3), 20ms), Status::lanes_busy);
  EXPECT_STATUS(client.call(payload(10, 3), 0ns), Status::lanes_busy);
  EXPECT_STATUS(client.claim_request(10, 0, 0ns), Status::lanes_busy);
  // another client gets none either
  EXPECT_STATUS(DuplexClient::open(name, 0ns, config), Status::lanes_busy);
  server->start(invert).value();
  EXPECT_OK(first.receive(generous));
  EXPECT_OK(client.call(payload(10, 3), generous));
  EXPECT_OK(second.receive(generous));
  std::vector<std::thread> threads;
  std::atomic<int> served{0};
  for (std::uint64_t thread = 0; thread < 6; ++thread) {
    threads.emplace_back([&, thread] {
      for (std::uint64_t i = 0; i < 100; ++i) served += call_inverted(client, 100, thread * 100 + i) == Status::ok;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(served, 600);
  EXPECT_EQ(client.stats().lanes, 2U);
}

// Scenario 8.2
TEST_P(DuplexLanes, a_client_takes_no_more_lanes_than_it_was_told) {
  const std::string name = unique_name();
  auto config = channel_of(2000, 8);
  auto server = Server::create(GetParam(), name, config).value();
  config.client_lanes = 2;
  auto client = DuplexClient::open(name, generous, config).value();
  auto first = client.begin(payload(10, 1), generous).value();
  auto second = client.begin(payload(10, 2), generous).value();
  EXPECT_STATUS(client.begin(payload(10, 3), 20ms), Status::lanes_busy);
  EXPECT_EQ(client.stats().lanes, 2U);
  auto other = DuplexClient::open(name, generous, config).value();
  server->start(invert).value();
  EXPECT_EQ(call_inverted(other, 100, 1), Status::ok);
}

// Scenario 6.6
TEST_P(DuplexShared, lanes_come_back_when_a_client_closes_or_dies) {
  const std::string name = unique_name();
  const auto config = channel_of(2000, 3);
  auto server = Server::create(GetParam().kind, name, config).value();
  server->start(invert, 3).value();
  for (int round = 0; round < 6; ++round) {
    Peer peer(GetParam().where, [&] {
      auto client = DuplexClient::open(name, generous, config).value();
      std::vector<PendingCall> calls;
      for (std::uint64_t i = 0; i < 3; ++i) {
        auto call = client.begin(payload(100, i), generous);
        REQUIRE(call);
        calls.push_back(std::move(*call));
      }
      if (round % 2 == 0) {
        for (std::uint64_t i = 0; i < 3; ++i) {
          auto answer = calls[i].receive(generous);
          REQUIRE(answer);
          REQUIRE(holds_inverted(answer->data(), i));
        }
      } else if (GetParam().where == Where::process) {
        raise(SIGKILL);
      }
      return 0;
    });
    EXPECT_EQ(peer.join(), round % 2 == 1 && GetParam().where == Where::process ? 128 + SIGKILL : 0);
  }
  // three new clients, one lane each
  auto one = config;
  one.client_lanes = 1;
  std::vector<DuplexClient> clients;
  for (std::uint64_t i = 0; i < 3; ++i) {
    auto client = DuplexClient::open(name, generous, one);
    ASSERT_OK(client);
    EXPECT_EQ(call_inverted(*client, 500, i), Status::ok);
    clients.push_back(std::move(*client));
  }
  EXPECT_EQ(server->stats().lanes, 3U);
}

// Scenario 6.2
TEST_P(DuplexLanes, an_answer_that_comes_too_late_is_never_given_to_the_next_caller) {
  for (const std::uint32_t lanes : {1U, 3U}) {
    const std::string name = unique_name();
    const auto config = channel_of(2000, lanes);
    auto server = Server::create(GetParam(), name, config).value();
    auto client = DuplexClient::open(name, generous, config).value();
    for (std::uint64_t round = 0; round < 10; ++round) {
      // as many calls as there are lanes are given up: by their timeout, by being dropped, and as claims
      std::vector<Request> late;
      for (std::uint32_t i = 0; i < lanes; ++i) {
        const std::uint64_t seed = round * 10 + i;
        if (round % 3 == 0) {
          EXPECT_STATUS(client.call(payload(300, seed), 5ms), Status::timeout);
        } else if (round % 3 == 1) {
          static_cast<void>(client.begin(payload(300, seed), generous).value());
        } else {
          auto claim = client.claim_request(300, 0, generous).value();
          fill(claim.data(), seed);
          EXPECT_STATUS(claim.call(300, 5ms), Status::timeout);
        }
        late.push_back(server->take(generous).value());
      }
      auto call = client.begin(payload(400, 1000 + round), generous).value();
      EXPECT_STATUS(call.try_receive(), Status::would_block);
      for (Request& request : late) {
        invert(request);
        EXPECT_STATUS(call.receive(1ms), Status::timeout);
      }
      auto request = server->take(generous).value();
      EXPECT_TRUE(holds(request.data(), 1000 + round));
      invert(request);
      auto answer = call.receive(generous);
      ASSERT_OK(answer);
      EXPECT_EQ(answer->size(), 400U);
      EXPECT_TRUE(holds_inverted(answer->data(), 1000 + round));
    }
    EXPECT_GE(client.stats().late, lanes == 1 ? 10U : 1U);
    EXPECT_EQ(client.stats().lanes, lanes);
    EXPECT_EQ(client.stats().answers, 10U);
  }
}

// Scenario 6.2
TEST_P(DuplexLanes, a_call_that_timed_out_can_still_be_waited_for_where_it_was_kept) {
  const std::string name = unique_name();
  const auto config = channel_of(2000, 1);
  auto server = Server::create(GetParam(), name, config).value();
  auto client = DuplexClient::open(name, generous, config).value();
  auto call = client.begin(payload(100, 1), generous).value();
  EXPECT_STATUS(call.receive(2ms), Status::timeout);
  EXPECT_STATUS(call.try_receive(), Status::would_block);
  server->start(invert).value();
  PendingCall moved = std::move(call);
  EXPECT_FALSE(call.valid());
  EXPECT_STATUS(call.receive(0ns), Status::handle_closed);
  auto answer = moved.receive(generous);
  ASSERT_OK(answer);
  EXPECT_TRUE(holds_inverted(answer->data(), 1));
  moved.abandon();
  EXPECT_STATUS(moved.receive(0ns), Status::handle_closed);
}

// Scenario 6.7
TEST_P(DuplexLanes, a_caller_that_still_holds_an_answer_that_fills_its_lane_calls_in_another_lane) {
  const std::string name = unique_name();
  const auto config = channel_of(100'000, 4);  // one request and one answer of this size fit
  auto server = Server::create(GetParam(), name, config).value();
  server->start(invert).value();
  auto client = DuplexClient::open(name, generous, config).value();
  std::vector<Response> held;
  for (std::uint64_t i = 0; i < 4; ++i) {
    auto answer = client.call(payload(100'000, i), generous);
    ASSERT_OK(answer);
    held.push_back(std::move(*answer));
  }
  for (std::uint64_t i = 0; i < 4; ++i) EXPECT_TRUE(holds_inverted(held[i].data(), i));
  // all lanes are full now, and only this client can change that
  EXPECT_STATUS(client.call(payload(100'000, 4), generous), Status::held_frames_block);
  held.erase(held.begin() + 2);
  EXPECT_EQ(call_inverted(client, 100'000, 5), Status::ok);
  for (const std::uint64_t i : {0U, 1U}) EXPECT_TRUE(holds_inverted(held[i].data(), i));
  held.clear();
  for (std::uint64_t i = 0; i < 20; ++i) EXPECT_EQ(call_inverted(client, 100'000, i), Status::ok);
}

// Scenario 6.7
TEST_P(DuplexLanes, keeping_the_last_answer_while_calling_again_works_for_ever) {
  const std::string name = unique_name();
  const auto config = channel_of(50'000, 2);
  auto server = Server::create(GetParam(), name, config).value();
  server->start(invert).value();
  auto client = DuplexClient::open(name, generous, config).value();
  Response last;
  for (std::uint64_t i = 0; i < 200; ++i) {
    auto answer = client.call(payload(50'000, i), generous);
    ASSERT_OK(answer);
    ASSERT_TRUE(holds_inverted(answer->data(), i));
    last = std::move(*answer);  // the one before is released only now
  }
}

// Scenario 6.7
TEST_P(DuplexLanes, answers_held_by_one_thread_do_not_fail_the_calls_of_another) {
  const std::string name = unique_name();
  const auto config = channel_of(20'000, 4);
  auto server = Server::create(GetParam(), name, config).value();
  server->start(invert).value();
  auto client = DuplexClient::open(name, generous, config).value();
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (std::uint64_t thread = 0; thread < 2; ++thread) {
    threads.emplace_back([&, thread] {
      for (std::uint64_t i = 0; i < 100; ++i) {
        auto answer = client.call(payload(20'000, thread * 1000 + i), generous);
        if (!answer || !holds_inverted(answer->data(), thread * 1000 + i)) ++failures;
        std::this_thread::sleep_for(200us);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
}

// Scenario 6.7
TEST_P(DuplexLanes, a_client_that_gave_up_its_calls_and_idles_does_not_keep_the_server_from_others) {
  const std::string name = unique_name();
  auto config = channel_of(2000, 2);
  auto server = Server::create(GetParam(), name, config).value();
  config.client_lanes = 1;
  auto idle = DuplexClient::open(name, generous, config).value();
  auto other = DuplexClient::open(name, generous, config).value();
  // both answers of the idle client do not fit its ring at the same time, and it looks at neither
  for (std::uint64_t i = 0; i < 2; ++i) {
    EXPECT_STATUS(idle.call(payload(GetParam() == Kind::in_place ? 900 : 10, i), 5ms), Status::timeout);
  }
  server
      ->start([](Request& request) {
        if (request.in_place()) return invert(request);
        request.write(payload(2000, 7)).value();
      })
      .value();
  for (std::uint64_t i = 0; i < 5; ++i) EXPECT_OK(other.call(payload(100, i), generous));
  EXPECT_OK(idle.call(payload(10, 3), generous));
}

// Scenario 6.9, 3.2
TEST_P(DuplexLanes, an_answer_outlives_its_client_and_its_close) {
  const std::string name = unique_name();
  const auto config = channel_of(2000, 2);
  auto server = Server::create(GetParam(), name, config).value();
  server->start(invert).value();
  std::vector<Response> held;
  {
    auto client = DuplexClient::open(name, generous, config).value();
    for (std::uint64_t i = 0; i < 3; ++i) held.push_back(client.call(payload(100, i), generous).value());
    DuplexClient moved = std::move(client);
    EXPECT_FALSE(client.is_open());
    EXPECT_STATUS(client.call(payload(1, 1), generous), Status::handle_closed);
    held.push_back(moved.call(payload(100, 3), generous).value());
    moved.close();
    moved.close();
    EXPECT_STATUS(moved.call(payload(1, 1), generous), Status::handle_closed);
  }
  for (std::uint64_t i = 0; i < 4; ++i) EXPECT_TRUE(holds_inverted(held[i].data(), i));
  auto next = DuplexClient::open(name, generous, config);
  if (next) {
    EXPECT_EQ(call_inverted(*next, 100, 9), Status::ok);
  } else {
    EXPECT_EQ(next.status(), Status::lanes_busy);  // both lanes are still held
  }
  for (std::uint64_t i = 0; i < 4; ++i) EXPECT_TRUE(holds_inverted(held[i].data(), i));
  server->close();
  for (std::uint64_t i = 0; i < 4; ++i) EXPECT_TRUE(holds_inverted(held[i].data(), i));
  held[2].release();
  held[2].release();
  EXPECT_FALSE(held[2].valid());
  EXPECT_TRUE(held[2].data().empty());
}

// Scenario 6.10
TEST_P(DuplexLanes, calls_and_claims_that_outlive_their_client_fail_and_give_their_lane_back) {
  const std::string name = unique_name();
  const auto config = channel_of(2000, 4);
  auto server = Server::create(GetParam(), name, config).value();
  auto client = DuplexClient::open(name, generous, config).value();
  auto call = client.begin(payload(100, 1), generous).value();
  auto claim = client.claim_request(100, 0, generous).value();
  auto sending = client.claim_send(100, 0, generous).value();
  client.close();
  EXPECT_STATUS(call.receive(generous), Status::handle_closed);
  EXPECT_STATUS(call.receive(generous), Status::handle_closed);
  std::memset(claim.data().data(), 1, claim.data().size());  // still mapped
  EXPECT_STATUS(claim.begin(10), Status::handle_closed);
  EXPECT_STATUS(sending.send(10), Status::handle_closed);
  claim.discard();
  sending.discard();
  std::vector<DuplexClient> clients;
  auto one = config;
  one.client_lanes = 1;
  for (std::uint64_t i = 0; i < 4; ++i) {
    auto opened = DuplexClient::open(name, generous, one);
    ASSERT_OK(opened);
    clients.push_back(std::move(*opened));
  }
  server->start(invert).value();
  for (std::uint64_t i = 0; i < 4; ++i) EXPECT_EQ(call_inverted(clients[i], 100, i), Status::ok);
}

// Scenario 4.12
TEST_P(DuplexLanes, interrupt_ends_the_waits_that_run_or_else_the_next_one) {
  const std::string name = unique_name();
  const auto config = channel_of(2000, 4);
  auto server = Server::create(GetParam(), name, config).value();
  auto client = DuplexClient::open(name, generous, config).value();
  std::atomic<int> interrupted{0};
  Sleepers waits;
  for (int i = 0; i < 3; ++i) {
    waits.add([&] { interrupted += client.call(payload(10, 1), forever).status() == Status::interrupted; });
  }
  waits.add([&] { interrupted += client.receive(forever).status() == Status::interrupted; });
  EXPECT_TRUE(wait_until([&] { return client.stats().requests == 3; }) && waits.all_asleep());
  client.interrupt();
  waits.join();
  EXPECT_EQ(interrupted, 4);
  client.interrupt();
  EXPECT_STATUS(client.call(payload(10, 1), forever), Status::interrupted);
  for (int i = 0; i < 3; ++i) static_cast<void>(server->take(generous).value());
  server->start(invert).value();
  EXPECT_EQ(call_inverted(client, 10, 2), Status::ok) << "one interrupt ends one wait only";
  auto sent = client.send(payload(10, 3), generous);
  ASSERT_OK(sent);
  EXPECT_OK(client.receive(generous));
}

// Scenario 4.12
TEST_P(DuplexLanes, interrupting_a_receiver_does_not_interrupt_the_sender_that_comes_later) {
  const std::string name = unique_name();
  const auto config = channel_of(2000, 2);
  auto server = Server::create(GetParam(), name, config).value();
  auto client = DuplexClient::open(name, generous, config).value();
  Status status = Status::ok;
  std::thread receiver([&] { status = client.receive(forever).status(); });
  ASSERT_TRUE(wait_until([&] { return client.stats().sleeps >= 1; }));
  client.interrupt();
  receiver.join();
  EXPECT_EQ(status, Status::interrupted);
  Status last = Status::ok;
  while (last == Status::ok) last = client.send(payload(500, 1), 20ms).status();  // until the ring is full
  EXPECT_EQ(to_string(last), to_string(Status::timeout));
}

// Scenario 4.12
TEST_P(DuplexLanes, interrupt_ends_every_take_of_a_server) {
  const std::string name = unique_name();
  auto server = Server::create(GetParam(), name, channel_of(1000, 2)).value();
  std::atomic<int> ended{0};
  Sleepers waits;
  for (int i = 0; i < 4; ++i) {
    waits.add([&] { ended += server->serve(invert).status() == Status::interrupted; });
  }
  EXPECT_TRUE(waits.all_asleep());
  server->interrupt();
  waits.join();
  EXPECT_EQ(ended, 4);
}

}  // namespace
}  // namespace zerobuffer
