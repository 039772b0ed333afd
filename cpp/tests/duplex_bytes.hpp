// A duplex segment as plain bytes: another mapping of it, as a hostile process of the same user has it, and where its
// door, rings, slots and records lie. Knows nothing of single rules.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>

#include "buffer/geometry.hpp"
#include "protocol/layout.hpp"
#include "ring/atomics.hpp"
#include "support.hpp"

namespace zerobuffer::support {

class DuplexBytes {
 public:
  DuplexBytes(const std::string& name, const DuplexConfig& config, bool in_place)
      : geometry_(buffer::plan(config, in_place)) {
    const int fd = open(path_of(name).c_str(), O_RDWR | O_CLOEXEC);
    size_ = static_cast<std::size_t>(lseek(fd, 0, SEEK_END));
    data_ = static_cast<std::byte*>(mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    close(fd);
    if (data_ == MAP_FAILED || size_ < geometry_.segment_size) abort();
  }
  ~DuplexBytes() { munmap(data_, size_); }
  DuplexBytes(const DuplexBytes&) = delete;
  DuplexBytes& operator=(const DuplexBytes&) = delete;

  [[nodiscard]] const buffer::Shape& shape() const { return geometry_.shape; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t control_size() const { return geometry_.payload_offset; }
  [[nodiscard]] std::byte* data() const { return data_; }

  /// Ring 0 is the door.
  [[nodiscard]] protocol::Oieb& oieb(std::uint32_t ring) const {
    return reinterpret_cast<protocol::Oieb*>(data_)[ring];
  }
  [[nodiscard]] protocol::ReaderSlot& lane(std::uint32_t lane) const {
    return reinterpret_cast<protocol::ReaderSlot*>(data_ + geometry_.table_offset)[lane];
  }
  [[nodiscard]] protocol::ReaderSlot& slot(std::uint32_t ring, std::uint32_t slot) const {
    return reinterpret_cast<protocol::ReaderSlot*>(data_ + place(ring).table_offset)[slot];
  }
  [[nodiscard]] protocol::RecordHeader& header(std::uint32_t ring, std::uint64_t position) const {
    return *reinterpret_cast<protocol::RecordHeader*>(data_ + place(ring).payload_offset + protocol::payload_lead +
                                                      position % place(ring).capacity);
  }
  [[nodiscard]] buffer::RingPlace place(std::uint32_t ring) const {
    return buffer::place_of_ring(geometry_.shape, geometry_.layout, ring);
  }

 private:
  buffer::Geometry geometry_;
  std::byte* data_;
  std::size_t size_;
};

}  // namespace zerobuffer::support
