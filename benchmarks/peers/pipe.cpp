// The pipe of the kernel, one for each direction: FIFOs, since the two sides are strangers who open them by name; once
// open, a FIFO is a pipe.
#include <sys/stat.h>

#include "byte_stream.hpp"
#include "peers.hpp"
#include "place.hpp"
#include "rows.hpp"

namespace zerobuffer::peers {
namespace {

/// What the kernel grants without privileges.
constexpr int pipe_size = 1 << 20;

template <bool polling>
class Pipe : public ByteStream<polling> {
 public:
  Pipe(Session& session, bool first, std::size_t size) : ByteStream<polling>(size) {
    const std::string there = path_of(session, "there");
    const std::string back = path_of(session, "back");
    if (first) {
      check_call(::mkfifo(there.c_str(), 0600), "mkfifo");
      check_call(::mkfifo(back.c_str(), 0600), "mkfifo");
    }
    session.meet();
    // For reading and writing, so that none waits for the other here.
    Descriptor out = open_pipe(first ? there : back);
    Descriptor in = open_pipe(first ? back : there);
    session.meet();
    if (first) {
      ::unlink(there.c_str());
      ::unlink(back.c_str());
    }
    this->use(std::move(in), std::move(out));
  }

 private:
  static Descriptor open_pipe(const std::string& path) {
    Descriptor descriptor(check_call(::open(path.c_str(), O_RDWR | O_CLOEXEC), "open"));
    check_call(::fcntl(descriptor.number(), F_SETPIPE_SZ, pipe_size), "F_SETPIPE_SZ");
    return descriptor;
  }
};

}  // namespace

void add_pipe(Plan& plan) {
  Rows rows(plan, "pipe", Send::calls_kernel, [](std::size_t) {
    return Json{{"pipe_bytes", pipe_size}, {"read_ahead_bytes", read_ahead}};
  });
  rows.round_trips<Pipe<false>>(all_sizes, Policy::standard);
  rows.round_trips<Pipe<true>>({64}, Policy::spin);
  rows.one_way<Pipe<false>>(Policy::standard);
  rows.frames_copied_by_peer<Pipe<false>>(Policy::standard);
}

}  // namespace zerobuffer::peers
