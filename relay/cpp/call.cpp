// The verb `call`: requests from a pattern, whose answers are compared with what the server is expected to do.
#include <atomic>
#include <deque>
#include <mutex>
#include <thread>

#include "latency_histogram.hpp"
#include "pattern.hpp"
#include "session.hpp"
#include "verbs.hpp"
#include "zerobuffer/duplex.hpp"

namespace zerobuffer::relay {
namespace {

class Call {
 public:
  explicit Call(const CallOptions& options) : options_(options), session_("call", options.common) {}

  int run() {
    return session_.run([this] { call_all(); }, [this] { finish(); }, [this](Json& json) { report(json); });
  }

 private:
  /// One request that is on its way.
  struct Sent {
    std::uint64_t number;
    const std::byte* built_at;  ///< where in the channel, or null
    std::uint64_t at_ns;
  };

  void call_all() {
    client_ = session_.attach<DuplexClient>(options_.name, DuplexConfig{});
    if (options_.answer_callbacks) {
      check(client_.start([](Request& request) {
        std::vector<std::byte> answer(request.data().rbegin(), request.data().rend());
        request.write(answer).value();
      }));
    }
    if (options_.in_flight > 1) return call_pipelined();
    std::vector<std::thread> threads;
    for (std::uint64_t i = 1; i < options_.channel.threads; ++i) threads.emplace_back([this] { call_one_by_one(); });
    call_one_by_one();
    for (std::thread& thread : threads) thread.join();
    if (ended_.code != ExitCode::ok) throw ended_;
  }

  // Each thread: until one of them has found an end, or all calls are made.
  void call_one_by_one() {
    Pattern pattern(options_.pattern, options_.seed);
    std::vector<std::byte> request;
    std::vector<std::byte> expected;
    while (!over_.load() && !stop_requested()) {
      const std::uint64_t number = next_.fetch_add(1);
      if (number > options_.common.frames) return;
      try {
        make_request(pattern, number, request);
        Sent sent{number, nullptr, monotonic_ns()};
        Result<Response> response = Status::ok;
        if (options_.claim) {
          Result<RequestClaim> claim = client_.claim_request(request.size(), 0, options_.common.timeout());
          if (claim) {
            sent.built_at = claim->data().data();
            std::ranges::copy(request, claim->data().begin());
            response = claim->call(request.size(), options_.common.timeout(), info_of(number));
          } else {
            response = claim.take_failure();
          }
        } else {
          response = client_.call(request, options_.common.timeout(), info_of(number));
        }
        look_at(sent, std::move(response), request, expected);
      } catch (const Outcome& early) {
        const std::lock_guard lock(mutex_);
        if (ended_.code == ExitCode::ok) ended_ = early;
        over_.store(true);
      }
    }
  }

  void call_pipelined() {
    Pattern pattern(options_.pattern, options_.seed);
    std::vector<std::byte> request;
    std::vector<std::byte> expected;
    std::deque<Sent> on_the_way;
    for (std::uint64_t number = 1; number <= options_.common.frames || !on_the_way.empty();) {
      if (stop_requested()) return;
      if (number <= options_.common.frames && on_the_way.size() < options_.in_flight) {
        make_request(pattern, number, request);
        Sent sent{number, nullptr, monotonic_ns()};
        Result<std::uint64_t> sequence = Status::ok;
        if (options_.claim) {
          Result<RequestClaim> claim = client_.claim_send(request.size(), 0, options_.common.timeout());
          if (!claim) throw of(claim.failure());
          sent.built_at = claim->data().data();
          std::ranges::copy(request, claim->data().begin());
          sequence = claim->send(request.size(), info_of(number));
        } else {
          sequence = client_.send(request, options_.common.timeout(), info_of(number));
        }
        if (!sequence) throw of(sequence.failure());
        on_the_way.push_back(sent);
        ++number;
        continue;
      }
      const Sent sent = on_the_way.front();
      on_the_way.pop_front();
      make_request(pattern, sent.number, request);
      look_at(sent, client_.receive(options_.common.timeout()), request, expected);
    }
  }

