// What can be seen of a channel for calls from outside: its kind, its server, and of each lane the client, the
// positions and what is on its way.
#include "crash_points.hpp"
#include "zerobuffer/inspect.hpp"

namespace zerobuffer {
namespace {
using namespace support;

DuplexConfig of_lanes(std::uint32_t lanes) {
  DuplexConfig config;
  config.request_size = 1000;
  config.response_size = 1000;
  config.callback_size = 300;
  config.lanes = lanes;
  return config;
}

template <class Server>
void shows_requests_on_their_way(const char* kind) {
  const std::string name = unique_name();
  auto server = Server::create(name, of_lanes(3)).value();
  auto state = dump_state(name).value();
  EXPECT_EQ(state.kind, kind);
  EXPECT_EQ(state.problem, "");
  EXPECT_EQ(state.max_readers, 3U);
  EXPECT_EQ(state.segment_size, server.info().segment_size);
  EXPECT_EQ(state.max_frame_size, server.info().max_request_size);
  EXPECT_EQ(state.writer.presence, Presence::attached);
  EXPECT_EQ(state.writer.pid, static_cast<std::uint64_t>(getpid()));
  EXPECT_TRUE(state.lanes.empty()) << "no lane was ever taken";
  EXPECT_FALSE(state.stale);

  auto client = DuplexClient::open(name, generous).value();
  for (int i = 0; i < 3; ++i) ASSERT_OK(client.send(payload(40, 1), generous));
  ASSERT_OK(server.notify(client.id(), payload(40, 1), generous));
  {
    auto request = server.take(generous);
    ASSERT_OK(request);
    ASSERT_OK(request->write(bytes_of("yes")));
  }
  auto taken = server.take(generous);
  ASSERT_OK(taken);
  state = dump_state(name).value();
  ASSERT_EQ(state.lanes.size(), 1U);
  const LaneState& lane = state.lanes[0];
  EXPECT_EQ(lane.presence, Presence::attached);
  EXPECT_EQ(lane.state, "active");
  EXPECT_EQ(lane.client, client.id());
  EXPECT_EQ(lane.pid, static_cast<std::uint64_t>(getpid()));
  EXPECT_EQ(lane.sent, 3U);
  EXPECT_EQ(lane.answered, 1U);
  EXPECT_EQ(lane.waiting, 2U);
  EXPECT_EQ(lane.begun, 1U);
  EXPECT_EQ(lane.sent_pos, 3 * lane.answered_pos);
  EXPECT_EQ(lane.let_go_pos, 0U);
  EXPECT_EQ(lane.calls_sent, 1U);
  EXPECT_EQ(lane.calls_waiting, 1U);
  EXPECT_EQ(lane.problem, "");
  EXPECT_EQ(state.frames, 3U);
  ASSERT_OK(taken->write(bytes_of("yes")));
}

TEST(InspectDuplex, a_channel_in_place_shows_its_requests) {
  shows_requests_on_their_way<MutableDuplexServer>("mutable duplex");
}
TEST(InspectDuplex, a_channel_of_two_rings_shows_its_requests) {
  shows_requests_on_their_way<ImmutableDuplexServer>("immutable duplex");
}

TEST(InspectDuplex, the_dead_and_the_gone_are_told_apart_in_all_of_many_lanes) {
  const std::string name = unique_name();
  Channel ready;
  Child server([&] {
    auto own = ImmutableDuplexServer::create(name, of_lanes(70)).value();
    ready.send();
    pause();
    return 0;
  });
  ASSERT_TRUE(ready.receive());
  std::vector<DuplexClient> clients;
  for (int i = 0; i < 69; ++i) clients.push_back(DuplexClient::open(name, generous).value());
  Child dies([&] {
    auto own = DuplexClient::open(name, generous).value();
    ready.send();
    pause();
    return 0;
  });
  ASSERT_TRUE(ready.receive());
  dies.kill();
  server.kill();
  clients[3].close();
  const auto state = dump_state(name).value();
  EXPECT_EQ(state.writer.presence, Presence::dead);
  ASSERT_EQ(state.lanes.size(), 70U);
  for (std::uint32_t i = 0; i < 70; ++i) {
    EXPECT_EQ(state.lanes[i].presence, i == 69 ? Presence::dead : i == 3 ? Presence::closed : Presence::attached) << i;
  }
}

}  // namespace
}  // namespace zerobuffer
