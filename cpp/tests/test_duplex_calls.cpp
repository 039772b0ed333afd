// Calls and their answers: sizes, pipelines, order, handlers that fail, buffers of the caller, and where the bytes lie.
#include <pthread.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <random>
#include <stdexcept>

#include "duplex_ends.hpp"

namespace zerobuffer {
namespace {
using namespace support;

class DuplexCalls : public AllWays {};
RUN_ALL_WAYS(DuplexCalls);
class DuplexAnswers : public BothKinds {};
RUN_BOTH_KINDS(DuplexAnswers);

constexpr std::uint16_t add_one = 128;
constexpr std::uint16_t give = 129;

// Scenario 6.1
TEST_P(DuplexCalls, an_echo_of_1_byte_1_kb_100_kb_and_10_mb_comes_back_changed) {
  const std::string name = unique_name();
  auto config = channel_of(10 << 20, 2);
  auto server = Server::create(GetParam().kind, name, config).value();
  server->start(invert).value();
  Peer peer(GetParam().where, [&] {
    auto client = DuplexClient::open(name, generous, config).value();
    for (const std::size_t size : {std::size_t{1}, std::size_t{1024}, std::size_t{100} << 10, std::size_t{10} << 20}) {
      for (std::uint64_t i = 1; i <= 5; ++i) {
        auto answer = client.call(payload(size, i), generous, {.type = 200, .tag = i});
        REQUIRE(answer);
        REQUIRE(answer->size() == size);
        REQUIRE(answer->type() == 200);
        REQUIRE(holds_inverted(answer->data(), i));
      }
    }
    REQUIRE(client.stats().requests == 20 && client.stats().answers == 20 && client.stats().errors == 0);
    return 0;
  });
  EXPECT_EQ(peer.join(), 0);
  EXPECT_EQ(server->stats().requests, 20U);
  EXPECT_EQ(server->stats().answers, 20U);
  EXPECT_OK(server->stop());
}

// Scenario 6.2
TEST_P(DuplexCalls, many_requests_on_their_way_are_answered_by_sequence_one_thread_sends_and_one_receives) {
  const std::string name = unique_name();
  const auto config = channel_of(8000, 2);
  auto server = Server::create(GetParam().kind, name, config).value();
  server->start(invert).value();
  Peer peer(GetParam().where, [&] {
    constexpr std::uint64_t many = 3000;  // the ring holds about 10 to 100
    auto client = DuplexClient::open(name, generous, config).value();
    std::array<std::atomic<std::uint64_t>, many + 1> seed_of{};
    std::atomic<bool> failed{false};
    std::thread sender([&] {
      for (std::uint64_t i = 1; i <= many; ++i) {
        const std::size_t size = 1 + i * 37 % 700;
        Result<std::uint64_t> sent = std::uint64_t{0};
        if (i % 2 == 0) {
          sent = client.send(payload(size, i), generous);
        } else {
          auto claim = client.claim_send(size, 0, generous);
          if (claim) {
            fill(claim->data(), i);
            sent = claim->send(size);
          } else {
            sent = claim.take_failure();
          }
        }
        if (!sent || *sent > many) {
          std::fprintf(stderr, "request %lu was not sent: %s\n", i, sent.failure().message().c_str());
          failed = true;
          return;
        }
        seed_of[*sent].store(i);
      }
    });
    std::uint64_t last = 0;
    int code = 0;
    for (std::uint64_t i = 1; i <= many && !failed && code == 0; ++i) {
      auto answer = client.receive(generous);
      if (!answer) {
        std::fprintf(stderr, "answer %lu: %s\n", i, answer.failure().message().c_str());
        code = 2;
      } else if (answer->sequence() <= last) {
        code = 3;
      } else {
        last = answer->sequence();
        while (seed_of[last].load() == 0) std::this_thread::yield();
        if (!holds_inverted(answer->data(), seed_of[last])) code = 4;
        if (i % 100 == 0) std::this_thread::sleep_for(2ms);  // the sender meets a full ring
      }
    }
    sender.join();
    REQUIRE(code == 0);
    REQUIRE(!failed);
    REQUIRE(client.receive(0ns).status() == Status::timeout);
    return 0;
  });
  EXPECT_EQ(peer.join(), 0);
}

// Scenario 6.2
TEST_P(DuplexCalls, several_calls_of_one_thread_run_at_the_same_time_and_are_fetched_in_any_order) {
  const std::string name = unique_name();
  const auto config = channel_of(4000, 4);
  auto server = Server::create(GetParam().kind, name, config).value();
  server->start(invert, 2).value();
  Peer peer(GetParam().where, [&] {
    auto client = DuplexClient::open(name, generous, config).value();
    for (std::uint64_t round = 0; round < 50; ++round) {
      std::vector<PendingCall> calls;
      for (std::uint64_t i = 0; i < 4; ++i) {
        auto call = client.begin(payload(100 + i, round * 4 + i), generous);
        REQUIRE(call);
        calls.push_back(std::move(*call));
      }
      for (const std::uint64_t i : {2U, 0U, 3U, 1U}) {
        auto answer = calls[i].receive(generous);
        REQUIRE(answer);
        REQUIRE(answer->size() == 100 + i);
        REQUIRE(holds_inverted(answer->data(), round * 4 + i));
        REQUIRE(!calls[i].valid());
      }
    }
    REQUIRE(client.stats().lanes == 4);
    return 0;
  });
  EXPECT_EQ(peer.join(), 0);
}

// Scenario 6.3
TEST_P(DuplexCalls, a_slow_handler_keeps_the_order_also_with_a_pool_of_threads) {
  for (const std::uint32_t threads : {1U, 4U}) {
    const std::string name = unique_name();
    const auto config = channel_of(30'000, 4);
    auto server = Server::create(GetParam().kind, name, config).value();
    server
        ->start(
            [](Request& request) {
              std::uint64_t number = 0;
              std::memcpy(&number, request.data().data(), sizeof number);
              std::this_thread::sleep_for(std::chrono::microseconds(number % 7 * 500));  // earlier ones may take longer
              invert(request);
            },
            threads)
        .value();
    Peer peer(GetParam().where, [&] {
      auto client = DuplexClient::open(name, generous, config).value();
      std::atomic<int> failures{0};
      std::thread other([&] {  // a call on another lane meanwhile, not queued behind the pipeline
        for (std::uint64_t i = 0; i < 50; ++i) {
          if (call_inverted(client, 64, i) != Status::ok) ++failures;
        }
      });
      std::vector<std::uint64_t> sent;
      for (std::uint64_t i = 1; i <= 60; ++i) {
        auto sequence = client.send(std::as_bytes(std::span(&i, 1)), generous);
        if (!sequence) ++failures;
        sent.push_back(sequence ? *sequence : 0);
      }
      for (std::uint64_t i = 1; i <= 60; ++i) {
        auto answer = client.receive(generous);
        std::uint64_t number = 0;
        if (!answer || answer->size() != sizeof number) {
          ++failures;
          continue;
        }
        std::memcpy(&number, answer->data().data(), sizeof number);
        if (~number != i || answer->sequence() != sent[i - 1]) ++failures;
      }
      other.join();
      REQUIRE(failures == 0);
      return 0;
    });
    EXPECT_EQ(peer.join(), 0);
    EXPECT_EQ(server->running(), threads);
    EXPECT_OK(server->stop());
    EXPECT_EQ(server->running(), 0U);
  }
}

// Scenario 6.4
TEST_P(DuplexCalls, a_handler_that_throws_answers_with_its_text_and_the_next_request_works) {
  const std::string name = unique_name();
  const auto config = channel_of(1000, 2);
  auto server = Server::create(GetParam().kind, name, config).value();
  server
      ->start([](Request& request) {
        if (text_of(request.data()) == "throw") throw std::runtime_error("no such frame: \u00fc");
        if (text_of(request.data()) == "odd") throw 7;
        if (text_of(request.data()) == "half") {
          auto room = request.claim(3).value();
          room[0] = std::byte{1};
          throw std::logic_error("half way");
        }
        invert(request);
      })
      .value();
  Peer peer(GetParam().where, [&] {
    auto client = DuplexClient::open(name, generous, config).value();
    for (int i = 0; i < 3; ++i) {
      auto thrown = client.call(bytes_of("throw"), generous);
      REQUIRE(thrown.status() == Status::remote_error);
      REQUIRE(thrown.failure().message().find("no such frame: \u00fc") != std::string::npos);
      REQUIRE(call_inverted(client, 500, 1) == Status::ok);
      auto odd = client.call(bytes_of("odd"), generous);
      REQUIRE(odd.status() == Status::remote_error);
      REQUIRE(!odd.failure().message().empty());
      auto half = client.call(bytes_of("half"), generous);
      REQUIRE(half.status() == Status::remote_error);
      REQUIRE(half.failure().message().find("half way") != std::string::npos);
      auto pipelined = client.send(bytes_of("throw"), generous);
      REQUIRE(pipelined);
      REQUIRE(client.send(bytes_of("fine"), generous));
      auto received = client.receive(generous);
      REQUIRE(received.status() == Status::remote_error);
      REQUIRE(received.failure().first() == *pipelined);
      REQUIRE(client.receive(generous));
    }
    REQUIRE(client.stats().errors == 12);
    return 0;
  });
  EXPECT_EQ(peer.join(), 0);
  EXPECT_EQ(server->stats().errors, 12U);
  EXPECT_EQ(server->running(), 1U) << "a handler that throws ends no worker";
}

// Scenario 6.4
TEST_P(DuplexAnswers, the_text_of_an_error_is_cut_to_the_room_and_never_within_a_character) {
  const std::string name = unique_name();
  const auto config = channel_of(300, 2);  // 9 * 64 - 32 or so
  auto server = Server::create(GetParam(), name, config).value();
  auto client = DuplexClient::open(name, generous, config).value();
  const std::size_t most = client.info().max_response_size;
  for (std::size_t lead = 0; lead < 5; ++lead) {
    std::string text(lead, 'x');
    while (text.size() < 2 * most) text += "\U0001F600";  // four bytes each
    auto call = client.begin(payload(8, 1), generous).value();
    auto request = server->take(generous).value();
    request.fail(text);
    auto answer = call.receive(generous);
    ASSERT_STATUS(answer, Status::remote_error);
    const std::string got = answer.failure().message();
    const std::size_t at = got.find(text.substr(0, lead + 40));
    ASSERT_NE(at, std::string::npos) << got;
    EXPECT_EQ((got.size() - at - lead) % 4, 0U) << "cut within a character";
    EXPECT_GE(got.size() - at, 256U - 4U);
  }
  // no text at all is an error nevertheless
  auto call = client.begin(payload(8, 1), generous).value();
  server->take(generous).value().fail({});
  EXPECT_STATUS(call.receive(generous), Status::remote_error);
}

// Scenario 6.4
TEST_P(DuplexAnswers, requests_are_dispatched_by_type_and_one_of_an_unknown_type_is_an_error) {
  const std::string name = unique_name();
  const auto config = channel_of(1000, 2);
  auto server = Server::create(GetParam(), name, config).value();
  server
      ->start(
          dispatch(on(add_one, invert), on(give, [](Request& request) { request.write(bytes_of("given")).value(); })))
      .value();
  auto client = DuplexClient::open(name, generous, config).value();
  auto answer = client.call(payload(10, 1), generous, {.type = add_one});
  ASSERT_OK(answer);
  EXPECT_TRUE(holds_inverted(answer->data(), 1));
  answer = client.call(payload(10, 1), generous, {.type = give});
  ASSERT_OK(answer);
  EXPECT_EQ(text_of(answer->data()), "given");
  answer = client.call(payload(10, 1), generous, {.type = 130});
  ASSERT_STATUS(answer, Status::remote_error);
  EXPECT_NE(answer.failure().message().find("130"), std::string::npos) << answer.failure().message();
  EXPECT_OK(client.call(payload(10, 1), generous, {.type = give}));
}

// Scenario 6.4
TEST_P(DuplexAnswers, a_handler_that_gives_no_answer_is_never_an_empty_success) {
  const std::string name = unique_name();
  const auto config = channel_of(1000, 2);
  auto server = Server::create(GetParam(), name, config).value();
  server
      ->start([](Request& request) {
        if (request.in_place()) request.bytes()[0] = std::byte{42};
      })
      .value();
  auto client = DuplexClient::open(name, generous, config).value();
  auto answer = client.call(payload(100, 1), generous, {.type = 150});
  if (GetParam() == Kind::in_place) {  // the request as it lies now
    ASSERT_OK(answer);
    ASSERT_EQ(answer->size(), 100U);
    EXPECT_EQ(answer->type(), 150);
    EXPECT_EQ(answer->data()[0], std::byte{42});
    EXPECT_TRUE(std::equal(answer->data().begin() + 1, answer->data().end(), payload(100, 1).begin() + 1));
  } else {
    ASSERT_STATUS(answer, Status::remote_error);
    EXPECT_NE(answer.failure().message().find("no answer"), std::string::npos);
  }
}

// Scenario 6.4
TEST_P(DuplexAnswers, exactly_one_answer_is_given_to_a_request) {
  const std::string name = unique_name();
  const auto config = channel_of(1000, 2);
  auto server = Server::create(GetParam(), name, config).value();
  auto client = DuplexClient::open(name, generous, config).value();
  auto call = client.begin(payload(100, 1), generous).value();
  {
    auto request = server->take(generous).value();
    EXPECT_STATUS(request.respond(client.info().max_response_size + 1), Status::invalid_argument);
    EXPECT_TRUE(request.valid());
    EXPECT_OK(request.write(bytes_of("first")));
    EXPECT_FALSE(request.valid());
    EXPECT_STATUS(request.respond(0), Status::handle_closed);
    EXPECT_STATUS(request.write(bytes_of("second")), Status::handle_closed);
    EXPECT_STATUS(request.claim(1), Status::handle_closed);
    request.fail("third");
    Request moved = std::move(request);
    EXPECT_FALSE(moved.valid());
  }
  auto answer = call.receive(generous);
  ASSERT_OK(answer);
  EXPECT_EQ(text_of(answer->data()), "first");
  EXPECT_EQ(server->stats().answers, 1U);
  EXPECT_EQ(server->stats().errors, 0U);
  // a handler that throws after it has answered has answered
  server
      ->start([](Request& request) {
        request.write(bytes_of("answered")).value();
        throw std::runtime_error("too late");
      })
      .value();
  answer = client.call(payload(1, 1), generous);
  ASSERT_OK(answer);
  EXPECT_EQ(text_of(answer->data()), "answered");
}

// Scenario 6.8
TEST_P(DuplexAnswers, an_answer_may_be_larger_than_its_request_empty_or_of_exactly_the_capacity) {
  const std::string name = unique_name();
  const auto config = channel_of(10'000, 2);
  auto server = Server::create(GetParam(), name, config).value();
  server
      ->start([](Request& request) {
        std::uint64_t size = 0;
        std::memcpy(&size, request.data().data(), sizeof size);
        auto room = request.claim(size);
        if (!room) throw std::runtime_error(room.failure().message());
        fill(*room, size);
        request.respond(size).value();
      })
      .value();
  auto client = DuplexClient::open(name, generous, config).value();
  const std::uint64_t most = client.info().max_response_size;
  ASSERT_GE(most, 10'000U);
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{8}, std::uint64_t{9}, std::uint64_t{256},
                                   std::uint64_t{257}, most - 1, most, most, std::uint64_t{0}}) {
    auto answer = client.call(std::as_bytes(std::span(&size, 1)), generous, {.response_capacity = size});
    ASSERT_OK(answer);
    EXPECT_EQ(answer->size(), size);
    EXPECT_TRUE(holds(answer->data(), size));
    EXPECT_TRUE(answer->valid());
  }
}

// Scenario 6.8
TEST_P(DuplexAnswers, an_answer_larger_than_the_room_is_refused_with_the_numbers_and_the_call_gets_an_error) {
  const std::string name = unique_name();
  const auto config = channel_of(10'000, 2);
  auto server = Server::create(GetParam(), name, config).value();
  auto client = DuplexClient::open(name, generous, config).value();
  // in place a call has room for what it reserved and for at least 256 bytes; otherwise for the largest answer
  const std::uint64_t room = GetParam() == Kind::in_place ? 500 : client.info().max_response_size;
  const std::uint64_t rounded = GetParam() == Kind::in_place ? (room + 32 + 63) / 64 * 64 - 32 : room;
  auto call = client.begin(payload(8, 1), generous, {.response_capacity = 500}).value();
  {
    auto request = server->take(generous).value();
    auto claimed = request.claim(rounded + 1);
    ASSERT_STATUS(claimed, Status::frame_too_large);
    EXPECT_EQ(claimed.failure().first(), rounded + 1);
    EXPECT_EQ(claimed.failure().second(), rounded);
    EXPECT_STATUS(request.write(payload(rounded + 1, 1)), Status::frame_too_large);
    EXPECT_OK(request.claim(rounded));
    request.fail("too large");
  }
  EXPECT_STATUS(call.receive(generous), Status::remote_error);
  // and a request beyond the capacity, at the client
  auto sent = client.call(payload(client.info().max_request_size + 1, 1), generous);
  ASSERT_STATUS(sent, Status::frame_too_large);
  EXPECT_EQ(sent.failure().first(), client.info().max_request_size + 1);
  EXPECT_EQ(sent.failure().second(), client.info().max_request_size);
}

// Scenario 6.9
TEST_P(DuplexCalls,
       a_request_built_in_the_channel_is_copied_nowhere_and_in_place_the_answer_lies_where_it_was_written) {
  const std::string name = unique_name();
  const auto config = channel_of(100'000, 2);
  const bool in_place = GetParam().kind == Kind::in_place;
  auto server = Server::create(GetParam().kind, name, config).value();
  server->start(invert).value();
  Peer peer(GetParam().where, [&] {
    auto client = DuplexClient::open(name, generous, config).value();
    for (std::uint64_t i = 1; i <= 200; ++i) {
      const std::size_t size = 1 + i * 997 % 90'000;
      auto claim = client.claim_request(size, 0, generous);
      REQUIRE(claim);
      REQUIRE(claim->data().size() == size);
      REQUIRE(reinterpret_cast<std::uintptr_t>(claim->data().data()) % 64 == 0);
      fill(claim->data(), i);
      const std::byte* const where = claim->data().data();
      auto answer = claim->call(size, generous);
      REQUIRE(answer);
      REQUIRE(holds_inverted(answer->data(), i));
      REQUIRE((answer->data().data() == where) == in_place);
    }
    REQUIRE(client.stats().copied_bytes == 0);
    return 0;
  });
  EXPECT_EQ(peer.join(), 0);
  EXPECT_EQ(server->stats().copied_bytes, 0U);
}

// Scenario 6.9
TEST(Duplex, a_channel_in_place_needs_half_the_memory_of_one_with_two_rings) {
  auto config = channel_of(1 << 20, 8);
  config.callback_size = 0;
  const auto immutable = ImmutableDuplexServer::create(unique_name(), config).value().info();
  const auto in_place = MutableDuplexServer::create(unique_name(), config).value().info();
  EXPECT_FALSE(immutable.in_place);
  EXPECT_TRUE(in_place.in_place);
  EXPECT_EQ(immutable.max_callback_size, 0U);
  EXPECT_GE(in_place.max_request_size, std::uint64_t{1} << 20);
  EXPECT_GE(in_place.max_response_size, std::uint64_t{1} << 20);
  // but for the control blocks
  EXPECT_LE(in_place.segment_size, immutable.segment_size / 2 + (std::uint64_t{64} << 10));
  EXPECT_GE(in_place.segment_size, std::uint64_t{8} << 20);
}

TEST_P(DuplexAnswers, a_lane_full_of_answers_that_are_held_is_left_to_them_and_calls_take_others) {
  const std::string name = unique_name();
  auto config = channel_of(4000, 4);
  config.max_held = 4;
  auto server = Server::create(GetParam(), name, config).value();
  server->start(invert).value();
  auto client = DuplexClient::open(name, generous, config).value();
  std::vector<Response> held;
  for (std::uint64_t i = 0; i < 12; ++i) {
    auto answer = client.call(payload(300, i), generous);
    ASSERT_TRUE(answer) << i << ": " << answer.failure().message();
    held.push_back(std::move(*answer));
  }
  EXPECT_EQ(client.stats().lanes, 4U);
  for (std::uint64_t i = 0; i < held.size(); ++i) EXPECT_TRUE(holds_inverted(held[i].data(), i)) << i;
}

// Scenario 6.11
TEST_P(DuplexAnswers, a_buffer_that_is_too_small_says_the_needed_size_and_loses_nothing) {
  const std::string name = unique_name();
  const auto config = channel_of(4000, 2);
  auto server = Server::create(GetParam(), name, config).value();
  server->start(invert).value();
  auto client = DuplexClient::open(name, generous, config).value();
  std::vector<std::byte> buffer(1000);
  const auto too_small = [&](const auto& received) {
    ASSERT_STATUS(received, Status::buffer_too_small);
    EXPECT_EQ(received.failure().first(), 1000U);
    EXPECT_EQ(received.failure().second(), 999U);
  };
  for (std::uint64_t i = 0; i < 20; ++i) {
    auto call = client.begin(payload(1000, i), generous).value();
    too_small(call.receive_into(std::span(buffer).first(999), generous));
    too_small(call.receive_into(std::span(buffer).first(999), generous));
    ASSERT_TRUE(call.valid());
    auto received = call.receive_into(buffer, generous);
    ASSERT_OK(received);
    EXPECT_EQ(received->size, 1000U);
    EXPECT_TRUE(holds_inverted(buffer, i));
    EXPECT_FALSE(call.valid());
    EXPECT_STATUS(call.receive_into(buffer, generous), Status::handle_closed);
    // and of many on their way
    const auto first = client.send(payload(1000, i + 100), generous);
    const auto second = client.send(payload(0, i), generous);
    ASSERT_OK(first);
    ASSERT_OK(second);
    too_small(client.receive_into(std::span(buffer).first(999), generous));
    received = client.receive_into(buffer, generous);
    ASSERT_OK(received);
    EXPECT_EQ(received->sequence, *first);
    EXPECT_TRUE(holds_inverted(buffer, i + 100));
    received = client.receive_into({}, generous);  // an empty one needs none
    ASSERT_OK(received);
    EXPECT_EQ(received->sequence, *second);
    EXPECT_EQ(received->size, 0U);
  }
  EXPECT_EQ(client.stats().answers, 60U);
}

// Scenario 6.11
TEST_P(DuplexAnswers, an_answer_too_large_for_the_buffer_can_be_taken_as_a_view) {
  const std::string name = unique_name();
  const auto config = channel_of(4000, 2);
  auto server = Server::create(GetParam(), name, config).value();
  server->start(invert).value();
  auto client = DuplexClient::open(name, generous, config).value();
  auto call = client.begin(payload(1000, 1), generous).value();
  EXPECT_STATUS(call.receive_into({}, generous), Status::buffer_too_small);
  auto answer = call.receive(generous);
  ASSERT_OK(answer);
  EXPECT_TRUE(holds_inverted(answer->data(), 1));
}

// Scenario 6.1
TEST_P(DuplexAnswers, a_claim_is_shrunk_when_it_is_sent_and_one_that_is_discarded_sends_nothing) {
  const std::string name = unique_name();
  const auto config = channel_of(4000, 1);
  auto server = Server::create(GetParam(), name, config).value();
  server->start(invert).value();
  auto client = DuplexClient::open(name, generous, config).value();
  for (std::uint64_t i = 1; i <= 100; ++i) {
    {
      auto dropped = client.claim_request(2000, 0, generous).value();
      fill(dropped.data(), 1);
      if (i % 2 == 0) dropped.discard();
      EXPECT_STATUS(dropped.begin(2001), i % 2 == 0 ? Status::handle_closed : Status::invalid_argument);
    }
    {
      auto dropped = client.claim_send(2000, 0, generous).value();
      EXPECT_STATUS(dropped.begin(1), Status::invalid_argument);
    }
    auto claim = client.claim_request(2000, 0, generous).value();
    EXPECT_STATUS(claim.send(1), Status::invalid_argument);
    fill(claim.data().first(10), i);
    RequestClaim moved = std::move(claim);
    EXPECT_FALSE(claim.valid());
    auto answer = moved.call(10, generous);
    ASSERT_OK(answer);
    EXPECT_EQ(answer->sequence(), i);
    EXPECT_EQ(answer->size(), 10U);
    EXPECT_TRUE(holds_inverted(answer->data(), i));
  }
  EXPECT_EQ(server->stats().requests, 100U);
}

// Scenario 6.3
TEST_P(DuplexAnswers, one_thread_may_answer_what_it_has_taken_in_any_order_and_the_client_sees_theirs) {
  const std::string name = unique_name();
  auto config = channel_of(4000, 1);
  config.request_size = 8000;
  auto server = Server::create(GetParam(), name, config).value();
  auto client = DuplexClient::open(name, generous, config).value();
  for (std::uint64_t round = 0; round < 200; ++round) {
    for (std::uint64_t i = 0; i < 6; ++i) ASSERT_OK(client.send(payload(10, i), generous, {.tag = i}));
    std::vector<Request> taken;
    for (int i = 0; i < 6; ++i) taken.push_back(server->take(generous).value());
    const auto answer = [&](std::size_t i) {
      Request& request = taken[i];
      if (i == 1) return request.fail("no");
      if (i == 4) {
        auto wide = request.claim(200).value();
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(wide.data()) % 64, 0U);
        auto room = request.claim(100).value();  // again gives new room
        fill(room, 40);
        EXPECT_STATUS(request.respond(5000), Status::invalid_argument);
        return request.respond(100, 200).value();
      }
      const auto bytes = payload(20 + i, i);
      request.write(bytes, 128).value();
    };
    std::vector<std::size_t> order{0, 1, 2, 3, 4, 5};
    std::mt19937 random(static_cast<unsigned>(round));
    if (round == 0) std::reverse(order.begin(), order.end());
    if (round > 1) std::shuffle(order.begin(), order.end(), random);
    for (const std::size_t i : order) answer(i);
    for (std::uint64_t i = 0; i < 6; ++i) {
      const auto response = client.receive(generous);
      if (i == 1) {
        EXPECT_STATUS(response, Status::remote_error);
        EXPECT_EQ(response.failure().message(), "no");
        continue;
      }
      ASSERT_OK(response);
      EXPECT_EQ(response->size(), i == 4 ? 100 : 20 + i);
      EXPECT_EQ(response->type(), i == 4 ? 200 : 128);
      EXPECT_TRUE(holds(response->data(), i == 4 ? 40 : i));
    }
  }
  EXPECT_EQ(server->stats().answers, 1200U);
}

// Scenario 6.3
TEST(DuplexTurn, thousands_of_answers_that_wait_for_one_need_no_more_stack_than_one) {
  constexpr std::uint64_t waiting = 4000;
  auto config = channel_of(300'000, 1);
  config.max_held = 4096;
  const std::string name = unique_name();
  auto server = ImmutableDuplexServer::create(name, config).value();
  auto client = DuplexClient::open(name, generous, config).value();
  std::vector<Request> taken;
  for (std::uint64_t i = 0; i <= waiting; ++i) {
    ASSERT_OK(client.send(payload(8, i), generous));
    taken.push_back(server.take(generous).value());
  }
  for (std::uint64_t i = 1; i <= waiting; ++i) invert(taken[i]);
  EXPECT_STATUS(client.receive(0ns), Status::timeout);
  pthread_attr_t small;
  ASSERT_EQ(pthread_attr_init(&small), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&small, 512 << 10), 0);
  pthread_t thread{};
  const auto answer = [](void* request) -> void* {
    invert(*static_cast<Request*>(request));
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &small, answer, &taken[0]), 0);
  ASSERT_EQ(pthread_join(thread, nullptr), 0);
  ASSERT_EQ(pthread_attr_destroy(&small), 0);
  for (std::uint64_t i = 0; i <= waiting; ++i) {
    auto response = client.receive(generous);
    ASSERT_OK(response);
    ASSERT_TRUE(holds_inverted(response->data(), i));
  }
}

// Scenario 6.4
TEST_P(DuplexAnswers, requests_that_are_dropped_in_any_order_are_answered_and_block_nobody) {
  const std::string name = unique_name();
  const auto config = channel_of(4000, 1);
  auto server = Server::create(GetParam(), name, config).value();
  auto client = DuplexClient::open(name, generous, config).value();
  for (int i = 0; i < 3; ++i) ASSERT_OK(client.send(payload(10, 1), generous));
  {
    auto first = server->take(generous).value();
    auto second = server->take(generous).value();
    auto third = server->take(generous).value();
  }  // the last one goes first
  for (int i = 0; i < 3; ++i) {
    const auto response = client.receive(generous);
    EXPECT_EQ(response.status(), GetParam() == Kind::in_place ? Status::ok : Status::remote_error);
  }
  // an answer that is ready before its turn goes with the server that closes
  for (int i = 0; i < 2; ++i) ASSERT_OK(client.send(payload(10, 1), generous));
  auto first = server->take(generous).value();
  auto second = server->take(generous).value();
  const auto bytes = payload(10, 2);
  ASSERT_OK(second.write(bytes));
  server->close();
  EXPECT_STATUS(first.write(bytes), Status::handle_closed);
  EXPECT_STATUS(client.receive(generous), Status::closed);
}

}  // namespace
}  // namespace zerobuffer
