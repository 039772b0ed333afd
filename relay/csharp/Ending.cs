// The end of a writer: waiting for its readers, closing, counting what was left unread. For the verbs that write.
using System;
using System.Text.Json.Nodes;

namespace ZeroBuffer.Relay;

internal sealed class Ending
{
    private WriterStats _stats;
    private long _unread;

    /// <summary>Waits for the readers, unless a signal came, and closes. Throws Outcome where they died or left frames.</summary>
    public void Close(Writer writer, string name, TimeSpan linger, string? side = null, Action? beforeClosing = null)
    {
        PeerDeadException? death = null;
        try
        {
            if (!StopSignals.Requested)
            {
                _ = writer.Drain(linger);
            }
        }
        catch (PeerDeadException error)
        {
            death = error;
        }
        catch (ZeroBufferException error) when (error is PeerClosedException or InterruptedWaitException)
        {
            // what is unread then, the closing counts
        }

        beforeClosing?.Invoke();
        _stats = writer.GetStats();
        _unread = writer.Close(TimeSpan.Zero);
        if (death is not null)
        {
            throw Outcome.Of(death, name, side);
        }

        if (_unread != 0 && !StopSignals.Requested)
        {
            throw new Outcome(ExitCode.Unread, $"{name}: {_unread} frames that nobody will read", side);
        }
    }

    public long LastSequence => _stats.Frames;

    public void Report(JsonObject report)
    {
        report["blocked_count"] = _stats.BlockedCount;
        report["blocked_seconds"] = _stats.BlockedTime.TotalSeconds;
        report["unread"] = _unread;
    }
}
