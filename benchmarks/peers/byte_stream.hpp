// Messages of one size over a byte stream of the kernel. Since both sides know the size, nothing else travels, and one
// read may bring many messages. Owns the file descriptors; must not know whether they are a pipe or a socket.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include "bench/processor.hpp"

namespace zerobuffer::peers {

[[noreturn]] inline void throw_errno(const char* call) {
  throw std::system_error(errno, std::generic_category(), call);
}

inline int check_call(int result, const char* call) {
  if (result < 0) throw_errno(call);
  return result;
}

/// A file descriptor of the kernel, closed at its end.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  [[nodiscard]] int number() const noexcept { return number_; }

 private:
  int number_ = -1;
};

/// So much a read asks for where messages are small.
inline constexpr std::size_t read_ahead = 64 << 10;

/// @tparam polling asks again and again instead of sleeping in the kernel
template <bool polling>
class ByteStream {
 public:
  explicit ByteStream(std::size_t size) : size_(size), buffer_(std::max(size, read_ahead / size * size)) {}

  void send(std::span<const std::byte> message) {
    while (!message.empty()) {
      const ssize_t written = ::write(out_.number(), message.data(), message.size());
      if (written < 0) {
        wait_a_little("write");
      } else {
        message = message.subspan(static_cast<std::size_t>(written));
      }
    }
  }
  /// The kernel copies out: what is visited lies in memory of this process.
  template <class Visit>
  void receive(Visit&& visit) {
    while (filled_ < size_) {
      const ssize_t got = ::read(in_.number(), buffer_.data() + filled_, buffer_.size() - filled_);
      if (got < 0) {
        wait_a_little("read");
      } else if (got == 0) {
        throw std::runtime_error("the other side has closed its end");
      } else {
        filled_ += static_cast<std::size_t>(got);
      }
    }
    std::size_t at = 0;
    for (; at + size_ <= filled_; at += size_) visit(std::span<const std::byte>(buffer_.data() + at, size_));
    filled_ -= at;
    std::memmove(buffer_.data(), buffer_.data() + at, filled_);
  }
  void flush() {}

 protected:
  void use(Descriptor in, Descriptor out) {
    in_ = std::move(in);
    out_ = std::move(out);
    if (!polling) return;
    for (const int number : {in_.number(), out_.number()}) {
      check_call(::fcntl(number, F_SETFL, ::fcntl(number, F_GETFL) | O_NONBLOCK), "fcntl");
    }
  }

 private:
  static void wait_a_little(const char* call) {
    if (errno != EAGAIN && errno != EINTR) throw_errno(call);
    cli::bench::pause();
  }
  std::size_t size_;
  std::vector<std::byte> buffer_;
  std::size_t filled_ = 0;
  Descriptor in_;
  Descriptor out_;
};

}  // namespace zerobuffer::peers
