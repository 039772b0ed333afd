// The functions of libzerobuffer.so, with blittable types only. SuppressGCTransition stands on those that never wait and never take
// long, for a garbage collection of the whole process waits for them: try_read and try_claim, commit and batches, and under a name
// of their own (…_short) the release of a frame and the writing of a small one. What they do at most, and seldom, is to wake the
// other side or to look at its lock: one system call that returns at once. It does not stand on what may wait, copy much, or unmap.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

[assembly: DisableRuntimeMarshalling]

namespace ZeroBuffer.Interop;

internal static unsafe partial class Native
{
    internal const string Library = "zerobuffer";
    internal const long Forever = long.MaxValue;
    internal const int SmallSize = 4096; // copied in less than a microsecond

    [LibraryImport(Library)] internal static partial int zb_last_failure(NativeFailure* failure);
    [LibraryImport(Library)] internal static partial nuint zb_last_failure_message(byte* buffer, nuint size);
    [LibraryImport(Library)] internal static partial byte* zb_status_name(int status);
    [LibraryImport(Library)] internal static partial byte* zb_status_text(int status);
    [LibraryImport(Library)] internal static partial byte* zb_version();
    [LibraryImport(Library)] internal static partial byte* zb_protocol_version();

    [LibraryImport(Library)] internal static partial int zb_buffer_config_init(NativeBufferConfig* config, nuint structSize);
    [LibraryImport(Library)]
    internal static partial int zb_buffer_config_for_frames(NativeBufferConfig* config, ulong frameSize, uint inFlight);

    [LibraryImport(Library)]
    internal static partial int zb_reader_create(byte* name, NativeBufferConfig* config, nint* reader);
    [LibraryImport(Library)]
    internal static partial int zb_reader_open(byte* name, long timeoutNs, NativeBufferConfig* config, nint* reader);
    [LibraryImport(Library)] internal static partial int zb_reader_create_anonymous(NativeBufferConfig* config, nint* reader);
    [LibraryImport(Library)] internal static partial int zb_reader_open_fd(int fd, NativeBufferConfig* config, nint* reader);

    [LibraryImport(Library)] internal static partial int zb_reader_read(nint reader, long timeoutNs, NativeFrame* frame);
    [LibraryImport(Library), SuppressGCTransition]
    internal static partial int zb_reader_try_read(nint reader, NativeFrame* frame);
    [LibraryImport(Library)]
    internal static partial int zb_reader_read_many(
        nint reader, long timeoutNs, NativeFrame* frames, nuint capacity, nuint* count);
    [LibraryImport(Library)]
    internal static partial int zb_reader_read_messages(
        nint reader, long timeoutNs, byte* messages, nuint messageSize, nuint capacity, nuint* count);
    [LibraryImport(Library)] internal static partial int zb_reader_read_newest(nint reader, long timeoutNs, NativeFrame* frame);
    [LibraryImport(Library)] internal static partial void zb_frame_release(NativeFrame* frame);

    /// <summary>Of a frame that lies in the reader's own buffer, while the reader is open.</summary>
    [LibraryImport(Library, EntryPoint = "zb_frame_release"), SuppressGCTransition]
    internal static partial void zb_frame_release_short(NativeFrame* frame);

    [LibraryImport(Library)]
    internal static partial int zb_reader_metadata(nint reader, long timeoutNs, byte* buffer, nuint capacity, nuint* size);

    [LibraryImport(Library)]
    internal static partial int zb_reader_when_ready(nint reader, delegate* unmanaged<nint, void> callback, nint context);
    [LibraryImport(Library)]
    internal static partial int zb_reader_when_metadata(nint reader, delegate* unmanaged<nint, void> callback, nint context);
    [LibraryImport(Library)] internal static partial byte zb_reader_cancel_when(nint reader);
    [LibraryImport(Library)] internal static partial void zb_reader_interrupt(nint reader);
    [LibraryImport(Library)] internal static partial int zb_reader_get_stats(nint reader, NativeReaderStats* stats);
    [LibraryImport(Library)] internal static partial int zb_reader_get_info(nint reader, NativeBufferInfo* info);
    [LibraryImport(Library)] internal static partial int zb_reader_fd(nint reader);
    [LibraryImport(Library)] internal static partial nint zb_reader_mapping(nint reader);
    [LibraryImport(Library)] internal static partial void zb_mapping_release(nint mapping);
    [LibraryImport(Library)] internal static partial void zb_reader_close(nint reader);

