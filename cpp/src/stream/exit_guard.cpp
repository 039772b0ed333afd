// The list behind leave_at_exit().
#include "stream/exit_guard.hpp"

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <vector>

#include "buffer/attachment.hpp"
#include "os/process_wide.hpp"

namespace zerobuffer::stream {
namespace {
struct Open {
  std::mutex mutex;
  std::vector<buffer::Attachment*> attachments;
  void after_fork() const noexcept {}  // each attachment knows whose it is
};
constinit os::ProcessWide<Open> open_now;

[[gnu::constructor(os::load_second)]] void set_up() {
  os::hold_across_fork<open_now>();
  std::atexit([] {
    const std::lock_guard guard(open_now->mutex);
    for (buffer::Attachment* attachment : open_now->attachments) attachment->leave_at_exit();
  });
}
}  // namespace

void leave_at_exit(buffer::Attachment& attachment) {
  const std::lock_guard guard(open_now->mutex);
  open_now->attachments.push_back(&attachment);
}

void forget_at_exit(buffer::Attachment& attachment) noexcept {
  const std::lock_guard guard(open_now->mutex);
  auto& attachments = open_now->attachments;
  attachments.erase(std::remove(attachments.begin(), attachments.end(), &attachment), attachments.end());
}

}  // namespace zerobuffer::stream
