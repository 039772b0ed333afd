// Eclipse iceoryx: a publisher and a subscriber for each direction; payload is written into a loaned chunk and read
// where it lies. Needs RouDi (roudi.hpp).
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>

#include "bench/processor.hpp"
#include "iceoryx_hoofs/log/logmanager.hpp"
#include "iceoryx_posh/internal/runtime/posh_runtime_impl.hpp"
#include "iceoryx_posh/popo/untyped_publisher.hpp"
#include "iceoryx_posh/popo/untyped_subscriber.hpp"
#include "iceoryx_posh/popo/wait_set.hpp"
#include "peers.hpp"
#include "place.hpp"
#include "roudi.hpp"
#include "rows.hpp"

namespace zerobuffer::peers {
namespace {

/// The largest queue for small messages; of frames so few that chunks are used again while they are warm.
std::uint64_t depth_for(std::size_t size) { return size <= 4096 ? iox::MAX_SUBSCRIBER_QUEUE_CAPACITY : 2; }

/// The library's own ends with the process, by handlers that a side of a measurement does not run; this one ends with
/// the measurement, so that RouDi can tidy up.
class OwnRuntime : public iox::runtime::PoshRuntimeImpl {
 public:
  explicit OwnRuntime(const iox::RuntimeName_t& name)
      : PoshRuntimeImpl(iox::cxx::make_optional<const iox::RuntimeName_t*>(&name)) {
    current = this;
    setRuntimeFactory([](auto) -> PoshRuntime& { return *current; });
  }

 private:
  static inline OwnRuntime* current = nullptr;
};

/// @tparam polling asks the subscriber again and again, else a WaitSet sleeps
template <bool polling>
class Iceoryx {
 public:
  Iceoryx(Session& session, bool first, std::size_t size) : size_(static_cast<std::uint32_t>(size)) {
    iox::log::LogManager::GetLogManager().SetDefaultLogLevel(iox::log::LogLevel::kWarn,
                                                             iox::log::LogLevelOutput::kHideLogLevel);
    const std::string own_name = session.ring_name() + (first ? "-first" : "-second");
    runtime_ = std::make_unique<OwnRuntime>(iox::RuntimeName_t(iox::cxx::TruncateToCapacity, own_name.c_str()));

    iox::popo::PublisherOptions publishing;
    publishing.subscriberTooSlowPolicy = iox::popo::ConsumerTooSlowPolicy::WAIT_FOR_CONSUMER;
    publisher_.emplace(service(session, first ? "there" : "back"), publishing);
    iox::popo::SubscriberOptions subscribing;
    subscribing.queueCapacity = depth_for(size);
    subscribing.queueFullPolicy = iox::popo::QueueFullPolicy::BLOCK_PRODUCER;
    subscriber_.emplace(service(session, first ? "back" : "there"), subscribing);
    if constexpr (!polling) {
      waiting_.emplace();
      if (waiting_->attachState(*subscriber_, iox::popo::SubscriberState::HAS_DATA).has_error()) {
        throw std::runtime_error("iceoryx: the subscriber cannot be attached to a WaitSet");
      }
    }
    while (!publisher_->hasSubscribers() || subscriber_->getSubscriptionState() != iox::SubscribeState::SUBSCRIBED) {
      std::this_thread::yield();
    }
    session.meet();
  }
  ~Iceoryx() = default;
  Iceoryx(const Iceoryx&) = delete;
  Iceoryx& operator=(const Iceoryx&) = delete;

  void send(std::span<const std::byte> message) {
    auto chunk = publisher_->loan(size_);
    if (chunk.has_error()) throw std::runtime_error("iceoryx: no chunk could be loaned");
    std::memcpy(chunk.value(), message.data(), message.size());
    publisher_->publish(chunk.value());
  }
  template <class Visit>
  void receive(Visit&& visit) {
    for (;;) {
      auto taken = subscriber_->take();
      if (!taken.has_error()) {
        visit(std::span(static_cast<const std::byte*>(taken.value()), size_));
        subscriber_->release(taken.value());
        return;
      }
      if (taken.get_error() != iox::popo::ChunkReceiveResult::NO_CHUNK_AVAILABLE) {
        throw std::runtime_error("iceoryx: a chunk cannot be taken");
      }
      if constexpr (polling) {
        cli::bench::pause();
      } else {
        static_cast<void>(waiting_->wait());
      }
    }
  }
  void flush() {}

 private:
  static iox::capro::ServiceDescription service(const Session& session, const char* direction) {
    return {"zerobuffer-bench",
            {iox::cxx::TruncateToCapacity, session.ring_name().c_str()},
            {iox::cxx::TruncateToCapacity, direction}};
  }
  std::uint32_t size_;
  std::unique_ptr<OwnRuntime> runtime_;
  std::optional<iox::popo::UntypedPublisher> publisher_;
  std::optional<iox::popo::UntypedSubscriber> subscriber_;
  std::optional<iox::popo::WaitSet<>> waiting_;
};

}  // namespace

void add_iceoryx(Plan& plan) {
  Rows rows(plan, "iceoryx", Send::in_user_memory, [](std::size_t size) {
    return Json{{"queue_chunks", depth_for(size)},
                {"pool_chunks", size <= 4096 ? small_chunks : frame_chunks},
                {"when_full", "the publisher waits"}};
  });
  rows.round_trips<Iceoryx<false>>(all_sizes, Policy::standard);
  rows.round_trips<Iceoryx<true>>(all_sizes, Policy::spin);
  rows.one_way<Iceoryx<false>>(Policy::standard);
  rows.one_way<Iceoryx<true>>(Policy::spin);
  rows.frames<Iceoryx<true>>(Policy::spin);
}

}  // namespace zerobuffer::peers
