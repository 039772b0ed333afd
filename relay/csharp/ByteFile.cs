// Bytes from and to files, pipes and the standard streams. A stop signal ends every wait. Must not know buffers.
using System;
using System.IO;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ZeroBuffer.Relay;

/// <summary>A file, or a standard stream for "-". Everything throws Outcome where the operating system refuses.</summary>
internal sealed partial class ByteFile : IDisposable
{
    private const short PollIn = 1;
    private const short PollOut = 4;
    private const int SliceMs = 100;
    private const int PipeBuf = 4096;

    private readonly string _path;
    private readonly FileStream _stream;

    public ByteFile(string path, bool write)
    {
        _path = path != "-" ? path : write ? "standard output" : "standard input";
        try
        {
            FileAccess access = write ? FileAccess.Write : FileAccess.Read;
            _stream = path == "-"
                ? new FileStream(new SafeFileHandle(write ? 1 : 0, ownsHandle: false), access, bufferSize: 0)
                : new FileStream(path, write ? FileMode.Create : FileMode.Open, access, FileShare.ReadWrite, bufferSize: 0);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Failed(error);
        }
    }

    /// <summary>Waits until there is a byte to take; false at the end and after a stop signal.</summary>
    public bool HasMore()
    {
        // a pipe that its writer has closed and that is empty says that it was hung up, and nothing else
        return _stream.CanSeek
            ? !StopSignals.Requested && _stream.Position < _stream.Length
            : Wait(PollIn) && (Poll(PollIn, 0) & PollIn) != 0;
    }

    /// <summary>How many bytes were read; fewer than the room only at the end or after a stop signal.</summary>
    public int Read(Span<byte> room)
    {
        int filled = 0;
        try
        {
            while (filled < room.Length && Wait(PollIn))
            {
                int n = _stream.Read(room[filled..]);
                if (n == 0)
                {
                    break;
                }

                filled += n;
            }
        }
        catch (IOException error)
        {
            throw Failed(error);
        }

        return filled;
    }

    /// <summary>Writes all, unless a stop signal comes.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        try
        {
            while (!bytes.IsEmpty && Wait(PollOut))
            {
                // What poll() found room for: a longer write to a pipe would wait where no signal is looked for.
                int part = _stream.CanSeek ? bytes.Length : Math.Min(bytes.Length, PipeBuf);
                _stream.Write(bytes[..part]);
                bytes = bytes[part..];
            }
        }
        catch (IOException error)
        {
            throw Failed(error);
        }
    }

    public void Dispose() => _stream.Dispose();

    private bool Wait(short events)
    {
        while (!StopSignals.Requested)
        {
            if (_stream.CanSeek || Poll(events, SliceMs) != 0)
            {
                return true;
            }
        }

        return false;
    }

    private short Poll(short events, int timeoutMs)
    {
        var wish = new PollFd { Descriptor = (int)_stream.SafeFileHandle.DangerousGetHandle(), Events = events };
        return NativePoll(ref wish, 1, timeoutMs) == 1 ? wish.Answers : (short)0;
    }

    private Outcome Failed(Exception error) => new(ExitCode.Failed, $"{_path}: {error.Message}");

    [LibraryImport("libc", EntryPoint = "poll")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int NativePoll(ref PollFd wish, ulong count, int timeoutMs);

    private struct PollFd
    {
        public int Descriptor;
        public short Events;
        public short Answers;
    }
}
