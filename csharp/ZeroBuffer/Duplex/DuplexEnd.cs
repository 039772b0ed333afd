// What a client and a server have in common: how they take requests in the caller's thread, their counters, and how they end.
// Serving is in DuplexEnd.Serving.cs, awaiting in DuplexEnd.Async.cs.
using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Threading;
using ZeroBuffer.Interop;

namespace ZeroBuffer;

/// <summary>
/// An end of a channel for calls. A server takes and answers the requests of its clients; a client that calls may do the same with
/// what its server asks it.
/// </summary>
/// <remarks>
/// Any number of threads may call any methods at the same time, <see cref="Dispose"/> included. A call that throws says in the class
/// of its exception what to do.
/// </remarks>
public abstract unsafe partial class DuplexEnd : IDisposable, IAsyncEnumerable<Request>
{
    private readonly LentPool<HeldRequest> _requests;
    private readonly LentPool<HeldResponse> _responses;
    private protected UseCount _use;
    private DuplexStats _lastStats;

    private protected DuplexEnd(nint native)
    {
        Pointer = native;
        Lent = new Lent();
        _requests = HeldRequest.PoolOf(Lent);
        _responses = HeldResponse.PoolOf(Lent);
        Info = ReadInfo();
    }

    /// <summary>What the channel really is, as it was when this end was made.</summary>
    public DuplexInfo Info { get; }

    private protected nint Pointer { get; private set; }

    private protected Lent Lent { get; }

    // What differs: which functions of the native library.
    private protected abstract ClosableHandle Handle { get; }
    private protected abstract int NativeTake(long timeoutNs, NativeRequest* request);
    private protected abstract int NativeWhenTake(ReadyCallback callback, nint context);
    private protected abstract void NativeCancelWhenTake();
    private protected abstract int NativeStart(nint handler, uint threads);
    private protected abstract int NativeStop();
    private protected abstract uint NativeRunning();
    private protected abstract void NativeInterrupt();
    private protected abstract void NativeStats(nint native, NativeDuplexStats* stats);
    private protected abstract void NativeInfo(NativeDuplexInfo* info);
    private protected abstract Func<nint, nint> NativeMapping { get; }

    /// <summary>Waits for the next request, for ever.</summary>
    /// <returns>The request; answer it, or dispose it, which answers it too.</returns>
    /// <exception cref="TooManyHeldException"><see cref="DuplexOptions.MaxHeld"/> requests of a lane are taken and not answered.</exception>
    /// <exception cref="PeerClosedException">Of a client: the server has closed.</exception>
    /// <exception cref="PeerDeadException">Of a client: the server died.</exception>
    /// <exception cref="InvalidArgumentException">Of a client: the channel has no calls of the server (<see cref="DuplexOptions.CallbackSize"/> 0).</exception>
    /// <exception cref="InterruptedWaitException"><see cref="Interrupt"/> was called.</exception>
    /// <exception cref="CorruptException">A value in shared memory is impossible.</exception>
    /// <exception cref="ForkedException">It belongs to the parent process.</exception>
    /// <exception cref="ObjectDisposedException">It was disposed, before or during the call.</exception>
    /// <remarks>
    /// Clients take turns; requests of one lane are answered in the order in which they were sent, however many threads take them.
    /// Allocates nothing in the long run.
    /// </remarks>
    public Request Take()
    {
        Request request;
        while (!Take(Native.Forever, out request))
        {
        }
        return request;
    }

    /// <summary>Waits for the next request. Throws as <see cref="Take()"/>.</summary>
    /// <param name="timeout">Zero looks once; <see cref="Timeout.InfiniteTimeSpan"/> waits for ever.</param>
    /// <param name="request">The request; answer it, or dispose it, which answers it too.</param>
    /// <returns>False where the time ran out.</returns>
    public bool Take(TimeSpan timeout, out Request request) => Take(Timeouts.Nanoseconds(timeout), out request);

    /// <summary>The next request if there is one. Never waits. Throws as <see cref="Take()"/>.</summary>
    /// <param name="request">The request; answer it, or dispose it, which answers it too.</param>
    /// <returns>False where there is none yet.</returns>
    public bool TryTake(out Request request) => Take(0, out request);

