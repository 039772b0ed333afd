// A soak: one writer and several readers stream for as long as asked while they are killed, stopped and restarted at
// random. Every frame is checked, one reader is never touched and must see every frame and not grow. Uses the public
// interface only. soak [SECONDS [READERS [SEED]]]; ends with one line of JSON and exit code 0, or says what was wrong.
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "zerobuffer/zerobuffer.hpp"

namespace {
using namespace zerobuffer;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr unsigned most_readers = 32;
constexpr std::uint64_t ring_size = 1 << 20;

struct ReaderProgress {
  std::atomic<std::uint64_t> let_go{0};  // sequence of the last frame given back
  std::atomic<std::uint64_t> frames{0};
  std::atomic<std::uint64_t> lost{0};
  std::atomic<bool> attached{false};
};
struct Progress {
  std::atomic<bool> over{false};
  std::atomic<std::uint64_t> sent{0};
  std::atomic<bool> writer_attached{false};
  ReaderProgress readers[most_readers];
};

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "soak: %s\n", what.c_str());
  _exit(1);
}

std::uint64_t mix(std::uint64_t value) {
  value = (value ^ (value >> 31)) * 0x9e3779b97f4a7c15ULL;
  return value ^ (value >> 29);
}
std::size_t size_of_frame(std::uint64_t number) { return (number % 50 == 0 ? 100'000 : 0) + mix(number) % 3000; }
void fill(std::span<std::byte> data, std::uint64_t number) {
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(number + i);
}
bool holds(std::span<const std::byte> data, std::uint64_t number) {
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (data[i] != static_cast<std::byte>(number + i)) return false;
  }
  return true;
}

std::size_t resident_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6));
  }
  return 0;
}
std::size_t descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

BufferConfig config_of(unsigned readers) {
  BufferConfig config;
  config.payload_size = ring_size;
  config.max_readers = readers;
  return config;
}

void write_frames(const std::string& name, unsigned readers, Progress& progress) {
  Writer writer = Writer::open(name, 20s, config_of(readers)).value();
  progress.writer_attached = true;
  while (!progress.over) {
    const std::uint64_t number = writer.stats().frames + 1;
    auto claim = writer.claim(size_of_frame(number), 20s);
    if (!claim) fail("claim: " + claim.failure().message());
    fill(claim->data(), number);
    claim->commit(claim->data().size()).value();
    progress.sent = number;
  }
  const auto unread = writer.close(20s);
  if (!unread) fail("close: " + unread.failure().message());
}

// Reads to the end. `resumes`: a predecessor was killed, and nothing may be missing that is not told.
void read_frames(const std::string& name, unsigned readers, ReaderProgress& progress, bool resumes, bool measured) {
  BufferConfig config = config_of(readers);
  config.join = resumes ? JoinAt::resume : JoinAt::oldest;
  auto opened = measured ? Reader::create(name, config) : Reader::open(name, 20s, config);
  if (opened.status() == Status::nothing_to_resume) {  // killed before it had a position
    config.join = JoinAt::oldest;
    opened = Reader::open(name, 20s, config);
    resumes = false;
  }
  if (!opened) fail("open: " + opened.failure().message());
  Reader reader = std::move(*opened);
  progress.attached = true;
  std::uint64_t expected = 0;
  std::size_t resident = 0;
  std::size_t open_files = 0;
  const auto warm = Clock::now() + 2s;
  for (;;) {
    auto frame = reader.read(30s);
    if (frame.status() == Status::peer_dead) continue;  // a successor comes
    if (frame.status() == Status::closed) break;
    if (!frame) fail("read: " + frame.failure().message());
    const std::uint64_t number = frame->sequence();
    if (expected == 0 && resumes) {
      const std::uint64_t lost = reader.stats().lost;
      progress.lost += lost;
      const std::uint64_t begins = number - lost;  // the release may have been published before it was noted here
      if (begins != progress.let_go + 1 && begins != progress.let_go + 2) {
        fail("resumed at " + std::to_string(number) + " with " + std::to_string(lost) + " lost, but " +
             std::to_string(progress.let_go) + " was let go before");
      }
    } else if (expected != 0 && number != expected) {
      fail("frame " + std::to_string(number) + " where " + std::to_string(expected) + " was due");
    }
    if (frame->size() != size_of_frame(number) || !holds(frame->data(), number)) {
      fail("frame " + std::to_string(number) + " is not what was sent");
    }
    expected = number + 1;
    frame->release();
    progress.let_go = number;
    ++progress.frames;
    if (measured && resident == 0 && Clock::now() > warm) {
      resident = resident_kib();
      open_files = descriptors();
    }
  }
  if (measured && resident != 0) {
    if (resident_kib() > resident + 2048)
      fail("grew from " + std::to_string(resident) + " KiB to " + std::to_string(resident_kib()));
    if (descriptors() != open_files) fail("leaks descriptors");
  }
}

