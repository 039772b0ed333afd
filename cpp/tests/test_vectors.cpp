// Reads the golden segments of protocol/vectors through the public interface and compares with their expected.json.
// Each is copied into a sealed memfd, so that nothing touches /dev/shm; the refusals are tried under a name as well.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "protocol/layout.hpp"
#include "support.hpp"
#include "zerobuffer/zerobuffer.hpp"

namespace zerobuffer {
namespace {
using nlohmann::json;
namespace fs = std::filesystem;

const fs::path folder = fs::path(ZEROBUFFER_SOURCE_DIR) / "protocol" / "vectors";

const json& expected() {
  static const json all = json::parse(std::ifstream(folder / "expected.json"));
  return all;
}

std::vector<std::string> names(const char* key) {
  std::vector<std::string> found;
  for (const auto& [name, entry] : expected().items()) {
    if (entry.contains(key)) found.push_back(name);
  }
  return found;
}

std::string content_of(const std::string& name) {
  std::ifstream file(folder / (name + ".zb"), std::ios::binary);
  EXPECT_TRUE(file) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

// A descriptor of a memfd with these bytes, sealed as an anonymous buffer is.
class Memfd {
 public:
  explicit Memfd(const std::string& bytes) : fd_(::memfd_create("vector", MFD_CLOEXEC | MFD_ALLOW_SEALING)) {
    EXPECT_GE(fd_, 0);
    EXPECT_EQ(::write(fd_, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    EXPECT_EQ(::fcntl(fd_, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 0);
  }
  Memfd(const Memfd&) = delete;
  Memfd& operator=(const Memfd&) = delete;
  ~Memfd() { ::close(fd_); }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

// The same bytes under a name in /dev/shm, for as long as it lives.
class Named {
 public:
  explicit Named(const std::string& bytes) : name_(support::unique_name()) {
    std::ofstream(path(), std::ios::binary) << bytes;
    fs::permissions(path(), fs::perms::owner_read | fs::perms::owner_write);
  }
  Named(const Named&) = delete;
  Named& operator=(const Named&) = delete;
  ~Named() { fs::remove(path()); }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] fs::path path() const { return support::path_of(name_); }

 private:
  std::string name_;
};

std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte byte : bytes) {
    constexpr const char* digits = "0123456789abcdef";
    text += digits[std::to_integer<unsigned>(byte) >> 4];
    text += digits[std::to_integer<unsigned>(byte) & 15];
  }
  return text;
}

// The generator's payload bytes; expected.json has digests, and the bytes themselves only where they are few.
bool is_content(std::span<const std::byte> bytes) {
  if (bytes.empty()) return true;
  const auto first = std::to_integer<std::size_t>(bytes[0]);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (std::to_integer<std::size_t>(bytes[i]) != ((first + i * 11 + i / 251) & 0xff)) return false;
  }
  return true;
}

JoinAt join_of(const std::string& text) {
  static const std::map<std::string, JoinAt> all{
      {"automatic", JoinAt::automatic}, {"now", JoinAt::now}, {"oldest", JoinAt::oldest}, {"resume", JoinAt::resume}};
  return all.at(text);
}

Status end_of(const std::string& text) {
  static const std::map<std::string, Status> all{{"nothing", Status::would_block},
                                                 {"closed", Status::closed},
                                                 {"peer_dead", Status::peer_dead},
                                                 {"corrupt", Status::corrupt}};
  return all.at(text);
}

// What attaching answers. A segment that is not ready, or not any more, is one that is not there (yet).
Status refusal_of(const std::string& text) {
  static const std::map<std::string, Status> all{{"not_ready", Status::not_found},
                                                 {"retired", Status::not_found},
                                                 {"incompatible", Status::incompatible},
                                                 {"corrupt", Status::corrupt}};
  return all.at(text);
}

BufferConfig joining(const std::string& how) {
  BufferConfig config;
  config.join = join_of(how);
  return config;
}

void read_all(Reader& reader, const json& reading, std::size_t capacity) {
  std::size_t count = 0;
  const json& frames = reading.at("frames");
  // a death is answered when it was looked for, which is once in 100 ms
  const auto timeout = reading.at("end") == "peer_dead" ? support::generous : std::chrono::seconds::zero();
  Status end = Status::ok;
  for (std::size_t i = 0; i <= capacity / 64 + 1; ++i) {
    auto frame = timeout.count() == 0 ? reader.try_read() : reader.read(timeout);
    if (frame.status() == Status::frame_lost) {
      ASSERT_LT(count, frames.size());
      EXPECT_EQ(frames.at(count).at("sequence").get<std::uint64_t>(), frame.failure().first());
      EXPECT_TRUE(frames.at(count++).contains("lost"));
      continue;
    }
    if (!frame) {
      end = frame.status();
      break;
    }
    ASSERT_LT(count, frames.size()) << "a frame too many, sequence " << frame->sequence();
    const json& wanted = frames.at(count++);
    ASSERT_FALSE(wanted.contains("lost"));
    EXPECT_EQ(frame->sequence(), wanted.at("sequence").get<std::uint64_t>());
    EXPECT_EQ(frame->type(), wanted.at("type").get<std::uint16_t>());
    EXPECT_EQ(frame->tag(), wanted.at("tag").get<std::uint64_t>());
    ASSERT_EQ(frame->size(), wanted.at("size").get<std::size_t>());
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(frame->data().data()) % 64, 0u);
    EXPECT_TRUE(is_content(frame->data()));
    if (wanted.contains("hex")) {
      EXPECT_EQ(hex(frame->data()), wanted.at("hex").get<std::string>());
    }
  }
  EXPECT_EQ(count, frames.size());
  EXPECT_EQ(to_string(end), to_string(end_of(reading.at("end"))));
}

// The segments that a reading's descriptors name, under names of their own, which `bytes` is told.
std::vector<std::unique_ptr<Named>> sources_of(const json& reading, std::string& bytes) {
  std::vector<std::unique_ptr<Named>> sources;
  if (!reading.contains("sources")) return sources;
  for (const std::string name : reading.at("sources")) {
    sources.push_back(std::make_unique<Named>(content_of(name)));
    const std::string& real = sources.back()->name();
    const std::size_t at = bytes.find(name);
    if (at == std::string::npos || real.size() > 200) throw std::runtime_error("no entry for " + name);
    bytes.replace(at, real.size(), real);
    const auto size = static_cast<std::uint32_t>(real.size());
    std::memcpy(bytes.data() + at - offsetof(protocol::SourceEntry, name) + offsetof(protocol::SourceEntry, name_size),
                &size, sizeof size);
  }
  return sources;
}

class Readings : public testing::TestWithParam<std::string> {};
class Refusals : public testing::TestWithParam<std::string> {};
std::string test_name(const testing::TestParamInfo<std::string>& info) { return info.param; }

// Scenario 2.5, 4.1, 4.10, 4.15, 5.1
TEST_P(Readings, gives_the_frames_and_the_end_that_the_document_says) {
  const json& entry = expected().at(GetParam());
  const json& geometry = entry.at("geometry");
  for (const json& reading : entry.at("readings")) {
    SCOPED_TRACE("join " + reading.at("join").get<std::string>());
    std::string bytes = content_of(GetParam());
    const auto sources = sources_of(reading, bytes);
    const Memfd segment(bytes);
    auto opened = Reader::open_fd(segment.get(), joining(reading.at("join")));
    if (!opened && reading.at("end") == "corrupt" && reading.at("frames").empty()) {
      EXPECT_EQ(to_string(opened.status()), "corrupt");
      continue;
    }
    ASSERT_TRUE(opened) << opened.failure().message();
    const BufferInfo info = opened->info();
    EXPECT_EQ(info.segment_size, geometry.at("segment_size").get<std::uint64_t>());
    EXPECT_EQ(info.capacity, geometry.at("capacity").get<std::uint64_t>());
    EXPECT_EQ(info.max_frame_size, geometry.at("max_frame_size").get<std::uint64_t>());
    EXPECT_EQ(info.metadata_size, geometry.at("metadata_size").get<std::uint64_t>());
    EXPECT_EQ(info.max_readers, geometry.at("max_readers").get<std::uint32_t>());
    const auto metadata = opened->metadata(std::chrono::nanoseconds::zero());
    if (entry.contains("metadata_error")) {
      EXPECT_EQ(to_string(metadata.status()), entry.at("metadata_error").get<std::string>());
    } else if (entry.at("metadata").is_null()) {
      EXPECT_FALSE(metadata);
    } else {
      ASSERT_TRUE(metadata) << metadata.failure().message();
      EXPECT_EQ(hex(*metadata), entry.at("metadata").get<std::string>());
    }
    read_all(*opened, reading, info.capacity);
    EXPECT_EQ(opened->stats().lost, reading.at("lost").get<std::uint64_t>());
  }
}
INSTANTIATE_TEST_SUITE_P(Vectors, Readings, testing::ValuesIn(names("readings")), test_name);

// Scenario 5.1, 5.3
TEST_P(Refusals, is_refused_with_its_class_and_left_as_it_is) {
  const Status refusal = refusal_of(expected().at(GetParam()).at("error"));
  const std::string bytes = content_of(GetParam());
  const Memfd segment(bytes);
  EXPECT_EQ(to_string(Reader::open_fd(segment.get()).status()), to_string(refusal));
  EXPECT_EQ(to_string(Writer::open_fd(segment.get()).status()), to_string(refusal));
  const Named named(bytes);
  EXPECT_EQ(to_string(Reader::open(named.name(), std::chrono::nanoseconds::zero()).status()), to_string(refusal));
  EXPECT_EQ(to_string(Writer::open(named.name(), std::chrono::nanoseconds::zero()).status()), to_string(refusal));
  std::ifstream file(named.path(), std::ios::binary);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), bytes);
}
INSTANTIATE_TEST_SUITE_P(Vectors, Refusals, testing::ValuesIn(names("error")), test_name);

