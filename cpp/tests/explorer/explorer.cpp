// How the explorer runs one execution after the other, chooses among what can happen next, and delays stores.
#include "explorer/explorer.hpp"

#include <algorithm>
#include <cstring>
#include <sstream>

namespace zerobuffer::explorer {

namespace {

constexpr std::size_t stack_size = 128 * 1024;
constexpr std::size_t store_buffer_entries = 32;
constexpr const char* a_load = "load";

// Lends a piece of memory as a stack, and never takes it back: the explorer owns it.
struct LentStack {
  std::byte* memory;
  boost::context::stack_context allocate() const noexcept {
    boost::context::stack_context context;
    context.size = stack_size;
    context.sp = memory + stack_size;
    return context;
  }
  void deallocate(boost::context::stack_context&) const noexcept {}
};

bool inside(const void* word, std::size_t size, const void* base, std::size_t base_size) noexcept {
  const auto at = reinterpret_cast<std::uintptr_t>(word);
  const auto begin = reinterpret_cast<std::uintptr_t>(base);
  return at >= begin && at + size <= begin + base_size;
}

}  // namespace

// ---------------------------------------------------------------- searches

Outcome Explorer::explore(const Scenario& scenario, const Bounds& bounds) {
  Explorer explorer(scenario, bounds);
  for (std::uint64_t executions = 1;; ++executions) {
    explorer.execute();
    if (explorer.failed_) return explorer.failure(executions);
    const bool more = explorer.backtrack();
    if (!more || executions >= bounds.executions) {
      return {.exhausted = !more, .what = {}, .trace = {}, .executions = executions, .states = explorer.seen_.size()};
    }
  }
}

Outcome Explorer::search(const Scenario& scenario, Bounds bounds) {
  const unsigned most = bounds.preemptions;
  for (const unsigned preemptions : {0U, 1U, 2U, 3U, 4U, Bounds::any}) {
    bounds.preemptions = std::min(preemptions, most);
    Outcome outcome = explore(scenario, bounds);
    if (outcome.failed || bounds.preemptions == most) return outcome;
  }
  return {};
}

Outcome Explorer::wander(const Scenario& scenario, const Bounds& bounds, std::uint64_t seed,
                         std::chrono::milliseconds time) {
  Explorer explorer(scenario, bounds);
  const auto end = std::chrono::steady_clock::now() + time;
  std::uint64_t executions = 0;
  do {
    explorer.mode_ = Mode::random;
    explorer.random_.seed(seed + executions);
    explorer.stickiness_ = static_cast<unsigned>(explorer.random_() % 16);
    explorer.path_.clear();
    explorer.execute();
    ++executions;
    if (explorer.failed_) {
      Outcome outcome = explorer.failure(executions);
      outcome.what += " (ZEROBUFFER_EXPLORER_SEED=" + std::to_string(seed + executions - 1) + ")";
      return outcome;
    }
  } while (std::chrono::steady_clock::now() < end);
  return {.exhausted = false, .what = {}, .trace = {}, .executions = executions, .states = 0};
}

Outcome Explorer::failure(std::uint64_t executions) {
  const std::string what = what_;
  mode_ = Mode::replay;  // the same choices again, now with a trace
  tracing_ = true;
  execute();
  return {.failed = true,
          .exhausted = false,
          .what = what + (what_ == what ? "" : " (not reproduced: the scenario is not deterministic)"),
          .trace = trace_,
          .executions = executions,
          .states = seen_.size()};
}

bool Explorer::backtrack() noexcept {
  while (!path_.empty() && path_.back().chosen + 1 == path_.back().count) path_.pop_back();
  if (path_.empty()) return false;
  ++path_.back().chosen;
  return true;
}

// ---------------------------------------------------------------- one execution

void Explorer::execute() {
  current_ = this;
  fibers_.clear();
  allowed_.clear();
  quiet_.clear();
  poisoned_.clear();
  names_.clear();
  at_end_ = nullptr;
  self_ = last_ = next_ = nullptr;
  memory_ = version_ = 0;
  steps_ = 0;
  depth_ = 0;
  preemptions_left_ = bounds_.preemptions;
  kills_left_ = bounds_.kills;
  failed_ = false;
  what_.clear();
  trace_.clear();

  scenario_(*this);
  next_ = decide();
  while (next_ != nullptr) {
    Fiber& fiber = *next_;
    next_ = nullptr;
    resume(fiber);
  }
  self_ = nullptr;
  if (!failed_ && options_.empty() && at_end_) at_end_();
}

std::size_t Explorer::spawn(std::string name, std::function<void()> body, Role role) {
  const std::size_t id = fibers_.size();
  fibers_.push_back(std::make_unique<Fiber>());
  Fiber& fiber = *fibers_.back();
  fiber.id = id;
  fiber.name = std::move(name);
  fiber.body = std::move(body);
  fiber.role = role;
  fiber.history = mix(id + 1);
  if (stacks_.size() <= id) stacks_.push_back(std::make_unique<std::byte[]>(stack_size));
  return id;
}

void Explorer::resume(Fiber& fiber) noexcept {
  self_ = &fiber;
  if (!fiber.started) {
    fiber.started = true;
    fiber.context.set(boost::context::fiber(std::allocator_arg, LentStack{stacks_[fiber.id].get()},
                                            [this, &fiber](boost::context::fiber&& main) {
                                              main_.set(std::move(main));
                                              fiber.body();
                                              fiber.state = State::finished;
                                              reschedule();  // does not come back
                                              return boost::context::fiber();
                                            }));
  }
  fiber.context.set(std::move(fiber.context.get()).resume());
}

void Explorer::to_main() noexcept { main_.set(std::move(main_.get()).resume()); }

void Explorer::point() noexcept {
  Fiber* const self = self_;
  next_ = decide();
  if (next_ != self) to_main();
}

void Explorer::reschedule() noexcept { point(); }

bool Explorer::runnable(const Fiber& fiber) const noexcept {
  switch (fiber.state) {
    case State::ready:
      return true;
    case State::waiting:
      return fiber.predicate();
    case State::spinning:
      return version_ != fiber.spins_since;
    case State::asleep:
    case State::finished:
    case State::killed:
      return false;
  }
  return false;
}

bool Explorer::collect() noexcept {
  options_.clear();
  const bool last_can_go_on = last_ != nullptr && runnable(*last_);
  if (last_can_go_on) options_.push_back({Option::run, last_});
  if (!last_can_go_on || preemptions_left_ != 0) {
    for (const auto& fiber : fibers_) {
      if (fiber.get() != last_ && runnable(*fiber)) options_.push_back({Option::run, fiber.get()});
    }
  }
  for (const auto& fiber : fibers_) {
    if (fiber->visible != 0) options_.push_back({Option::drain, fiber.get()});
  }
  if (options_.empty()) {  // nothing moves any more unless a time is up
    for (const auto& fiber : fibers_) {
      if (fiber->state != State::asleep || fiber->sleep != Sleep::bounded) continue;
      if (tracing_) tell(fiber.get(), "time is up", nullptr, 0, 0);
      fiber->state = State::ready;
      options_.push_back({Option::run, fiber.get()});
    }
  }
  const bool over = std::all_of(fibers_.begin(), fibers_.end(), [](const auto& fiber) {
    return fiber->state == State::finished || fiber->state == State::killed;
  });
  if (options_.empty()) {
    if (!over) fail("deadlock: " + blocked());
    return false;
  }
  if (kills_left_ != 0) {
    for (const auto& fiber : fibers_) {
      if (fiber->role.mortal && fiber->state != State::finished && fiber->state != State::killed) {
        options_.push_back({Option::kill, fiber.get()});
      }
    }
  }
  return true;
}

Explorer::Fiber* Explorer::decide() noexcept {
  for (;;) {
    if (failed_) return nullptr;
    if (++steps_ > bounds_.steps) {
      fail("does not end: more than " + std::to_string(bounds_.steps) + " steps");
      return nullptr;
    }
    std::size_t chosen = 0;
    if (!collect() || !choose(options_.size(), chosen)) return nullptr;
    const Option option = options_[chosen];
    Fiber& fiber = *option.fiber;
    if (option.kind == Option::drain) {
      drain_step(fiber);
      continue;
    }
    if (option.kind == Option::kill) {
      kill(fiber);
      continue;
    }
    if (preemptions_left_ != Bounds::any && last_ != nullptr && &fiber != last_ && runnable(*last_)) {
      --preemptions_left_;
    }
    fiber.state = State::ready;
    last_ = &fiber;
    return &fiber;
  }
}

bool Explorer::choose(std::size_t count, std::size_t& chosen) noexcept {
  chosen = 0;
  if (count == 1) return true;
  if (depth_ < path_.size() && mode_ != Mode::random) {
    chosen = path_[depth_++].chosen;
    return true;
  }
  const std::uint64_t state = mode_ == Mode::exhaustive ? key() : 0;
  if (mode_ == Mode::exhaustive && !seen_.enter(state, static_cast<std::uint8_t>(preemptions_left_))) {
    const auto same = [&](const Choice& choice) { return choice.state == state; };
    if (std::any_of(path_.begin(), path_.end(), same)) fail("goes round in a circle");
    return false;
  }
  if (mode_ == Mode::random) {
    const bool sticks = options_[0].fiber == last_ && random_() % 16 < stickiness_;
    do {
      chosen = sticks ? 0 : static_cast<std::size_t>(random_() % count);
    } while (options_[chosen].kind == Option::kill && random_() % 16 != 0);  // or they would all die young
  }
  path_.push_back({state, static_cast<std::uint8_t>(chosen), static_cast<std::uint8_t>(count)});
  ++depth_;
  return true;
}

// Every step that is taken must change it, or the search would take the next state for one that it has seen: a fiber's
// operation is noted in its history, a drain and a death are counted, a first step is `started`.
std::uint64_t Explorer::key() const noexcept {
  std::uint64_t hash = mix(memory_ + kills_left_);
  for (const auto& fiber : fibers_) {
    hash = mix(hash ^ fiber->history) + fiber->drained * 8 + static_cast<std::uint64_t>(fiber->state);
    const bool stirs = fiber->state == State::spinning && runnable(*fiber);
    hash = mix(hash + (fiber->woken ? 1 : 0) + (fiber->started ? 2 : 0) + (stirs ? 4 : 0));
  }
  if (bounds_.preemptions != Bounds::any && last_ != nullptr) hash = mix(hash + last_->id + 1);
  return hash;
}

void Explorer::kill(Fiber& fiber) noexcept {
  --kills_left_;
  fiber.state = State::killed;
  if (fiber.visible == 0) drain_all(fiber);
  if (tracing_) tell(&fiber, "is killed", nullptr, 0, 0);
}

void Explorer::perhaps_die() noexcept {
  if (!self_->role.mortal || kills_left_ == 0) return;
  options_.assign({{Option::run, self_}, {Option::kill, self_}});
  std::size_t chosen = 0;
  if (!choose(2, chosen)) {
    next_ = nullptr;
    to_main();
  }
  if (chosen == 1) {
    kill(*self_);
    reschedule();
  }
}

// ---------------------------------------------------------------- what fibers do

void Explorer::pass(const char* label) noexcept {
  point();
  note(label, nullptr, 0, 0);
}

void Explorer::wait_until(const char* label, std::function<bool()> predicate) noexcept {
  self_->predicate = std::move(predicate);
  self_->waits_for = label;
  self_->state = State::waiting;
  reschedule();
  note(label, nullptr, 1, 0);
}

bool Explorer::ended(std::size_t fiber) const noexcept {
  const Fiber& one = *fibers_[fiber];
  return (one.state == State::finished || one.state == State::killed) && one.visible == 0;
}

void Explorer::fail(std::string what) noexcept {
  if (!failed_) what_ = (self_ != nullptr ? self_->name + ": " : "") + std::move(what);
  failed_ = true;
  if (self_ != nullptr) {
    next_ = nullptr;
    to_main();
  }
}

void Explorer::poison(const void* base, std::size_t size) noexcept {
  poisoned_.push_back({base, size});
  for (const auto& fiber : fibers_) {
    if (fiber.get() == self_) continue;
    for (const Delayed& entry : fiber->buffer) {
      check(!inside(entry.word, entry.size, base, size), "a store of another fiber is still on its way to this memory");
    }
  }
}

std::uint64_t Explorer::load(const void* word, std::size_t size) noexcept {
  if (self_ == nullptr) return peek(word, size);
  guard(word, size);
  const auto own = std::find_if(self_->buffer.rbegin(), self_->buffer.rend(),
                                [&](const Delayed& entry) { return entry.word == word; });
  std::uint64_t value = 0;
  if (own != self_->buffer.rend()) {  // forwarded from the own buffer: nobody else can tell when
    value = own->value;
  } else {
    if (!is_quiet(word)) point();
    value = peek(word, size);
  }
  note(a_load, word, value, 0);
  return value;
}

void Explorer::store(void* word, std::size_t size, std::uint64_t value) noexcept {
  if (self_ == nullptr) return poke(word, size, value);
  guard(word, size);
  perhaps_die();
  if (self_->buffer.size() >= store_buffer_entries) drain_one(*self_);
  self_->buffer.push_back({word, size, value});
  self_->visible += is_quiet(word) ? 0 : 1;
  note("store", word, value, 0);
}

void Explorer::store_at_once(void* word, std::size_t size, std::uint64_t value) noexcept {
  if (self_ == nullptr) return poke(word, size, value);
  guard(word, size);
  point();
  commit(word, size, value);
  note("store at once", word, value, 0);
}

void Explorer::fence() noexcept {
  if (self_ == nullptr) return;
  if (!self_->buffer.empty()) {
    point();
    drain_all(*self_);
  }
  note("fence", nullptr, 0, 0);
}

void Explorer::remote_barrier() noexcept {
  if (self_ == nullptr) return;
  fence();
  for (const auto& fiber : fibers_) {
    if (fiber.get() == self_ || !fiber->role.registered) continue;
    note("barrier in the other one", nullptr, fiber->id, 0);
    if (fiber->buffer.empty()) continue;
    point();
    drain_all(*fiber);
  }
  note("barrier done", nullptr, 0, 0);
}

void Explorer::pause() noexcept {
  if (self_ == nullptr || self_->looks == 0) return;
  if (self_->only_looked && self_->looks == self_->looks_before) {
    self_->state = State::spinning;
    self_->waits_for = "a change (it spins)";
    reschedule();
  }
  self_->looks_before = self_->looks;
  self_->looks = 0;
  self_->only_looked = true;
}

bool Explorer::futex_wait(const void* word, std::uint32_t value, Sleep sleep) noexcept {
  guard(word, sizeof value);
  point();
  drain_all(*self_);
  const std::uint64_t now = peek(word, sizeof value);
  note("futex_wait", word, now, value);
  if (now != value) return true;
  self_->state = State::asleep;
  self_->sleeps_on = word;
  self_->sleep = sleep;
  self_->woken = false;
  self_->waits_for = "a wake-up";
  reschedule();
  note("awake", word, self_->woken ? 1 : 0, 0);
  return self_->woken;
}

void Explorer::futex_wake(const void* word, std::size_t count) noexcept {
  if (self_ == nullptr) return;
  guard(word, sizeof(std::uint32_t));
  point();
  drain_all(*self_);
  std::uint64_t woken = 0;
  for (const auto& fiber : fibers_) {
    if (woken == count || fiber->state != State::asleep || fiber->sleeps_on != word) continue;
    fiber->state = State::ready;
    fiber->woken = true;
    ++woken;
  }
  note("futex_wake", word, woken, 0);
}

// ---------------------------------------------------------------- memory

std::uint64_t Explorer::peek(const void* word, std::size_t size) noexcept {
  std::uint64_t value = 0;
  std::memcpy(&value, word, size);
  return value;
}

void Explorer::poke(void* word, std::size_t size, std::uint64_t value) noexcept { std::memcpy(word, &value, size); }

void Explorer::commit(void* word, std::size_t size, std::uint64_t value) noexcept {
  const auto at = reinterpret_cast<std::uintptr_t>(word);
  const std::uint64_t old = peek(word, size);
  if (old == value) return;
  memory_ ^= mix(mix(at) ^ old) ^ mix(mix(at) ^ value);
  ++version_;
  poke(word, size, value);
}

void Explorer::drain_one(Fiber& fiber) noexcept {
  const Delayed entry = fiber.buffer.front();
  fiber.buffer.erase(fiber.buffer.begin());
  ++fiber.drained;
  if (!is_quiet(entry.word)) {
    --fiber.visible;
    if (tracing_) tell(&fiber, "visible now:", entry.word, entry.value, 0);
  }
  commit(entry.word, entry.size, entry.value);
}

void Explorer::drain_step(Fiber& fiber) noexcept {
  const std::size_t before = fiber.visible;
  while (fiber.visible == before) drain_one(fiber);
  if (fiber.visible == 0 && (fiber.state == State::finished || fiber.state == State::killed)) drain_all(fiber);
}

void Explorer::drain_all(Fiber& fiber) noexcept {
  while (!fiber.buffer.empty()) drain_one(fiber);
}

void Explorer::guard(const void* word, std::size_t size) noexcept {
  const auto holds = [&](const Region& region) { return inside(word, size, region.base, region.size); };
  if (!poisoned_.empty() && std::any_of(poisoned_.begin(), poisoned_.end(), holds)) {
    fail("touches memory that is gone: " + name_of(word));
  }
  if (!allowed_.empty() && !std::any_of(allowed_.begin(), allowed_.end(), holds)) {
    fail("an access outside: " + name_of(word));
  }
}

bool Explorer::is_quiet(const void* word) const noexcept {
  return std::any_of(quiet_.begin(), quiet_.end(),
                     [&](const Region& region) { return inside(word, 1, region.base, region.size); });
}

// ---------------------------------------------------------------- what was seen, and telling of it

std::uint64_t Explorer::mix(std::uint64_t value) noexcept {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

std::uint64_t Explorer::mix_bytes(std::uint64_t hash, const void* bytes, std::size_t size) noexcept {
  const auto* at = static_cast<const unsigned char*>(bytes);
  for (; size >= 8; size -= 8, at += 8) {
    hash = (hash ^ peek(at, 8)) * 0x9e3779b97f4a7c15;
    hash ^= hash >> 29;
  }
  return size == 0 ? hash : mix(hash ^ peek(at, size) ^ (std::uint64_t{size} << 56));
}

void Explorer::note(const char* operation, const void* word, std::uint64_t a, std::uint64_t b) noexcept {
  const auto at = reinterpret_cast<std::uintptr_t>(word);
  const auto what = reinterpret_cast<std::uintptr_t>(operation);
  if (self_->looks == 0) self_->spins_since = version_;
  self_->looks = (self_->looks ^ at ^ (a << 8)) * 0x9e3779b97f4a7c15 + 1;
  self_->only_looked = self_->only_looked && operation == a_load;
  std::uint64_t hash = (self_->history ^ at) * 0x9e3779b97f4a7c15;
  hash = ((hash ^ (hash >> 29)) + a + (b << 32) + what) * 0xbf58476d1ce4e5b9;
  self_->history = hash ^ (hash >> 32);
  if (tracing_) tell(self_, operation, word, a, b);
}

void Explorer::restart_history(std::uint64_t hash) noexcept {
  for (const Delayed& entry : self_->buffer) {
    hash = mix(mix(hash ^ reinterpret_cast<std::uintptr_t>(entry.word)) ^ entry.value);
  }
  self_->history = mix(hash + self_->id);
  self_->drained = 0;
}

std::string Explorer::name_of(const void* word) const {
  for (const auto& [address, text] : names_) {
    if (address == word) return text;
  }
  for (const Region& region : quiet_) {
    if (inside(word, 1, region.base, region.size)) {
      return "quiet + " +
             std::to_string(static_cast<const std::byte*>(word) - static_cast<const std::byte*>(region.base));
    }
  }
  std::ostringstream text;
  text << word;
  return text.str();
}

void Explorer::tell(const Fiber* fiber, const char* operation, const void* word, std::uint64_t a, std::uint64_t b) {
  std::ostringstream line;
  line << "  " << fiber->name << ": " << operation;
  if (word != nullptr) line << ' ' << name_of(word) << ' ' << a;
  if (b != 0) line << ", " << b;
  trace_ += line.str() + "\n";
}

std::string Explorer::blocked() const {
  std::string text;
  for (const auto& fiber : fibers_) {
    if (fiber->state == State::finished || fiber->state == State::killed) continue;
    text += (text.empty() ? "" : "; ") + fiber->name + " waits for " + fiber->waits_for;
  }
  return text;
}

}  // namespace zerobuffer::explorer
