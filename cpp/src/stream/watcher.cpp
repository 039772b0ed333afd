// The threads that wait for others, and who is served by which.
#include "stream/watcher.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "buffer/machine.hpp"
#include "os/clock.hpp"
#include "os/kernel.hpp"
#include "os/process_wide.hpp"
#include "os/thread.hpp"
#include "stream/waiter.hpp"

namespace zerobuffer::stream {
namespace {

using Machine = buffer::Machine;
using Lock = std::unique_lock<std::mutex>;

struct Entry {
  Watched* watched;
  ReadyCallback callback;
  void* context;
  std::int64_t longest_sleep;
  std::uint32_t value = 0;  // of the word when it was armed
  bool armed = false;
};

}  // namespace

/// One thread and those it waits for. Everything but the sleep happens under the lock of all, which no callback holds.
class Watcher {
 public:
  explicit Watcher(std::mutex& mutex) : mutex_(mutex) {}

  [[nodiscard]] static std::size_t capacity() noexcept { return alone() ? 1 : os::most_futex_words() - 1; }
  [[nodiscard]] bool has_room() const noexcept { return entries_.size() < capacity(); }
  [[nodiscard]] bool serves(const Watched& watched) const noexcept {
    return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.watched == &watched; });
  }
  [[nodiscard]] bool calls(const Watched& watched) const noexcept {
    return calling_ == &watched && thread_ != std::this_thread::get_id();
  }

  void add(const Entry& entry) {
    entries_.push_back(entry);
    wake(changes_);
  }
  bool remove(const Watched& watched) noexcept {
    const auto found =
        std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.watched == &watched; });
    if (found == entries_.end()) return false;
    if (found->armed) found->watched->disarm();
    if (alone()) wake(found->watched->word());
    entries_.erase(found);
    wake(changes_);  // its word may go: a sleep that has not begun yet finds this one changed, and does not begin
    return true;
  }

  [[nodiscard]] std::condition_variable& called() noexcept { return called_; }
  /// In a forked child: nothing of the parent's is looked at any more, not even by a callback's thread that forked.
  void forget_all() noexcept { entries_.clear(); }

  [[noreturn]] void run() {
    Lock lock(mutex_);
    thread_ = std::this_thread::get_id();
    for (;;) {
      while (call_one_that_is_due(lock)) {
      }
      if (arm_all()) continue;  // what came before its bit was seen is found by another look
      sleep(lock);
    }
  }

 private:
  bool call_one_that_is_due(Lock& lock) {
    const std::int64_t now = os::now_coarse_ns();
    const auto due =
        std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.watched->worth_a_look(now); });
    if (due == entries_.end()) return false;
    const Entry entry = *due;
    if (entry.armed) entry.watched->disarm();
    entries_.erase(due);
    calling_ = entry.watched;
    lock.unlock();
    entry.callback(entry.context);
    lock.lock();
    calling_ = nullptr;
    called_.notify_all();
    return true;
  }

  bool arm_all() noexcept {
    bool any = false;
    for (Entry& entry : entries_) {
      if (entry.armed && Machine::load_acquire(entry.watched->word()) == entry.value) continue;
      entry.value = entry.watched->arm();
      entry.armed = any = true;
    }
    return any;
  }

  void sleep(Lock& lock) noexcept {
    std::array<os::FutexWord, 128> words{};
    std::size_t count = 0;
    if (!alone() || entries_.empty()) words[count++] = {&changes_, Machine::load_relaxed(changes_)};
    std::int64_t duration = entries_.empty() ? longest_idle_ns : longest_sleep_ns;
    for (Entry& entry : entries_) {
      words[count++] = {&entry.watched->word(), entry.value};
      duration = std::min(duration, std::exchange(entry.longest_sleep, longest_sleep_ns));
    }
    lock.unlock();
    os::futex_wait_any({words.data(), count}, duration);
    lock.lock();
  }

  static void wake(std::uint32_t& word) noexcept {
    Machine::fetch_add(word, std::uint32_t{1});  // the sleeper knows its value from under the lock, or from arm()
    Machine::futex_wake(word);
  }
  /// Where a thread can watch only one word, that is its entry's, or its own as long as it has none.
  [[nodiscard]] static bool alone() noexcept { return os::most_futex_words() == 1; }

  static constexpr std::int64_t longest_idle_ns = 3'600'000'000'000;

  std::mutex& mutex_;
  std::condition_variable called_;
  std::vector<Entry> entries_;
  std::uint32_t changes_ = 0;  // the futex word of those who come and go
  const Watched* calling_ = nullptr;
  std::thread::id thread_;
};

namespace {

struct Watchers {
  std::mutex mutex;
  std::vector<Watcher*> all;  // never deleted, like their threads
  // a child has neither the threads nor, for long, the handles that they served
  void after_fork() noexcept {
    for (Watcher* watcher : all) watcher->forget_all();
    all.clear();
  }
};
constinit os::ProcessWide<Watchers> process;
[[gnu::constructor(os::load_second)]] void hold_watchers() { os::hold_across_fork<process>(); }

}  // namespace

bool Watched::is_watched() const {
  if (!ever_.load(std::memory_order_relaxed)) return false;
  const Lock lock(process->mutex);
  return std::any_of(process->all.begin(), process->all.end(), [&](const Watcher* w) { return w->serves(*this); });
}

Failure watched_already() {
  return {Status::invalid_argument, "a callback is asked for already; wait for it, or cancel it first"};
}

Result<void> Watched::watch(ReadyCallback callback, void* context) {
  if (callback == nullptr) return Failure(Status::invalid_argument, "the callback is null");
  ever_.store(true, std::memory_order_relaxed);
  const Lock lock(process->mutex);
  auto found = std::find_if(process->all.begin(), process->all.end(), [](const Watcher* w) { return w->has_room(); });
  if (found == process->all.end()) {
    process->all.reserve(process->all.size() + 1);
    auto made = std::make_unique<Watcher>(process->mutex);
    if (const int error = os::start_thread(
            "zerobuffer-wait", [](void* self) { static_cast<Watcher*>(self)->run(); }, made.get())) {
      return Failure(Status::system_error,
                     "the thread that waits could not be started (errno " + std::to_string(error) + ")", error);
    }
    process->all.push_back(made.release());
    found = process->all.end() - 1;
  }
  (*found)->add({this, callback, context, longest_first_sleep()});
  return {};
}

bool Watched::unwatch() noexcept {
  if (!ever_.load(std::memory_order_relaxed)) return false;
  Lock lock(process->mutex);
  const bool removed =
      std::any_of(process->all.begin(), process->all.end(), [&](Watcher* w) { return w->remove(*this); });
  // also where it was removed: an earlier callback, after which it was asked again, may not have returned yet
  for (std::size_t i = 0; i < process->all.size(); ++i) {  // by number, since others may come meanwhile
    Watcher& watcher = *process->all[i];
    watcher.called().wait(lock, [&] { return !watcher.calls(*this); });
  }
  return removed;
}

}  // namespace zerobuffer::stream
