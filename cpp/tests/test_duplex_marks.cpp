// What stands in the segment between two owners of a lane or of the door: marks of what was begun, positions, tags.
// Each request is answered once, by an answer or an error, and nobody gets what was meant for somebody else.
#include "crash_points.hpp"
#include "duplex_bytes.hpp"

namespace zerobuffer {
namespace {
using namespace support;
using Atomics = ring::NativeAtomics;

DuplexConfig small_channel() {
  DuplexConfig config;
  config.request_size = 1000;
  config.response_size = 1000;
  config.callback_size = 1000;
  config.lanes = 1;
  return config;
}

// The next client of a lane steps over the calls that its server made to the one before, also over one that this one
// had begun to change: what lies there is no answer.
TEST(DuplexMarks, a_call_that_a_dead_client_had_begun_is_not_answered_by_its_successor_stepping_over_it) {
  const std::string name = unique_name();
  auto server = MutableDuplexServer::create(name, small_channel()).value();
  Channel begun;
  Child client([&] {
    auto own = DuplexClient::open(name, generous).value();
    begun.send(own.id());
    auto request = own.take(generous);
    REQUIRE(request);
    std::memset(request->bytes().data(), 0xee, request->size() / 2);  // half of the work
    begun.send(own.id());
    pause();
    return 0;
  });
  std::uint64_t id = 0;
  ASSERT_TRUE(begun.receive(id));
  ASSERT_TRUE(wait_until([&] { return server.clients() == std::vector{id}; }));
  Result<Response> answer = Status::ok;
  std::atomic<bool> is_back{false};
  std::thread caller([&] {
    answer = server.call_client(id, payload(500, 1), generous);
    is_back = true;
  });
  ASSERT_TRUE(begun.receive(id));
  // the caller sleeps for up to 100 ms between two looks at its client's life: the lane changes hands in between
  client.kill();
  auto next = DuplexClient::open(name, generous).value();
  ASSERT_NE(next.id(), id);
  caller.join();
  EXPECT_STATUS(answer, Status::peer_dead);
}

// In a pool one thread may be about to publish an answer while another one has not yet let the request before it go.
TEST(DuplexMarks, a_request_that_was_answered_is_not_answered_again_where_the_server_died_publishing_the_next_answer) {
  const std::string name = unique_name();
  Channel ready;
  Child server([&] {
    auto own = ImmutableDuplexServer::create(name, small_channel()).value();
    ready.send();
    signal_self_at({"answer.before_let_go"}, SIGSTOP);
    auto request = own.take(generous);
    REQUIRE(request);
    REQUIRE(request->write(bytes_of("first")));
    return 1;
  });
  ASSERT_TRUE(ready.receive());
  auto client = DuplexClient::open(name, generous).value();
  ASSERT_OK(client.send(bytes_of("1"), generous));
  ASSERT_OK(client.send(bytes_of("2"), generous));
  ASSERT_TRUE(wait_stopped(server));
  DuplexBytes bytes(name, small_channel(), false);
  const std::uint32_t requests = bytes.shape().request_ring(0);
  const std::uint32_t answers = bytes.shape().response_ring(0);
  ASSERT_EQ(bytes.slot(requests, 0).read_pos, 0U);
  // the other thread: request 2 begun, its answer written, last_record_pos stored, write_pos not
  const std::uint64_t end = bytes.oieb(answers).write_pos;
  Atomics::store_relaxed(bytes.slot(requests, 0).read_count, std::uint64_t{2});
  bytes.header(answers, end) = {.size = 6, .sequence = 2, .tag = 2, .extent = 1, .type = 0, .flags = 0};
  Atomics::store_relaxed(bytes.oieb(answers).last_record_pos, end);
  server.kill();

  DuplexConfig config = small_channel();
  config.exist_ok = true;
  auto successor = ImmutableDuplexServer::create(name, config).value();
  EXPECT_STATUS(successor.take(0s), Status::timeout);
  auto first = client.receive(generous);
  ASSERT_OK(first);
  EXPECT_EQ(first->sequence(), 1U);
  EXPECT_EQ(text_of(first->data()), "first");
  auto second = client.receive(generous);
  ASSERT_STATUS(second, Status::remote_error);
  EXPECT_EQ(second.failure().first(), 2U);
  EXPECT_STATUS(client.receive(20ms), Status::timeout);
}

// A client that takes over a lane looks at a ring in which the server may be answering its predecessor just then.
TEST(DuplexMarks, a_client_attaches_while_the_server_publishes_answers_in_that_lane) {
  const std::string name = unique_name();
  auto server = ImmutableDuplexServer::create(name, small_channel()).value();
  DuplexBytes bytes(name, small_channel(), false);
  // what a look sees that comes between two publications of the server: both entries are newer than write_pos was
  protocol::Oieb& answers = bytes.oieb(bytes.shape().response_ring(0));
  Atomics::store_relaxed(answers.counts[0].position, std::uint64_t{128});
  Atomics::store_relaxed(answers.counts[1].position, std::uint64_t{64});
  EXPECT_OK(DuplexClient::open(name, 0s));
}

TEST(DuplexMarks, an_answer_that_comes_again_is_corrupt) {
  const std::string name = unique_name();
  auto server = ImmutableDuplexServer::create(name, small_channel()).value();
  auto client = DuplexClient::open(name, generous).value();
  for (int i = 0; i < 2; ++i) {
    ASSERT_OK(client.send(bytes_of("?"), generous));
    auto request = server.take(generous);
    ASSERT_OK(request);
    ASSERT_OK(request->write(bytes_of("!")));
  }
  DuplexBytes bytes(name, small_channel(), false);
  bytes.header(bytes.shape().response_ring(0), 64).tag = 1;
  EXPECT_OK(client.receive(generous));
  EXPECT_STATUS(client.receive(generous), Status::corrupt);
}

// While a call of the server waits for room, its client may go and another one come: it does not get this call.
TEST(DuplexMarks, a_call_that_waits_for_room_is_not_sent_to_the_next_owner_of_the_lane) {
  const std::string name = unique_name();
  auto server = MutableDuplexServer::create(name, small_channel()).value();
  Channel ready;
  Child client([&] {
    auto own = DuplexClient::open(name, generous).value();
    ready.send(own.id());
    pause();
    return 0;
  });
  std::uint64_t id = 0;
  ASSERT_TRUE(ready.receive(id));
  ASSERT_TRUE(wait_until([&] { return server.clients() == std::vector{id}; }));
  ASSERT_OK(server.notify(id, payload(900, 1), generous));
  Result<void> sent = Status::ok;
  std::thread notifier([&] { sent = server.notify(id, payload(900, 2), generous); });
  DuplexBytes bytes(name, small_channel(), true);
  protocol::Oieb& callbacks = bytes.oieb(bytes.shape().callback_ring(0));
  ASSERT_TRUE(wait_until([&] { return Atomics::load_acquire(callbacks.writer_waiting) != 0; }));
  client.kill();
  auto next = DuplexClient::open(name, generous).value();
  notifier.join();
  EXPECT_TRUE(sent.status() == Status::not_found || sent.status() == Status::peer_dead) << to_string(sent.status());
  EXPECT_STATUS(next.take(50ms), Status::timeout);
}

}  // namespace
}  // namespace zerobuffer
