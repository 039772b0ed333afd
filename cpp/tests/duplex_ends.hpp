// What the tests of duplex channels share: both kinds of server behind one name, small channels, and handlers whose
// answers can be checked. Knows nothing of single rules.
#pragma once

#include <variant>

#include "support.hpp"
#include "zerobuffer/duplex.hpp"

namespace zerobuffer::support {

enum class Kind : std::uint8_t { immutable, in_place };
inline constexpr Kind both_kinds[] = {Kind::immutable, Kind::in_place};
inline std::string name_of(Kind kind) { return kind == Kind::in_place ? "in_place" : "immutable"; }

/// A server of either kind.
class Server {
 public:
  static Result<Server> create(Kind kind, std::string_view name, const DuplexConfig& config) {
    if (kind == Kind::in_place) {
      auto made = MutableDuplexServer::create(name, config);
      if (!made) return made.take_failure();
      return Server(std::move(*made));
    }
    auto made = ImmutableDuplexServer::create(name, config);
    if (!made) return made.take_failure();
    return Server(std::move(*made));
  }
  DuplexServer* operator->() noexcept {
    if (auto* in_place = std::get_if<MutableDuplexServer>(&server_)) return in_place;
    return std::get_if<ImmutableDuplexServer>(&server_);
  }
  DuplexServer& operator*() noexcept { return *operator->(); }

 private:
  template <class Any>
  explicit Server(Any&& server) : server_(std::forward<Any>(server)) {}
  std::variant<ImmutableDuplexServer, MutableDuplexServer> server_;
};

/// A small channel: tests need no more, and creating it costs little.
[[nodiscard]] inline DuplexConfig channel_of(std::uint64_t size, std::uint32_t lanes = 4) {
  DuplexConfig config;
  config.request_size = config.response_size = size;
  config.callback_size = 1024;
  config.lanes = lanes;
  return config;
}

/// Answers with the request's bytes, each one inverted: in place that is a change, otherwise new data.
inline void invert(Request& request) {
  auto room = request.claim(request.size());
  if (!room) throw std::runtime_error(room.failure().message());
  for (std::size_t i = 0; i < request.size(); ++i) (*room)[i] = ~request.data()[i];
  request.respond(request.size(), request.type()).value();
}

/// Whether these are the bytes of `seed`, inverted.
[[nodiscard]] inline bool holds_inverted(std::span<const std::byte> data, std::uint64_t seed) {
  std::vector<std::byte> back(data.begin(), data.end());
  for (std::byte& byte : back) byte = ~byte;
  return holds(back, seed);
}

/// A call whose answer is checked against invert().
[[nodiscard]] inline Status call_inverted(DuplexClient& client, std::size_t size, std::uint64_t seed,
                                          std::chrono::nanoseconds timeout = generous) {
  auto answer = client.call(payload(size, seed), timeout);
  if (!answer) return answer.status();
  return answer->size() == size && holds_inverted(answer->data(), seed) ? Status::ok : Status::corrupt;
}

/// Scenarios run with both kinds of server; and both ways, with the client in a thread and in a process.
class BothKinds : public ::testing::TestWithParam<Kind> {};
struct Way {
  Where where;
  Kind kind;
};
class AllWays : public ::testing::TestWithParam<Way> {};

}  // namespace zerobuffer::support

#define RUN_BOTH_KINDS(suite)                                                                   \
  INSTANTIATE_TEST_SUITE_P(Kind, suite, ::testing::ValuesIn(::zerobuffer::support::both_kinds), \
                           [](const auto& kind) { return ::zerobuffer::support::name_of(kind.param); })

#define RUN_ALL_WAYS(suite)                                                                                          \
  INSTANTIATE_TEST_SUITE_P(                                                                                          \
      Thread, suite,                                                                                                 \
      ::testing::Values(                                                                                             \
          ::zerobuffer::support::Way{::zerobuffer::support::Where::thread, ::zerobuffer::support::Kind::immutable},  \
          ::zerobuffer::support::Way{::zerobuffer::support::Where::thread, ::zerobuffer::support::Kind::in_place}),  \
      [](const auto& way) { return ::zerobuffer::support::name_of(way.param.kind) + "_with_a_thread"; });            \
  INSTANTIATE_TEST_SUITE_P(                                                                                          \
      Process, suite,                                                                                                \
      ::testing::Values(                                                                                             \
          ::zerobuffer::support::Way{::zerobuffer::support::Where::process, ::zerobuffer::support::Kind::immutable}, \
          ::zerobuffer::support::Way{::zerobuffer::support::Where::process, ::zerobuffer::support::Kind::in_place}), \
      [](const auto& way) { return ::zerobuffer::support::name_of(way.param.kind) + "_with_a_process"; })
