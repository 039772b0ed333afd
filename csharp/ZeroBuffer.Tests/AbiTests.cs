// The binary interface, written down a second time on purpose: sizes and offsets as zerobuffer.h has them on 64-bit Linux,
// counted by hand. Whoever changes a struct on one side only meets this file.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using ZeroBuffer.Interop;
using ZeroBuffer.Tests.Peers;
using Xunit;

namespace ZeroBuffer.Tests;

public unsafe partial class AbiTests
{
    [Fact]
    public void Zb_failure_has_the_layout_of_the_header()
    {
        NativeFailure it = default;
        Assert.Equal(32, sizeof(NativeFailure));
        Assert.Equal(
            [0, 8, 12, 16, 24],
            [
                At(ref it, ref it.StructSize), At(ref it, ref it.Status), At(ref it, ref it.OsError), At(ref it, ref it.First),
                At(ref it, ref it.Second),
            ]);
    }

    [Fact]
    public void Zb_buffer_config_has_the_layout_of_the_header()
    {
        NativeBufferConfig it = default;
        Assert.Equal(80, sizeof(NativeBufferConfig));
        Assert.Equal(
            [0, 8, 16, 24, 28, 29, 30, 31],
            [
                At(ref it, ref it.StructSize), At(ref it, ref it.PayloadSize), At(ref it, ref it.MetadataSize),
                At(ref it, ref it.MaxReaders), At(ref it, ref it.HugePages), At(ref it, ref it.ExistOk),
                At(ref it, ref it.PreTouch), At(ref it, ref it.LockInMemory),
            ]);
        Assert.Equal(
            [32, 36, 40, 44, 48, 56, 60, 64, 72],
            [
                At(ref it, ref it.Full), At(ref it, ref it.Wait), At(ref it, ref it.SpinPauses), At(ref it, ref it.Join),
                At(ref it, ref it.BurstSize), At(ref it, ref it.AcknowledgeFrames), At(ref it, ref it.MaxHeld),
                At(ref it, ref it.AcknowledgeIntervalNs), At(ref it, ref it.ShareSlots),
            ]);
    }

    [Fact]
    public void Zb_buffer_info_has_the_layout_of_the_header()
    {
        NativeBufferInfo it = default;
        Assert.Equal(64, sizeof(NativeBufferInfo));
        Assert.Equal(
            [0, 8, 16, 24, 32, 40, 48, 52, 56],
            [
                At(ref it, ref it.StructSize), At(ref it, ref it.SegmentSize), At(ref it, ref it.Capacity),
                At(ref it, ref it.MaxFrameSize), At(ref it, ref it.MetadataSize), At(ref it, ref it.HugeBytes),
                At(ref it, ref it.MaxReaders), At(ref it, ref it.Created), At(ref it, ref it.ShareSlots),
            ]);
    }

    [Fact]
    public void Zb_frame_and_zb_claim_have_the_layout_of_the_header()
    {
        NativeFrame frame = default;
        Assert.Equal(48, sizeof(NativeFrame));
        Assert.Equal(
            [0, 8, 16, 24, 32, 40, 44, 46],
            [
                At(ref frame, ref frame.Owner), At(ref frame, ref frame.Data), At(ref frame, ref frame.Size),
                At(ref frame, ref frame.Sequence), At(ref frame, ref frame.Tag), At(ref frame, ref frame.Slot),
                At(ref frame, ref frame.Type), At(ref frame, ref frame.Reserved),
            ]);
        NativeClaim claim = default;
        Assert.Equal(24, sizeof(NativeClaim));
        Assert.Equal([0, 8, 16], [At(ref claim, ref claim.Owner), At(ref claim, ref claim.Data), At(ref claim, ref claim.Size)]);
    }

    [Fact]
    public void Zb_reader_stats_has_the_layout_of_the_header()
    {
        NativeReaderStats it = default;
        Assert.Equal(112, sizeof(NativeReaderStats));
        Assert.Equal(
            [0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104],
            [
                At(ref it, ref it.StructSize), At(ref it, ref it.Frames), At(ref it, ref it.Bytes), At(ref it, ref it.Lost),
                At(ref it, ref it.Skipped), At(ref it, ref it.Dropped), At(ref it, ref it.Sleeps), At(ref it, ref it.Barriers),
                At(ref it, ref it.Wakes), At(ref it, ref it.LivenessChecks), At(ref it, ref it.UnreadBytes),
                At(ref it, ref it.Held), At(ref it, ref it.SharedFrames), At(ref it, ref it.SharedCopiedBytes),
            ]);
    }

