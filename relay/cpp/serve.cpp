// The verb `serve`: requests are transformed where they lie, or into an answer built in the channel.
#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "session.hpp"
#include "verbs.hpp"
#include "zerobuffer/duplex.hpp"

namespace zerobuffer::relay {
namespace {

class Serve {
 public:
  explicit Serve(const ServeOptions& options) : options_(options), session_("serve", options.common) {}

  int run() {
    return session_.run([this] { serve(); }, [this] { finish(); }, [this](Json& json) { report(json); });
  }

 private:
  void serve() {
    DuplexConfig config;
    config.request_size = options_.request_size;
    config.response_size = options_.response_size;
    config.lanes = static_cast<std::uint32_t>(options_.lanes);
    config.exist_ok = options_.exist_ok;
    if (options_.in_place) {
      serve_with(MutableDuplexServer::create(options_.name, config));
    } else {
      serve_with(ImmutableDuplexServer::create(options_.name, config));
    }
  }

  template <class Server>
  void serve_with(Result<Server> made) {
    if (!made) throw Outcome::of(made.failure(), options_.name);
    Server& server = *made;
    session_.watch(server);
    if (options_.common.verbose) std::cerr << "serve: made " << options_.name << "\n";
    std::vector<std::thread> threads;
    for (std::uint64_t i = 1; i < options_.channel.threads; ++i) threads.emplace_back([&] { answer_all(server); });
    answer_all(server);
    for (std::thread& thread : threads) thread.join();
    stats_ = server.stats();
    server.close();
    if (ended_.code != ExitCode::ok) throw ended_;
  }

  // Each thread: until one of them has found an end.
  void answer_all(DuplexServer& server) {
    using namespace std::chrono_literals;
    auto left = options_.common.timeout();
    while (!over_.load() && !stop_requested()) {
      const auto slice = std::min<std::chrono::nanoseconds>(left, 100ms);
      Result<Request> request = server.take(slice);
      if (request.status() == Status::timeout && left > slice) {
        if (left != forever) left -= slice;
        continue;
      }
      if (!request) return end(Outcome::of(request.failure(), options_.name));
      left = options_.common.timeout();
      try {
        answer(server, *request);
      } catch (const Outcome& early) {
        return end(early);
      }
    }
  }

  void answer(DuplexServer& server, Request& request) {
    const std::uint64_t sequence = request.sequence();
    const FrameInfo info{request.type(), request.tag()};
    const std::size_t size = request.size();
    {
      const std::lock_guard lock(mutex_);
      session_.note_frame(sequence, info, size);
    }
    if (options_.channel.delay_us != 0) sleep_us(options_.channel.delay_us);
    if (options_.call_back) call_back(server, request);
    if (std::ranges::find(options_.fail_types, info.type) != options_.fail_types.end()) {
      request.fail("type " + std::to_string(info.type) + " is refused");
    } else {
      const auto key = static_cast<std::byte>(options_.channel.xor_key);
      Result<std::span<std::byte>> room = request.claim(size);
      if (room.status() == Status::closed) return;  // the client is gone: nobody will read the answer
      if (!room) throw Outcome::of(room.failure(), options_.name);
      if (request.in_place()) {
        apply_in_place(options_.channel.transform, key, *room);
      } else {
        apply(options_.channel.transform, key, request.data(), *room);
      }
      if (auto done = request.respond(size, info.type); !done) throw Outcome::of(done.failure(), options_.name);
    }
    const std::lock_guard lock(mutex_);
    session_.totals.add(sequence, size, monotonic_ns());
    if (options_.common.reached(session_.totals.frames())) over_.store(true);
  }

  void call_back(DuplexServer& server, const Request& request) {
    std::string digits = std::to_string(request.tag());
    auto answer = server.call_client(request.client(), std::as_bytes(std::span(digits)), options_.common.timeout());
    if (is_gone(answer.status())) return;
    if (!answer) throw Outcome::of(answer.failure(), options_.name);
    std::ranges::reverse(digits);
    if (!std::ranges::equal(answer->data(), std::as_bytes(std::span(digits)))) {
      throw Outcome{ExitCode::verification_failed, options_.name + ": the client answered the call for tag " +
                                                       std::to_string(request.tag()) + " wrongly"};
    }
  }

  /// Whether this says that the client closed or died.
  static bool is_gone(Status status) {
    return status == Status::not_found || status == Status::closed || status == Status::peer_dead;
  }

  void end(const Outcome& outcome) {
    const std::lock_guard lock(mutex_);
    if (ended_.code == ExitCode::ok) ended_ = outcome;
    over_.store(true);
  }

  void finish() {}

  void report(Json& json) const {
    json["in_place"] = options_.in_place;
    json["copied_bytes"] = stats_.copied_bytes;
    json["errors"] = stats_.errors;
    json["callbacks"] = stats_.callbacks;
  }

  const ServeOptions& options_;
  Session session_;
  std::mutex mutex_;  // totals, and how it ended
  std::atomic<bool> over_{false};
  Outcome ended_;
  DuplexStats stats_;
};

}  // namespace

int run(const ServeOptions& options) { return Serve(options).run(); }

}  // namespace zerobuffer::relay
