// A reader by the C library's functions and nothing around them: what the package is compared with. Frees nothing before the
// process ends.
using System;
using System.Runtime.InteropServices;

namespace ZeroBuffer.Benchmarks;

internal sealed unsafe class BareReader
{
    private readonly delegate* unmanaged<nint, Frame*, int> _tryRead;
    private readonly delegate* unmanaged<Frame*, void> _release;
    private readonly nint _reader;

    internal BareReader(int fileDescriptor)
    {
        nint library = NativeLibrary.Load(Environment.GetEnvironmentVariable("ZEROBUFFER_LIBRARY") ?? "libzerobuffer.so.2");
        var open = (delegate* unmanaged<int, void*, nint*, int>)NativeLibrary.GetExport(library, "zb_reader_open_fd");
        _tryRead = (delegate* unmanaged<nint, Frame*, int>)NativeLibrary.GetExport(library, "zb_reader_try_read");
        _release = (delegate* unmanaged<Frame*, void>)NativeLibrary.GetExport(library, "zb_frame_release");
        nint reader;
        int status = open(fileDescriptor, null, &reader);
        _reader = status == 0 ? reader : throw new InvalidOperationException($"zb_reader_open_fd answered {status}");
    }

    internal void ReadAndRelease(int count)
    {
        Frame frame;
        for (int i = 0; i < count; ++i)
        {
            if (_tryRead(_reader, &frame) == 0)
            {
                _release(&frame);
            }
        }
    }

    /// <summary>zb_frame.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Frame
    {
        public nint Owner;
        public nint Data;
        public nuint Size;
        public ulong Sequence;
        public ulong Tag;
        public uint Slot;
        public ushort Type;
        public ushort Reserved;
    }
}