    [Fact]
    public void Zb_shared_writer_stats_has_the_layout_of_the_header()
    {
        NativeSharedWriterStats it = default;
        Assert.Equal(56, sizeof(NativeSharedWriterStats));
        Assert.Equal(
            [0, 8, 16, 24, 32, 40, 48],
            [
                At(ref it, ref it.StructSize), At(ref it, ref it.SharedFrames), At(ref it, ref it.SharedBytes),
                At(ref it, ref it.CopiedFrames), At(ref it, ref it.CopiedBytes), At(ref it, ref it.GivenUp), At(ref it, ref it.Kept),
            ]);
    }

    [Fact]
    public void Zb_writer_stats_has_the_layout_of_the_header()
    {
        NativeWriterStats it = default;
        Assert.Equal(120, sizeof(NativeWriterStats));
        Assert.Equal(
            [0, 8, 16, 24, 32, 40, 48, 56],
            [
                At(ref it, ref it.StructSize), At(ref it, ref it.Frames), At(ref it, ref it.Bytes), At(ref it, ref it.Dropped),
                At(ref it, ref it.Wraps), At(ref it, ref it.EarlyRestarts), At(ref it, ref it.BlockedCount),
                At(ref it, ref it.BlockedNs),
            ]);
        Assert.Equal(
            [64, 72, 80, 88, 96, 104, 112],
            [
                At(ref it, ref it.ReadersLost), At(ref it, ref it.Sleeps), At(ref it, ref it.Barriers),
                At(ref it, ref it.Wakes), At(ref it, ref it.LivenessChecks), At(ref it, ref it.UnreadBytes),
                At(ref it, ref it.Readers),
            ]);
    }

    [Fact]
    public void Zb_duplex_config_has_the_layout_of_the_header()
    {
        NativeDuplexConfig it = default;
        Assert.Equal(56, sizeof(NativeDuplexConfig));
        Assert.Equal(
            [0, 8, 16, 24, 32, 36, 37, 38, 39, 40, 44, 48, 52],
            [
                At(ref it, ref it.StructSize), At(ref it, ref it.RequestSize), At(ref it, ref it.ResponseSize),
                At(ref it, ref it.CallbackSize), At(ref it, ref it.Lanes), At(ref it, ref it.HugePages), At(ref it, ref it.ExistOk),
                At(ref it, ref it.PreTouch), At(ref it, ref it.LockInMemory), At(ref it, ref it.ClientLanes), At(ref it, ref it.Wait),
                At(ref it, ref it.SpinPauses), At(ref it, ref it.MaxHeld),
            ]);
    }

    [Fact]
    public void Zb_duplex_info_and_zb_duplex_stats_have_the_layout_of_the_header()
    {
        NativeDuplexInfo info = default;
        Assert.Equal(48, sizeof(NativeDuplexInfo));
        Assert.Equal(
            [0, 8, 16, 24, 32, 40, 44, 45],
            [
                At(ref info, ref info.StructSize), At(ref info, ref info.SegmentSize), At(ref info, ref info.MaxRequestSize),
                At(ref info, ref info.MaxResponseSize), At(ref info, ref info.MaxCallbackSize), At(ref info, ref info.Lanes),
                At(ref info, ref info.InPlace), At(ref info, ref info.Created),
            ]);
        NativeDuplexStats stats = default;
        Assert.Equal(80, sizeof(NativeDuplexStats));
        Assert.Equal(
            [0, 8, 16, 24, 32, 40, 48, 56, 64, 72],
            [
                At(ref stats, ref stats.StructSize), At(ref stats, ref stats.Requests), At(ref stats, ref stats.Answers),
                At(ref stats, ref stats.Errors), At(ref stats, ref stats.Late), At(ref stats, ref stats.CopiedBytes),
                At(ref stats, ref stats.Callbacks), At(ref stats, ref stats.Sleeps), At(ref stats, ref stats.Wakes),
                At(ref stats, ref stats.Lanes),
            ]);
    }

