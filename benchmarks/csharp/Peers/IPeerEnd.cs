// One side of a system that .NET programs use between processes where they do not use ZeroBuffer.
using System;

namespace ZeroBuffer.Benchmarks.Peers;

/// <summary>Messages or pictures, of one size that both sides know.</summary>
internal interface IPeerEnd : IDisposable
{
    void Send(ReadOnlySpan<byte> message);

    /// <summary>The next one; valid until <see cref="Release"/>, where it lies or in memory that each one is copied out to.</summary>
    ReadOnlySpan<byte> Receive();

    void Release();
}
