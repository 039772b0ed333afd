// Many threads on both ends of a channel at once: what ThreadSanitizer looks at. The two ends map the segment at two
// addresses, so that it sees the state of each end; nothing of a test is shared between them but atomics.
#include "duplex_ends.hpp"

namespace zerobuffer {
namespace {
using namespace support;

#if defined(__SANITIZE_THREAD__)
constexpr std::uint64_t many = 300;
#else
constexpr std::uint64_t many = 3000;
#endif

// Scenario 6.3, 8.2
TEST(SharedMappingDuplex, threads_that_share_a_client_call_a_pool_of_threads) {
  for (const Kind kind : both_kinds) {
    const std::string name = unique_name();
    const auto config = channel_of(2000, 4);
    auto server = Server::create(kind, name, config).value();
    server->start(invert, 3).value();
    auto client = DuplexClient::open(name, generous, config).value();
    std::atomic<int> failures{0};
    std::atomic<bool> over{false};
    std::vector<std::thread> threads;
    for (std::uint64_t thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&, thread] {
        for (std::uint64_t i = 0; i < many; ++i) {
          failures += call_inverted(client, 1 + (i * 17 + thread) % 1900, i) != Status::ok;
        }
      });
    }
    threads.emplace_back([&] {
      std::uint64_t sent = 0;
      for (std::uint64_t i = 0; i < many; ++i) {
        if (auto begun = client.begin(payload(100, i), generous)) ++sent;  // and given up at once
      }
      failures += sent != many;
    });
    std::thread looker([&] {  // a handler is told where a call was given up, and throws: the server may count errors
      while (!over) {
        failures += client.stats().errors != 0 || server->running() != 3;
        failures += server->clients().size() != 1;
        std::this_thread::sleep_for(1ms);
      }
    });
    for (std::thread& thread : threads) thread.join();
    over = true;
    looker.join();
    EXPECT_EQ(failures, 0);
    EXPECT_OK(server->stop());
  }
}

// Scenario 6.2. With one lane: who waits for answers to what it sent owns nothing, and shares it with who calls.
TEST(SharedMappingDuplex, a_thread_that_is_called_back_shares_the_only_lane_with_one_that_calls) {
  for (const Kind kind : both_kinds) {
    const std::string name = unique_name();
    const auto config = channel_of(2000, 1);
    auto server = Server::create(kind, name, config).value();
    server->start(invert).value();
    auto client = DuplexClient::open(name, generous, config).value();
    std::atomic<int> failures{0};
    std::atomic<bool> over{false};
    std::thread caller([&] {
      for (std::uint64_t i = 0; !over; ++i) {
        failures += call_inverted(client, 1 + i % 1900, i) != Status::ok;
        std::this_thread::sleep_for(50us);  // the lane is nobody's meanwhile
      }
    });
    for (std::uint64_t i = 0; i < many / 3; ++i) {
      std::atomic<int> called{0};
      ASSERT_OK(client.when_ready([](void* context) { ++*static_cast<std::atomic<int>*>(context); }, &called));
      if (i % 3 == 0) {
        std::this_thread::sleep_for(20us);
        if (client.cancel_when()) {
          ASSERT_EQ(called, 0);
          continue;
        }
      }
      ASSERT_OK(client.send(payload(1 + i % 1900, i), generous));
      ASSERT_TRUE(wait_until([&] { return called != 0; })) << i;
      // a call's answer may have been worth a look
      auto answer = client.receive(generous);
      ASSERT_OK(answer);
      ASSERT_TRUE(holds_inverted(answer->data(), i));
      ASSERT_EQ(called, 1);
    }
    over = true;
    caller.join();
    EXPECT_EQ(failures, 0);
  }
}

// Scenario 6.2
TEST(SharedMappingDuplex, one_thread_sends_one_receives_and_others_release) {
  for (const Kind kind : both_kinds) {
    const std::string name = unique_name();
    const auto config = channel_of(8000, 2);
    auto server = Server::create(kind, name, config).value();
    server->start(invert, 2).value();
    auto client = DuplexClient::open(name, generous, config).value();
    std::atomic<int> failures{0};
    std::atomic<std::uint64_t> sent{0};
    std::thread sender([&] {
      for (std::uint64_t i = 1; i <= many; ++i) {
        failures += !client.send(payload(50 + i % 300, i), generous).ok();
        sent.store(i);
      }
    });
    std::thread last;
    for (std::uint64_t i = 1; i <= many; ++i) {
      auto answer = client.receive(generous);
      // In place the answer lies where the sender wrote its request, and came by way of the server, which has mapped
      // the segment at another address: ThreadSanitizer does not see that the one was before the other.
      while (sent.load() < i) std::this_thread::yield();
      if (!answer || !holds_inverted(answer->data(), i)) {
        ++failures;
        continue;
      }
      if (i % 10 != 0) continue;
      if (last.joinable()) last.join();
      last = std::thread([held = std::move(*answer)]() mutable { held.release(); });
    }
    sender.join();
    if (last.joinable()) last.join();
    EXPECT_EQ(failures, 0);
  }
}

// Scenario 6.10
TEST(SharedMappingDuplex, a_server_that_starts_and_stops_while_clients_call_loses_nothing) {
  for (const Kind kind : both_kinds) {
    const std::string name = unique_name();
    const auto config = channel_of(2000, 4);
    auto server = Server::create(kind, name, config).value();
    std::atomic<int> failures{0};
    std::atomic<bool> over{false};
    std::vector<std::thread> threads;
    for (std::uint64_t thread = 0; thread < 2; ++thread) {
      threads.emplace_back([&, thread] {
        auto client = DuplexClient::open(name, generous, config).value();
        for (std::uint64_t i = 0; i < many; ++i) failures += call_inverted(client, 100 + thread, i) != Status::ok;
      });
    }
    std::thread stopper([&] {
      for (std::uint32_t i = 0; !over; ++i) {
        failures += !server->start(invert, 1 + i % 3).ok();
        std::this_thread::sleep_for(2ms);
        failures += !server->stop().ok();
      }
      failures += !server->start(invert).ok();
    });
    std::this_thread::sleep_for(50ms);
    over = true;
    stopper.join();
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(failures, 0);
  }
}

// Scenario 6.1
TEST(SharedMappingDuplex, calls_go_both_ways_at_the_same_time) {
  for (const Kind kind : both_kinds) {
    const std::string name = unique_name();
    const auto config = channel_of(2000, 4);
    auto server = Server::create(kind, name, config).value();
    std::atomic<int> failures{0};
    server
        ->start(
            [&](Request& request) {
              auto back = server->call_client(request.client(), payload(100, request.tag()), generous);
              failures += !back || !holds_inverted(back->data(), request.tag());
              invert(request);
            },
            2)
        .value();
    auto client = DuplexClient::open(name, generous, config).value();
    client.start(invert, 2).value();
    std::vector<std::thread> threads;
    for (std::uint64_t thread = 0; thread < 3; ++thread) {
      threads.emplace_back([&, thread] {
        for (std::uint64_t i = 0; i < many / 3; ++i) {
          auto answer = client.call(payload(200, i), generous, {.tag = thread * many + i});
          failures += !answer || !holds_inverted(answer->data(), i);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(failures, 0);
    EXPECT_OK(client.stop());
    EXPECT_OK(server->stop());
  }
}

}  // namespace
}  // namespace zerobuffer
