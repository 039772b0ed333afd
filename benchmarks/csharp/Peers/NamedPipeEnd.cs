// NamedPipeServerStream and NamedPipeClientStream: a Unix socket. Each message is copied out into the same memory; where many
// fit, one read of the system brings many.
using System;
using System.IO;
using System.IO.Pipes;
using System.Runtime.CompilerServices;

namespace ZeroBuffer.Benchmarks.Peers;

internal sealed class NamedPipeEnd : IPeerEnd
{
    private const int ReadAhead = 64 << 10;

    private readonly PipeStream _pipe;
    private readonly Stream _input;
    private readonly byte[] _message;

    internal NamedPipeEnd(string path, bool first, int size)
    {
        string name = path + ".pipe";
        _message = GC.AllocateArray<byte>(size, pinned: true);
        if (first)
        {
            var server = new NamedPipeServerStream(name, PipeDirection.InOut, 1, PipeTransmissionMode.Byte);
            server.WaitForConnection();
            _pipe = server;
        }
        else
        {
            var client = new NamedPipeClientStream(".", name, PipeDirection.InOut);
            client.Connect(Message.Connect);
            _pipe = client;
        }
        _input = size < ReadAhead ? new BufferedStream(_pipe, ReadAhead) : _pipe;
    }

    public void Send(ReadOnlySpan<byte> message) => _pipe.Write(message);

    public ReadOnlySpan<byte> Receive()
    {
        _input.ReadExactly(_message);
        return _message;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Release()
    {
    }

    public void Dispose() => _pipe.Dispose();
}
