// Awaited calls that found every lane in use: they begin in the order in which they came, as lanes get free. Any thread. Does
// not know how a call is begun.
using System;
using System.Threading;

namespace ZeroBuffer;

/// <summary>A call that may have to queue; linked by the queue alone.</summary>
internal interface IQueuedCall
{
    IQueuedCall? Next { get; set; }

    IQueuedCall? Previous { get; set; }

    bool IsQueued { get; set; }

    /// <summary>False where no lane is free. What is true was begun, or has failed; <see cref="GoOn"/> comes next.</summary>
    bool TryBegin();

    /// <summary>After <see cref="TryBegin"/>, when it is not in the queue any more.</summary>
    void GoOn();

    /// <summary>The client is being disposed.</summary>
    void EndQueued();
}

internal sealed class LaneQueue
{
    // Of a lane that another process gives back, and of one that waits for a late answer, nobody tells us.
    private const int LookAgainMilliseconds = 10;

    private readonly object _lock = new();
    private IQueuedCall? _first;
    private IQueuedCall? _last;
    private Timer? _timer;
    private bool _closed;

    internal bool IsEmpty => Volatile.Read(ref _first) is null;

    internal void Add(IQueuedCall call)
    {
        bool closed;
        lock (_lock)
        {
            closed = _closed;
            if (!closed)
            {
                call.IsQueued = true;
                call.Previous = _last;
                if (_last is null)
                {
                    Volatile.Write(ref _first, call);
                    _timer ??= new Timer(static queue => ((LaneQueue)queue!).Pump(), this, Timeout.Infinite, Timeout.Infinite);
                    _timer.Change(LookAgainMilliseconds, LookAgainMilliseconds);
                }
                else
                {
                    _last.Next = call;
                }
                _last = call;
            }
        }
        if (closed)
        {
            call.EndQueued();
        }
        else
        {
            Pump(); // a lane may have got free before it was here
        }
    }

    /// <summary>False where it does not wait here any more.</summary>
    internal bool Remove(IQueuedCall call)
    {
        lock (_lock)
        {
            if (!call.IsQueued)
            {
                return false;
            }
            Unlink(call);
            return true;
        }
    }

    /// <summary>A lane may be free.</summary>
    internal void Pump()
    {
        for (;;)
        {
            IQueuedCall? first;
            lock (_lock)
            {
                first = _first;
                if (first is null || !first.TryBegin())
                {
                    return;
                }
                Unlink(first);
            }
            first.GoOn();
        }
    }

    /// <summary>Nobody waits here any more, and nobody will.</summary>
    internal void Close()
    {
        for (;;)
        {
            IQueuedCall? first;
            lock (_lock)
            {
                _closed = true;
                first = _first;
                if (first is null)
                {
                    _timer?.Dispose();
                    return;
                }
                Unlink(first);
            }
            first.EndQueued();
        }
    }

    private void Unlink(IQueuedCall call)
    {
        if (call.Previous is null)
        {
            Volatile.Write(ref _first, call.Next);
        }
        else
        {
            call.Previous.Next = call.Next;
        }
        if (call.Next is null)
        {
            _last = call.Previous;
        }
        else
        {
            call.Next.Previous = call.Previous;
        }
        call.Next = call.Previous = null;
        call.IsQueued = false;
        if (_first is null && !_closed)
        {
            _timer!.Change(Timeout.Infinite, Timeout.Infinite);
        }
    }
}