    [Fact]
    public void The_structs_of_a_call_have_the_layout_of_the_header()
    {
        NativeRequestInfo info = default;
        Assert.Equal(32, sizeof(NativeRequestInfo));
        Assert.Equal(
            [0, 8, 16, 24],
            [
                At(ref info, ref info.StructSize), At(ref info, ref info.Tag), At(ref info, ref info.ResponseCapacity),
                At(ref info, ref info.Type),
            ]);
        NativeResponse response = default;
        Assert.Equal(40, sizeof(NativeResponse));
        Assert.Equal(
            [0, 8, 16, 24, 32, 36, 38],
            [
                At(ref response, ref response.Owner), At(ref response, ref response.Data), At(ref response, ref response.Size),
                At(ref response, ref response.Sequence), At(ref response, ref response.Slot), At(ref response, ref response.Type),
                At(ref response, ref response.Reserved),
            ]);
        NativeReceived received = default;
        Assert.Equal(24, sizeof(NativeReceived));
        Assert.Equal(
            [0, 8, 16],
            [At(ref received, ref received.Size), At(ref received, ref received.Sequence), At(ref received, ref received.Type)]);
        NativeCall call = default;
        Assert.Equal(16, sizeof(NativeCall));
        Assert.Equal([0, 8], [At(ref call, ref call.Owner), At(ref call, ref call.Sequence)]);
        NativeOutgoing outgoing = default;
        Assert.Equal(32, sizeof(NativeOutgoing));
        Assert.Equal(
            [0, 8, 16, 24, 28],
            [
                At(ref outgoing, ref outgoing.Owner), At(ref outgoing, ref outgoing.Data), At(ref outgoing, ref outgoing.Size),
                At(ref outgoing, ref outgoing.Pipelined), At(ref outgoing, ref outgoing.Reserved),
            ]);
    }

    [Fact]
    public void Zb_request_has_the_layout_of_the_header()
    {
        NativeRequest it = default;
        Assert.Equal(80, sizeof(NativeRequest));
        Assert.Equal(
            [0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 76, 78],
            [
                At(ref it, ref it.Owner), At(ref it, ref it.Data), At(ref it, ref it.Size), At(ref it, ref it.Bytes),
                At(ref it, ref it.Room), At(ref it, ref it.Sequence), At(ref it, ref it.Tag), At(ref it, ref it.Client),
                At(ref it, ref it.Ticket), At(ref it, ref it.Slot), At(ref it, ref it.Type), At(ref it, ref it.Reserved),
            ]);
    }

    [Fact]
    public void Every_status_has_the_number_and_the_name_of_the_header()
    {
        string header = File.ReadAllText(Repository.PathOf("cpp/include/zerobuffer/zerobuffer.h"));
        Dictionary<string, int> native = StatusLine().Matches(header).ToDictionary(
            match => match.Groups[1].Value.Replace("_", string.Empty, StringComparison.Ordinal).ToUpperInvariant(),
            match => int.Parse(match.Groups[2].ValueSpan, CultureInfo.InvariantCulture));
        Assert.Equal(native, Enum.GetValues<Status>().ToDictionary(status => status.ToString().ToUpperInvariant(), status => (int)status));
        Assert.Equal(33, native.Count);
    }

    [Fact]
    public void The_defaults_of_the_options_are_those_of_the_library()
    {
        NativeBufferConfig library;
        Assert.Equal(0, Native.zb_buffer_config_init(&library, (nuint)sizeof(NativeBufferConfig)));
        NativeBufferConfig ours = BufferOptions.Default.ToNative();
        Assert.Equal(
            new ReadOnlySpan<byte>(&library, sizeof(NativeBufferConfig)).ToArray(),
            new ReadOnlySpan<byte>(&ours, sizeof(NativeBufferConfig)).ToArray());
    }

    [Fact]
    public void The_defaults_of_the_options_for_calls_are_those_of_the_library()
    {
        NativeDuplexConfig library;
        Assert.Equal(0, Native.zb_duplex_config_init(&library, (nuint)sizeof(NativeDuplexConfig)));
        NativeDuplexConfig ours = DuplexOptions.Default.ToNative();
        Assert.Equal(
            new ReadOnlySpan<byte>(&library, sizeof(NativeDuplexConfig)).ToArray(),
            new ReadOnlySpan<byte>(&ours, sizeof(NativeDuplexConfig)).ToArray());
    }

    [Fact]
    public void The_library_and_the_package_have_the_version_of_the_file_VERSION()
    {
        string version = File.ReadAllText(Repository.PathOf("VERSION")).Trim();
        Assert.Equal(version, ZeroBufferLibrary.Version);
        Assert.Equal(version, typeof(Reader).Assembly.GetName().Version!.ToString(3));
        Assert.Matches(@"^\d+\.\d+$", ZeroBufferLibrary.ProtocolVersion);
    }

    [GeneratedRegex(@"^  ZB_(\w+) = (\d+)", RegexOptions.Multiline)]
    private static partial Regex StatusLine();

    private static long At<T, TField>(ref T it, ref TField field) =>
        Unsafe.ByteOffset(ref Unsafe.As<T, byte>(ref it), ref Unsafe.As<TField, byte>(ref field));
}
