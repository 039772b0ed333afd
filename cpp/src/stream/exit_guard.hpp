// Leaves every buffer when the process exits: only one that ran neither destructors nor exit handlers counts as dead.
#pragma once

namespace zerobuffer::buffer {
class Attachment;
}

namespace zerobuffer::stream {

/// Remembers an attachment until remove(); exit() makes it leave. Both take a lock; neither is on the hot path.
void leave_at_exit(buffer::Attachment& attachment);
void forget_at_exit(buffer::Attachment& attachment) noexcept;

}  // namespace zerobuffer::stream
