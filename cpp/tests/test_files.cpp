// Scenarios 5.3 to 5.7: files that are no buffers, full file systems, permissions, seals and limits.
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <fstream>

#include "protocol/layout.hpp"
#include "support.hpp"

namespace zerobuffer {
namespace {
using namespace support;

bool root() { return geteuid() == 0; }

// A file of this content under a buffer's name; removed at the end.
class NamedFile {
 public:
  explicit NamedFile(std::string_view content) : name(unique_name()) {
    std::ofstream(path_of(name), std::ios::binary) << content;
  }
  explicit NamedFile(int (*make)(const char* path)) : name(unique_name()) { EXPECT_EQ(make(path_of(name).c_str()), 0); }
  ~NamedFile() { std::filesystem::remove(path_of(name)); }
  std::string name;
};

// The bytes of a good, unused buffer.
std::string good_segment() {
  auto reader = Reader::create_anonymous(ring_of(1000)).value();
  std::string bytes(reader.info().segment_size, '\0');
  EXPECT_EQ(pread(reader.fd(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  return bytes;
}
template <class T>
std::string changed(std::string bytes, std::size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof value);
  return bytes;
}

// Everything that could use a file refuses this one, says why, and leaves it as it is.
void expect_refused(const std::string& name, Status status, const char* reason) {
  struct stat before {};
  ASSERT_EQ(lstat(path_of(name).c_str(), &before), 0);
  auto reader = Reader::open(name, 0s);
  EXPECT_STATUS(reader, status);
  EXPECT_NE(reader.failure().message().find(reason), std::string::npos) << reader.failure().message();
  auto writer = Writer::open(name, 0s);
  EXPECT_STATUS(writer, status);
  EXPECT_NE(writer.failure().message().find(reason), std::string::npos) << writer.failure().message();
  struct stat after {};
  ASSERT_EQ(lstat(path_of(name).c_str(), &after), 0) << "it was removed";
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_EQ(before.st_size, after.st_size);
  EXPECT_EQ(before.st_mode, after.st_mode);
}
void expect_create_refused(const std::string& name) {
  for (const bool exist_ok : {false, true}) {
    BufferConfig config = ring_of(1000);
    config.exist_ok = exist_ok;
    const Status status = Reader::create(name, config).status();
    EXPECT_TRUE(status == Status::already_exists || status == Status::permission_denied) << to_string(status);
    EXPECT_FALSE(remove_dead(name));
    EXPECT_TRUE(exists(name)) << "somebody else's file was removed";
  }
}

// Scenario 5.3
TEST(Files, wrong_version_and_wrong_magic_are_refused_each_with_its_reason) {
  const std::string good = good_segment();
  {
    NamedFile file(changed(good, 4, std::uint8_t{3}));
    expect_refused(file.name, Status::incompatible, "protocol version 3.0");
    expect_create_refused(file.name);
  }
  {
    NamedFile file(changed(good, 4, std::uint8_t{1}));  // what ZeroBuffer 1.x begins with
    expect_refused(file.name, Status::incompatible, "protocol version 1.0");
    expect_create_refused(file.name);
  }
  {
    NamedFile file(changed(good, 8, std::uint64_t{0x1234}));
    expect_refused(file.name, Status::incompatible, "magic");
    expect_create_refused(file.name);
  }
  {
    NamedFile file(changed(good, 0x20, std::uint64_t{1} << 40));
    expect_refused(file.name, Status::incompatible, "features");
  }
}

// Scenario 5.3: the control block of 1.x had 128 bytes and no magic.
TEST(Files, a_segment_of_zerobuffer_1_is_refused) {
  std::string old(65536, '\0');
  old = changed(old, 0, std::uint32_t{128});
  old = changed(old, 4, std::uint32_t{1});
  NamedFile file(old);
  expect_refused(file.name, Status::incompatible, "first word is 128");
  expect_create_refused(file.name);
}

// Scenario 5.3
TEST(Files, truncated_and_empty_files_are_refused) {
  const std::string good = good_segment();
  {
    NamedFile file("");
    expect_refused(file.name, Status::incompatible, "0 bytes");
    expect_create_refused(file.name);
  }
  {
    NamedFile file(good.substr(0, 1000));
    expect_refused(file.name, Status::incompatible, "1000 bytes");
    expect_create_refused(file.name);
  }
  for (const std::size_t size :
       {std::size_t{1024}, std::size_t{1025}, std::size_t{4096}, good.size() - 4096, good.size() - 1}) {
    NamedFile file(good.substr(0, size));
    expect_refused(file.name, Status::corrupt, "segment_size");
  }
}

// Scenario 5.3
TEST(Files, directories_links_and_fifos_are_refused_without_waiting) {
  {
    NamedFile directory([](const char* path) { return mkdir(path, 0700); });
    expect_refused(directory.name, Status::incompatible, "is a directory");
    expect_create_refused(directory.name);
  }
  {
    auto target = Reader::create(unique_name(), ring_of(100)).value();  // even one that leads to a good buffer
    NamedFile link([](const char* path) { return symlink(leftovers().front().c_str(), path); });
    expect_refused(link.name, Status::incompatible, "symbolic link");
    expect_create_refused(link.name);
  }
  {
    NamedFile dangling([](const char* path) { return symlink("/nowhere/at/all", path); });
    expect_refused(dangling.name, Status::incompatible, "symbolic link");
    expect_create_refused(dangling.name);
  }
  {
    NamedFile fifo([](const char* path) { return mkfifo(path, 0600); });
    expect_refused(fifo.name, Status::incompatible, "not a regular file");
    expect_create_refused(fifo.name);
  }
}

// Scenario 5.3 (needs root)
TEST(Files, somebody_elses_file_is_refused_with_both_users) {
  if (!root()) GTEST_SKIP() << "needs root, to give a file away";
  NamedFile file(good_segment());
  ASSERT_EQ(chown(path_of(file.name).c_str(), 4321, 4321), 0);
  expect_refused(file.name, Status::permission_denied, "user 4321");
  expect_create_refused(file.name);
  EXPECT_STATUS(dump_state(file.name), Status::permission_denied);
  const auto listed = list_buffers().value();
  EXPECT_EQ(std::count(listed.begin(), listed.end(), file.name), 0);
}

// Scenario 5.3: a good file that nobody uses is one that was left behind, and is used or taken over.
TEST(Files, a_stale_buffer_is_opened_by_open_and_taken_over_by_create) {
  NamedFile file(good_segment());
  EXPECT_OK(Writer::open(file.name, 0s));
  EXPECT_FALSE(exists(file.name)) << "the last one out removes it";
  NamedFile again(good_segment());
  auto reader = Reader::create(again.name, ring_of(500));
  ASSERT_OK(reader);
  EXPECT_TRUE(reader->info().created);
}

// Scenario 5.4 (needs root)
TEST(ProcessFiles, a_full_dev_shm_is_an_error_with_the_needed_and_the_free_bytes_and_no_sigbus) {
  if (!root()) GTEST_SKIP() << "needs root, for a /dev/shm of its own";
  Child child([] {
    REQUIRE(unshare(CLONE_NEWNS) == 0);
    REQUIRE(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
    REQUIRE(mount("small", "/dev/shm", "tmpfs", 0, "size=1m") == 0);
    for (const bool no_tmpfile : {false, true}) {
      if (no_tmpfile) setenv("ZEROBUFFER_TEST_NO_TMPFILE", "1", 1);
      auto refused = Reader::create("too-large", ring_of(4 << 20));
      REQUIRE(refused.status() == Status::no_space);
      const std::string text = refused.failure().message();
      REQUIRE(text.find("1048576 bytes") != std::string::npos);                          // free
      REQUIRE(text.find(std::to_string((4 << 20) + 4096 + 4096)) != std::string::npos);  // needed
      REQUIRE(refused.failure().first() == (4 << 20) + 4096 + 4096 && refused.failure().second() <= 1 << 20);
      REQUIRE(!exists("too-large"));
      auto first = Writer::create("fits", ring_of(600 << 10));
      REQUIRE(first);
      for (std::uint64_t i = 1; i <= 3; ++i) REQUIRE(first->try_write(payload(200'000, i)) || i == 3);
      auto second = Writer::create("no-more", ring_of(600 << 10));
      REQUIRE(second.status() == Status::no_space);
      REQUIRE(!exists("no-more"));
      auto third = Writer::create("just", ring_of(100 << 10));
      REQUIRE(third);
    }
    return 0;
  });
  EXPECT_EQ(child.wait(), 0);
}

// Scenario 5.5
TEST(Files, the_mode_is_0600_whatever_the_umask) {
  for (const mode_t mask : {0000, 0022, 0077, 0777}) {
    const mode_t before = umask(mask);
    auto reader = Reader::create(unique_name(), ring_of(100));
    auto anonymous = Writer::create_anonymous(ring_of(100));
    umask(before);
    ASSERT_OK(reader);
    struct stat status {};
    ASSERT_EQ(stat(path_of(leftovers().at(0)).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600U) << "umask " << mask;
    ASSERT_EQ(fstat(anonymous->fd(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600U);
  }
}

// Scenario 5.5 (needs root)
TEST(ProcessFiles, another_user_cannot_open_a_buffer_and_is_told_why) {
  if (!root()) GTEST_SKIP() << "needs root, to become another user";
  const std::string name = unique_name();
  auto reader = Reader::create(name, ring_of(100)).value();
  Child child([&] {
    REQUIRE(setresgid(4321, 4321, 4321) == 0);
    REQUIRE(setresuid(4321, 4321, 4321) == 0);
    auto refused = Writer::open(name, 0s);
    REQUIRE(refused.status() == Status::permission_denied);
    const std::string text = refused.failure().message();
    REQUIRE(text.find("belongs to user 0") != std::string::npos);
    REQUIRE(text.find("runs as user 4321") != std::string::npos);
    REQUIRE(Reader::create(name, ring_of(100)).status() == Status::permission_denied);
    REQUIRE(remove_dead(name).status() == Status::permission_denied);
    return 0;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_TRUE(exists(name));
}

// Scenario 5.6
TEST(Files, a_sealed_segment_cannot_be_truncated_or_grown) {
  auto reader = Reader::create_anonymous(ring_of(1000)).value();
  EXPECT_EQ(ftruncate(reader.fd(), 0), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(ftruncate(reader.fd(), 1 << 20), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(fallocate(reader.fd(), 0, 0, 1 << 20), -1);
  EXPECT_EQ(fcntl(reader.fd(), F_ADD_SEALS, F_SEAL_WRITE), -1) << "the seals are sealed too";
}

// Scenario 5.6
TEST(Files, a_segment_that_is_not_sealed_is_refused_when_attaching) {
  const std::string good = good_segment();
  for (const unsigned seals :
       {0U, unsigned{F_SEAL_SHRINK}, unsigned{F_SEAL_SHRINK | F_SEAL_GROW}, unsigned{F_SEAL_GROW | F_SEAL_SEAL}}) {
    const int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    ASSERT_EQ(write(fd, good.data(), good.size()), static_cast<ssize_t>(good.size()));
    if (seals != 0) {
      ASSERT_EQ(fcntl(fd, F_ADD_SEALS, seals), 0);
    }
    auto refused = Reader::open_fd(fd);
    EXPECT_STATUS(refused, Status::incompatible);
    EXPECT_NE(refused.failure().message().find("not sealed"), std::string::npos);
    EXPECT_STATUS(Writer::open_fd(fd), Status::incompatible);
    close(fd);
  }
  EXPECT_FALSE(Reader::open_fd(-1));
  EXPECT_FALSE(Reader::open_fd(0));
}

TEST(ProcessFiles, an_anonymous_buffer_is_passed_to_a_child_by_its_descriptor) {
  auto reader = Reader::create_anonymous(ring_of(1000)).value();
  Child child([fd = reader.fd()] {
    auto writer = Writer::open_fd(fd).value();
    REQUIRE(writer.write(payload(500, 1), generous));
    return 0;
  });
  auto frame = reader.read(generous);
  ASSERT_OK(frame);
  EXPECT_TRUE(holds(frame->data(), 1));
  EXPECT_EQ(child.wait(), 0);
  EXPECT_STATUS(reader.read(generous), Status::closed);
}

int open_descriptors() {
  int count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

// Scenario 5.7
TEST(ProcessFiles, reaching_the_limit_of_descriptors_is_an_error_and_leaks_nothing) {
  Child child([] {
    const std::string name = unique_name();
    auto reader = Reader::create(name, ring_of(100)).value();
    const int before = open_descriptors();
    int refusals = 0;
    for (rlim_t free = 0; free < 12; ++free) {
      rlimit limit{};
      getrlimit(RLIMIT_NOFILE, &limit);
      const rlim_t old = limit.rlim_cur;
      int next = dup(0);
      close(next);
      limit.rlim_cur = static_cast<rlim_t>(next) + free;
      setrlimit(RLIMIT_NOFILE, &limit);
      const Status made = Reader::create(name + "-x", ring_of(100)).status();
      const Status opened = Writer::open(name, 0s).status();
      const Status anonymous = Writer::create_anonymous(ring_of(100)).status();
      limit.rlim_cur = old;
      setrlimit(RLIMIT_NOFILE, &limit);
      for (const Status status : {made, opened, anonymous}) {
        REQUIRE(status == Status::ok || status == Status::system_error);
        refusals += status != Status::ok;
      }
      REQUIRE(!exists(name + "-x"));
      REQUIRE(open_descriptors() == before);
    }
    REQUIRE(refusals >= 6);
    auto writer = Writer::open(name, 0s);
    REQUIRE(writer);  // the failures took no place
    REQUIRE(writer->try_write(payload(10, 1)));
    REQUIRE(reader.try_read());
    return 0;
  });
  EXPECT_EQ(child.wait(), 0);
}

// Scenario 5.7
TEST(ProcessFiles, reaching_the_limit_of_mappings_is_an_error_and_leaks_nothing) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers need the address space";
#endif
  Child child([] {
    const std::string name = unique_name();
    auto reader = Reader::create(name, ring_of(100)).value();
    const int before = open_descriptors();
    rlimit limit{};
    getrlimit(RLIMIT_AS, &limit);
    std::uint64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    limit.rlim_cur = pages * 4096 + (64 << 20);
    setrlimit(RLIMIT_AS, &limit);
    auto refused = Writer::create(name + "-x", ring_of(128 << 20));
    REQUIRE(refused.status() == Status::no_space);
    REQUIRE(refused.failure().message().find("mmap") != std::string::npos);
    REQUIRE(!exists(name + "-x"));
    REQUIRE(open_descriptors() == before);
    auto anonymous = Reader::create_anonymous(ring_of(128 << 20));
    REQUIRE(anonymous.status() == Status::no_space);
    REQUIRE(open_descriptors() == before);
    auto writer = Writer::open(name, 0s);  // there is room for a small one
    REQUIRE(writer);
    return 0;
  });
  EXPECT_EQ(child.wait(), 0);
}

// (needs root)
TEST(ProcessFiles, a_ring_that_may_not_be_locked_in_memory_is_refused_with_what_to_do) {
  if (!root()) GTEST_SKIP() << "needs root, to become a user without privileges";
  Child child([] {
    const rlimit none{0, 0};
    REQUIRE(setrlimit(RLIMIT_MEMLOCK, &none) == 0);
    REQUIRE(setresuid(4321, 4321, 4321) == 0);
    BufferConfig config = ring_of(1000);
    config.lock_in_memory = true;
    auto refused = Reader::create_anonymous(config);
    REQUIRE(refused.status() == Status::permission_denied);
    REQUIRE(refused.failure().message().find("ulimit -l") != std::string::npos);
    config.lock_in_memory = false;
    REQUIRE(Reader::create_anonymous(config));
    return 0;
  });
  EXPECT_EQ(child.wait(), 0);
  BufferConfig config = ring_of(1000);
  config.lock_in_memory = true;
  EXPECT_OK(Reader::create_anonymous(config));  // root may
}

}  // namespace
}  // namespace zerobuffer
