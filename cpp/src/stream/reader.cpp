// The public Reader and Frame: handles of a ReaderCore.
#include "zerobuffer/reader.hpp"

#include "stream/reader_core.hpp"

namespace zerobuffer {
namespace {
using buffer::Attachment;
using buffer::Role;

Result<stream::ReaderCore*> with_core(Result<Attachment> attachment, const BufferConfig& config) {
  if (!attachment) return attachment.take_failure();
  return stream::ReaderCore::make(std::move(*attachment), config);
}
}  // namespace

Result<Reader> Reader::create(std::string_view name, const BufferConfig& config) {
  auto core = with_core(Attachment::create(name, config, Role::reader), config);
  if (!core) return core.take_failure();
  return Reader(*core);
}
Result<Reader> Reader::open(std::string_view name, Timeout connect_timeout, const BufferConfig& config) {
  auto core = with_core(Attachment::open(name, connect_timeout, config, Role::reader), config);
  if (!core) return core.take_failure();
  return Reader(*core);
}
Result<Reader> Reader::create_anonymous(const BufferConfig& config) {
  auto core = with_core(Attachment::create_anonymous(config, Role::reader), config);
  if (!core) return core.take_failure();
  return Reader(*core);
}
Result<Reader> Reader::open_fd(int fd, const BufferConfig& config) {
  auto core = with_core(Attachment::open_fd(fd, config, Role::reader), config);
  if (!core) return core.take_failure();
  return Reader(*core);
}

Reader& Reader::operator=(Reader&& other) noexcept {
  if (this != &other) {
    close();
    core_ = std::exchange(other.core_, nullptr);
  }
  return *this;
}
Reader::~Reader() { close(); }

Result<Frame> Reader::read(Timeout timeout) noexcept {
  return core_ != nullptr ? core_->read(timeout) : Status::handle_closed;
}
Result<Frame> Reader::try_read() noexcept { return core_ != nullptr ? core_->try_read() : Status::handle_closed; }
Result<std::size_t> Reader::read_many(std::span<Frame> out, Timeout timeout) noexcept {
  return core_ != nullptr ? core_->read_many(out, timeout) : Status::handle_closed;
}
Result<std::size_t> Reader::read_messages(std::span<std::byte> into, std::size_t message_size,
                                          Timeout timeout) noexcept {
  return core_ != nullptr ? core_->read_messages(into, message_size, timeout) : Status::handle_closed;
}
Result<Frame> Reader::read_newest(Timeout timeout) noexcept {
  return core_ != nullptr ? core_->read_newest(timeout) : Status::handle_closed;
}
Result<std::vector<std::byte>> Reader::metadata(Timeout timeout) {
  return core_ != nullptr ? core_->metadata(timeout) : Status::handle_closed;
}
void Reader::interrupt() noexcept {
  if (core_ != nullptr) core_->interrupt();
}
void Reader::set_wait_hook(WaitHook hook, void* context) noexcept {
  if (core_ != nullptr) core_->set_wait_hook(hook, context);
}
Result<void> Reader::when_ready(ReadyCallback callback, void* context) {
  return core_ != nullptr ? core_->when_ready(callback, context) : Status::handle_closed;
}
Result<void> Reader::when_metadata(ReadyCallback callback, void* context) {
  return core_ != nullptr ? core_->when_metadata(callback, context) : Status::handle_closed;
}
bool Reader::cancel_when() noexcept { return core_ != nullptr && core_->cancel_when(); }
ReaderStats Reader::stats() const noexcept { return core_ != nullptr ? core_->stats() : ReaderStats{}; }
BufferInfo Reader::info() const noexcept { return core_ != nullptr ? core_->info() : BufferInfo{}; }
int Reader::fd() const noexcept { return core_ != nullptr ? core_->fd() : -1; }
std::shared_ptr<const void> Reader::mapping() const { return core_ != nullptr ? core_->mapping() : nullptr; }
void Reader::close() noexcept {
  if (core_ != nullptr) std::exchange(core_, nullptr)->close();
}

void Frame::release() noexcept {
  if (core_ == nullptr) return;
  data_ = nullptr;
  size_ = 0;
  std::exchange(core_, nullptr)->release(held_);
}

}  // namespace zerobuffer
