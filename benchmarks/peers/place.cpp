// See place.hpp.
#include "place.hpp"

#include <unistd.h>

#include <filesystem>
#include <system_error>

namespace zerobuffer::peers {

std::string path_of(const Session& session, const std::string& suffix) {
  return "/tmp/" + session.ring_name() + "." + suffix;
}

std::string run_prefix() { return "zerobuffer-bench-" + std::to_string(::getpid()) + "-"; }

Sweep::~Sweep() {
  const std::string prefix = run_prefix();
  for (const char* folder : {"/tmp", "/dev/shm"}) {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
      if (entry.path().filename().string().rfind(prefix, 0) != 0) continue;
      if (entry.is_symlink(ignored)) {
        std::filesystem::remove(std::filesystem::read_symlink(entry.path(), ignored), ignored);
      }
      std::filesystem::remove(entry.path(), ignored);
    }
  }
}

}  // namespace zerobuffer::peers