    [LibraryImport(Library)]
    internal static partial int zb_writer_create(byte* name, NativeBufferConfig* config, nint* writer);
    [LibraryImport(Library)]
    internal static partial int zb_writer_open(byte* name, long timeoutNs, NativeBufferConfig* config, nint* writer);
    [LibraryImport(Library)] internal static partial int zb_writer_create_anonymous(NativeBufferConfig* config, nint* writer);
    [LibraryImport(Library)] internal static partial int zb_writer_open_fd(int fd, NativeBufferConfig* config, nint* writer);

    [LibraryImport(Library)]
    internal static partial int zb_writer_claim(nint writer, nuint size, long timeoutNs, NativeClaim* claim);
    [LibraryImport(Library), SuppressGCTransition]
    internal static partial int zb_writer_try_claim(nint writer, nuint size, NativeClaim* claim);
    [LibraryImport(Library), SuppressGCTransition]
    internal static partial int zb_claim_commit(NativeClaim* claim, nuint n, ushort type, ulong tag);
    [LibraryImport(Library)] internal static partial void zb_claim_discard(NativeClaim* claim);
    [LibraryImport(Library)]
    internal static partial int zb_writer_write(nint writer, byte* data, nuint size, long timeoutNs, ushort type, ulong tag);

    /// <summary>Of at most <see cref="SmallSize"/> bytes, with a timeout of zero. Where there is no room: Status.Timeout.</summary>
    [LibraryImport(Library, EntryPoint = "zb_writer_write"), SuppressGCTransition]
    internal static partial int zb_writer_write_short(nint writer, byte* data, nuint size, long timeoutNs, ushort type, ulong tag);

    [LibraryImport(Library)]
    internal static partial int zb_writer_try_write(nint writer, byte* data, nuint size, ushort type, ulong tag);
    [LibraryImport(Library)]
    internal static partial int zb_writer_write_messages(
        nint writer, byte* messages, nuint messageSize, nuint count, long timeoutNs, ushort type, ulong tag, nuint* written);
    [LibraryImport(Library), SuppressGCTransition] internal static partial void zb_writer_begin_batch(nint writer);
    [LibraryImport(Library), SuppressGCTransition] internal static partial void zb_writer_end_batch(nint writer);
    [LibraryImport(Library)] internal static partial int zb_writer_write_metadata(nint writer, byte* metadata, nuint size);
    [LibraryImport(Library)] internal static partial int zb_writer_wait_for_readers(nint writer, uint n, long timeoutNs);
    [LibraryImport(Library)] internal static partial int zb_writer_drain(nint writer, long timeoutNs);
    [LibraryImport(Library)] internal static partial int zb_writer_forget_dead_readers(nint writer, uint* freed);
    [LibraryImport(Library)]
    internal static partial int zb_writer_when_ready(
        nint writer, nuint size, delegate* unmanaged<nint, void> callback, nint context);
    [LibraryImport(Library)] internal static partial byte zb_writer_cancel_when(nint writer);
    [LibraryImport(Library)] internal static partial void zb_writer_interrupt(nint writer);
    [LibraryImport(Library)] internal static partial int zb_writer_get_stats(nint writer, NativeWriterStats* stats);
    [LibraryImport(Library)] internal static partial int zb_writer_get_info(nint writer, NativeBufferInfo* info);
    [LibraryImport(Library)] internal static partial int zb_writer_fd(nint writer);
    [LibraryImport(Library)] internal static partial int zb_writer_close(nint writer, long lingerNs, ulong* unread);

    [LibraryImport(Library)] internal static partial int zb_shared_writer_create(nint output, nint source, nint* shared);
    [LibraryImport(Library)]
    internal static partial int zb_shared_writer_forward(nint shared, NativeFrame* frame, long timeoutNs, uint* how);
    [LibraryImport(Library)]
    internal static partial int zb_shared_writer_forward_as(
        nint shared, NativeFrame* frame, long timeoutNs, ushort type, ulong tag, uint* how);
    [LibraryImport(Library)] internal static partial byte zb_shared_writer_can_share(nint shared);
    [LibraryImport(Library)] internal static partial nuint zb_shared_writer_why_not(nint shared, byte* buffer, nuint size);
    [LibraryImport(Library)] internal static partial uint zb_shared_writer_release_passed(nint shared);
    [LibraryImport(Library)] internal static partial int zb_shared_writer_get_stats(nint shared, NativeSharedWriterStats* stats);
    [LibraryImport(Library)] internal static partial int zb_shared_writer_close(nint shared, long lingerNs, ulong* givenUp);

    [LibraryImport(Library)]
    internal static partial int zb_list_buffers(delegate* unmanaged<byte*, nint, byte> visit, nint context);
    [LibraryImport(Library)] internal static partial int zb_remove_dead(byte* name);
}
