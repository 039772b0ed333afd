// The public Writer, Claim and Batch: handles of a WriterCore.
#include "zerobuffer/writer.hpp"

#include "stream/writer_core.hpp"

namespace zerobuffer {
namespace {
using buffer::Attachment;
using buffer::Role;

Result<stream::WriterCore*> with_core(Result<Attachment> attachment, const BufferConfig& config) {
  if (!attachment) return attachment.take_failure();
  return stream::WriterCore::make(std::move(*attachment), config);
}
}  // namespace

Result<void> Claim::commit(std::size_t n, FrameInfo info) noexcept {
  if (core_ == nullptr) return Status::handle_closed;
  auto committed = core_->commit(n, size_, info);
  if (committed.status() == Status::invalid_argument) return committed;
  std::exchange(core_, nullptr)->end_claim(false);
  return committed;
}
void Claim::discard() noexcept {
  if (core_ != nullptr) std::exchange(core_, nullptr)->end_claim(true);
}
void Batch::publish() noexcept {
  if (core_ != nullptr) std::exchange(core_, nullptr)->end_batch();
}

Result<Writer> Writer::create(std::string_view name, const BufferConfig& config) {
  auto core = with_core(Attachment::create(name, config, Role::writer), config);
  if (!core) return core.take_failure();
  return Writer(*core);
}
Result<Writer> Writer::open(std::string_view name, Timeout connect_timeout, const BufferConfig& config) {
  auto core = with_core(Attachment::open(name, connect_timeout, config, Role::writer), config);
  if (!core) return core.take_failure();
  return Writer(*core);
}
Result<Writer> Writer::create_anonymous(const BufferConfig& config) {
  auto core = with_core(Attachment::create_anonymous(config, Role::writer), config);
  if (!core) return core.take_failure();
  return Writer(*core);
}
Result<Writer> Writer::open_fd(int fd, const BufferConfig& config) {
  auto core = with_core(Attachment::open_fd(fd, config, Role::writer), config);
  if (!core) return core.take_failure();
  return Writer(*core);
}

Writer& Writer::operator=(Writer&& other) noexcept {
  if (this != &other) {
    static_cast<void>(close());
    core_ = std::exchange(other.core_, nullptr);
  }
  return *this;
}
Writer::~Writer() { static_cast<void>(close()); }

Result<Claim> Writer::claim(std::size_t size, Timeout timeout) noexcept {
  return core_ != nullptr ? core_->claim(size, timeout) : Status::handle_closed;
}
Result<Claim> Writer::try_claim(std::size_t size) noexcept {
  return core_ != nullptr ? core_->try_claim(size) : Status::handle_closed;
}
Result<void> Writer::write(std::span<const std::byte> data, Timeout timeout, FrameInfo info) noexcept {
  return core_ != nullptr ? core_->write(data, timeout, info) : Status::handle_closed;
}
Result<void> Writer::try_write(std::span<const std::byte> data, FrameInfo info) noexcept {
  return core_ != nullptr ? core_->try_write(data, info) : Status::handle_closed;
}
Result<std::size_t> Writer::write_messages(std::span<const std::byte> messages, std::size_t message_size,
                                           Timeout timeout, FrameInfo info) noexcept {
  return core_ != nullptr ? core_->write_messages(messages, message_size, timeout, info) : Status::handle_closed;
}
Batch Writer::batch() noexcept { return core_ != nullptr ? core_->batch() : Batch(); }
Result<void> Writer::write_metadata(std::span<const std::byte> metadata) noexcept {
  return core_ != nullptr ? core_->write_metadata(metadata) : Status::handle_closed;
}
Result<void> Writer::wait_for_readers(std::uint32_t n, Timeout timeout) noexcept {
  return core_ != nullptr ? core_->wait_for_readers(n, timeout) : Status::handle_closed;
}
Result<void> Writer::drain(Timeout timeout) noexcept {
  return core_ != nullptr ? core_->drain(timeout) : Status::handle_closed;
}
Result<std::uint32_t> Writer::forget_dead_readers() noexcept {
  return core_ != nullptr ? core_->forget_dead_readers() : Status::handle_closed;
}
void Writer::interrupt() noexcept {
  if (core_ != nullptr) core_->interrupt();
}
void Writer::set_wait_hook(WaitHook hook, void* context) noexcept {
  if (core_ != nullptr) core_->set_wait_hook(hook, context);
}
Result<void> Writer::when_ready(std::size_t size, ReadyCallback callback, void* context) {
  return core_ != nullptr ? core_->when_ready(size, callback, context) : Status::handle_closed;
}
bool Writer::cancel_when() noexcept { return core_ != nullptr && core_->cancel_when(); }
WriterStats Writer::stats() const noexcept { return core_ != nullptr ? core_->stats() : WriterStats{}; }
BufferInfo Writer::info() const noexcept { return core_ != nullptr ? core_->info() : BufferInfo{}; }
int Writer::fd() const noexcept { return core_ != nullptr ? core_->fd() : -1; }
std::shared_ptr<const void> Writer::mapping() const { return core_ != nullptr ? core_->mapping() : nullptr; }
Result<std::uint64_t> Writer::close(Timeout linger) noexcept {
  if (core_ == nullptr) return std::uint64_t{0};
  return std::exchange(core_, nullptr)->close(linger);
}

}  // namespace zerobuffer
