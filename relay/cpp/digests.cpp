// See digests.hpp.
#include "digests.hpp"

#include <zlib.h>

#include <array>
#include <cstdio>

#include "outcome.hpp"

namespace zerobuffer::relay {

std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t before) noexcept {
  return static_cast<std::uint32_t>(crc32_z(before, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

std::string to_hex(std::uint32_t crc) {
  std::array<char, 9> text{};
  std::snprintf(text.data(), text.size(), "%08x", crc);
  return text.data();
}

Digests::Digests(const std::string& path, bool whole) : path_(path), whole_(whole) {
  if (path.empty()) return;
  file_.open(path);
  if (!file_) throw Outcome{ExitCode::failed, path + ": cannot be written"};
}

void Digests::add(std::uint64_t sequence, std::uint16_t type, std::uint64_t tag, std::span<const std::byte> content) {
  // crc32_z() takes a null pointer, which an empty span may have, for the wish to begin anew
  if (whole_ && !content.empty()) whole_crc_ = crc32(content, whole_crc_);
  if (!file_.is_open()) return;
  file_ << sequence << ' ' << type << ' ' << tag << ' ' << content.size() << ' ' << to_hex(crc32(content)) << '\n';
}

void Digests::close() {
  if (!file_.is_open()) return;
  file_.close();
  if (!file_) throw Outcome{ExitCode::failed, path_ + ": could not be written"};
}

}  // namespace zerobuffer::relay
