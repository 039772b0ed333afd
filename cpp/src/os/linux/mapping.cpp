// Mapping by Boost.Interprocess; what the kernel can be asked beyond it by madvise and mlock.
#include "os/mapping.hpp"

#include <sys/mman.h>

#include <boost/interprocess/mapped_region.hpp>
#include <cerrno>
#include <string>
#include <string_view>

#include "os/linux/kernel_text.hpp"

namespace zerobuffer::os {
namespace {
#ifndef MADV_POPULATE_READ  // Linux 5.14; Debian 12's headers may be older than its kernel
constexpr int populate_read = 22;
constexpr int populate_write = 23;
#else
constexpr int populate_read = MADV_POPULATE_READ;
constexpr int populate_write = MADV_POPULATE_WRITE;
#endif

// What mapped_region asks of a mappable thing: any descriptor will do.
class Descriptor {
 public:
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  [[nodiscard]] boost::interprocess::mapping_handle_t get_mapping_handle() const noexcept { return {fd_, false}; }

 private:
  int fd_;
};
}  // namespace

Result<Mapping> Mapping::map(const File& file, std::uint64_t offset, std::uint64_t size, Access access) {
  namespace ipc = boost::interprocess;
  Mapping result;
  try {
    auto region = std::make_shared<ipc::mapped_region>(
        Descriptor(file.fd()), access == Access::read_only ? ipc::read_only : ipc::read_write,
        static_cast<ipc::offset_t>(offset), static_cast<std::size_t>(size));
    result.data_ = static_cast<std::byte*>(region->get_address());
    result.region_ = std::move(region);
  } catch (const ipc::interprocess_exception& error) {
    return system_failure("mmap", "mapping " + std::to_string(size) + " bytes", error.get_native_error());
  }
  result.size_ = size;
  result.access_ = access;
  return result;
}

void Mapping::advise_huge() const noexcept { madvise(data_, size_, MADV_HUGEPAGE); }

Result<void> Mapping::populate() const {
  const int advice = access_ == Access::read_only ? populate_read : populate_write;
  while (madvise(data_, size_, advice) != 0) {
    if (errno == EINTR || errno == EAGAIN) continue;
    if (errno != EINVAL)
      return system_failure("madvise(MADV_POPULATE)", "touching " + std::to_string(size_) + " bytes", errno);
    // an older kernel: touch one byte of each page; the pages were reserved, so that this cannot fault
    for (std::uint64_t at = 0; at < size_; at += 4096) {
      volatile auto* byte = reinterpret_cast<volatile unsigned char*>(data_ + at);
      if (access_ == Access::read_only) {
        static_cast<void>(*byte);
      } else {
        __atomic_fetch_or(const_cast<unsigned char*>(byte), static_cast<unsigned char>(0), __ATOMIC_RELAXED);
      }
    }
    break;
  }
  return {};
}

Result<void> Mapping::make_private(const File& file, std::uint64_t offset) const {
  const int protection = access_ == Access::read_only ? PROT_READ : PROT_READ | PROT_WRITE;
  const int flags = MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE;
  if (mmap(data_, size_, protection, flags, file.fd(), static_cast<off_t>(offset)) != MAP_FAILED) return {};
  return system_failure("mmap(MAP_PRIVATE)", "withdrawing " + std::to_string(size_) + " bytes", errno);
}

Result<void> Mapping::lock() const {
  if (mlock(data_, size_) == 0) return {};
  const int error = errno;
  return Failure(
      error == ENOMEM || error == EPERM || error == EAGAIN ? Status::permission_denied : Status::system_error,
      "locking " + std::to_string(size_) + " bytes in memory: " + describe_error("mlock", error) +
          "; raise the limit (ulimit -l, LimitMEMLOCK=, --ulimit memlock) or leave lock_in_memory off",
      error);
}

std::uint64_t Mapping::huge_bytes() const {
  const auto begin = reinterpret_cast<std::uintptr_t>(data_);
  bool ours = false;
  std::uint64_t total = 0;
  const std::string text = read_kernel_text("/proc/self/smaps");
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view line = take_line(rest);
    const auto dash = line.find_first_not_of("0123456789abcdef");
    if (dash != 0 && dash < line.size() && line[dash] == '-') {  // a mapping's first line: begin-end in hex
      ours = number_in(line, 16) < begin + size_ && number_in(line.substr(dash + 1), 16) > begin;
    } else if (ours) {
      total += number_after(line, "ShmemPmdMapped:").value_or(0) * 1024;
    }
  }
  return total;
}

}  // namespace zerobuffer::os
