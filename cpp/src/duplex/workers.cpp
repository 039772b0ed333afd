// Threads that run one loop each, and how they end.
#include <atomic>
#include <mutex>
#include <system_error>
#include <thread>

#include "duplex/request_source.hpp"
#include "os/process.hpp"
#include "zerobuffer/duplex.hpp"

namespace zerobuffer::duplex {

struct Workers::State {
  const std::uint64_t generation = os::fork_generation();
  std::mutex mutex;  // start() and stop()
  std::vector<std::thread> threads;
  std::function<Result<void>()> loop;
  RequestSource* source = nullptr;
  std::atomic<std::uint32_t> running{0};
  std::atomic<bool> stopping{false};
  std::mutex failing;
  Failure failure{Status::ok};  // the first one that was not asked for

  /// The threads are the parent's: here there is nothing of them to end, to join or to count.
  [[nodiscard]] bool forked() const noexcept { return os::forked_since(generation); }

  void run() noexcept {
    here = this;
    Result<void> ended;
    try {
      ended = loop();
    } catch (const std::exception& error) {
      ended = Failure(Status::system_error, error.what());
    } catch (...) {
      ended = Failure(Status::system_error, "the loop threw something that is no std::exception");
    }
    if (!ended && !(stopping.load() && ended.status() == Status::interrupted)) {
      const std::lock_guard lock(failing);
      if (failure.status() == Status::ok) failure = ended.take_failure();
    }
    running.fetch_sub(1);
  }

  static thread_local const State* here;  // whose thread this is

  void join() noexcept {
    stopping.store(true);
    source->pause();
    for (std::thread& thread : threads) thread.join();
    threads.clear();
    source->resume();
    stopping.store(false);
  }
};

thread_local const Workers::State* Workers::State::here = nullptr;

Workers::Workers() = default;
Workers::~Workers() { static_cast<void>(stop()); }
Workers::Workers(Workers&&) noexcept = default;
Workers& Workers::operator=(Workers&& other) noexcept {
  if (this != &other) {
    static_cast<void>(stop());
    state_ = std::move(other.state_);
  }
  return *this;
}

Result<void> Workers::start(std::uint32_t threads, std::function<Result<void>()> loop, RequestSource& source) {
  if (threads == 0) return Failure(Status::invalid_argument, "threads is 0; at least one thread serves");
  if (!state_) state_ = std::make_unique<State>();
  State& state = *state_;
  if (state.forked()) return Status::forked;
  const std::lock_guard lock(state.mutex);
  if (!state.threads.empty()) return Failure(Status::invalid_argument, "it was started already; stop() first");
  state.loop = std::move(loop);
  state.source = &source;
  state.failure = Status::ok;
  try {
    for (std::uint32_t i = 0; i < threads; ++i) {
      state.running.fetch_add(1);
      state.threads.emplace_back([&state] { state.run(); });
    }
  } catch (const std::system_error& error) {
    state.running.fetch_sub(1);
    state.join();
    return Failure(Status::system_error, std::string("no thread could be started: ") + error.what(),
                   error.code().value());
  }
  return {};
}

bool Workers::runs_this_thread() const noexcept { return state_ && State::here == state_.get(); }

Result<void> Workers::stop() noexcept {
  if (!state_) return {};
  if (runs_this_thread()) {
    return Failure(Status::invalid_argument, "a handler cannot stop the threads that run it; let another thread do it");
  }
  State& state = *state_;
  if (state.forked()) {
    static_cast<void>(state_.release());  // a thread that does not exist cannot be joined, and not be forgotten either
    return Status::forked;
  }
  const std::lock_guard lock(state.mutex);
  if (state.threads.empty()) return {};
  state.join();
  Failure failure = std::exchange(state.failure, Failure(Status::ok));
  if (failure.status() == Status::ok) return {};
  return failure;
}

std::uint32_t Workers::running() const noexcept { return state_ && !state_->forked() ? state_->running.load() : 0; }

}  // namespace zerobuffer::duplex