    /// <summary>
    /// Ends the waits of this end that run now, in other threads or awaited, or else the next one, with
    /// <see cref="InterruptedWaitException"/>.
    /// </summary>
    /// <remarks>Any thread, also after <see cref="Dispose"/> (then nothing happens). Never waits. Allocates nothing.</remarks>
    public void Interrupt()
    {
        if (_use.TryEnter())
        {
            NativeInterrupt();
            InterruptAwaited();
            _use.Leave();
        }
    }

    /// <summary>The counters now; after <see cref="Dispose"/> those at the end.</summary>
    /// <remarks>Any thread. Never waits. Allocates nothing.</remarks>
    public DuplexStats GetStats()
    {
        if (!_use.TryEnter())
        {
            return _lastStats;
        }
        DuplexStats stats = ReadStats();
        _use.Leave();
        return stats;
    }

    /// <summary>
    /// Ends <see cref="Start"/>, then this end. Of a server: clients that wait get <see cref="PeerClosedException"/>, requests that
    /// were not taken included, and the name can be used again at once. Waits in other threads are ended
    /// (<see cref="ObjectDisposedException"/> there), awaited ones too. Answers that are held stay valid. Again is harmless.
    /// </summary>
    /// <exception cref="InvalidOperationException">It is a handler of <see cref="Start"/> that calls.</exception>
    /// <remarks>Any thread. Waits until calls of other threads have ended, and handlers that run.</remarks>
    public void Dispose()
    {
        StopToDispose();
        if (!_use.BeginClose())
        {
            return; // by another thread, or before
        }
        var spin = new SpinWait();
        do
        {
            EndAwaited();
            NativeInterrupt();
            if (!_use.IsEmpty)
            {
                spin.SpinOnce(sleep1Threshold: 10);
            }
        } while (!_use.IsEmpty);
        EndAwaited(); // what has begun meanwhile: nothing begins from here on
        try
        {
            _lastStats = ReadStats();
            Lent.BeginClose(NativeMapping, Pointer);
        }
        finally
        {
            Handle.CloseAndWait();
            Pointer = 0;
            FreeWorkers();
            GC.SuppressFinalize(this);
        }
    }

    private protected Request Hold(in NativeRequest native) => HeldRequest.Hold(_requests, native);

    private protected Response Hold(in NativeResponse native) => HeldResponse.Hold(_responses, native);

    private protected string Kind => GetType().Name;

    /// <summary>What a call failed with.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private protected Exception FailureOf(int status) => status switch
    {
        (int)Status.Interrupted when _use.Closing => new ObjectDisposedException(Kind, $"the {Kind} was disposed during the call"),
        (int)Status.Timeout => new TimeoutException("the time ran out first; an answer that still comes is discarded"),
        _ => Failure.Of(status, Kind),
    };

    /// <summary>Operations that are awaited fail, before this end is closed.</summary>
    private protected virtual void EndAwaited() => _takeOperation?.EndForDispose();

    private protected virtual void InterruptAwaited() => _takeOperation?.Post(Awaited.Interrupted);

    private bool Take(long timeoutNs, out Request request)
    {
        NativeRequest native;
        _use.Enter(this);
        int status = NativeTake(timeoutNs, &native);
        if (status == (int)Status.Ok)
        {
            request = Hold(native);
            _use.Leave();
            return true;
        }
        Exception? failure = Failure.NothingYet(status) ? null : FailureOf(status);
        _use.Leave();
        request = default;
        return failure is null ? false : throw failure;
    }

    private DuplexInfo ReadInfo()
    {
        var info = new NativeDuplexInfo { StructSize = (nuint)sizeof(NativeDuplexInfo) };
        NativeInfo(&info);
        return new DuplexInfo(info);
    }

    private DuplexStats ReadStats()
    {
        var stats = new NativeDuplexStats { StructSize = (nuint)sizeof(NativeDuplexStats) };
        NativeStats(Pointer, &stats);
        return new DuplexStats(stats);
    }
}
