// What every test of this suite gets: buffer names of its own, other sides that end with it, an end to anything that hangs,
// and a look at what it left behind.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using Xunit;

namespace ZeroBuffer.Tests.Peers;

public abstract class BufferTest : IDisposable
{
    private const string SharedMemory = "/dev/shm";

    private static int s_count;

    private readonly List<Peer> _peers = [];
    private readonly Timer _watchdog;

    protected BufferTest()
    {
        Name = $"zbcs-{Environment.ProcessId}-{Interlocked.Increment(ref s_count):d5}-{Random.Shared.Next():x8}";
        string hung = $"a test of {GetType().Name} did not end within {Limits.Test}";
        _watchdog = new Timer(_ => Environment.FailFast(hung), null, Limits.Test, Timeout.InfiniteTimeSpan);
    }

    /// <summary>A name that no other test has; append to it for further buffers.</summary>
    protected string Name { get; }

    protected string File => Path.Combine(SharedMemory, Name);

    internal Peer Start(Where where, PeerFunction function, params string[] arguments)
    {
        Peer peer = Peer.Start(where, function, arguments);
        _peers.Add(peer);
        return peer;
    }

    internal ProcessPeer StartProcess(PeerFunction function, params string[] arguments) =>
        (ProcessPeer)Start(Where.Process, function, arguments);

    public virtual void Dispose()
    {
        foreach (Peer peer in _peers)
        {
            peer.Dispose();
        }
        string[] left = Left();
        if (left.Length > 0)
        {
            GC.Collect(); // a test that has failed leaves its objects to the finalizers
            GC.WaitForPendingFinalizers();
            foreach (string file in Left())
            {
                System.IO.File.Delete(file);
            }
        }
        _watchdog.Dispose();
        GC.SuppressFinalize(this);
        Assert.Empty(left);
    }

    private string[] Left() =>
        [.. Directory.EnumerateFileSystemEntries(SharedMemory).Where(file => Path.GetFileName(file).StartsWith(Name, StringComparison.Ordinal))];
}
