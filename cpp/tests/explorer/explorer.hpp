// The interleaving explorer: runs code whose atomic operations come through a policy (machine.hpp) as fibers on one
// thread, under a scheduler that decides who takes the next step and when a delayed store becomes visible. Owns fibers,
// store buffers (x86-TSO: one FIFO per fiber), the choice of schedules and what is known of visited states. It must not
// know what it runs: rings, slots and frames are the scenarios' business.
#pragma once

#include <boost/context/fiber.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "explorer/state_set.hpp"

namespace zerobuffer::explorer {

/// What a search may do before it is content.
struct Bounds {
  static constexpr unsigned any = 255;
  unsigned preemptions = any;             ///< Switches away from a fiber that could have gone on.
  unsigned kills = 0;                     ///< Fibers that may be stopped for ever, at any step.
  std::uint64_t executions = 20'000'000;  ///< Where more are needed, the search is not exhaustive and says so.
  std::uint32_t steps = 5'000;            ///< Of one execution; one that takes more does not end.
};

struct Outcome {
  bool failed = false;
  bool exhausted = false;  ///< Every schedule within the bounds was covered.
  std::string what;        ///< The first failure.
  std::string trace;       ///< Its steps, one a line.
  std::uint64_t executions = 0;
  std::uint64_t states = 0;
};

/// How a fiber may be treated.
struct Role {
  bool mortal = false;     ///< May be killed, as far as Bounds::kills goes.
  bool registered = true;  ///< remote_barrier() of others reaches it.
};

enum class Sleep : std::uint8_t {
  unbounded,  ///< Only a wake-up ends it.
  bounded     ///< Ends as well when nothing else can happen any more.
};

class Explorer {
 public:
  /// Sets up the memory and spawns the fibers of one execution; called again for each.
  using Scenario = std::function<void(Explorer&)>;

  /// Every schedule within the bounds, or up to the first failure.
  static Outcome explore(const Scenario& scenario, const Bounds& bounds);
  /// The same with 0, 1, 2 … preemptions, and at last with any: finds what needs few of them first.
  static Outcome search(const Scenario& scenario, Bounds bounds);
  /// Random schedules with the seeds `seed`, `seed` + 1 … for that long, at least one.
  static Outcome wander(const Scenario& scenario, const Bounds& bounds, std::uint64_t seed,
                        std::chrono::milliseconds time);

  /// The explorer that runs on this thread.
  static Explorer& now() noexcept { return *current_; }

  // For the scenario, before anything runs.
  std::size_t spawn(std::string name, std::function<void()> body, Role role = {});
  /// Runs when nobody can do anything any more and everybody has ended or been killed.
  void at_end(std::function<void()> check) { at_end_ = std::move(check); }
  /// Accesses outside of all such regions are failures. Without any, every address is allowed.
  void allow(const void* base, std::size_t size) { allowed_.push_back({base, size}); }
  /// Ordinary memory: its loads are no scheduling points, and its stores become visible with the one that follows them.
  void quiet(const void* base, std::size_t size) { quiet_.push_back({base, size}); }
  /// A name for the trace.
  void name(const void* word, const char* text) {
    if (tracing_) names_.emplace_back(word, text);
  }

