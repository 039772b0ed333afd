// Shared memory files on Linux: tmpfs at /dev/shm and memfd.
#include "os/file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <system_error>

#include "os/cgroup.hpp"
#include "os/linux/kernel_text.hpp"
#include "os/linux/test_switches.hpp"

namespace zerobuffer::os {
namespace {
constexpr const char* folder = "/dev/shm";
constexpr mode_t owner_only = S_IRUSR | S_IWUSR;

std::string path_of(std::string_view name) { return std::string(folder) + "/" + std::string(name); }
std::string path_of(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

std::uint64_t available_memory() {
  const auto kib = number_after(read_kernel_text("/proc/meminfo"), "MemAvailable:");
  return kib ? *kib * 1024 : std::numeric_limits<std::uint64_t>::max();
}

std::string in_bytes(std::uint64_t bytes) {
  return bytes == std::numeric_limits<std::uint64_t>::max() ? "no limit" : std::to_string(bytes) + " bytes";
}

// Refuses with all numbers what cannot fit; the reservation itself has the last word.
Result<void> check_space(const File& file, std::uint64_t size) {
  std::uint64_t in_filesystem = std::numeric_limits<std::uint64_t>::max();
  struct statvfs filesystem {};
  if (fstatvfs(file.fd(), &filesystem) == 0 && filesystem.f_blocks != 0) {
    in_filesystem = std::uint64_t{filesystem.f_bavail} * filesystem.f_frsize;
  }
  const std::uint64_t memory = available_memory();
  const std::uint64_t in_cgroup = cgroup_memory_left();
  const std::uint64_t free = std::min({in_filesystem, memory, in_cgroup});
  if (size <= free) return {};
  return Failure(Status::no_space,
                 "the buffer needs " + in_bytes(size) + " of shared memory; free are: in its file system (/dev/shm) " +
                     in_bytes(in_filesystem) + ", memory of the machine " + in_bytes(memory) +
                     ", memory of the cgroup " + in_bytes(in_cgroup) +
                     ". Use a smaller payload_size, or allow more (containers: --shm-size, --memory)",
                 size, free, ENOSPC);
}

Result<void> make_private(const File& file, std::string_view what) {
  if (fchmod(file.fd(), owner_only) != 0) return system_failure("fchmod", what, errno);
  return {};
}

Result<File> checked(File file, std::string_view what) {
  struct stat status {};
  if (fstat(file.fd(), &status) != 0) return system_failure("fstat", what, errno);
  if (!S_ISREG(status.st_mode)) {
    return Failure(Status::incompatible, std::string(what) + " is not a regular file, and so no buffer");
  }
  if (status.st_uid != geteuid()) {
    return Failure(Status::permission_denied, std::string(what) + " belongs to user " + std::to_string(status.st_uid) +
                                                  ", this process runs as user " + std::to_string(geteuid()) +
                                                  "; only buffers of one's own user are opened");
  }
  return file;
}
}  // namespace

std::string describe_error(std::string_view call, int error) {
  return std::string(call) + ": " + std::generic_category().message(error) + " (errno " + std::to_string(error) + ")";
}

Failure system_failure(std::string_view call, std::string_view subject, int error) {
  Status status = Status::system_error;
  if (error == EACCES || error == EPERM) status = Status::permission_denied;
  if (error == ENOSPC || error == ENOMEM) status = Status::no_space;
  if (error == ENOENT) status = Status::not_found;
  return {status, std::string(subject) + ": " + describe_error(call, error), error};
}

File::~File() {
  if (fd_ >= 0) ::close(fd_);
}

Result<File::Identity> File::identity() const {
  struct stat status {};
  if (fstat(fd_, &status) != 0) return system_failure("fstat", "a buffer's file", errno);
  return Identity{status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size),
                  static_cast<std::uint64_t>(status.st_blocks) * 512};
}

Result<void> check_name(std::string_view name) {
  const auto refuse = [&](const std::string& reason) -> Result<void> {
    return Failure(Status::invalid_argument, "invalid buffer name: " + reason +
                                                 "; a name has 1 to 200 characters of A-Z a-z 0-9 . _ - and does not "
                                                 "begin with a dot");
  };
  if (name.empty()) return refuse("it is empty");
  if (name.size() > 200) return refuse("it has " + std::to_string(name.size()) + " characters");
  if (name.front() == '.') return refuse("it begins with a dot");
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool allowed =
        (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    if (!allowed)
      return refuse("character " + std::to_string(static_cast<unsigned char>(c)) + " (decimal) at index " +
                    std::to_string(i));
  }
  return {};
}

Result<File> create_unnamed() {
  if (test_switches::no_unnamed_files()) return Status::would_block;
  File file(open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, owner_only));
  if (!file.valid()) {
    if (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL) return Status::would_block;
    return system_failure("open(O_TMPFILE)", folder, errno);
  }
  if (auto done = make_private(file, folder); !done) return done.take_failure();
  return file;
}

bool makes_unnamed_files() { return create_unnamed().status() != Status::would_block; }

Result<void> link_to_name(const File& file, std::string_view name) {
  if (linkat(AT_FDCWD, path_of(file.fd()).c_str(), AT_FDCWD, path_of(name).c_str(), AT_SYMLINK_FOLLOW) == 0) return {};
  if (errno == EEXIST) return Status::already_exists;
  return system_failure("linkat", path_of(name), errno);
}

