// Serving: a handler is called on every request, in the caller's thread or in the background.
using System;
using System.Runtime.InteropServices;
using System.Threading;
using ZeroBuffer.Interop;

namespace ZeroBuffer;

public abstract unsafe partial class DuplexEnd
{
    [ThreadStatic]
    private static DuplexEnd? s_handlerOf; // in whose background thread this is

    private readonly object _workersLock = new();
    private GCHandle _workers;

    /// <summary>
    /// Calls a handler on every request, in this thread, until <paramref name="timeout"/> passes without one. Of a client: also
    /// until the server closes. Throws as <see cref="Take()"/>, what ends the waiting.
    /// </summary>
    /// <param name="handler">
    /// Answers the request. What it throws is answered as an error with its message, and the next request is served; what it does not
    /// answer is answered when it returns (<see cref="Request.Dispose"/>).
    /// </param>
    /// <param name="timeout">Null waits for ever.</param>
    /// <remarks>Several threads may serve. <see cref="RequestDispatcher"/> is a handler by type of request. Allocates nothing in the long run.</remarks>
    public void Serve(Action<Request> handler, TimeSpan? timeout = null)
    {
        ArgumentNullException.ThrowIfNull(handler);
        long timeoutNs = Timeouts.Nanoseconds(timeout ?? Timeout.InfiniteTimeSpan);
        try
        {
            while (Take(timeoutNs, out Request request))
            {
                Answer(request, handler);
            }
        }
        catch (PeerClosedException)
        {
            // of a client: the server has closed
        }
    }

    /// <summary>The same in the background, until <see cref="Stop"/> or <see cref="Dispose"/>.</summary>
    /// <param name="handler">As for <see cref="Serve"/>; all threads call it at the same time. Must not stop or dispose this end.</param>
    /// <param name="threads">How many, at least 1.</param>
    /// <exception cref="InvalidOperationException">It runs already.</exception>
    /// <exception cref="InvalidArgumentException">Of a client: the channel has no calls of the server.</exception>
    /// <exception cref="SystemCallException">A thread cannot be started.</exception>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    /// <remarks>Until it ends the handler, and what it uses, is kept alive. Requests of one lane are answered in order.</remarks>
    /// <example><code>
    /// server.Start(request =&gt; request.Write(Answer(request.Data)), threads: 4);
    /// </code></example>
    public void Start(Action<Request> handler, int threads = 1)
    {
        ArgumentNullException.ThrowIfNull(handler);
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        _use.Enter(this);
        try
        {
            lock (_workersLock)
            {
                if (_workers.IsAllocated)
                {
                    throw new InvalidOperationException($"the {Kind} serves in the background already: Stop() it first");
                }
                _workers = GCHandle.Alloc(new Workers(this, handler));
                int status = NativeStart(GCHandle.ToIntPtr(_workers), (uint)threads);
                if (status != (int)Status.Ok)
                {
                    _workers.Free();
                    throw FailureOf(status);
                }
            }
        }
        finally
        {
            _use.Leave();
        }
    }

    /// <summary>
    /// Ends <see cref="Start"/> and waits for its handlers. What they have taken is answered; what waits stays in the channel for
    /// the next <see cref="Start"/> or <see cref="Take()"/>. Nothing where none runs.
    /// </summary>
    /// <exception cref="ZeroBufferException">What ended one of the threads before.</exception>
    /// <exception cref="InvalidOperationException">It is a handler of <see cref="Start"/> that calls.</exception>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public void Stop()
    {
        _use.Enter(this);
        Exception? failure;
        try
        {
            failure = StopWorkers();
        }
        finally
        {
            _use.Leave();
        }
        if (failure is not null)
        {
            throw failure;
        }
    }

    /// <summary>Threads of <see cref="Start"/> that are still serving: one that has failed is none. 0 after <see cref="Dispose"/>.</summary>
    /// <remarks>Any thread. Never waits.</remarks>
    public int Running
    {
        get
        {
            if (!_use.TryEnter())
            {
                return 0;
            }
            uint running = NativeRunning();
            _use.Leave();
            return (int)running;
        }
    }

    private static void Answer(Request request, Action<Request> handler)
    {
        try
        {
            handler(request);
        }
#pragma warning disable CA1031 // whatever it is belongs to who called
        catch (Exception error)
#pragma warning restore CA1031
        {
            request.FailUnlessAnswered(error);
        }
        finally
        {
            request.Dispose();
        }
    }

    private Exception? StopWorkers()
    {
        if (s_handlerOf == this)
        {
            throw new InvalidOperationException("a handler of Start() cannot end its own thread: Stop() or Dispose() elsewhere");
        }
        lock (_workersLock)
        {
            if (!_workers.IsAllocated)
            {
                return null;
            }
            int status = NativeStop();
            _workers.Free();
            return status == (int)Status.Ok ? null : FailureOf(status);
        }
    }

    /// <summary>Handlers that run may still use this end; so first they, then it.</summary>
    private void StopToDispose()
    {
        if (_use.TryEnter())
        {
            try
            {
                _ = StopWorkers();
            }
            finally
            {
                _use.Leave();
            }
        }
    }

    /// <summary>After the native close, which ends what was started since.</summary>
    private void FreeWorkers()
    {
        if (_workers.IsAllocated)
        {
            _workers.Free();
        }
    }

    private sealed class Workers(DuplexEnd end, Action<Request> handler) : IRequestHandler
    {
        public void Handle(NativeRequest* request)
        {
            Request taken = end.Hold(*request);
            request->Owner = 0; // ours from here on
            s_handlerOf = end;
            Answer(taken, handler);
            s_handlerOf = null;
        }
    }
}