  void make_request(Pattern& pattern, std::uint64_t number, std::vector<std::byte>& request) const {
    request.resize(options_.sizes[(number - 1) % options_.sizes.size()]);
    pattern.fill(request, number);
  }
  [[nodiscard]] RequestInfo info_of(std::uint64_t number) const {
    return {.type = static_cast<std::uint16_t>(options_.type), .tag = number};
  }

  void look_at(const Sent& sent, Result<Response> response, const std::vector<std::byte>& request,
               std::vector<std::byte>& expected) {
    const std::uint64_t now = monotonic_ns();
    const bool is_error = response.status() == Status::remote_error ||
                          (response.status() == Status::peer_dead && options_.in_flight == 1);
    if (!response && !(is_error && options_.allow_errors)) throw of(response.failure());
    if (response) compare(sent.number, *response, request, expected);
    if (options_.channel.delay_us != 0) sleep_us(options_.channel.delay_us);
    const std::lock_guard lock(mutex_);
    latency_.add(now - sent.at_ns);
    if (response && response->size() != 0 && response->data().data() == sent.built_at) ++same_address_;
    session_.totals.add(sent.number, response ? response->size() : 0, now);
    session_.note_frame(sent.number, {response ? response->type() : std::uint16_t{127}, sent.number},
                        response ? response->size() : 0);
  }

  void compare(std::uint64_t number, const Response& response, const std::vector<std::byte>& request,
               std::vector<std::byte>& expected) const {
    const auto fail = [&](const std::string& what) {
      throw Outcome{ExitCode::verification_failed,
                    options_.name + ": the answer to call " + std::to_string(number) + " " + what};
    };
    if (response.type() != options_.type) {
      fail("has type " + std::to_string(response.type()) + ", expected " + std::to_string(options_.type));
    }
    if (response.size() != request.size()) {
      fail("has " + std::to_string(response.size()) + " bytes, expected " + std::to_string(request.size()));
    }
    expected.resize(request.size());
    apply(options_.channel.transform, static_cast<std::byte>(options_.channel.xor_key), request, expected);
    const auto [found, wanted] = std::ranges::mismatch(response.data(), expected);
    if (wanted != expected.end()) {
      fail("has byte " + std::to_string(wanted - expected.begin()) + " as " +
           std::to_string(std::to_integer<int>(*found)) + ", expected " +
           std::to_string(std::to_integer<int>(*wanted)));
    }
  }

  [[nodiscard]] Outcome of(const Failure& failure) const {
    Outcome outcome = Outcome::of(failure, options_.name);
    if (failure.status() == Status::closed) outcome.code = ExitCode::closed_early;
    if (failure.status() == Status::remote_error) outcome.message = failure.message();
    return outcome;
  }
  void check(const Result<void>& result) const {
    if (!result) throw of(result.failure());
  }

  void finish() {
    if (!client_.is_open()) return;
    static_cast<void>(client_.stop());
    stats_ = client_.stats();
    in_place_ = client_.info().in_place;
    client_.close();
  }

  void report(Json& json) const {
    json["in_place"] = in_place_;
    json["copied_bytes"] = stats_.copied_bytes;
    json["errors"] = stats_.errors;
    json["callbacks"] = stats_.callbacks;
    if (options_.claim) json["same_address"] = same_address_;
    json["call_latency_us"] = latency_.to_json();
  }

  const CallOptions& options_;
  Session session_;
  DuplexClient client_;
  std::mutex mutex_;  // totals, and how it ended
  std::atomic<std::uint64_t> next_{1};
  std::atomic<bool> over_{false};
  Outcome ended_;
  LatencyHistogram latency_;
  std::uint64_t same_address_ = 0;
  DuplexStats stats_;
  bool in_place_ = false;
};

}  // namespace

int run(const CallOptions& options) { return Call(options).run(); }

}  // namespace zerobuffer::relay
