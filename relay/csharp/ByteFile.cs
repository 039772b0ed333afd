// Bytes from and to files, pipes and the standard streams. A stop signal ends every wait. Must not know buffers.
using System;
using System.IO;
using System.Threading.Tasks;
using Microsoft.Win32.SafeHandles;

namespace ZeroBuffer.Relay;

/// <summary>A file, or a standard stream for "-". Everything throws Outcome where the operating system refuses.</summary>
internal sealed class ByteFile : IDisposable
{
    private const int SliceMs = 100;

    private readonly string _path;
    private readonly FileStream _stream;

    // What cannot seek may make its caller wait where no signal ends that: another thread waits, on bytes of its own.
    private readonly byte[] _between = new byte[64 << 10];
    private int _begin;
    private int _end;

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
    public bool HasMore() => _stream.CanSeek
        ? !StopSignals.Requested && _stream.Position < _stream.Length
        : _begin < _end || Refill();

    /// <summary>How many bytes were read; fewer than the room only at the end or after a stop signal.</summary>
    public int Read(Span<byte> room)
    {
        int filled = 0;
        try
        {
            while (filled < room.Length && HasMore())
            {
                filled += Take(room[filled..]);
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
            if (_stream.CanSeek)
            {
                _stream.Write(bytes);
                return;
            }

            while (!bytes.IsEmpty && !StopSignals.Requested)
            {
                int part = Math.Min(bytes.Length, _between.Length);
                bytes[..part].CopyTo(_between);
                _ = Patiently(() =>
                {
                    _stream.Write(_between, 0, part);
                    return part;
                });
                bytes = bytes[part..];
            }
        }
        catch (IOException error)
        {
            throw Failed(error);
        }
    }

    public void Dispose() => _stream.Dispose();

    private int Take(Span<byte> room)
    {
        if (_stream.CanSeek)
        {
            return _stream.Read(room);
        }

        int part = Math.Min(room.Length, _end - _begin);
        _between.AsSpan(_begin, part).CopyTo(room);
        _begin += part;
        return part;
    }

    private bool Refill()
    {
        _begin = 0;
        _end = Patiently(() => _stream.Read(_between, 0, _between.Length));
        return _end != 0;
    }

    /// <summary>What the call gives; 0 after a stop signal, when the thread that waits is left to its fate.</summary>
    private static int Patiently(Func<int> call)
    {
        Task<int> task = Task.Run(call);
        while (Task.WaitAny([task], SliceMs) < 0)
        {
            if (StopSignals.Requested)
            {
                return 0;
            }
        }

        return task.GetAwaiter().GetResult();
    }

    private Outcome Failed(Exception error) => new(ExitCode.Failed, $"{_path}: {error.Message}");
}
