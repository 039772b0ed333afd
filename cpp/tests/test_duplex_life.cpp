// Handles of duplex channels beside the rest of the world: forked children, exit without close, streams of the same
// name, thousands of beginnings and ends.
#include <fstream>

#include "crash_points.hpp"
#include "duplex_ends.hpp"

namespace zerobuffer {
namespace {
using namespace support;

class DuplexLife : public BothKinds {};
RUN_BOTH_KINDS(DuplexLife);

// Scenario 4.11
TEST_P(DuplexLife, a_forked_child_is_refused_every_use_of_its_parents_handles_and_the_parent_is_unharmed) {
  const std::string name = unique_name();
  const auto config = channel_of(2000, 4);
  auto server = Server::create(GetParam(), name, config).value();
  auto client = DuplexClient::open(name, generous, config).value();
  auto call = client.begin(payload(100, 1), generous).value();
  auto claim = client.claim_request(100, 0, generous).value();
  fill(claim.data(), 2);
  auto answered = client.begin(payload(100, 3), generous).value();
  Request kept = server->take(generous).value();  // of the first call
  {
    Request other = server->take(generous).value();
    invert(other);
  }
  Response held = answered.receive(generous).value();
  for (const bool dies : {false, true}) {
    Child child([&] {
      EXPECT_STATUS(client.call(payload(1, 1), generous), Status::forked);
      EXPECT_STATUS(client.begin(payload(1, 1), generous), Status::forked);
      EXPECT_STATUS(client.claim_request(1, 0, generous), Status::forked);
      EXPECT_STATUS(client.claim_send(1, 0, generous), Status::forked);
      EXPECT_STATUS(client.send(payload(1, 1), generous), Status::forked);
      EXPECT_STATUS(client.receive(generous), Status::forked);
      EXPECT_STATUS(client.take(generous), Status::forked);
      EXPECT_STATUS(server->take(generous), Status::forked);
      EXPECT_STATUS(server->call_client(client.id(), payload(1, 1), generous), Status::forked);
      EXPECT_STATUS(kept.claim(1), Status::forked);
      EXPECT_STATUS(kept.respond(1), Status::forked);
      EXPECT_STATUS(claim.begin(1), Status::forked);
      EXPECT_STATUS(call.receive(generous), Status::forked);
      client.interrupt();
      server->interrupt();
      EXPECT_TRUE(holds_inverted(held.data(), 3)) << "views of the child do not fault";
      if (dies) raise(SIGKILL);
      held.release();
      claim.discard();
      kept = Request();
      client.close();
      server->close();
    });
    EXPECT_EQ(child.wait(), dies ? 128 + SIGKILL : 0);
  }
  EXPECT_TRUE(exists(name));
  EXPECT_TRUE(holds_inverted(held.data(), 3));
  EXPECT_TRUE(holds(kept.data(), 1));
  invert(kept);
  auto answer = call.receive(generous);
  ASSERT_OK(answer);
  EXPECT_TRUE(holds_inverted(answer->data(), 1));
  server->start(invert).value();
  answer = claim.call(100, generous);
  ASSERT_OK(answer);
  EXPECT_TRUE(holds_inverted(answer->data(), 2));
  for (std::uint64_t i = 0; i < 20; ++i) EXPECT_EQ(call_inverted(client, 100, i), Status::ok);
}

// Scenario 4.10
TEST_P(DuplexLife, a_process_that_exits_without_close_has_closed) {
  const std::string name = unique_name();
  const auto config = channel_of(1000, 1);
  Channel ready;
  Channel go_on;
  Child child([&] {
    static auto server = Server::create(GetParam(), name, config).value();
    server->start(invert).value();
    ready.send();
    static_cast<void>(go_on.receive());
    std::exit(0);
  });
  ASSERT_TRUE(ready.receive());
  for (int round = 0; round < 3; ++round) {
    Child other([&] {
      static auto client = DuplexClient::open(name, generous, config).value();
      static Response held = client.call(payload(100, 1), generous).value();
      static auto pending = client.begin(payload(100, 2), generous).value();
      std::exit(held.size() == 100 ? 0 : 1);
    });
    EXPECT_EQ(other.wait(), 0);
  }
  auto client = DuplexClient::open(name, generous, config).value();
  EXPECT_EQ(call_inverted(client, 100, 1), Status::ok);
  go_on.send();
  EXPECT_EQ(child.wait(), 0);
  EXPECT_STATUS(client.call(payload(1, 1), generous), Status::closed);
  EXPECT_FALSE(exists(name));
}

// Scenario 5.3
TEST_P(DuplexLife, a_stream_and_a_channel_for_calls_are_never_taken_for_each_other) {
  const std::string name = unique_name();
  const auto config = channel_of(1000, 2);
  auto server = Server::create(GetParam(), name, config).value();
  EXPECT_STATUS(Reader::open(name, 0ns), Status::incompatible);
  EXPECT_STATUS(Writer::open(name, 0ns), Status::incompatible);
  auto stream = ring_of(1000);
  EXPECT_STATUS(Reader::create(name, stream), Status::already_exists);
  stream.exist_ok = true;
  EXPECT_STATUS(Reader::create(name, stream), Status::incompatible);
  EXPECT_STATUS(Writer::create(name, stream), Status::incompatible);
  const std::string other = unique_name();
  auto reader = Reader::create(other, stream).value();
  EXPECT_STATUS(DuplexClient::open(other, 0ns, config), Status::incompatible);
  auto succeeding = config;
  succeeding.exist_ok = true;
  EXPECT_STATUS(Server::create(GetParam(), other, succeeding), Status::incompatible);
  EXPECT_STATUS(Server::create(GetParam(), other, config), Status::already_exists);
  EXPECT_STATUS(DuplexClient::open(unique_name(), 0ns, config), Status::not_found);
  // both go on
  server->start(invert).value();
  auto client = DuplexClient::open(name, generous, config).value();
  EXPECT_EQ(call_inverted(client, 100, 1), Status::ok);
  auto writer = Writer::open(other, generous).value();
  EXPECT_OK(writer.write(payload(10, 1), generous));
  EXPECT_OK(reader.read(generous));
}

// Scenario 2.9
TEST_P(DuplexLife, invalid_configurations_each_get_an_error_of_their_own) {
  const auto refused = [&](auto&& change, const char* word) {
    auto config = channel_of(1000, 2);
    change(config);
    auto made = Server::create(GetParam(), unique_name(), config);
    ASSERT_STATUS(made, Status::invalid_argument);
    EXPECT_NE(made.failure().message().find(word), std::string::npos) << made.failure().message();
  };
  refused([](DuplexConfig& config) { config.request_size = 0; }, "request_size");
  refused([](DuplexConfig& config) { config.response_size = 0; }, "response_size");
  refused([](DuplexConfig& config) { config.request_size = ~std::uint64_t{0}; }, "request_size");
  refused([](DuplexConfig& config) { config.callback_size = ~std::uint64_t{0} - 63; }, "callback_size");
  refused([](DuplexConfig& config) { config.lanes = 0; }, "lanes");
  refused([](DuplexConfig& config) { config.lanes = 1025; }, "lanes");
  refused([](DuplexConfig& config) { config.max_held = 0; }, "max_held");
  for (const char* name : {"", "a/b", "..", "a\nb"}) {
    auto made = Server::create(GetParam(), name, channel_of(1000, 2));
    EXPECT_FALSE(made.ok()) << name;
  }
}

// Scenario 1.8
TEST_P(DuplexLife, a_client_may_come_before_its_server) {
  const std::string name = unique_name();
  const auto config = channel_of(1000, 2);
  Status status = Status::timeout;
  std::thread early([&] {
    auto client = DuplexClient::open(name, generous, config);
    status = client ? call_inverted(*client, 100, 1) : client.status();
  });
  std::this_thread::sleep_for(50ms);
  auto server = Server::create(GetParam(), name, config).value();
  server->start(invert).value();
  early.join();
  EXPECT_EQ(to_string(status), to_string(Status::ok));
}

std::size_t descriptors() {
  std::size_t found = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++found;
  return found;
}
std::size_t mappings() {
  std::size_t found = 0;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) found += line.find("/dev/shm") != std::string::npos;
  return found;
}

// Scenario 4.9
TEST_P(DuplexLife, a_thousand_openings_and_closings_leak_nothing) {
  const std::string name = unique_name();
  const auto config = channel_of(1000, 3);
  auto server = Server::create(GetParam(), name, config).value();
  server->start(invert).value();
  std::size_t descriptors_before = 0;
  std::size_t mappings_before = 0;
  for (std::uint64_t i = 0; i < 1020; ++i) {
    if (i == 20) {
      descriptors_before = descriptors();
      mappings_before = mappings();
    }
    auto client = DuplexClient::open(name, generous, config).value();
    auto first = client.begin(payload(50, i), generous);
    ASSERT_OK(first);
    auto second = client.begin(payload(60, i), generous);
    ASSERT_OK(second);
    auto answer = second->receive(generous);
    ASSERT_OK(answer);
    ASSERT_TRUE(holds_inverted(answer->data(), i));
    if (i % 3 == 0) client.close();  // while an answer is held and a call pending
  }
  EXPECT_EQ(descriptors(), descriptors_before);
  EXPECT_EQ(mappings(), mappings_before);
  EXPECT_EQ(server->running(), 1U);
  EXPECT_LE(server->stats().lanes, 3U);
}

// Scenario 4.9
TEST_P(DuplexLife, a_thousand_servers_of_which_half_close_with_a_request_taken_leak_nothing) {
  const auto config = channel_of(1000, 2);
  std::size_t descriptors_before = 0;
  std::size_t mappings_before = 0;
  for (std::uint64_t i = 0; i < 1020; ++i) {
    if (i == 20) {
      descriptors_before = descriptors();
      mappings_before = mappings();
    }
    const std::string name = unique_name();
    auto server = Server::create(GetParam(), name, config).value();
    auto client = DuplexClient::open(name, generous, config).value();
    auto call = client.begin(payload(50, i), generous).value();
    Request kept = server->take(generous).value();
    if (i % 2 == 0) {
      server->close();  // the request outlives it
      EXPECT_STATUS(call.receive(generous), Status::closed);
    } else {
      invert(kept);
      EXPECT_OK(call.receive(generous));
    }
  }
  EXPECT_EQ(descriptors(), descriptors_before);
  EXPECT_EQ(mappings(), mappings_before);
}

// Scenario 4.9, 6.5
TEST_P(DuplexLife, two_hundred_servers_killed_and_followed_leak_nothing) {
  const std::string name = unique_name();
  auto config = channel_of(1000, 2);
  config.exist_ok = true;
  Channel ready;
  std::unique_ptr<DuplexClient> client;
  std::size_t descriptors_before = 0;
  std::size_t mappings_before = 0;
  for (std::uint64_t i = 0; i < 210; ++i) {
    if (i == 10) {
      descriptors_before = descriptors();
      mappings_before = mappings();
    }
    Child child([&] {
      auto server = Server::create(GetParam(), name, config).value();
      ready.send();
      auto request = server->take(generous).value();
      invert(request);
      auto second = server->take(generous).value();
      ready.send();
      pause();
    });
    ASSERT_TRUE(ready.receive());
    if (!client) client = std::make_unique<DuplexClient>(DuplexClient::open(name, generous, config).value());
    auto first = client->send(payload(100, i), generous);
    ASSERT_OK(first);
    auto second = client->send(payload(100, i), generous);
    ASSERT_OK(second);
    ASSERT_TRUE(ready.receive());
    child.kill();
    bool right = false;  // of the predecessor: half done, as told by this server
    for (;;) {
      auto answer = client->receive(i == 0 || right ? 0ns : generous);
      if (answer && answer->sequence() == *first) {
        ASSERT_TRUE(holds_inverted(answer->data(), i));
        right = true;
      } else if (right) {
        break;
      }
    }
  }
  EXPECT_EQ(descriptors(), descriptors_before);
  EXPECT_EQ(mappings(), mappings_before);
}

}  // namespace
}  // namespace zerobuffer