pid_t spawn(const std::function<void()>& body) {
  const pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid != 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // none outlives a soak that fails
  try {
    body();
  } catch (const std::exception& error) {
    fail(error.what());
  }
  _exit(0);
}
void kill_and_reap(pid_t pid) {
  int status = 0;
  kill(pid, SIGKILL);
  waitpid(pid, &status, 0);
  if (!WIFSIGNALED(status)) fail("a process had ended by itself, with code " + std::to_string(WEXITSTATUS(status)));
}
void wait_for(const std::atomic<bool>& flag, const char* what) {
  const auto end = Clock::now() + 30s;
  while (!flag) {
    if (Clock::now() > end) fail(std::string("no ") + what + " within 30 s");
    std::this_thread::sleep_for(1ms);
  }
}
}  // namespace

int main(int argc, char** argv) {
  const long seconds = argc > 1 ? std::atol(argv[1]) : 24 * 60 * 60;
  const unsigned readers = argc > 2 ? static_cast<unsigned>(std::atoi(argv[2])) : 4;
  const auto seed = argc > 3 ? static_cast<unsigned>(std::atol(argv[3])) : std::random_device{}();
  if (seconds < 1 || readers < 2 || readers > most_readers) {
    std::fprintf(stderr, "usage: soak [SECONDS (86400) [READERS (4, 2 to %u) [SEED]]]\n", most_readers);
    return 2;
  }
  void* memory = mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail("mmap");
  auto& progress = *new (memory) Progress;
  const std::string name = "zbsoak-" + std::to_string(getpid()) + "-" + std::to_string(seed);
  std::fprintf(stderr, "soak: %ld s, %u readers, seed %u\n", seconds, readers, seed);

  const pid_t steady = spawn([&] {  // makes the buffer and is never touched
    read_frames(name, readers, progress.readers[0], false, true);
  });
  std::vector<pid_t> pids(readers, steady);
  wait_for(progress.readers[0].attached, "first reader");
  for (unsigned i = 1; i < readers; ++i) {
    pids[i] = spawn([&, i] { read_frames(name, readers, progress.readers[i], false, false); });
    wait_for(progress.readers[i].attached, "reader");
  }
  const auto start_writer = [&] {
    progress.writer_attached = false;
    const pid_t pid = spawn([&] { write_frames(name, readers, progress); });
    wait_for(progress.writer_attached, "writer");
    return pid;
  };
  pid_t writer = start_writer();

  std::mt19937 random(seed);
  std::uint64_t kills = 0;
  std::uint64_t stops = 0;
  const auto end = Clock::now() + std::chrono::seconds(seconds);
  auto next_line = Clock::now() + 60s;
  while (Clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 200));
    const unsigned victim = 1 + static_cast<unsigned>(random()) % (readers - 1);
    switch (random() % 4) {
      case 0:
        kill_and_reap(writer);
        ++kills;
        writer = start_writer();
        break;
      case 1:
        kill_and_reap(pids[victim]);
        ++kills;
        progress.readers[victim].attached = false;
        pids[victim] = spawn([&] { read_frames(name, readers, progress.readers[victim], true, false); });
        wait_for(progress.readers[victim].attached, "resumed reader");
        break;
      default:
        const pid_t stopped = random() % 2 == 0 ? writer : pids[victim];
        kill(stopped, SIGSTOP);
        ++stops;
        std::this_thread::sleep_for(std::chrono::milliseconds(random() % 300));
        kill(stopped, SIGCONT);
        break;
    }
    if (Clock::now() >= next_line) {
      next_line += 60s;
      std::fprintf(stderr, "soak: %llu frames, %llu kills, %llu stops\n",
                   static_cast<unsigned long long>(progress.sent), static_cast<unsigned long long>(kills),
                   static_cast<unsigned long long>(stops));
    }
  }
  progress.over = true;
  pids.push_back(writer);
  bool good = true;
  for (const pid_t pid : pids) {
    int status = 0;
    waitpid(pid, &status, 0);
    good = good && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  if (std::filesystem::exists("/dev/shm/" + name)) fail("/dev/shm/" + name + " was left");
  std::uint64_t lost = 0;
  for (unsigned i = 1; i < readers; ++i) lost += progress.readers[i].lost;
  if (progress.readers[0].frames != progress.sent) fail("the steady reader missed frames");
  std::printf(
      "{\"good\": %s, \"seconds\": %ld, \"readers\": %u, \"seed\": %u, \"frames\": %llu, \"kills\": %llu, \"stops\": "
      "%llu, "
      "\"told_lost\": %llu}\n",
      good ? "true" : "false", seconds, readers, seed, static_cast<unsigned long long>(progress.sent),
      static_cast<unsigned long long>(kills), static_cast<unsigned long long>(stops),
      static_cast<unsigned long long>(lost));
  return good ? 0 : 1;
}
