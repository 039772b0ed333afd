// Calls the other way: the server calls its clients and sends them notices, over the same channel.
#include "crash_points.hpp"
#include "duplex_ends.hpp"

namespace zerobuffer {
namespace {
using namespace support;

class DuplexBack : public AllWays {};
RUN_ALL_WAYS(DuplexBack);
class DuplexBackTo : public BothKinds {};
RUN_BOTH_KINDS(DuplexBackTo);

// Scenario 6.1
TEST_P(DuplexBack, a_server_calls_and_notifies_its_client_also_while_it_answers_it) {
  const std::string name = unique_name();
  const auto config = channel_of(2000, 4);
  auto server = Server::create(GetParam().kind, name, config).value();
  Peer peer(GetParam().where, [&] {
    auto client = DuplexClient::open(name, generous, config).value();
    std::atomic<std::uint64_t> noticed{0};
    REQUIRE(client.start([&](Request& request) {
      if (request.client() != 0) throw std::runtime_error("calls of the server have no client");
      if (request.type() == 200) {
        noticed += request.tag();
      } else if (request.type() == 201) {
        throw std::runtime_error("the client will not");
      } else {
        invert(request);
      }
    }));
    for (std::uint64_t i = 0; i < 20; ++i) {
      auto answer = client.call(payload(100, i), generous, {.tag = i});
      REQUIRE(answer);
      REQUIRE(text_of(answer->data()) == "called back");
    }
    REQUIRE(wait_until([&] { return noticed == 190; }));
    REQUIRE(client.stats().callbacks == 60);
    REQUIRE(client.stop());
    return 0;
  });
  server
      ->start([&](Request& request) {
        const std::uint64_t i = request.tag();
        auto answer = server->call_client(request.client(), payload(200, 1000 + i), generous);
        if (!answer || !holds_inverted(answer->data(), 1000 + i)) throw std::runtime_error("wrong answer");
        server->notify(request.client(), payload(10, i), generous, {.type = 200, .tag = i}).value();
        auto refused = server->call_client(request.client(), payload(10, i), generous, {.type = 201});
        if (refused.status() != Status::remote_error) throw std::runtime_error("not refused");
        request.write(bytes_of("called back")).value();
      })
      .value();
  EXPECT_EQ(peer.join(), 0);
  EXPECT_EQ(server->stats().callbacks, 40U);
}

// Scenario 6.1
TEST_P(DuplexBackTo, clients_are_known_by_their_ids_and_each_gets_its_own_calls) {
  const std::string name = unique_name();
  auto config = channel_of(1000, 4);
  config.client_lanes = 1;
  auto server = Server::create(GetParam(), name, config).value();
  EXPECT_TRUE(server->clients().empty());
  std::vector<DuplexClient> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(DuplexClient::open(name, generous, config).value());
  EXPECT_EQ(server->clients().size(), 3U);
  for (std::uint64_t i = 0; i < 3; ++i) {
    EXPECT_OK(server->notify(clients[i].id(), payload(100, i), generous, {.tag = i}));
  }
  for (std::uint64_t i = 0; i < 3; ++i) {
    auto call = clients[i].take(generous);
    ASSERT_OK(call);
    EXPECT_EQ(call->tag(), i);
    EXPECT_TRUE(holds(call->data(), i));
    call->respond(0).value();
    EXPECT_STATUS(clients[i].take(0ns), Status::timeout);
  }
  const std::uint64_t gone = clients[1].id();
  clients.erase(clients.begin() + 1);
  EXPECT_STATUS(server->notify(gone, payload(1, 1), generous), Status::not_found);
  EXPECT_STATUS(server->call_client(gone, payload(1, 1), generous), Status::not_found);
  EXPECT_STATUS(server->call_client(0, payload(1, 1), generous), Status::not_found);
  EXPECT_STATUS(server->call_client(~std::uint64_t{0}, payload(1, 1), generous), Status::not_found);
  auto next = DuplexClient::open(name, generous, config).value();  // in the same lane
  EXPECT_NE(next.id(), gone);
  EXPECT_STATUS(server->notify(gone, payload(1, 1), generous), Status::not_found);
  EXPECT_OK(server->notify(next.id(), payload(1, 1), generous));
  EXPECT_EQ(server->clients().size(), 3U);
}

// Scenario 6.2
TEST_P(DuplexBackTo, a_client_that_takes_no_calls_lets_them_time_out_and_never_gives_a_late_answer_to_the_next) {
  const std::string name = unique_name();
  const auto config = channel_of(1000, 2);
  auto server = Server::create(GetParam(), name, config).value();
  auto client = DuplexClient::open(name, generous, config).value();
  EXPECT_STATUS(server->call_client(client.id(), payload(100, 1), 10ms), Status::timeout);
  Result<Response> answer = Status::ok;
  std::thread caller([&] { answer = server->call_client(client.id(), payload(120, 2), generous); });
  auto late = client.take(generous);
  ASSERT_OK(late);
  EXPECT_TRUE(holds(late->data(), 1));
  invert(*late);
  auto own = client.take(generous);
  ASSERT_OK(own);
  EXPECT_TRUE(holds(own->data(), 2));
  invert(*own);
  caller.join();
  ASSERT_OK(answer);
  EXPECT_EQ(answer->size(), 120U);
  EXPECT_TRUE(holds_inverted(answer->data(), 2));
}

// Scenario 6.6
TEST_P(DuplexBackTo, a_client_killed_with_a_call_in_its_hands_is_noticed) {
  const std::string name = unique_name();
  const auto config = channel_of(1000, 2);
  auto server = Server::create(GetParam(), name, config).value();
  Channel ready;
  Child child([&] {
    auto client = DuplexClient::open(name, generous, config).value();
    ready.send(client.id());
    auto call = client.take(generous).value();
    ready.send(client.id());
    pause();
  });
  std::uint64_t id = 0;
  ASSERT_TRUE(ready.receive(id));
  Result<Response> answer = Status::ok;
  std::thread caller([&] { answer = server->call_client(id, payload(100, 1), generous); });
  ASSERT_TRUE(ready.receive(id));
  child.kill();
  caller.join();
  EXPECT_STATUS(answer, Status::peer_dead);
  EXPECT_STATUS(server->call_client(id, payload(100, 1), generous), Status::not_found);
  EXPECT_TRUE(server->clients().empty());
  // the next one in this lane gets none of it
  auto next = DuplexClient::open(name, generous, config).value();
  EXPECT_STATUS(next.take(0ns), Status::timeout);
  next.start(invert).value();
  auto called = server->call_client(next.id(), payload(100, 2), generous);
  ASSERT_OK(called);
  EXPECT_TRUE(holds_inverted(called->data(), 2));
}

// Scenario 6.10
TEST_P(DuplexBackTo, a_client_that_waits_for_calls_learns_that_its_server_closed_or_died) {
  const std::string name = unique_name();
  auto config = channel_of(1000, 2);
  Channel ready;
  Child child([&] {
    auto server = Server::create(GetParam(), name, config).value();
    ready.send();
    pause();
  });
  ASSERT_TRUE(ready.receive());
  auto client = DuplexClient::open(name, generous, config).value();
  child.kill();
  EXPECT_STATUS(client.take(generous), Status::peer_dead);
  EXPECT_STATUS(client.take(20ms), Status::timeout);
  config.exist_ok = true;
  auto server = Server::create(GetParam(), name, config).value();
  EXPECT_OK(server->notify(client.id(), payload(10, 1), generous));
  auto call = client.take(generous);
  ASSERT_OK(call);
  EXPECT_TRUE(holds(call->data(), 1));
  server->close();
  EXPECT_STATUS(client.take(generous), Status::closed);
}

// Scenario 6.8
TEST_P(DuplexBackTo, a_channel_without_room_for_calls_back_says_so) {
  const std::string name = unique_name();
  auto config = channel_of(1000, 2);
  config.callback_size = 0;
  auto server = Server::create(GetParam(), name, config).value();
  auto client = DuplexClient::open(name, generous, config).value();
  EXPECT_STATUS(server->call_client(client.id(), payload(1, 1), generous), Status::invalid_argument);
  EXPECT_STATUS(server->notify(client.id(), payload(1, 1), generous), Status::invalid_argument);
  EXPECT_STATUS(client.take(generous), Status::invalid_argument);
  EXPECT_STATUS(client.start(invert), Status::invalid_argument);
  server->start(invert).value();
  EXPECT_EQ(call_inverted(client, 100, 1), Status::ok);
}

// Scenario 6.7
TEST(DuplexBack, an_answer_that_another_thread_will_give_back_delays_a_call_to_a_client_and_does_not_refuse_it) {
  const std::string name = unique_name();
  const auto config = channel_of(1000);
  auto server = MutableDuplexServer::create(name, config).value();
  auto client = DuplexClient::open(name, generous, config).value();
  client.start([](Request&) {}).value();
  for (int round = 0; round < 5; ++round) {
    auto held = server.call_client(client.id(), payload(100, 1), generous);
    ASSERT_OK(held);
    std::thread other([&] {
      std::this_thread::sleep_for(20ms);
      held->release();
    });
    for (int i = 0; i < 10; ++i) EXPECT_OK(server.call_client(client.id(), payload(100, 2), generous));
    other.join();
  }
  auto held = server.call_client(client.id(), payload(100, 1), generous);
  Status status = Status::ok;
  while (status == Status::ok) status = server.call_client(client.id(), payload(100, 2), generous).status();
  EXPECT_EQ(status, Status::held_frames_block) << "this thread will not give it back";
}

}  // namespace
}  // namespace zerobuffer
