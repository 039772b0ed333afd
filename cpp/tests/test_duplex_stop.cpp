// The end of a server: what stop() and close() promise about requests that wait, names that can be used again at once,
// clients that do not read, and workers that fail.
#include <mutex>

#include "crash_points.hpp"
#include "duplex_ends.hpp"

namespace zerobuffer {
namespace {
using namespace support;

class DuplexStop : public BothKinds {};
RUN_BOTH_KINDS(DuplexStop);
class DuplexEnds : public AllWays {};
RUN_ALL_WAYS(DuplexEnds);

// Scenario 6.10
TEST_P(DuplexStop, what_was_taken_is_answered_and_what_waits_stays_for_the_next_start) {
  const std::string name = unique_name();
  const auto config = channel_of(30'000, 2);
  auto server = Server::create(GetParam(), name, config).value();
  auto client = DuplexClient::open(name, generous, config).value();
  std::atomic<int> runs{0};
  std::atomic<bool> stopping{false};
  const auto slowly = [&](Request& request) {
    const bool first = ++runs == 1;
    while (!stopping) std::this_thread::sleep_for(1ms);
    // stop() has come by then; where this thread is much faster than the one that stops it, at least not all are taken
    std::this_thread::sleep_for(first ? 20ms : 1000ms);
    invert(request);
  };
  server->start(slowly).value();
  for (std::uint64_t i = 0; i < 20; ++i) ASSERT_OK(client.send(payload(100, i), generous));
  ASSERT_TRUE(wait_until([&] { return runs == 1; }));
  std::thread waker([&] {
    std::this_thread::sleep_for(5ms);
    stopping = true;
  });
  EXPECT_OK(server->stop());
  waker.join();
  EXPECT_EQ(server->running(), 0U);
  const int taken = runs;
  EXPECT_LT(taken, 20);
  for (int i = 0; i < taken; ++i) EXPECT_OK(client.receive(generous));
  EXPECT_STATUS(client.receive(20ms), Status::timeout);
  EXPECT_OK(server->stop());  // again is harmless
  server->start(invert).value();
  EXPECT_STATUS(server->start(invert), Status::invalid_argument);
  for (int i = taken; i < 20; ++i) {
    auto answer = client.receive(generous);
    ASSERT_OK(answer);
    EXPECT_TRUE(holds_inverted(answer->data(), static_cast<std::uint64_t>(i)));
  }
  EXPECT_EQ(runs, taken);
  EXPECT_STATUS(server->start(invert, 0), Status::invalid_argument);
}

// Scenario 6.10
TEST_P(DuplexEnds, clients_that_wait_are_told_that_the_server_closed_and_the_name_can_be_used_again_at_once) {
  const std::string name = unique_name();
  const auto config = channel_of(2000, 4);
  auto server = std::make_unique<Server>(Server::create(GetParam().kind, name, config).value());
  Channel ready;
  Channel go_on;
  Peer peer(GetParam().where, [&] {
    auto client = DuplexClient::open(name, generous, config).value();
    auto taken = client.begin(payload(100, 1), generous);
    REQUIRE(taken);
    ready.send();
    REQUIRE(go_on.receive());  // that one was taken
    auto waiting = client.begin(payload(100, 2), generous);
    REQUIRE(waiting);
    REQUIRE(client.send(payload(100, 3), generous));
    std::atomic<int> closed{0};
    std::thread caller([&] { closed += client.call(payload(100, 4), forever).status() == Status::closed; });
    std::thread receiver([&] { closed += client.receive(forever).status() == Status::closed; });
    std::this_thread::sleep_for(20ms);
    ready.send();
    caller.join();
    receiver.join();
    REQUIRE(closed == 2);
    REQUIRE(taken->receive(forever).status() == Status::closed);
    REQUIRE(waiting->receive(forever).status() == Status::closed);
    REQUIRE(client.call(payload(1, 1), forever).status() == Status::closed);
    REQUIRE(client.begin(payload(1, 1), 0ns).status() == Status::closed ||
            client.call(payload(1, 1), generous).status() == Status::closed);
    REQUIRE(client.take(forever).status() == Status::closed);
    ready.send();
    REQUIRE(go_on.receive());  // the name has a new channel now, in another process or in this one
    REQUIRE(client.call(payload(1, 1), generous).status() == Status::closed);
    auto other = DuplexClient::open(name, generous, config).value();
    REQUIRE(call_inverted(other, 100, 1) == Status::ok);
    return 0;
  });
  ASSERT_TRUE(ready.receive());
  Request held = (*server)->take(generous).value();
  go_on.send();
  ASSERT_TRUE(ready.receive());
  (*server)->close();
  EXPECT_FALSE((*server)->is_open());
  EXPECT_STATUS((*server)->take(0ns), Status::handle_closed);
  EXPECT_FALSE(exists(name));
  EXPECT_TRUE(holds(held.data(), 1)) << "a request outlives its server";
  EXPECT_STATUS(held.write(bytes_of("late")), Status::handle_closed);
  ASSERT_TRUE(ready.receive());
  server.reset();
  EXPECT_TRUE(holds(held.data(), 1));
  held = Request();
  server = std::make_unique<Server>(Server::create(GetParam().kind, name, config).value());
  EXPECT_TRUE((*server)->info().created);
  (*server)->start(invert).value();
  go_on.send();
  EXPECT_EQ(peer.join(), 0);
}

// Scenario 6.10
TEST_P(DuplexStop, a_name_is_used_again_a_hundred_times_while_old_clients_are_still_attached) {
  const std::string name = unique_name();
  const auto config = channel_of(1000, 2);
  std::vector<DuplexClient> old;
  for (std::uint64_t round = 0; round < 100; ++round) {
    auto server = Server::create(GetParam(), name, config);
    ASSERT_OK(server);
    (*server)->start(invert).value();
    auto client = DuplexClient::open(name, generous, config).value();
    ASSERT_EQ(call_inverted(client, 50, round), Status::ok);
    if (round % 2 == 0) (*server)->close();
    if (round % 10 == 0) old.push_back(std::move(client));
  }
  for (DuplexClient& client : old) EXPECT_STATUS(client.call(payload(1, 1), generous), Status::closed);
}

// Scenario 6.7, 6.10
TEST(DuplexClose, a_client_that_reads_nothing_holds_the_server_back_but_does_not_keep_it_from_closing) {
  const std::string name = unique_name();
  auto config = channel_of(2000, 2);
  config.client_lanes = 1;
  auto server = std::make_unique<ImmutableDuplexServer>(ImmutableDuplexServer::create(name, config).value());
  auto client = DuplexClient::open(name, generous, config).value();
  server->start([](Request& request) { request.write(payload(1500, 1)).value(); }).value();
  for (std::uint64_t i = 0; i < 4; ++i) ASSERT_OK(client.send(payload(10, i), generous));
  ASSERT_TRUE(wait_until([&] { return server->stats().requests == 2; }));
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(server->stats().requests, 2U) << "one answer fits, the second one waits";
  // it reads, and everything goes on
  for (std::uint64_t i = 0; i < 4; ++i) EXPECT_OK(client.receive(generous));
  for (std::uint64_t i = 0; i < 4; ++i) ASSERT_OK(client.send(payload(10, i), generous));
  ASSERT_TRUE(wait_until([&] { return server->stats().requests == 6; }));
  server->close();
  EXPECT_OK(client.receive(generous));  // what was answered before is still there
  EXPECT_STATUS(client.receive(generous), Status::closed);
}

// Scenario 6.7
TEST(DuplexClose, answers_that_are_held_and_keep_the_server_from_answering_are_told_instead_of_waiting) {
  const std::string name = unique_name();
  const auto config = channel_of(2000, 1);
  auto server = ImmutableDuplexServer::create(name, config).value();
  server.start([](Request& request) { request.write(payload(1500, request.tag())).value(); }).value();
  auto client = DuplexClient::open(name, generous, config).value();
  Response held = client.call(payload(10, 1), generous, {.tag = 7}).value();
  auto call = client.begin(payload(10, 2), generous, {.tag = 8}).value();
  EXPECT_STATUS(call.receive(forever), Status::held_frames_block);
  EXPECT_TRUE(holds(held.data(), 7));
  held.release();
  auto answer = call.receive(generous);
  ASSERT_OK(answer);
  EXPECT_TRUE(holds(answer->data(), 8));
  // who asks again and again is told as well, however short each time is
  for (const auto timeout : {0ms, 20ms}) {
    call = client.begin(payload(10, 2), generous, {.tag = 8}).value();
    EXPECT_TRUE(wait_until([&] { return call.receive(timeout).status() == Status::held_frames_block; }));
    answer->release();
    answer = call.receive(generous);
    ASSERT_OK(answer);
  }
}

// Scenario 6.7
TEST(DuplexClose, an_answer_that_another_thread_will_give_back_delays_a_call_and_does_not_refuse_it) {
  const std::string name = unique_name();
  const auto config = channel_of(2000, 1);
  auto server = ImmutableDuplexServer::create(name, config).value();
  server.start([](Request& request) { request.write(payload(1500, 1)).value(); }).value();
  auto client = DuplexClient::open(name, generous, config).value();
  // on a busy machine the other thread may once take longer than a call waits for it
  EXPECT_TRUE(wait_until([&] {
    Response held = client.call(payload(10, 1), generous).value();
    std::thread other([&] {
      std::this_thread::sleep_for(300ms);
      held.release();
    });
    const Status status = client.call(payload(10, 2), generous).status();
    other.join();
    return status == Status::ok;
  }));
}

// Scenario 6.7
TEST(DuplexClose, a_client_that_closes_without_reading_lets_the_server_go_on) {
  const std::string name = unique_name();
  auto config = channel_of(2000, 2);
  config.client_lanes = 1;
  auto server = ImmutableDuplexServer::create(name, config).value();
  auto client = DuplexClient::open(name, generous, config).value();
  auto other = DuplexClient::open(name, generous, config).value();
  server.start([](Request& request) { request.write(payload(1500, 1)).value(); }).value();
  Response held = client.call(payload(10, 1), generous).value();
  for (std::uint64_t i = 0; i < 3; ++i) ASSERT_OK(client.send(payload(10, i), generous));
  ASSERT_TRUE(wait_until([&] { return server.stats().requests == 2; }));
  client.close();  // the answer it holds keeps its lane, but nobody awaits the others
  EXPECT_OK(other.call(payload(10, 1), generous));
  EXPECT_TRUE(holds(held.data(), 1));
}

// Scenario 6.3
TEST_P(DuplexStop, a_pool_goes_on_where_more_requests_wait_than_may_be_taken) {
  const std::string name = unique_name();
  auto config = channel_of(30'000, 2);
  config.max_held = 1;
  auto server = Server::create(GetParam(), name, config).value();
  server
      ->start(
          [](Request& request) {
            std::this_thread::sleep_for(1ms);
            invert(request);
          },
          4)
      .value();
  auto other = channel_of(30'000, 2);
  auto client = DuplexClient::open(name, generous, other).value();
  for (std::uint64_t i = 0; i < 40; ++i) ASSERT_OK(client.send(payload(100, i), generous));
  for (std::uint64_t i = 0; i < 40; ++i) {
    auto answer = client.receive(generous);
    ASSERT_OK(answer);
    EXPECT_TRUE(holds_inverted(answer->data(), i));
  }
  EXPECT_EQ(server->running(), 4U);
  EXPECT_OK(server->stop());
}

// Scenario 6.4
TEST_P(DuplexStop, a_worker_that_ended_is_not_counted_as_running_and_stop_says_why_it_did) {
  const std::string name = unique_name();
  auto config = channel_of(1000, 2);
  auto server = Server::create(GetParam(), name, config).value();
  server->start(invert, 2).value();
  EXPECT_EQ(server->running(), 2U);
  server->interrupt();  // nobody asked them to end
  ASSERT_TRUE(wait_until([&] { return server->running() < 2; }));
  const auto stopped = server->stop();
  EXPECT_STATUS(stopped, Status::interrupted);
  EXPECT_EQ(server->running(), 0U);
  EXPECT_OK(server->stop());
  server->start(invert).value();
  auto client = DuplexClient::open(name, generous, config).value();
  EXPECT_EQ(call_inverted(client, 100, 1), Status::ok);
  // of a client likewise: its server is gone
  client.start([](Request&) {}).value();
  EXPECT_EQ(client.running(), 1U);
  server->close();
  EXPECT_TRUE(wait_until([&] { return client.running() == 0; }));
  EXPECT_STATUS(client.stop(), Status::closed);
}

TEST_P(DuplexStop, a_handler_cannot_stop_or_close_the_server_that_runs_it) {
  const std::string name = unique_name();
  auto config = channel_of(1000, 2);
  auto server = Server::create(GetParam(), name, config).value();
  server
      ->start([&](Request& request) {
        const auto stopped = server->stop();
        server->close();
        const std::string_view told = stopped ? "ok" : to_string(stopped.status());
        request.write(bytes_of(told)).value();
      })
      .value();
  auto client = DuplexClient::open(name, generous, config).value();
  for (int i = 0; i < 2; ++i) {
    auto response = client.call({}, generous);
    ASSERT_OK(response);
    EXPECT_EQ(text_of(response->data()), "invalid_argument");
  }
  EXPECT_OK(server->stop());
}

}  // namespace
}  // namespace zerobuffer
