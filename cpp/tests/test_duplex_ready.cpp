// One call of a function as soon as a channel is worth a look: for event loops on both ends.
#include "crash_points.hpp"
#include "duplex_ends.hpp"

namespace zerobuffer {
namespace {
using namespace support;

class DuplexReady : public BothKinds {};
RUN_BOTH_KINDS(DuplexReady);

// Counts the calls of when_ready().
struct Calls {
  std::atomic<int> count{0};
  static void callback(void* context) { ++static_cast<Calls*>(context)->count; }
  [[nodiscard]] bool come_to(int expected) {
    return wait_until([&] { return count >= expected; });
  }
};

// Scenario 6.2
TEST_P(DuplexReady, one_call_comes_for_a_request_an_answer_and_a_call_of_the_server) {
  const std::string name = unique_name();
  const auto config = channel_of(2000, 3);
  auto server = Server::create(GetParam(), name, config).value();
  auto client = DuplexClient::open(name, generous, config).value();
  Calls at_server;
  Calls at_call;
  Calls at_client;
  Calls at_callback;
  for (int round = 1; round <= 5; ++round) {
    ASSERT_OK(server->when_ready(Calls::callback, &at_server));
    auto call = client.begin(payload(100, 1), generous).value();
    ASSERT_TRUE(at_server.come_to(2 * round - 1));
    auto request = server->try_take();
    ASSERT_OK(request);
    ASSERT_OK(call.when_ready(Calls::callback, &at_call));
    EXPECT_STATUS(call.try_receive(), Status::would_block);
    EXPECT_EQ(at_call.count, round - 1);
    invert(*request);
    ASSERT_TRUE(at_call.come_to(round));
    EXPECT_OK(call.try_receive());

    ASSERT_OK(server->when_ready(Calls::callback, &at_server));
    ASSERT_OK(client.send(payload(100, 2), generous));
    ASSERT_TRUE(at_server.come_to(2 * round));
    request = server->try_take();
    ASSERT_OK(request);
    ASSERT_OK(client.when_ready(Calls::callback, &at_client));
    EXPECT_EQ(at_client.count, round - 1);
    invert(*request);
    ASSERT_TRUE(at_client.come_to(round));
    EXPECT_OK(client.receive(0ns));

    ASSERT_OK(client.when_call(Calls::callback, &at_callback));
    EXPECT_EQ(at_callback.count, round - 1);
    ASSERT_OK(server->notify(client.id(), payload(10, 3), generous));
    ASSERT_TRUE(at_callback.come_to(round));
    EXPECT_OK(client.take(0ns));
  }
  // cancelled: none comes
  ASSERT_OK(server->when_ready(Calls::callback, &at_server));
  EXPECT_TRUE(server->cancel_when());
  EXPECT_FALSE(server->cancel_when());
  auto call = client.begin(payload(100, 1), generous).value();
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(at_server.count, 10);
}

// Scenario 6.5, 4.12
TEST_P(DuplexReady, one_call_comes_for_a_death_for_a_close_and_for_an_interrupt) {
  const std::string name = unique_name();
  auto config = channel_of(2000, 3);
  Channel ready;
  Child child([&] {
    auto server = Server::create(GetParam(), name, config).value();
    ready.send();
    pause();
  });
  ASSERT_TRUE(ready.receive());
  auto client = DuplexClient::open(name, generous, config).value();
  Calls at_call;
  Calls at_client;
  auto call = client.begin(payload(100, 1), generous).value();
  ASSERT_OK(call.when_ready(Calls::callback, &at_call));
  ASSERT_OK(client.when_ready(Calls::callback, &at_client));
  client.interrupt();
  ASSERT_TRUE(at_call.come_to(1));
  ASSERT_TRUE(at_client.come_to(1));
  EXPECT_STATUS(client.receive(generous), Status::interrupted);
  EXPECT_STATUS(call.receive(generous), Status::interrupted);
  ASSERT_OK(call.when_ready(Calls::callback, &at_call));
  ASSERT_OK(client.when_ready(Calls::callback, &at_client));
  child.kill();
  ASSERT_TRUE(at_call.come_to(2));
  ASSERT_TRUE(at_client.come_to(2));
  EXPECT_STATUS(call.receive(0ns), Status::peer_dead);
  EXPECT_STATUS(client.receive(0ns), Status::peer_dead);
  config.exist_ok = true;
  auto server = Server::create(GetParam(), name, config).value();
  ASSERT_OK(client.when_ready(Calls::callback, &at_client));
  const int before = at_client.count;
  server->close();
  EXPECT_TRUE(at_client.come_to(before + (before == 2 ? 1 : 0)));
  EXPECT_STATUS(client.receive(0ns), Status::closed);
}

}  // namespace
}  // namespace zerobuffer
