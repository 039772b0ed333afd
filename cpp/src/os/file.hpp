// Files in shared memory: made without a name and linked to it when complete, opened with care, reserved or refused.
// Knows names, descriptors and bytes; nothing of what is in them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "zerobuffer/result.hpp"

namespace zerobuffer::os {

/// The text of an errno with the call that gave it: "openat: Permission denied (errno 13)".
[[nodiscard]] std::string describe_error(std::string_view call, int error);
[[nodiscard]] Failure system_failure(std::string_view call, std::string_view subject, int error);

/// Owns a descriptor.
class File {
 public:
  File() noexcept = default;
  explicit File(int fd) noexcept : fd_(fd) {}
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File();

  [[nodiscard]] int fd() const noexcept { return fd_; }
  [[nodiscard]] bool valid() const noexcept { return fd_ >= 0; }
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

  struct Identity {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t size = 0;
    std::uint64_t allocated = 0;
    bool operator==(const Identity& other) const noexcept { return device == other.device && inode == other.inode; }
  };
  [[nodiscard]] Result<Identity> identity() const;

 private:
  int fd_ = -1;
};

/// invalid_argument with the reason where `name` is no name for a buffer.
Result<void> check_name(std::string_view name);

/// A new file in shared memory without a name, mode 0600 whatever the umask. would_block where the file system cannot
/// make one (then use create_named).
Result<File> create_unnamed();
/// Whether create_unnamed() works here; where not, files of other makers are visible before they are complete, too.
[[nodiscard]] bool makes_unnamed_files();
/// Gives the file its name; already_exists where it is taken.
Result<void> link_to_name(const File& file, std::string_view name);
/// The second-best way: a new file that is visible at once; already_exists where the name is taken.
Result<File> create_named(std::string_view name);
/// An anonymous file (memfd) that can be sealed.
Result<File> create_memfd();
/// Forbids to change the size of a memfd, for ever.
Result<void> seal_size(const File& file);
/// Whether the size of a memfd can no longer be changed.
[[nodiscard]] bool size_is_sealed(const File& file) noexcept;

/// Opens a regular file of our own user; not_found, permission_denied with the reason, incompatible (not a file).
Result<File> open_existing(std::string_view name);
/// The same checks for a descriptor from elsewhere, which is duplicated.
Result<File> adopt(int fd);
/// Opens the same file once more: a description of its own, which shares no locks with the first.
Result<File> reopen(const File& file);
/// Whether `name` still refers to this very file.
[[nodiscard]] bool name_refers_to(std::string_view name, const File& file);
void unlink_name(std::string_view name) noexcept;
/// Names of all regular files of our own user in shared memory.
Result<std::vector<std::string>> list_names();

/// Sets the size and reserves every byte of it, or refuses with no_space and the numbers.
Result<void> reserve(const File& file, std::uint64_t size);
/// Only sets the size, after the same checks; the pages are reserved by reserve_pages() once they are mapped.
Result<void> set_size(const File& file, std::uint64_t size);
Result<void> reserve_pages(const File& file, std::uint64_t size);

}  // namespace zerobuffer::os
