// A MemoryMappedFile in /dev/shm with slots in turn for each direction. .NET has no named semaphores or events on Linux, so a
// named pipe carries a byte for each slot that was filled, and another one a byte for each that is free again.
using System;
using System.IO;
using System.IO.MemoryMappedFiles;

namespace ZeroBuffer.Benchmarks.Peers;

internal sealed unsafe class MappedFileEnd : IPeerEnd
{
    private const int FrameSlots = 4; // three in flight and the one being written, as our ring has room for
    private const int MessageSlots = 128; // so many bytes always find room in a pipe that nobody reads

    private readonly NamedPipeEnd _filled;
    private readonly NamedPipeEnd _freed;
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _memory;
    private readonly byte[]? _copy;
    private readonly int _size;
    private readonly int _slots;
    private readonly int _outgoing; // the first slot of each direction
    private readonly int _incoming;
    private long _sent;
    private long _givenBack; // of those sent
    private int _touched;
    private long _received;

    internal MappedFileEnd(string path, bool first, int size, bool bothWays, bool copyOut)
    {
        _size = size;
        _slots = size == Message.Size ? MessageSlots : FrameSlots;
        _outgoing = first || !bothWays ? 0 : _slots;
        _incoming = first && bothWays ? _slots : 0;
        string file = Path.Combine("/dev/shm", Path.GetFileName(path) + ".mapped");
        long capacity = (long)size * _slots * (bothWays ? 2 : 1);
        if (first)
        {
            _file = MemoryMappedFile.CreateFromFile(file, FileMode.Create, null, capacity);
        }
        // Whoever connects finds the file as it should be.
        _filled = new NamedPipeEnd(path + ".filled", first, 1);
        _freed = new NamedPipeEnd(path + ".freed", first, 1);
        _file ??= MemoryMappedFile.CreateFromFile(file, FileMode.Open, null, capacity);
        _view = _file.CreateViewAccessor(0, capacity);
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _memory);
        for (long page = 0; page < capacity; page += Environment.SystemPageSize)
        {
            _touched += _memory[page];
        }
        _copy = copyOut ? new byte[size] : null;
        _copy?.AsSpan().Fill(1);
        if (!first)
        {
            File.Delete(file); // both have it now
        }
    }

    public void Send(ReadOnlySpan<byte> message)
    {
        if (_sent - _givenBack >= _slots)
        {
            AwaitOneBack();
        }
        message.CopyTo(Slot(_outgoing, _sent++));
        _filled.Send([1]);
    }

    public ReadOnlySpan<byte> Receive()
    {
        _filled.Receive();
        Span<byte> slot = Slot(_incoming, _received++);
        if (_copy is null)
        {
            return slot;
        }
        slot.CopyTo(_copy);
        return _copy;
    }

    public void Release() => _freed.Send([1]);

    /// <summary>Waits for the other side to have everything.</summary>
    public void Dispose()
    {
        while (_givenBack < _sent)
        {
            AwaitOneBack();
        }
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
        _filled.Dispose();
        _freed.Dispose();
    }

    private void AwaitOneBack()
    {
        _freed.Receive();
        ++_givenBack;
    }

    private Span<byte> Slot(int first, long number) => new(_memory + ((first + (number % _slots)) * _size), _size);
}
