// Fuzzes the order of operations: claim, commit, discard, batches, reading, holding and letting go in any order on
// small rings, against a queue. Every frame must arrive whole and in order, held ones must not change, and a drained
// ring must have room for the largest frame.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <optional>
#include <vector>

#include "protocol/layout.hpp"
#include "zerobuffer/zerobuffer.hpp"

namespace {
using namespace zerobuffer;
using namespace std::chrono_literals;

#define CHECK(condition)                                                    \
  do {                                                                      \
    if (!(condition)) {                                                     \
      std::fprintf(stderr, "not so (line %d): %s\n", __LINE__, #condition); \
      std::abort();                                                         \
    }                                                                       \
  } while (false)

struct Input {
  const std::uint8_t* data;
  std::size_t left;
  std::uint8_t byte() {
    if (left == 0) return 0;
    --left;
    return *data++;
  }
  // Sizes around what is special: 0, 1, 31 … 65, powers of two ±1, the largest.
  std::size_t size(std::size_t most) {
    static constexpr std::size_t special[] = {0,   1,   31,  32,  33,  63,  64,  65,   127,  128,
                                              129, 255, 256, 257, 511, 512, 513, 1023, 1024, 1025};
    const std::uint8_t choice = byte();
    if (choice >= 240) return most;
    if (choice >= 128) return (choice * std::size_t{256} + byte()) % (most + 1);
    return special[choice % std::size(special)] % (most + 1);
  }
};

std::byte value_of(std::uint64_t sequence) { return static_cast<std::byte>(sequence * 7 + 3); }
bool is_whole(std::span<const std::byte> data, std::uint64_t sequence) {
  for (const std::byte byte : data) {
    if (byte != value_of(sequence)) return false;
  }
  return true;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input{data, size};
  static constexpr std::size_t rings[] = {1, 32, 33, 96, 97, 200, 500, 1000, 2000, 4064};
  BufferConfig config;
  config.payload_size = rings[input.byte() % std::size(rings)];
  config.metadata_size = 0;
  config.pre_touch = false;
  config.max_held = 1U << (input.byte() % 4);
  config.acknowledge.frames = 1 + input.byte() % 3;
  const std::uint8_t mode = input.byte();
  if (mode % 4 == 1) config.full = FullPolicy::drop;
  config.burst_size = mode / 4 % 3 == 0 ? 0 : config.payload_size / (1 + mode / 4 % 3);
  auto reader = Reader::create_anonymous(config).value();
  auto writer = Writer::open_fd(reader.fd(), config).value();
  const std::size_t most = protocol::capacity_for(config.payload_size) - protocol::header_size;  // info() would be slow

  struct Sent {
    std::uint64_t sequence;
    std::size_t size;
  };
  std::deque<Sent> sent;
  std::vector<Frame> held;
  std::optional<Claim> claim;
  std::optional<Batch> batch;
  std::uint64_t sequence = 0;
  std::uint64_t dropped = 0;
  const auto refused = [&](Status status) {
    if (status == Status::dropped) ++dropped;
    CHECK(status == (config.full == FullPolicy::drop ? Status::dropped : Status::would_block));
  };
  const auto take = [&](Frame frame) {
    CHECK(!sent.empty());
    CHECK(frame.sequence() == sent.front().sequence && frame.size() == sent.front().size);
    CHECK(frame.tag() == frame.sequence() * 2 && is_whole(frame.data(), frame.sequence()));
    sent.pop_front();
    held.push_back(std::move(frame));
  };
  const auto drain = [&] {
    held.clear();
    batch.reset();
    while (auto frame = reader.try_read()) {
      take(std::move(*frame));
      held.clear();
    }
    CHECK(sent.empty());
  };

  while (input.left != 0) {
    switch (input.byte() % 10) {
      case 0:
      case 1: {
        if (claim) break;
        const std::size_t wanted = input.size(most);
        auto got = writer.try_claim(wanted);
        if (!got) {
          refused(got.status());
          break;
        }
        CHECK(got->data().size() == wanted);
        std::memset(got->data().data(), 0xee, wanted);  // whatever happens to it, no unread frame may show this
        claim = std::move(*got);
        break;
      }
      case 2: {
        if (!claim) break;
        const std::size_t n = input.size(claim->data().size());
        ++sequence;
        std::memset(claim->data().data(), static_cast<int>(value_of(sequence)), n);
        CHECK(claim->commit(n, {.type = 128, .tag = sequence * 2}).ok());
        claim.reset();
        sent.push_back({sequence, n});
        break;
      }
      case 3:
        claim.reset();
        break;
      case 4: {
        const std::vector<std::byte> payload(input.size(most), value_of(sequence + 1));
        const Status status = writer.try_write(payload, {.type = 128, .tag = (sequence + 1) * 2}).status();
        if (claim) {
          CHECK(status == Status::claim_open);
        } else if (status == Status::ok) {
          sent.push_back({++sequence, payload.size()});
        } else {
          refused(status);
        }
        break;
      }
      case 5:
        if (batch) {
          batch.reset();
        } else {
          batch.emplace(writer.batch());
        }
        break;
      case 6: {
        auto frame = reader.try_read();
        if (frame) {
          take(std::move(*frame));
        } else {
          const Status status = frame.status();
          CHECK(status == Status::would_block || status == Status::too_many_held);
          CHECK(status != Status::would_block || sent.empty() || batch);
          CHECK(status != Status::too_many_held || !held.empty());
        }
        break;
      }
      case 7:
      case 8:
        if (!held.empty()) {
          const std::size_t at = input.byte() % held.size();
          CHECK(is_whole(held[at].data(), held[at].sequence()));
          held.erase(held.begin() + static_cast<std::ptrdiff_t>(at));
        }
        break;
      default: {
        // the promise: once the reader has caught up, the largest frame fits
        claim.reset();
        drain();
        const std::vector<std::byte> payload(most, value_of(sequence + 1));
        for (int attempt = 0;; ++attempt) {
          const Status status = writer.try_write(payload, {.tag = (sequence + 1) * 2}).status();
          if (status == Status::ok) break;
          refused(status);
          CHECK(attempt < 1);
          CHECK(reader.try_read().status() == Status::would_block);  // steps over the padding
        }
        sent.push_back({++sequence, most});
      }
    }
    for (const Frame& frame : held) CHECK(is_whole(frame.data(), frame.sequence()));
  }
  claim.reset();
  drain();
  CHECK(writer.stats().frames == sequence);
  CHECK(writer.stats().dropped == dropped && reader.stats().dropped == dropped);
  CHECK(reader.stats().frames == sequence && reader.stats().held == 0);
  return 0;
}