  // For fibers.
  [[nodiscard]] std::size_t self() const noexcept { return self_->id; }
  /// A scheduling point with no access; a place to be killed at.
  void pass(const char* label) noexcept;
  /// A scheduling point at which the fiber learns what the predicate says.
  template <class Predicate>
  bool observe(const char* label, Predicate&& predicate) noexcept {
    point();
    const bool answer = predicate();
    note(label, nullptr, answer ? 1 : 0, 0);
    return answer;
  }
  /// Sets a variable of the scenario itself: no step, no delay, but known to the state.
  template <class T>
  void record(T& variable, T value) noexcept {
    std::uint64_t wide = 0;
    std::memcpy(&wide, &value, sizeof value);
    commit(&variable, sizeof value, wide);
  }
  /// Blocks until the predicate, a function of plain memory and of ended(), holds.
  void wait_until(const char* label, std::function<bool()> predicate) noexcept;
  /// Whether the fiber has finished or was killed, and all that it stored is visible.
  [[nodiscard]] bool ended(std::size_t fiber) const noexcept;
  [[nodiscard]] bool killed(std::size_t fiber) const noexcept { return fibers_[fiber]->state == State::killed; }
  /// Reports a broken rule and ends this execution. Does not come back when called by a fiber.
  void fail(std::string what) noexcept;
  void check(bool rule, const char* what) noexcept {
    if (!rule) [[unlikely]] {
      fail(what);
    }
  }
  /// From now on an access to this memory is a failure, also by a store that is still on its way.
  void poison(const void* base, std::size_t size) noexcept;
  /// Tells that what this fiber will do depends on these values alone and on nothing that it saw before: executions
  /// that come here with equal values need only be followed once. The values must have no padding, or it must be zero.
  template <class... Values>
  void forget_all_but(const Values&... values) noexcept {
    static_assert((std::is_trivially_copyable_v<Values> && ...));
    std::uint64_t hash = 0x51ed270b;
    ((hash = mix_bytes(hash, &values, sizeof values)), ...);
    restart_history(hash);
  }

  // The operations of the policy.
  std::uint64_t load(const void* word, std::size_t size) noexcept;
  void store(void* word, std::size_t size, std::uint64_t value) noexcept;
  /// A locked instruction: drains the own buffer, then `next` makes the new value of the old one, in one step.
  template <class Next>
  std::uint64_t update(void* word, std::size_t size, Next&& next) noexcept {
    if (self_ == nullptr) {
      const std::uint64_t old = peek(word, size);
      poke(word, size, next(old));
      return old;
    }
    guard(word, size);
    point();
    drain_all(*self_);
    const std::uint64_t old = peek(word, size);
    const std::uint64_t value = next(old);
    commit(word, size, value);
    note("update", word, old, value);
    return old;
  }
  void fence() noexcept;
  void remote_barrier() noexcept;
  void pause() noexcept;
  /// Compares and goes to sleep in one step. Returns whether a wake-up ended the sleep.
  bool futex_wait(const void* word, std::uint32_t value, Sleep sleep) noexcept;
  /// Wakes at most `count` sleepers.
  void futex_wake(const void* word, std::size_t count = ~std::size_t{0}) noexcept;
  /// A store that goes to memory past the own buffer: no machine of the model does that, seeded errors do.
  void store_at_once(void* word, std::size_t size, std::uint64_t value) noexcept;

 private:
  enum class State : std::uint8_t { ready, asleep, waiting, spinning, finished, killed };
  struct Region {
    const void* base;
    std::size_t size;
  };
  struct Delayed {
    void* word;
    std::size_t size;
    std::uint64_t value;
  };
  // A boost fiber that is never destroyed: an abandoned one must not be unwound (its frames may be noexcept), and its
  // stack is simply used again.
  class Context {
   public:
    boost::context::fiber& get() noexcept { return *std::launder(reinterpret_cast<boost::context::fiber*>(storage_)); }
    void set(boost::context::fiber&& fiber) noexcept { ::new (storage_) boost::context::fiber(std::move(fiber)); }

   private:
    alignas(boost::context::fiber) std::byte storage_[sizeof(boost::context::fiber)];
  };
  struct Fiber {
    std::size_t id = 0;
    std::string name;
    std::function<void()> body;
    Role role;
    State state = State::ready;
    bool woken = false;
    Sleep sleep = Sleep::unbounded;
    const void* sleeps_on = nullptr;
    std::function<bool()> predicate;
    const char* waits_for = "";
    std::uint64_t spins_since = 0;  // version_ when it looked first since its last pause()
    // what it did since its last pause(): the same loads with the same values again are a loop that waits for a change
    std::uint64_t looks = 0;
    std::uint64_t looks_before = 0;
    bool only_looked = true;

