// Everything that one end of a channel has lent to its application: answers, requests, room. Owns who sees to it when the end is
// closed and something is never given back. Knows nothing of what the things are.
using System;
using System.Collections.Generic;
using System.Threading;
using ZeroBuffer.Interop;

namespace ZeroBuffer;

/// <summary>Something that is lent, given back, and lent again.</summary>
internal interface ILent
{
    bool IsOut { get; }

    /// <summary>Nobody can name it any more.</summary>
    void GiveBackForgotten();
}

internal sealed class Lent
{
    private readonly List<ILent> _all = [];
    private AfterClose? _afterClose;

    /// <summary>The format of the latest array that described itself; which one of several threads is kept does not matter.</summary>
    internal ArrayFormat? LastDescribed { get; set; }

    /// <summary>The same of the latest array that was sent.</summary>
    internal ArrayFormat? LastSent { get; set; }

    /// <summary>Called whenever something is back: there may be room now.</summary>
    internal Action? Back { private get; set; }

    /// <summary>One more, for good.</summary>
    internal void Add(ILent lent)
    {
        lock (_all)
        {
            _all.Add(lent);
        }
    }

    /// <summary>Whoever has just given something back; its <see cref="ILent.IsOut"/> is false.</summary>
    internal void OneIsBack()
    {
        Back?.Invoke();
        if (Volatile.Read(ref _afterClose) is { } afterClose && !AnyOut())
        {
            afterClose.AllBack();
        }
    }

    /// <summary>Who closes the end, before: where something is out, somebody must see to it if nobody ever gives it back.</summary>
    internal void BeginClose(Func<nint, nint> keepMapped, nint end)
    {
        if (AnyOut())
        {
            Volatile.Write(ref _afterClose, new AfterClose(this, keepMapped(end)));
            Interlocked.MemoryBarrier(); // who gives something back now sees it, or we see that it is back
            OneIsBack();
        }
    }

    /// <summary>
    /// The finalizer of an end that was not disposed: nobody can name what it has lent. The mapping stays where there is any, so
    /// that a span of it does not fault.
    /// </summary>
    internal void ReleaseForgotten(Func<nint, nint> keepMapped, nint end)
    {
        if (_afterClose is null && AnyOut())
        {
            _ = keepMapped(end);
            GiveBackAll();
        }
    }

    private bool AnyOut()
    {
        lock (_all)
        {
            return _all.Exists(static lent => lent.IsOut);
        }
    }

    private void GiveBackAll()
    {
        foreach (ILent lent in _all)
        {
            lent.GiveBackForgotten();
        }
    }

    /// <summary>What a closed end has lent. When all is back this ends; when nobody can name it any more, it is given back.</summary>
    private sealed class AfterClose(Lent lent, nint mapping)
    {
        private nint _mapping = mapping;

        ~AfterClose()
        {
            if (lent.AnyOut())
            {
                _mapping = 0; // it stays: see ReleaseForgotten
                lent.GiveBackAll();
            }
            else
            {
                AllBack();
            }
        }

        internal void AllBack()
        {
            nint mapping = Interlocked.Exchange(ref _mapping, 0);
            if (mapping != 0)
            {
                Native.zb_mapping_release(mapping);
            }
            GC.SuppressFinalize(this);
        }
    }
}

/// <summary>Things of one kind that are lent, and used again and again. Any thread.</summary>
internal sealed class LentPool<T>(Lent lent, Func<LentPool<T>, T> make)
    where T : class, ILent
{
    private readonly Stack<T> _rest = new();
    private T? _nearest; // the one that one thread needs again and again

    internal Lent Lent => lent;

    internal T Rent()
    {
        T? free = Interlocked.Exchange(ref _nearest, null);
        if (free is not null)
        {
            return free;
        }
        lock (_rest)
        {
            if (_rest.TryPop(out free))
            {
                return free;
            }
        }
        free = make(this);
        lent.Add(free);
        return free;
    }

    /// <summary>It is back, and can be lent again.</summary>
    internal void Return(T back)
    {
        lent.OneIsBack();
        if (Interlocked.CompareExchange(ref _nearest, back, null) is not null)
        {
            lock (_rest)
            {
                _rest.Push(back);
            }
        }
    }
}
