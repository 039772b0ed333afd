// The threads of a verb: the caller's and as many more as it needs. Must not know what they do.
using System;
using System.Collections.Generic;
using System.Threading;

namespace ZeroBuffer.Relay;

internal static class Threads
{
    /// <summary>Runs the work, which throws nothing, in so many threads, this one among them.</summary>
    public static void Run(int count, Action work)
    {
        var others = new List<Thread>();
        for (int i = 1; i < count; ++i)
        {
            var thread = new Thread(() => work());
            others.Add(thread);
            thread.Start();
        }

        work();
        foreach (Thread thread in others)
        {
            thread.Join();
        }
    }
}