    std::vector<Delayed> buffer;
    std::size_t visible = 0;    // entries of the buffer that are not quiet
    std::uint64_t drained = 0;  // entries that have left the buffer
    std::uint64_t history = 0;  // hash of everything that it has seen: what it does next depends on nothing else
    Context context;
    bool started = false;
  };
  struct Option {
    enum Kind : std::uint8_t { run, drain, kill } kind;
    Fiber* fiber;
  };
  struct Choice {
    std::uint64_t state;
    std::uint8_t chosen;
    std::uint8_t count;
  };
  enum class Mode : std::uint8_t { exhaustive, random, replay };

  explicit Explorer(const Scenario& scenario, const Bounds& bounds) : scenario_(scenario), bounds_(bounds) {}

  void execute();
  Outcome failure(std::uint64_t executions);
  [[nodiscard]] bool backtrack() noexcept;

  // Scheduling.
  void point() noexcept;       // others may act now; comes back when this fiber is chosen
  void reschedule() noexcept;  // the same for a fiber that may be blocked, finished or killed
  [[nodiscard]] Fiber* decide() noexcept;
  [[nodiscard]] bool collect() noexcept;  // fills options_; false where the execution is over
  [[nodiscard]] bool choose(std::size_t count, std::size_t& chosen) noexcept;
  [[nodiscard]] bool runnable(const Fiber& fiber) const noexcept;
  [[nodiscard]] std::uint64_t key() const noexcept;
  void resume(Fiber& fiber) noexcept;
  void to_main() noexcept;
  void kill(Fiber& fiber) noexcept;
  void perhaps_die() noexcept;

  // Memory.
  [[nodiscard]] static std::uint64_t peek(const void* word, std::size_t size) noexcept;
  static void poke(void* word, std::size_t size, std::uint64_t value) noexcept;
  void commit(void* word, std::size_t size, std::uint64_t value) noexcept;  // to memory, known to the state's hash
  void drain_one(Fiber& fiber) noexcept;
  void drain_step(Fiber& fiber) noexcept;
  void drain_all(Fiber& fiber) noexcept;
  void guard(const void* word, std::size_t size) noexcept;
  [[nodiscard]] bool is_quiet(const void* word) const noexcept;

  // What a fiber has seen.
  void note(const char* operation, const void* word, std::uint64_t a, std::uint64_t b) noexcept;
  void restart_history(std::uint64_t hash) noexcept;
  [[nodiscard]] static std::uint64_t mix(std::uint64_t value) noexcept;
  [[nodiscard]] static std::uint64_t mix_bytes(std::uint64_t hash, const void* bytes, std::size_t size) noexcept;
  void tell(const Fiber* fiber, const char* operation, const void* word, std::uint64_t a, std::uint64_t b);
  [[nodiscard]] std::string name_of(const void* word) const;
  [[nodiscard]] std::string blocked() const;

  static inline thread_local Explorer* current_ = nullptr;

  const Scenario& scenario_;
  Bounds bounds_;
  Mode mode_ = Mode::exhaustive;

  // one execution
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::function<void()> at_end_;
  std::vector<Region> allowed_, quiet_, poisoned_;
  std::vector<std::pair<const void*, const char*>> names_;
  Context main_;
  Fiber* self_ = nullptr;  // runs now
  Fiber* last_ = nullptr;  // ran last
  Fiber* next_ = nullptr;
  std::vector<Option> options_;
  std::uint64_t memory_ = 0;   // hash of the words' values
  std::uint64_t version_ = 0;  // counts changes of memory
  std::uint32_t steps_ = 0;
  unsigned preemptions_left_ = 0;
  unsigned kills_left_ = 0;
  bool failed_ = false;
  std::string what_;
  bool tracing_ = false;
  std::string trace_;

  // all of them
  std::vector<std::unique_ptr<std::byte[]>> stacks_;
  std::vector<Choice> path_;
  std::size_t depth_ = 0;
  StateSet seen_;
  std::mt19937_64 random_;
  unsigned stickiness_ = 0;
};

}  // namespace zerobuffer::explorer
