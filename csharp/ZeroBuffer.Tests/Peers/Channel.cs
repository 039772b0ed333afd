// What the function on the other side of a test gets: words to say to the test, and words to hear from it. Lines of text;
// knows nothing of buffers.
using System;
using System.Collections.Concurrent;
using System.IO;

namespace ZeroBuffer.Tests.Peers;

/// <summary>A static function of a test class, run in another thread or process.</summary>
internal delegate void PeerFunction(Channel channel, string[] arguments);

internal abstract class Channel
{
    internal abstract void Say(string word);

    internal abstract string Hear();
}

internal sealed class ProcessChannel : Channel
{
    internal override void Say(string word)
    {
        Console.Out.WriteLine(word);
        Console.Out.Flush();
    }

    internal override string Hear() => Console.In.ReadLine() ?? throw new EndOfStreamException("the test has gone");
}

internal sealed class ThreadChannel(BlockingCollection<string> said, BlockingCollection<string> told) : Channel
{
    internal override void Say(string word) => said.Add(word);

    internal override string Hear() =>
        told.TryTake(out string? word, Limits.Wait) ? word : throw new TimeoutException("the test said nothing");
}
