// See byte_source.hpp.
#include "byte_source.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "file_descriptor.hpp"
#include "signals.hpp"

namespace zerobuffer::cli {
namespace {

class FileSource final : public ByteSource {
 public:
  explicit FileSource(const std::string& path)
      : path_(path == "-" ? "standard input" : path),
        file_(path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat what {};
    if (file_.get() < 0 || ::fstat(file_.get(), &what) != 0) fail();
    regular_ = S_ISREG(what.st_mode);
  }

  bool at_end() override {
    if (regular_) {
      struct stat what {};
      return ::fstat(file_.get(), &what) != 0 || ::lseek(file_.get(), 0, SEEK_CUR) >= what.st_size;
    }
    while (!stop_requested()) {
      pollfd wish{file_.get(), POLLIN, 0};
      // A pipe that its writer has closed and that is empty says POLLHUP alone.
      if (::poll(&wish, 1, -1) == 1) return (wish.revents & POLLIN) == 0;
    }
    return true;
  }

  std::size_t fill(std::span<std::byte> room) override {
    std::size_t filled = 0;
    while (filled < room.size()) {
      const ssize_t n = ::read(file_.get(), room.data() + filled, room.size() - filled);
      if (n > 0) {
        filled += static_cast<std::size_t>(n);
      } else if (n == 0) {
        break;
      } else if (errno != EINTR) {
        fail();
      } else if (stop_requested()) {
        break;
      }
    }
    return filled;
  }

 private:
  [[noreturn]] void fail() const { throw std::system_error(errno, std::generic_category(), path_); }

  std::string path_;
  FileDescriptor file_;
  bool regular_ = false;
};

/// Words, one after the other, cut into whatever sizes are asked for.
class WordSource : public ByteSource {
 public:
  bool at_end() override { return stop_requested(); }

  std::size_t fill(std::span<std::byte> room) override {
    std::size_t filled = 0;
    while (filled < room.size()) {
      if (unused_ == 0) {
        word_ = next();
        unused_ = sizeof word_;
      }
      const std::size_t n = std::min(unused_, room.size() - filled);
      std::memcpy(room.data() + filled, reinterpret_cast<const std::byte*>(&word_) + (sizeof word_ - unused_), n);
      filled += n;
      unused_ -= n;
    }
    return filled;
  }

 protected:
  virtual std::uint64_t next() = 0;

 private:
  std::uint64_t word_ = 0;
  std::size_t unused_ = 0;
};

class Zeros final : public WordSource {
  std::uint64_t next() override { return 0; }
};

class Sequential final : public WordSource {
  std::uint64_t next() override { return counter_++; }
  std::uint64_t counter_ = 0;
};

/// SplitMix64.
class Random final : public WordSource {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

 private:
  std::uint64_t next() override {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  std::uint64_t state_;
};

}  // namespace

std::uint64_t ByteSource::skip(std::uint64_t n) {
  std::vector<std::byte> forgotten(std::min<std::uint64_t>(n, 1 << 16));
  std::uint64_t skipped = 0;
  while (skipped < n) {
    const std::size_t part = std::min<std::uint64_t>(forgotten.size(), n - skipped);
    const std::size_t taken = fill(std::span(forgotten).first(part));
    skipped += taken;
    if (taken < part) break;
  }
  return skipped;
}

std::unique_ptr<ByteSource> open_input(const std::string& path) { return std::make_unique<FileSource>(path); }

std::unique_ptr<ByteSource> make_pattern(const std::string& pattern, std::uint64_t seed) {
  if (pattern == "zeros") return std::make_unique<Zeros>();
  if (pattern == "sequential") return std::make_unique<Sequential>();
  if (pattern == "random") return std::make_unique<Random>(seed);
  throw std::invalid_argument("unknown pattern " + pattern);
}

}  // namespace zerobuffer::cli
