// A server that is killed or stopped at any step is noticed, and its successor answers what it had begun, once and with
// an error, and everything later as if nothing had been; a client that is killed at any step holds up nobody.
#include <array>

#include "crash_points.hpp"
#include "duplex_ends.hpp"

namespace zerobuffer {
namespace {
using namespace support;

constexpr std::uint64_t many = 12;

// How often each request was worked on, by whomever.
constexpr std::uint64_t most = 1000;
using Runs = std::array<std::atomic<int>, most + 1>;

void count_and_invert(Runs& runs, Request& request) {
  ++runs[request.tag()];
  invert(request);
}

Server successor_of(Kind kind, const std::string& name, DuplexConfig config) {
  config.exist_ok = true;
  return Server::create(kind, name, config).value();
}

struct ServerDeath {
  Kind kind;
  Step step;
  std::uint32_t threads = 1;
};
std::ostream& operator<<(std::ostream& out, const ServerDeath& death) {
  return out << name_of(death.kind) << ' ' << death.step << " with " << death.threads << " threads";
}

class DuplexServerDies : public ::testing::TestWithParam<ServerDeath> {};

std::vector<ServerDeath> server_deaths() {
  std::vector<ServerDeath> deaths;
  for (const Kind kind : both_kinds) {
    for (const int nth : {1, 3}) {
      for (const char* point : {"take.begun", "answer.begin", "answer.before_let_go", "answer.let_go"}) {
        deaths.push_back({kind, {point, nth}});
        deaths.push_back({kind, {point, nth}, 3});
      }
      if (kind == Kind::in_place) continue;
      deaths.push_back({kind, {"commit.before_publish", nth}});
      deaths.push_back({kind, {"commit.published", nth}});
      deaths.push_back({kind, {"commit.before_publish", nth}, 3});
    }
    deaths.push_back({kind, {"wake.bits_cleared", 1}});
    deaths.push_back({kind, {"wake.word_changed", 1}});
    deaths.push_back({kind, {"sleep.bit_set", 1}});
    deaths.push_back({kind, {"sleep.before_futex", 1}});
  }
  return deaths;
}
INSTANTIATE_TEST_SUITE_P(At, DuplexServerDies, ::testing::ValuesIn(server_deaths()), [](const auto& death) {
  return name_of(death.param.kind) + "_" + identifier(death.param.step) + "_threads_" +
         std::to_string(death.param.threads);
});

// Scenario 6.5
TEST_P(DuplexServerDies, every_request_is_answered_once_and_those_it_had_begun_with_an_error) {
  const auto& [kind, step, threads] = GetParam();
  const std::string name = unique_name();
  auto config = channel_of(10'000, 2);
  config.wait = WaitPolicy::block;  // so that there is somebody to wake
  Shared<Runs> runs;
  Channel ready;
  Child first([&, kind = kind, step = step, threads = threads] {
    auto server = Server::create(kind, name, config).value();
    ready.send();
    signal_self_at(step, SIGKILL);
    server
        ->start(
            [&](Request& request) {
              std::this_thread::sleep_for(2ms);  // its client sleeps meanwhile, so that there is somebody to wake
              count_and_invert(*runs, request);
            },
            threads)
        .value();
    pause();
  });
  ASSERT_TRUE(ready.receive());
  auto client = DuplexClient::open(name, generous, config).value();
  std::optional<Server> second;
  std::uint64_t sent = 0;
  const auto send = [&](std::uint64_t count) {
    for (; count != 0; --count) {
      const std::uint64_t number = sent + 1;
      ASSERT_LE(number, most);
      auto sequence = client.send(payload(100 + number % 50, number), generous, {.tag = number});
      ASSERT_OK(sequence);
      ASSERT_EQ(*sequence, ++sent);
    }
  };
  send(many);
  std::uint64_t answered = 0;
  int deaths = 0;
  int errors = 0;
  while (deaths == 0 || answered < sent) {
    auto answer = answered < sent ? client.receive(generous) : client.receive(200ms);
    if (answered == sent && answer.status() == Status::timeout) {
      send(1);  // to some steps it comes only where its client sleeps already
      if (HasFatalFailure()) return;
      continue;
    }
    if (answer) {
      ASSERT_EQ(answer->sequence(), ++answered);
      ASSERT_TRUE(holds_inverted(answer->data(), answered)) << answered;
      ASSERT_EQ((*runs)[answered], 1);
      continue;
    }
    if (answer.status() == Status::remote_error) {
      ASSERT_EQ(answer.failure().first(), ++answered);
      ASSERT_NE(answer.failure().message().find("died"), std::string::npos) << answer.failure().message();
      ASSERT_LE((*runs)[answered], 1);
      ++errors;
      continue;
    }
    ASSERT_STATUS(answer, Status::peer_dead);
    ASSERT_EQ(++deaths, 1) << "a death is told once";
    EXPECT_STATUS(client.receive(150ms), Status::timeout);  // and then its successor is awaited
    EXPECT_EQ(first.wait(), 128 + SIGKILL);
    second = successor_of(kind, name, config);
    second->operator->()->start([&](Request& request) { count_and_invert(*runs, request); }).value();
  }
  // a pool may have answered what comes after a request that it is still working on
  EXPECT_LE(errors, threads == 1 ? 1 : static_cast<int>(many));
  send(many);
  while (answered < sent) {
    auto answer = client.receive(generous);
    ASSERT_OK(answer);
    EXPECT_EQ(answer->sequence(), ++answered);
    EXPECT_TRUE(holds_inverted(answer->data(), answered));
    EXPECT_EQ((*runs)[answered], 1);
  }
  EXPECT_STATUS(client.receive(10ms), Status::timeout);  // nothing is answered twice
  EXPECT_EQ(call_inverted(client, 200, 1), Status::ok);
}

class DuplexServerStops : public ::testing::TestWithParam<ServerDeath> {};
std::vector<ServerDeath> server_stops() {
  std::vector<ServerDeath> stops;
  for (const Kind kind : both_kinds) {
    for (const char* point : {"take.begun", "answer.begin", "answer.before_let_go"}) stops.push_back({kind, {point}});
  }
  stops.push_back({Kind::immutable, {"commit.before_publish"}});
  stops.push_back({Kind::in_place, {"sleep.bit_set"}});
  return stops;
}
INSTANTIATE_TEST_SUITE_P(At, DuplexServerStops, ::testing::ValuesIn(server_stops()),
                         [](const auto& stop) { return name_of(stop.param.kind) + "_" + identifier(stop.param.step); });

// Scenario 6.5
TEST_P(DuplexServerStops, for_a_second_and_loses_nothing) {
  const auto& [kind, step, threads] = GetParam();
  const std::string name = unique_name();
  auto config = channel_of(10'000, 2);
  config.wait = WaitPolicy::block;
  Shared<Runs> runs;
  Channel ready;
  Channel done;
  Child child([&, kind = kind, step = step, threads = threads] {
    auto server = Server::create(kind, name, config).value();
    ready.send();
    signal_self_at(step, SIGSTOP);
    server->start([&](Request& request) { count_and_invert(*runs, request); }, threads).value();
    return done.receive() && server->stop() ? 0 : 1;
  });
  ASSERT_TRUE(ready.receive());
  auto client = DuplexClient::open(name, generous, config).value();
  for (std::uint64_t number = 1; number <= many; ++number) {
    ASSERT_OK(client.send(payload(100 + number, number), generous, {.tag = number}));
  }
  std::thread waker([&] {
    EXPECT_TRUE(wait_stopped(child));
    std::this_thread::sleep_for(1s);
    child.signal(SIGCONT);
  });
  for (std::uint64_t number = 1; number <= many; ++number) {
    auto answer = client.receive(generous);
    ASSERT_OK(answer);
    EXPECT_EQ(answer->sequence(), number);
    EXPECT_TRUE(holds_inverted(answer->data(), number));
    EXPECT_EQ((*runs)[number], 1);
  }
  waker.join();
  done.send();
  EXPECT_EQ(child.wait(), 0);
}

class DuplexDeath : public BothKinds {};
RUN_BOTH_KINDS(DuplexDeath);

// Scenario 6.5
TEST_P(DuplexDeath, every_call_that_waits_learns_that_the_server_died_and_later_calls_are_answered) {
  const std::string name = unique_name();
  const auto config = channel_of(2000, 4);
  Channel taken;
  Child first([&] {
    auto server = Server::create(GetParam(), name, config).value();
    server
        ->start(
            [&](Request&) {
              taken.send();
              pause();
            },
            3)
        .value();
    pause();
  });
  auto client = DuplexClient::open(name, generous, config).value();
  std::atomic<int> told{0};
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] { told += client.call(payload(100, i), generous).status() == Status::peer_dead; });
  }
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(taken.receive());
  ASSERT_TRUE(wait_until([&] { return client.stats().requests == 4; }));  // the fourth call has begun as well
  first.kill();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(told, 4);
  // without a successor a call is no death again: one may come
  EXPECT_STATUS(client.call(payload(100, 5), 100ms), Status::timeout);
  auto second = successor_of(GetParam(), name, config);
  second->start(invert).value();
  for (std::uint64_t i = 0; i < 20; ++i) EXPECT_EQ(call_inverted(client, 100, i), Status::ok);
  EXPECT_GE(client.stats().late, 1U) << "the errors of what was begun are nobody's any more";
}

// Scenario 6.5
TEST_P(DuplexDeath, a_caller_is_told_of_a_death_once_however_many_lanes_it_has) {
  const std::string name = unique_name();
  const auto config = channel_of(2000, 4);
  Channel made;
  Child first([&] {
    auto server = Server::create(GetParam(), name, config).value();
    made.send();
    pause();
  });
  ASSERT_TRUE(made.receive());
  auto client = DuplexClient::open(name, generous, config).value();
  first.kill();
  EXPECT_STATUS(client.call(payload(100, 1), generous), Status::peer_dead);
  for (int i = 0; i < 5; ++i) EXPECT_STATUS(client.call(payload(100, 2), 150ms), Status::timeout);
  auto second = successor_of(GetParam(), name, config);
  second->start(invert).value();
  EXPECT_EQ(call_inverted(client, 100, 4), Status::ok);
  second->close();
  EXPECT_STATUS(client.call(payload(100, 5), generous), Status::closed);
}

// Scenario 6.5
TEST_P(DuplexDeath, an_answer_that_a_dead_server_was_writing_over_an_older_one_does_not_hide_what_it_had_begun) {
  const std::string name = unique_name();
  const auto config = channel_of(1000, 1);
  Channel ready;
  Child first([&] {
    auto server = Server::create(GetParam(), name, config).value();
    ready.send();
    for (int i = 0; i < 2; ++i) {
      auto request = server->take(generous).value();
      invert(request);
    }
    auto request = server->take(generous).value();
    auto room = request.claim(1000).value();      // although the client does not look
    std::memset(room.data(), 0xff, room.size());  // what a look at the last answer sees now
    ready.send();
    pause();
  });
  ASSERT_TRUE(ready.receive());
  auto client = DuplexClient::open(name, generous, config).value();
  EXPECT_EQ(call_inverted(client, 200, 1), Status::ok);
  EXPECT_EQ(call_inverted(client, 200, 2), Status::ok);
  auto third = client.send(payload(8, 3), generous, {.response_capacity = 1000});
  ASSERT_OK(third);
  ASSERT_TRUE(ready.receive());
  first.kill();
  auto second = successor_of(GetParam(), name, config);
  second->start(invert).value();
  auto answer = client.receive(generous);
  if (answer.status() == Status::peer_dead) answer = client.receive(generous);
  ASSERT_STATUS(answer, Status::remote_error);
  EXPECT_EQ(answer.failure().first(), *third);
  EXPECT_EQ(call_inverted(client, 100, 4), Status::ok);
}

// Scenario 6.5, 4.3
TEST_P(DuplexDeath, a_server_without_clients_is_simply_followed_and_one_that_lives_is_not) {
  const std::string name = unique_name();
  auto config = channel_of(1000, 2);
  Channel ready;
  Child first([&] {
    auto server = Server::create(GetParam(), name, config).value();
    ready.send();
    pause();
  });
  ASSERT_TRUE(ready.receive());
  config.exist_ok = true;
  EXPECT_STATUS(Server::create(GetParam(), name, config), Status::writer_exists);
  config.exist_ok = false;
  EXPECT_STATUS(Server::create(GetParam(), name, config), Status::already_exists);
  first.kill();
  auto second = Server::create(GetParam(), name, config);
  ASSERT_OK(second);
  EXPECT_TRUE((*second)->info().created);
}

// Scenario 6.5
TEST_P(DuplexDeath, a_successor_needs_exist_ok_and_the_same_geometry_and_kind) {
  const std::string name = unique_name();
  auto config = channel_of(1000, 2);
  Channel ready;
  Child first([&] {
    auto server = Server::create(GetParam(), name, config).value();
    ready.send();
    pause();
  });
  ASSERT_TRUE(ready.receive());
  auto client = DuplexClient::open(name, generous, config).value();
  first.kill();
  EXPECT_STATUS(Server::create(GetParam(), name, config), Status::already_exists);
  config.exist_ok = true;
  auto other = config;
  other.lanes = 3;
  EXPECT_STATUS(Server::create(GetParam(), name, other), Status::incompatible);
  other = config;
  other.request_size = 2000;
  EXPECT_STATUS(Server::create(GetParam(), name, other), Status::incompatible);
  other = config;
  other.callback_size = 0;
  EXPECT_STATUS(Server::create(GetParam(), name, other), Status::incompatible);
  EXPECT_STATUS(Server::create(GetParam() == Kind::in_place ? Kind::immutable : Kind::in_place, name, config),
                Status::incompatible);
  auto second = Server::create(GetParam(), name, config);
  ASSERT_OK(second);
  EXPECT_FALSE((*second)->info().created);
  (*second)->start(invert).value();
  auto answer = client.call(payload(10, 1), generous);
  if (answer.status() == Status::peer_dead) answer = client.call(payload(10, 1), generous);  // had not been told yet
  EXPECT_OK(answer);
}

// Scenario 6.5
TEST_P(DuplexDeath, ten_servers_in_turn_answer_one_client_although_each_is_killed_at_work) {
  const std::string name = unique_name();
  auto config = channel_of(2000, 2);
  config.exist_ok = true;
  Shared<std::atomic<std::uint64_t>> worked;
  Channel ready;
  const auto serve = [&] {
    auto server = Server::create(GetParam(), name, config).value();
    ready.send();
    server
        ->start([&](Request& request) {
          if (++*worked % 7 == 0) raise(SIGKILL);
          invert(request);
        })
        .value();
    pause();
  };
  auto server = std::make_unique<Child>(serve);
  ASSERT_TRUE(ready.receive());
  auto client = DuplexClient::open(name, generous, config).value();
  int deaths = 0;
  int errors = 0;
  std::uint64_t right = 0;
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  while (deaths < 10) {
    for (; sent < received + 3; ++sent) ASSERT_OK(client.send(payload(100, sent + 1), generous));
    auto answer = client.receive(generous);
    if (answer) {
      ASSERT_EQ(answer->sequence(), ++received);
      ASSERT_TRUE(holds_inverted(answer->data(), received));
      ++right;
    } else if (answer.status() == Status::remote_error) {
      ASSERT_EQ(answer.failure().first(), ++received);
      ++errors;
    } else {
      ASSERT_STATUS(answer, Status::peer_dead);
      ++deaths;
      EXPECT_EQ(server->wait(), 128 + SIGKILL);
      server = std::make_unique<Child>(serve);
      ASSERT_TRUE(ready.receive());
    }
  }
  EXPECT_GE(errors, 9);
  EXPECT_LE(errors, 10);
  EXPECT_GE(right, 54U);
  server->kill();
}

// ---------------------------------------------------------------- clients

struct ClientDeath {
  Kind kind;
  Step step;
};
std::ostream& operator<<(std::ostream& out, const ClientDeath& death) {
  return out << name_of(death.kind) << ' ' << death.step;
}
class DuplexClientDies : public ::testing::TestWithParam<ClientDeath> {};

std::vector<ClientDeath> client_deaths() {
  std::vector<ClientDeath> deaths;
  for (const Kind kind : both_kinds) {
    for (const char* point : {"attach.locked", "join.locked", "join.position_stored", "join.joining", "join.active",
                              "call.claimed", "call.committed", "call.published", "commit.before_publish",
                              "commit.published", "sleep.bit_set", "sleep.before_futex", "wake.bits_cleared",
                              "wake.word_changed", "writer_sleep.flag_set", "close.closing", "close.place_given_up"}) {
      deaths.push_back({kind, {point, 1}});
    }
    for (const char* point : {"call.committed", "call.published", "commit.before_publish", "sleep.before_futex"}) {
      deaths.push_back({kind, {point, 4}});
    }
  }
  return deaths;
}
INSTANTIATE_TEST_SUITE_P(At, DuplexClientDies, ::testing::ValuesIn(client_deaths()), [](const auto& death) {
  return name_of(death.param.kind) + "_" + identifier(death.param.step);
});

// Scenario 6.6
TEST_P(DuplexClientDies, the_server_goes_on_and_its_lane_is_used_again) {
  const auto& [kind, step] = GetParam();
  const std::string name = unique_name();
  auto config = channel_of(3000, 2);
  config.client_lanes = 1;
  config.wait = WaitPolicy::block;
  auto server = Server::create(kind, name, config).value();
  server
      ->start([](Request& request) {
        std::this_thread::sleep_for(1ms);  // clients sleep meanwhile, and their rings get full
        invert(request);
      })
      .value();
  auto bystander = DuplexClient::open(name, generous, config).value();
  std::atomic<bool> stop{false};
  std::atomic<int> failures{0};
  std::thread others([&] {
    for (std::uint64_t i = 0; !stop; ++i) {
      failures += call_inverted(bystander, 100, i) != Status::ok;
      std::this_thread::sleep_for(3ms);  // the server sleeps meanwhile
    }
  });
  for (int round = 0; round < 3; ++round) {
    Child child([&, step = step] {
      signal_self_at(step, SIGKILL);
      for (;;) {  // some steps are come to only where the server happens to sleep, or this client to be fast
        std::this_thread::sleep_for(1ms);
        auto client = DuplexClient::open(name, generous, config).value();
        Response held = client.call(payload(500, 1), generous).value();
        for (std::uint64_t i = 0; i < 20; ++i) {
          if (!client.send(payload(500, i), 20ms)) break;  // nobody fetches: the ring gets full
        }
        while (client.receive(200ms)) {
        }
        held.release();
        for (int i = 0; i < 20; ++i) {  // the server has time to fall asleep before each
          std::this_thread::sleep_for(5ms);
          if (!client.send(payload(10, 1), generous)) return;
          static_cast<void>(client.receive(generous));
        }
      }
    });
    EXPECT_EQ(child.wait(), 128 + SIGKILL);
    auto next = DuplexClient::open(name, generous, config);
    ASSERT_OK(next);
    EXPECT_EQ(server->stats().lanes, 2U);
    for (std::uint64_t i = 0; i < 5; ++i) {
      ASSERT_EQ(call_inverted(*next, 2000 + static_cast<std::size_t>(round), i), Status::ok) << "round " << round;
    }
  }
  stop = true;
  others.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(server->running(), 1U);
}

// Scenario 6.6
TEST_P(DuplexDeath, a_client_killed_while_it_holds_answers_and_claims_leaves_its_lanes_to_others) {
  const std::string name = unique_name();
  auto config = channel_of(2000, 2);
  auto server = Server::create(GetParam(), name, config).value();
  server->start(invert).value();
  for (int round = 0; round < 5; ++round) {
    Channel ready;
    Child child([&] {
      auto client = DuplexClient::open(name, generous, config).value();
      Response held = client.call(payload(1500, 1), generous).value();
      auto claim = client.claim_request(1500, 0, generous).value();
      fill(claim.data().first(700), 3);
      ready.send();
      pause();
    });
    ASSERT_TRUE(ready.receive());
    EXPECT_STATUS(DuplexClient::open(name, 0ns, config), Status::lanes_busy);
    child.kill();
    auto client = DuplexClient::open(name, generous, config).value();
    auto first = client.begin(payload(1900, 1), generous);
    ASSERT_OK(first);
    auto second = client.begin(payload(1900, 2), generous);
    ASSERT_OK(second);
    EXPECT_OK(second->receive(generous));
    EXPECT_OK(first->receive(generous));
  }
}

// Scenario 6.6
TEST_P(DuplexDeath, late_answers_to_a_dead_client_never_reach_the_next_one_in_its_lane) {
  const std::string name = unique_name();
  auto config = channel_of(4000, 1);
  auto server = Server::create(GetParam(), name, config).value();
  for (std::uint64_t round = 0; round < 5; ++round) {
    Channel ready;
    Child child([&] {
      auto client = DuplexClient::open(name, generous, config).value();
      for (std::uint64_t i = 0; i < 3; ++i) {
        if (!client.send(payload(200, 100 + i), generous)) return 1;
      }
      ready.send();
      pause();
      return 0;
    });
    std::vector<Request> late;
    for (int i = 0; i < 2; ++i) late.push_back(server->take(generous).value());  // the third one waits
    ASSERT_TRUE(ready.receive());
    child.kill();
    auto next = DuplexClient::open(name, generous, config).value();
    auto first = next.send(payload(300, round), generous);
    ASSERT_OK(first);
    invert(late[0]);
    EXPECT_STATUS(next.receive(2ms), Status::timeout);
    invert(late[1]);
    auto waiting = server->take(generous).value();
    EXPECT_TRUE(holds(waiting.data(), 102));
    invert(waiting);
    EXPECT_STATUS(next.receive(2ms), Status::timeout);
    auto own = server->take(generous).value();
    EXPECT_TRUE(holds(own.data(), round));
    invert(own);
    auto answer = next.receive(generous);
    ASSERT_OK(answer);
    EXPECT_EQ(answer->sequence(), *first);
    EXPECT_TRUE(holds_inverted(answer->data(), round));
    EXPECT_STATUS(next.receive(2ms), Status::timeout);
  }
}

// Scenario 6.6
TEST(DuplexRoom, a_server_that_waits_for_room_in_the_lane_of_a_client_that_died_goes_on) {
  const std::string name = unique_name();
  auto config = channel_of(2000, 2);
  config.client_lanes = 1;
  auto server = ImmutableDuplexServer::create(name, config).value();
  Channel ready;
  Child child([&] {
    auto client = DuplexClient::open(name, generous, config).value();
    for (std::uint64_t i = 0; i < 2; ++i) {
      if (!client.send(payload(10, i), generous)) return 1;
    }
    ready.send();
    pause();
    return 0;
  });
  ASSERT_TRUE(ready.receive());
  auto other = DuplexClient::open(name, generous, config).value();
  server.start([](Request& request) { request.write(payload(1500, 1)).value(); }).value();  // two do not fit
  ASSERT_TRUE(wait_until([&] { return server.stats().requests == 2; }));
  EXPECT_STATUS(other.call(payload(1, 1), 50ms), Status::timeout);  // the server is held back
  child.kill();
  EXPECT_OK(other.call(payload(1, 1), generous));
  EXPECT_EQ(server.running(), 1U);
}

}  // namespace
}  // namespace zerobuffer