Result<File> create_named(std::string_view name) {
  File file(open(path_of(name).c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, owner_only));
  if (!file.valid()) {
    if (errno == EEXIST) return Status::already_exists;
    return system_failure("open(O_CREAT)", path_of(name), errno);
  }
  if (auto done = make_private(file, path_of(name)); !done) return done.take_failure();
  return file;
}

Result<File> create_memfd() {
  File file(memfd_create("zerobuffer", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file.valid()) return system_failure("memfd_create", "an anonymous buffer", errno);
  if (auto done = make_private(file, "an anonymous buffer"); !done) return done.take_failure();
  return file;
}

Result<void> seal_size(const File& file) {
  if (fcntl(file.fd(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0) return {};
  return system_failure("fcntl(F_ADD_SEALS)", "an anonymous buffer", errno);
}

bool size_is_sealed(const File& file) noexcept {
  constexpr int needed = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
  const int seals = fcntl(file.fd(), F_GET_SEALS);
  return seals >= 0 && (seals & needed) == needed;
}

Result<File> open_existing(std::string_view name) {
  const std::string path = path_of(name);
  // O_NONBLOCK: a FIFO of this name must not make us wait
  File file(open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) {
    switch (errno) {
      case ENOENT:
        return Failure(Status::not_found, "there is no buffer \"" + std::string(name) + "\" (" + path + ")", ENOENT);
      case ELOOP:
        return Failure(Status::incompatible, path + " is a symbolic link, which is never followed", ELOOP);
      case EISDIR:
        return Failure(Status::incompatible, path + " is a directory, and so no buffer", EISDIR);
      case EACCES: {
        struct stat status {};
        std::string reason = path + ": access refused";
        if (lstat(path.c_str(), &status) == 0) {
          reason += "; it belongs to user " + std::to_string(status.st_uid) + ", this process runs as user " +
                    std::to_string(geteuid());
        }
        return Failure(Status::permission_denied, reason, EACCES);
      }
      default:
        return system_failure("open", path, errno);
    }
  }
  return checked(std::move(file), path);
}

Result<File> adopt(int fd) {
  File file(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!file.valid()) return system_failure("fcntl(F_DUPFD_CLOEXEC)", "descriptor " + std::to_string(fd), errno);
  return checked(std::move(file), "descriptor " + std::to_string(fd));
}

Result<File> reopen(const File& file) {
  File again(open(path_of(file.fd()).c_str(), O_RDWR | O_CLOEXEC));
  if (!again.valid()) return system_failure("open", path_of(file.fd()) + " (is /proc mounted?)", errno);
  auto first = file.identity();
  auto second = again.identity();
  if (!first) return first.take_failure();
  if (!second) return second.take_failure();
  if (!(*first == *second)) return Failure(Status::system_error, "opening a buffer's file again gave another file");
  return again;
}

bool name_refers_to(std::string_view name, const File& file) {
  struct stat named {};
  if (lstat(path_of(name).c_str(), &named) != 0) return false;
  auto own = file.identity();
  return own.ok() && own->device == named.st_dev && own->inode == named.st_ino;
}

void unlink_name(std::string_view name) noexcept { ::unlink(path_of(name).c_str()); }

Result<std::vector<std::string>> list_names() {
  DIR* directory = opendir(folder);
  if (directory == nullptr) return system_failure("opendir", folder, errno);
  std::vector<std::string> names;
  while (const dirent* entry = readdir(directory)) {
    struct stat status {};
    if (!check_name(entry->d_name)) continue;
    if (fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (S_ISREG(status.st_mode) && status.st_uid == geteuid()) names.emplace_back(entry->d_name);
  }
  closedir(directory);
  std::sort(names.begin(), names.end());
  return names;
}

Result<void> reserve_pages(const File& file, std::uint64_t size) {
  constexpr std::uint64_t piece = 64 << 20;  // small enough that a signal is noticed
  for (std::uint64_t done = 0; done < size;) {
    const std::uint64_t length = std::min(piece, size - done);
    if (fallocate(file.fd(), 0, static_cast<off_t>(done), static_cast<off_t>(length)) == 0) {
      done += length;
    } else if (errno != EINTR) {
      const int error = errno;
      if (error == ENOSPC || error == ENOMEM) {
        if (auto checked_again = check_space(file, size - done); !checked_again) return checked_again.take_failure();
      }
      return system_failure("fallocate",
                            "reserving " + std::to_string(size) + " bytes of shared memory, of which " +
                                std::to_string(done) + " were had",
                            error);
    }
  }
  return {};
}

Result<void> set_size(const File& file, std::uint64_t size) {
  if (auto enough = check_space(file, size); !enough) return enough;
  while (ftruncate(file.fd(), static_cast<off_t>(size)) != 0) {
    if (errno != EINTR) return system_failure("ftruncate", std::to_string(size) + " bytes of shared memory", errno);
  }
  return {};
}

Result<void> reserve(const File& file, std::uint64_t size) {
  if (auto sized = set_size(file, size); !sized) return sized;
  return reserve_pages(file, size);
}

}  // namespace zerobuffer::os