// Scenario 4.3
TEST_P(Readings, lets_a_writer_go_on_where_the_last_one_stopped) {
  const json& entry = expected().at(GetParam());
  const json& reading = entry.at("readings").front();
  const Memfd segment(content_of(GetParam()));
  auto writer = Writer::open_fd(segment.get());
  if (entry.contains("writer_error")) {
    EXPECT_EQ(to_string(writer.status()), to_string(refusal_of(entry.at("writer_error"))));
    return;
  }
  if (reading.at("end") == "corrupt" || reading.at("join") != "oldest") return;  // nothing to go on from
  ASSERT_TRUE(writer) << writer.failure().message();
  auto reader = Reader::open_fd(segment.get(), joining("oldest"));
  ASSERT_TRUE(reader) << reader.failure().message();
  std::uint64_t last = 0;
  for (const json& frame : reading.at("frames")) {
    auto read = reader->try_read();
    if (frame.contains("lost")) {
      last = frame.at("sequence").get<std::uint64_t>();
      EXPECT_EQ(to_string(read.status()), "frame_lost");
      continue;
    }
    ASSERT_TRUE(read);
    last = frame.at("sequence").get<std::uint64_t>();
    EXPECT_EQ(read->sequence(), last);
  }
  EXPECT_EQ(to_string(reader->try_read().status()), "would_block") << "the new writer lives";
  const std::vector<std::byte> data(writer->info().max_frame_size, std::byte{0x5a});
  auto sent = writer->try_write(data);
  if (!sent) {  // only padding was free, which the reader steps over
    EXPECT_FALSE(reader->try_read());
    sent = writer->try_write(data);
  }
  ASSERT_TRUE(sent) << sent.failure().message();
  auto read = reader->try_read();
  ASSERT_TRUE(read) << read.failure().message();
  EXPECT_EQ(read->size(), data.size());
  EXPECT_GT(read->sequence(), last);
  if (last != 0) {
    EXPECT_EQ(read->sequence(), last + 1);
  }
}

TEST(Vectors, none_is_forgotten) {
  EXPECT_EQ(names("readings").size() + names("error").size(), expected().size());
  for (const auto& file : fs::directory_iterator(folder)) {
    if (file.path().extension() != ".zb") continue;
    EXPECT_TRUE(expected().contains(file.path().stem().string())) << file.path();
  }
}

}  // namespace
}  // namespace zerobuffer
