// Fuzzes whatever reads a segment: the input becomes the bytes of a segment (a sealed memfd for attaching, a file for
// dump_state), and both ends work on it. No input may crash, hang or reach outside. Golden segments (protocol/vectors)
// are good seeds.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "protocol/layout.hpp"
#include "zerobuffer/zerobuffer.hpp"

namespace {
using namespace zerobuffer;
using namespace std::chrono_literals;

constexpr std::size_t largest = 64 << 10;

void write_all(int fd, const std::uint8_t* data, std::size_t size) {
  if (write(fd, data, size) != static_cast<ssize_t>(size)) std::abort();
}

void use(Reader& reader) {
  volatile unsigned sum = 0;
  const auto touch = [&](const Frame& frame) {
    if (reinterpret_cast<std::uintptr_t>(frame.data().data()) % 64 != 0) std::abort();
    for (const std::byte byte : frame.data()) sum = sum + static_cast<unsigned>(byte);
  };
  std::array<Frame, 3> some;
  for (int i = 0; i < 8; ++i) {
    if (auto frame = reader.try_read()) touch(*frame);
    if (auto count = reader.read_many(some, 0s)) {
      for (std::size_t at = 0; at < *count; ++at) touch(some[at]);
    }
    if (auto frame = reader.read_newest(0s)) touch(*frame);
  }
  static_cast<void>(reader.metadata(0s));
  static_cast<void>(reader.stats());
}

void use(Writer& writer) {
  static_cast<void>(writer.write_metadata({}));
  for (const std::size_t size : {0U, 1U, 100U, 1000U, 5000U}) {
    if (auto claim = writer.try_claim(size)) {
      std::memset(claim->data().data(), 0xaa, claim->data().size());
      static_cast<void>(claim->commit(size));
    }
  }
  static_cast<void>(writer.drain(0s));
  static_cast<void>(writer.forget_dead_readers());
  static_cast<void>(writer.stats());
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string name = "zbfuzz-" + std::to_string(getpid());
  static const std::string path = "/dev/shm/" + name;
  if (size > largest) return 0;

  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) std::abort();
  write_all(file, data, size);
  close(file);
  if (auto state = dump_state(name)) {
    if (state->records.size() > 1000 || state->readers.size() > 64) std::abort();
  }
  unlink(path.c_str());

  // the head of most inputs is no segment: a good one around the rest lets the fuzzer get behind the first checks
  for (const bool repaired : {false, true}) {
    const int memfd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (memfd < 0) std::abort();
    if (repaired) {
      std::vector<std::uint8_t> bytes(data, data + size);
      bytes.resize(std::max<std::size_t>(bytes.size(), 16 << 10));
      auto& oieb = *reinterpret_cast<protocol::Oieb*>(bytes.data());
      oieb.oieb_size = protocol::oieb_size;
      oieb.version[0] = protocol::version_major;
      oieb.magic = protocol::magic;
      oieb.segment_size = bytes.size();
      oieb.ring_count = 1;
      oieb.ring_index = 0;
      oieb.feature_flags = 0;
      oieb.state = 1;
      oieb.max_readers = 1 + oieb.max_readers % 4;
      oieb.reader_table_offset = 1024;
      oieb.reader_table_size = 1024;
      oieb.metadata_offset = 2048;
      oieb.metadata_size = 1024;
      oieb.payload_offset = 4096;
      oieb.payload_size = bytes.size() - 4096;
      oieb.capacity = std::min((oieb.payload_size - 32) / 64, 1 + oieb.capacity % 64) * 64;
      oieb.share_slots = 0;
      write_all(memfd, bytes.data(), bytes.size());
    } else {
      write_all(memfd, data, size);
    }
    fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    BufferConfig config;
    config.pre_touch = false;
    config.join = size % 2 != 0 ? JoinAt::oldest : JoinAt::resume;
    auto reader = Reader::open_fd(memfd, config);
    if (!reader) static_cast<void>(reader.failure().message());
    if (reader) use(*reader);
    auto writer = Writer::open_fd(memfd, config);
    if (writer) use(*writer);
    if (reader) use(*reader);
    close(memfd);
  }
  return 0;
}
