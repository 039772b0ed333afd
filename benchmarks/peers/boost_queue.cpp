// Boost.Interprocess' message_queue: shared memory, a mutex and two conditions; messages are copied in and out.
#include <boost/interprocess/ipc/message_queue.hpp>
#include <optional>
#include <vector>

#include "bench/processor.hpp"
#include "peers.hpp"
#include "place.hpp"
#include "rows.hpp"

namespace zerobuffer::peers {
namespace {

using boost::interprocess::create_only;
using boost::interprocess::message_queue;
using boost::interprocess::open_only;

/// Many small messages; of frames so few that they stay in the cache.
std::size_t depth_for(std::size_t size) { return size <= 4096 ? 1024 : 4; }

template <bool polling>
class BoostQueue {
 public:
  BoostQueue(Session& session, bool first, std::size_t size) : buffer_(size) {
    const std::string there = session.ring_name() + ".there";
    const std::string back = session.ring_name() + ".back";
    if (first) {
      out_.emplace(create_only, there.c_str(), depth_for(size), size);
      in_.emplace(create_only, back.c_str(), depth_for(size), size);
      session.meet();
    } else {
      session.meet();
      in_.emplace(open_only, there.c_str());
      out_.emplace(open_only, back.c_str());
    }
    session.meet();
    if (!first) return;
    message_queue::remove(there.c_str());
    message_queue::remove(back.c_str());
  }
  void send(std::span<const std::byte> message) {
    if constexpr (polling) {
      while (!out_->try_send(message.data(), message.size(), 0)) cli::bench::pause();
    } else {
      out_->send(message.data(), message.size(), 0);
    }
  }
  template <class Visit>
  void receive(Visit&& visit) {
    std::size_t got = 0;
    unsigned priority = 0;
    if constexpr (polling) {
      while (!in_->try_receive(buffer_.data(), buffer_.size(), got, priority)) cli::bench::pause();
    } else {
      in_->receive(buffer_.data(), buffer_.size(), got, priority);
    }
    visit(std::span<const std::byte>(buffer_.data(), got));
  }
  void flush() {}

 private:
  std::vector<std::byte> buffer_;
  std::optional<message_queue> out_;
  std::optional<message_queue> in_;
};

}  // namespace

void add_boost_queue(Plan& plan) {
  Rows rows(plan, "boost", Send::in_user_memory, [](std::size_t size) {
    return Json{{"queue_messages", depth_for(size)}};
  });
  rows.round_trips<BoostQueue<false>>(all_sizes, Policy::standard);
  rows.round_trips<BoostQueue<true>>(all_sizes, Policy::spin);
  rows.one_way<BoostQueue<false>>(Policy::standard);
  rows.one_way<BoostQueue<true>>(Policy::spin);
  rows.frames_copied_by_peer<BoostQueue<true>>(Policy::spin);
}

}  // namespace zerobuffer::peers
