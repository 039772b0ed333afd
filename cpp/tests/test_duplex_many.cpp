// Many clients on one server: all are served, none is starved.
#include "crash_points.hpp"
#include "duplex_ends.hpp"

namespace zerobuffer {
namespace {
using namespace support;

struct Crowd {
  Kind kind;
  std::uint32_t clients;
  std::uint64_t calls;
};
std::ostream& operator<<(std::ostream& out, const Crowd& crowd) {
  return out << crowd.clients << " clients, " << name_of(crowd.kind);
}
class DuplexMany : public ::testing::TestWithParam<Crowd> {};
INSTANTIATE_TEST_SUITE_P(Crowd, DuplexMany,
                         ::testing::Values(Crowd{Kind::immutable, 32, 100}, Crowd{Kind::in_place, 32, 100},
                                           Crowd{Kind::immutable, 128, 20}, Crowd{Kind::in_place, 128, 20},
                                           Crowd{Kind::immutable, 512, 3}, Crowd{Kind::in_place, 512, 3}),
                         [](const auto& crowd) {
                           return name_of(crowd.param.kind) + "_" + std::to_string(crowd.param.clients);
                         });

// Scenario 8.2
TEST_P(DuplexMany, clients_are_all_served_and_none_is_starved) {
  const auto& [kind, clients, calls] = GetParam();
  const std::string name = unique_name();
  auto config = channel_of(200, clients);
  config.client_lanes = 1;
  config.wait = WaitPolicy::block;
  auto server = Server::create(kind, name, config).value();
  constexpr std::uint32_t processes = 4;
  const std::uint32_t each = clients / processes;
  std::vector<std::uint64_t> served(clients, 0);
  Shared<std::atomic<std::uint32_t>> ready;
  Shared<std::atomic<bool>> go;
  std::vector<std::unique_ptr<Child>> children;
  for (std::uint32_t process = 0; process < processes; ++process) {
    children.push_back(std::make_unique<Child>([&, process, calls = calls, clients = clients] {
      std::vector<DuplexClient> own;
      for (std::uint32_t i = 0; i < each; ++i) own.push_back(DuplexClient::open(name, generous, config).value());
      ready->fetch_add(each);
      while (!*go) std::this_thread::sleep_for(1ms);
      // every client has a request on its way all the time
      for (std::uint64_t call = 0; call < calls; ++call) {
        std::vector<PendingCall> pending;
        for (std::uint32_t i = 0; i < each; ++i) {
          auto begun = own[i].begin(payload(64, call), generous, {.tag = process * each + i});
          REQUIRE(begun);
          pending.push_back(std::move(*begun));
        }
        for (PendingCall& one : pending) {
          auto answer = one.receive(generous);
          REQUIRE(answer);
          REQUIRE(holds_inverted(answer->data(), call));
        }
      }
      REQUIRE(clients == each * processes);
      return 0;
    }));
  }
  ASSERT_TRUE(wait_until([&, clients = clients] { return *ready == clients; }));
  EXPECT_EQ(server->clients().size(), clients);
  EXPECT_STATUS(DuplexClient::open(name, 0ns, config), Status::lanes_busy);
  *go = true;
  const std::uint64_t all = clients * calls;
  for (std::uint64_t taken = 0; taken < all; ++taken) {
    auto request = server->take(generous);
    ASSERT_OK(request);
    ++served.at(request->tag());
    invert(*request);
  }
  for (auto& child : children) EXPECT_EQ(child->wait(), 0);
  for (std::uint32_t i = 0; i < clients; ++i) EXPECT_EQ(served[i], calls) << "client " << i;
  EXPECT_EQ(server->stats().lanes, clients);
  EXPECT_TRUE(wait_until([&] { return server->clients().empty(); }));
}

// Scenario 8.2
TEST(DuplexTurns, lanes_are_served_in_turn_however_much_each_has_sent) {
  for (const Kind kind : both_kinds) {
    const std::string name = unique_name();
    auto config = channel_of(20'000, 8);
    config.client_lanes = 1;
    auto server = Server::create(kind, name, config).value();
    std::vector<DuplexClient> clients;
    for (std::uint64_t i = 0; i < 8; ++i) {
      clients.push_back(DuplexClient::open(name, generous, config).value());
      // the first one has sent most
      for (std::uint64_t n = 0; n < 40 - 5 * i; ++n) {
        ASSERT_OK(clients[i].send(payload(20, n), generous, {.tag = i}));
      }
    }
    std::vector<std::uint64_t> served(8, 0);
    for (int n = 0; n < 8 * 5; ++n) {
      auto request = server->take(generous);
      ASSERT_OK(request);
      ++served[request->tag()];
      invert(*request);
      const auto [least, most] = std::minmax_element(served.begin(), served.end());
      EXPECT_LE(*most - *least, 1U) << "after " << n << " requests";
    }
  }
}

}  // namespace
}  // namespace zerobuffer
