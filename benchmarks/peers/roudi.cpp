// See roudi.hpp.
#include "roudi.hpp"

#include <pwd.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "place.hpp"
#include "signals.hpp"

namespace zerobuffer::peers {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds start_time{20};
constexpr std::chrono::seconds wait_for_another{30};
constexpr std::chrono::seconds end_time{10};
constexpr std::chrono::milliseconds look_again{10};

/// Payload sizes are rounded up to lines; the last holds a picture of 1080p.
void write_config(const std::string& path) {
  struct Pool {
    unsigned size;
    unsigned count;
  };
  std::ofstream file(path);
  file << "[general]\nversion = 1\n\n[[segment]]\n";
  for (const Pool pool : {Pool{128, small_chunks}, Pool{1152, small_chunks}, Pool{65'664, 4 * frame_chunks},
                          Pool{1'048'704, frame_chunks}, Pool{6'220'928, frame_chunks}}) {
    file << "\n[[segment.mempool]]\nsize = " << pool.size << "\ncount = " << pool.count << "\n";
  }
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

// What it takes away itself where a signal finds it listening, which it does only some time after it says that it is
// up. Nobody else's: there is one at a time on a machine, and it was ours.
void remove_leavings() {
  ::shm_unlink("/iceoryx_mgmt");
  if (const passwd* user = ::getpwuid(::geteuid()); user != nullptr) ::shm_unlink(user->pw_name);
  for (const char* path : {"/tmp/roudi", "/tmp/roudi.lock", "/tmp/iox-unique-roudi.lock"}) ::unlink(path);
}

}  // namespace

RouDi::RouDi() : config_path_("/tmp/" + run_prefix() + "roudi.toml") {
  write_config(config_path_);
  const auto begin = Clock::now();
  while (!start()) {
    const bool another = said().find("lock") != std::string::npos;
    if (!another || Clock::now() - begin > wait_for_another || cli::stop_requested()) {
      ::unlink(config_path_.c_str());
      throw std::runtime_error("RouDi of iceoryx did not start: " + said());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
}

RouDi::~RouDi() {
  ::unlink(config_path_.c_str());
  if (process_ <= 0) return;
  ::kill(process_, SIGTERM);
  const auto begin = Clock::now();
  int status = 0;
  while (::waitpid(process_, &status, WNOHANG) == 0) {
    if (Clock::now() - begin > end_time) ::kill(process_, SIGKILL);
    std::this_thread::sleep_for(look_again);
  }
  if (WIFSIGNALED(status)) remove_leavings();
}

bool RouDi::start() {
  output_ = Descriptor(check_call(::memfd_create("roudi-output", MFD_CLOEXEC), "memfd_create"));
  const pid_t parent = ::getpid();
  process_ = check_call(::fork(), "fork");
  if (process_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    // A group of its own: Ctrl-C is meant for the program, which then ends this one.
    ::setpgid(0, 0);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::signal(signal, SIG_DFL);
    ::dup2(output_.number(), STDOUT_FILENO);
    ::dup2(output_.number(), STDERR_FILENO);
    if (::getppid() == parent) {
      ::execl(ZEROBUFFER_ROUDI, ZEROBUFFER_ROUDI, "-c", config_path_.c_str(), "-m", "on", static_cast<char*>(nullptr));
    }
    ::_exit(127);
  }
  const auto begin = Clock::now();
  while (said().find("ready for clients") == std::string::npos) {
    if (::waitpid(process_, nullptr, WNOHANG) != 0) {
      process_ = 0;
      return false;
    }
    // A signal waits until it is up: only then does it take away what it has made when it is told to end.
    if (Clock::now() - begin > start_time) {
      ::kill(process_, SIGKILL);
      ::waitpid(process_, nullptr, 0);
      remove_leavings();
      process_ = 0;
      return false;
    }
    std::this_thread::sleep_for(look_again);
  }
  return true;
}

std::string RouDi::said() const {
  std::string text(4096, '\0');
  const ssize_t got = ::pread(output_.number(), text.data(), text.size(), 0);
  text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return text;
}

}  // namespace zerobuffer::peers
