// The list behind leave_at_exit().
#include "stream/exit_guard.hpp"

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <vector>

#include "buffer/attachment.hpp"
#include "os/process.hpp"
#include "stream/watcher.hpp"

namespace zerobuffer::stream {
namespace {
struct Open {
  std::mutex mutex;
  std::vector<buffer::Attachment*> attachments;
};
Open& open_attachments() {
  static Open* instance = [] {
    auto* made = new Open;  // never deleted: it is used by the exit handler
    std::atexit([] {
      const std::lock_guard guard(open_attachments().mutex);
      for (buffer::Attachment* attachment : open_attachments().attachments) attachment->leave_at_exit();
    });
    // a child forked while another thread holds the mutex could never exit
    os::at_fork([] { open_attachments().mutex.lock(); }, [] { open_attachments().mutex.unlock(); },
                [] { open_attachments().mutex.unlock(); });
    set_up_watching();  // its lock is taken before this one's, so it is told of a fork after it
    return made;
  }();
  return *instance;
}
}  // namespace

void leave_at_exit(buffer::Attachment& attachment) {
  const std::lock_guard guard(open_attachments().mutex);
  open_attachments().attachments.push_back(&attachment);
}

void forget_at_exit(buffer::Attachment& attachment) noexcept {
  const std::lock_guard guard(open_attachments().mutex);
  auto& attachments = open_attachments().attachments;
  attachments.erase(std::remove(attachments.begin(), attachments.end(), &attachment), attachments.end());
}

}  // namespace zerobuffer::stream
