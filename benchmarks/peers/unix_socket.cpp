// Unix domain sockets: a stream, and messages with borders (seqpacket). Their names are abstract, so there is no file.
#include <sys/socket.h>
#include <sys/un.h>

#include "byte_stream.hpp"
#include "peers.hpp"
#include "place.hpp"
#include "rows.hpp"

namespace zerobuffer::peers {
namespace {

/// The kernel doubles it; more needs privileges on a machine as it comes.
constexpr int asked_buffer = 4 << 20;

/// Connects the two sides.
Descriptor connect_sides(Session& session, bool first, int type) {
  Descriptor socket(check_call(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0), "socket"));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = session.ring_name();
  std::memcpy(address.sun_path + 1, name.data(), std::min(name.size(), sizeof address.sun_path - 1));
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  const auto* any = reinterpret_cast<const sockaddr*>(&address);
  if (first) {
    check_call(::bind(socket.number(), any, length), "bind");
    check_call(::listen(socket.number(), 1), "listen");
    session.meet();
    socket = Descriptor(check_call(::accept4(socket.number(), nullptr, nullptr, SOCK_CLOEXEC), "accept"));
  } else {
    session.meet();
    check_call(::connect(socket.number(), any, length), "connect");
  }
  for (const int option : {SO_SNDBUF, SO_RCVBUF}) {
    check_call(::setsockopt(socket.number(), SOL_SOCKET, option, &asked_buffer, sizeof asked_buffer), "setsockopt");
  }
  session.meet();
  return socket;
}

template <bool polling>
class StreamSocket : public ByteStream<polling> {
 public:
  StreamSocket(Session& session, bool first, std::size_t size) : ByteStream<polling>(size) {
    Descriptor socket = connect_sides(session, first, SOCK_STREAM);
    Descriptor twin(check_call(::fcntl(socket.number(), F_DUPFD_CLOEXEC, 0), "dup"));
    this->use(std::move(socket), std::move(twin));
  }
};

/// One call for each message, both ways.
template <bool polling>
class PacketSocket {
 public:
  PacketSocket(Session& session, bool first, std::size_t size)
      : socket_(connect_sides(session, first, SOCK_SEQPACKET)), buffer_(size) {}
  void send(std::span<const std::byte> message) {
    while (::send(socket_.number(), message.data(), message.size(), flags) < 0) wait_a_little("send");
  }
  template <class Visit>
  void receive(Visit&& visit) {
    ssize_t got = 0;
    while ((got = ::recv(socket_.number(), buffer_.data(), buffer_.size(), flags)) < 0) wait_a_little("recv");
    visit(std::span<const std::byte>(buffer_.data(), static_cast<std::size_t>(got)));
  }
  void flush() {}

 private:
  static constexpr int flags = polling ? MSG_DONTWAIT : 0;
  static void wait_a_little(const char* call) {
    if (errno != EAGAIN && errno != EINTR) throw_errno(call);
    cli::bench::pause();
  }
  Descriptor socket_;
  std::vector<std::byte> buffer_;
};

}  // namespace

void add_unix_socket(Plan& plan) {
  Rows stream(plan, "unix_socket", Send::calls_kernel, [](std::size_t) {
    return Json{{"type", "stream"}, {"socket_buffer_bytes", 2 * asked_buffer}, {"read_ahead_bytes", read_ahead}};
  });
  stream.round_trips<StreamSocket<false>>(all_sizes, Policy::standard);
  stream.round_trips<StreamSocket<true>>({64}, Policy::spin);
  stream.one_way<StreamSocket<false>>(Policy::standard);
  stream.frames_copied_by_peer<StreamSocket<false>>(Policy::standard);
  Rows packets(plan, "unix_packets", Send::calls_kernel, [](std::size_t) {
    return Json{{"type", "seqpacket"}, {"socket_buffer_bytes", 2 * asked_buffer}};
  });
  packets.round_trips<PacketSocket<false>>({64}, Policy::standard);
  packets.round_trips<PacketSocket<true>>({64}, Policy::spin);
  packets.one_way<PacketSocket<false>>(Policy::standard);
}

}  // namespace zerobuffer::peers
