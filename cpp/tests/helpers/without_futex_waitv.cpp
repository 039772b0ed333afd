// A process whose kernel refuses futex_waitv from the beginning: everything that is waited for must be noticed all the
// same, by one thread for each. Exit code 0, or 1 with the reason. Knows nothing of the tests that start it.
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <thread>
#include <vector>

#include "waiter_threads.hpp"
#include "zerobuffer/zerobuffer.hpp"

namespace {
using namespace zerobuffer;
using zerobuffer::support::waiter_threads;

#define REQUIRE(condition)                                                         \
  do {                                                                             \
    if (!(condition)) {                                                            \
      std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      return 1;                                                                    \
    }                                                                              \
  } while (false)

const BufferConfig small = [] {
  BufferConfig config;
  config.payload_size = 1000;
  config.max_readers = 3;
  return config;
}();

std::atomic<int> called{0};
void count(void*) { ++called; }
template <class Condition>
bool eventually(Condition&& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition() && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return condition();
}
bool come(int wanted) {
  return eventually([&] { return called >= wanted; });
}

int check() {
  Writer writer = Writer::create_anonymous(small).value();
  std::vector<Reader> readers;
  for (int i = 0; i < 3; ++i) {
    readers.push_back(Reader::open_fd(writer.fd(), small).value());
    REQUIRE(readers.back().try_read().status() == Status::would_block);
    REQUIRE(readers.back().when_ready(&count, nullptr));
  }
  REQUIRE(eventually([] { return waiter_threads().size() == 3; }));  // a thread names itself
  REQUIRE(called == 0);
  REQUIRE(writer.try_write(std::vector<std::byte>(1000)));
  REQUIRE(come(3));

  REQUIRE(writer.when_ready(1000, &count, nullptr));
  REQUIRE(waiter_threads().size() == 3);
  for (Reader& reader : readers) REQUIRE(reader.try_read());
  REQUIRE(come(4));

  for (Reader& reader : readers) {
    REQUIRE(reader.try_read().status() == Status::would_block);
    REQUIRE(reader.when_ready(&count, nullptr));
  }
  REQUIRE(readers[0].cancel_when());
  readers[1].close();
  REQUIRE(called == 4);
  REQUIRE(writer.close());
  REQUIRE(come(5));
  REQUIRE(readers[2].try_read().status() == Status::closed);

  for (int i = 6; i < 200; ++i) {  // a word that goes while its thread sleeps on it, or is about to
    Reader reader = Reader::create_anonymous(small).value();
    Writer mine = Writer::open_fd(reader.fd(), small).value();
    REQUIRE(reader.try_read().status() == Status::would_block);
    REQUIRE(reader.when_ready(&count, nullptr));
    if (i % 2 == 0) reader.close();
    const Reader destroyed = std::move(reader);  // before its writer, whose end it would be told
  }
  REQUIRE(called == 5);
  REQUIRE(waiter_threads().size() == 3);
  return 0;
}
}  // namespace

int main(int, char** arguments) {
  alarm(120);
  zerobuffer::support::refuse_futex_waitv(std::atoi(arguments[1]));
  try {
    return check();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "without_futex_waitv: %s\n", error.what());
    return 1;
  }
}
