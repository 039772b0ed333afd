// One awaited operation among many of the same client or server: asks the native library for a callback, looks again when it comes,
// and completes a pooled task source. No thread is parked and nothing is allocated per call. Knows nothing of requests and answers.
using System;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using System.Threading.Tasks.Sources;

namespace ZeroBuffer.Interop;

// What happens to it is put into one word, its mail: the callback has come, the token was cancelled, the owner is disposed. Whoever
// puts something there while nobody works works until the mail is empty; others only put. So there is one thread at a time at the
// native call, in whichever thread, and no waiting. A question is asked only when the callback of the one before has come, and
// the end takes back the one that is open: no callback comes to the wrong operation.
internal abstract class Awaited
{
    /// <summary>The callback: another look is worth it.</summary>
    internal const int Called = 1;

    /// <summary>Nobody wants the result any more.</summary>
    internal const int Cancelled = 2;

    /// <summary>The client or server is being disposed.</summary>
    internal const int Disposed = 4;

    /// <summary>The owner's Interrupt(), which the native library was told before.</summary>
    internal const int Interrupted = 32;

    private protected const int AllMail = Called | Cancelled | Disposed | Interrupted;
    private protected const int Working = 8;
    private protected const int Over = 16; // also before it begins

    private protected int _mail = Over;

    /// <summary>Something has happened. Any thread. Nothing where it is over.</summary>
    internal void Post(int what)
    {
        for (int seen = Volatile.Read(ref _mail); (seen & Over) == 0;)
        {
            int was = Interlocked.CompareExchange(ref _mail, seen | what | Working, seen);
            if (was == seen)
            {
                if ((seen & Working) == 0)
                {
                    Work();
                }
                return;
            }
            seen = was;
        }
    }

    /// <summary>The owner is being disposed: returns when this is over.</summary>
    internal void EndForDispose()
    {
        Post(Disposed);
        for (var spin = new SpinWait(); (Volatile.Read(ref _mail) & Over) == 0;)
        {
            spin.SpinOnce();
        }
    }

    /// <summary>Reads the mail until there is none.</summary>
    private protected abstract void Work();

    [UnmanagedCallersOnly]
    protected static void OnReady(nint context) => ((Awaited)GCHandle.FromIntPtr(context).Target!).Post(Called);
}

internal abstract class Awaited<T> : Awaited, IValueTaskSource<T>, IThreadPoolWorkItem
{
    private ManualResetValueTaskSourceCore<T> _core; // completed by Execute() alone, on the thread pool
    private T? _result;
    private Exception? _failure;
    private GCHandle _self;
    private CancellationToken _token;
    private CancellationTokenRegistration _registration;
    private int _fetched;
    private bool _asked;

    /// <summary>Of the client or server, for messages.</summary>
    protected abstract string OwnerName { get; }

    /// <summary>Whether that is being disposed.</summary>
    protected abstract bool OwnerIsClosing { get; }

    /// <summary>Looks without waiting. False: nothing there yet. Throws what it failed with.</summary>
    protected abstract bool TryFinish(out T result);

    /// <summary>Asks for a call of <see cref="Awaited.OnReady"/>; the status of it.</summary>
    protected abstract int Ask(nint context);

    /// <summary>Takes that back, if it is open; the callback does not run any more when this returns. Only where it was asked.</summary>
    protected abstract void TakeBack();

    /// <summary>It ends without a result.</summary>
    protected abstract void GiveUp();

    /// <summary>It is over, in the native library too. On the thread pool.</summary>
    protected virtual void Ended()
    {
    }

    /// <summary>The result was fetched: this may be used again.</summary>
    protected abstract void Fetched();

    /// <summary>A new use of this object, which works from here on: <see cref="Go"/> or <see cref="Fail"/> comes next.</summary>
    protected void Reset(CancellationToken token)
    {
        _core.Reset();
        _fetched = 0;
        _asked = false;
        _token = token;
        _self = GCHandle.Alloc(this);
        Volatile.Write(ref _mail, Working);
    }

    /// <summary>The first look, and the first question.</summary>
    internal void Go()
    {
        Interlocked.Or(ref _mail, Called);
        Work();
    }

    /// <summary>For who works.</summary>
    internal void Fail(Exception failure) => Complete(default, failure);

    internal void FailCancelled() => Fail(new OperationCanceledException(_token));

    /// <summary>The task, for the caller who has begun it.</summary>
    protected ValueTask<T> Begun()
    {
        if (_token.CanBeCanceled)
        {
            _registration = _token.UnsafeRegister(static self => ((Awaited<T>)self!).Cancel(), this);
        }
        return new ValueTask<T>(this, _core.Version);
    }

    /// <summary>The token was cancelled.</summary>
    protected virtual void Cancel() => Post(Cancelled);

    private protected sealed override void Work()
    {
        for (;;)
        {
            int mail = Interlocked.And(ref _mail, ~AllMail);
            if ((mail & (Cancelled | Disposed)) != 0)
            {
                if (_asked)
                {
                    TakeBack();
                }
                GiveUp();
                Complete(default, (mail & Disposed) != 0 ? DisposedDuring() : new OperationCanceledException(_token));
                return;
            }
            if ((mail & Interrupted) != 0)
            {
                CompleteInterrupted();
                return;
            }
            if ((mail & Called) != 0 && Look())
            {
                return;
            }
            if (Interlocked.CompareExchange(ref _mail, 0, Working) == Working)
            {
                return;
            }
        }
    }

    /// <summary>A look may have swallowed the native interrupt, and if none has, it must not end the next wait too.</summary>
    private void CompleteInterrupted()
    {
        Exception failure = new InterruptedWaitException("Interrupt() ended the wait");
        try
        {
            if (_asked)
            {
                TakeBack();
            }
            if (Ask(GCHandle.ToIntPtr(_self)) == (int)Status.Ok)
            {
                TakeBack();
            }
        }
        catch (ObjectDisposedException disposed)
        {
            failure = disposed;
        }
        GiveUp();
        Complete(default, failure);
    }

    /// <summary>True where it is complete; else it was asked again.</summary>
    private bool Look()
    {
        T result = default!;
        Exception? failure = null;
        try
        {
            if (!TryFinish(out result))
            {
                int status = Ask(GCHandle.ToIntPtr(_self));
                if (status == (int)Status.Ok)
                {
                    _asked = true;
                    return false; // it will be called, or was already
                }
                failure = FailureOf(status);
            }
        }
#pragma warning disable CA1031 // whatever it is belongs to who awaits, and must not reach the native thread
        catch (Exception error)
#pragma warning restore CA1031
        {
            failure = error;
        }
        if (failure is not null)
        {
            GiveUp();
        }
        Complete(result, failure);
        return true;
    }

    public T GetResult(short token)
    {
        BeginFetch(token);
        return Fetch(token);
    }

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    /// <summary>Who awaits comes for the result: throws where that is too early, too late, or for the second time.</summary>
    private void BeginFetch(short token)
    {
        if (_core.GetStatus(token) == ValueTaskSourceStatus.Pending || Interlocked.Exchange(ref _fetched, 1) != 0)
        {
            throw new InvalidOperationException(
                "this call is not complete, or was awaited before: a ValueTask is awaited once; AsTask() makes a task that can wait");
        }
    }

    /// <summary>The result, after <see cref="BeginFetch"/>.</summary>
    private T Fetch(short token)
    {
        _registration.Dispose(); // waits for a Cancel() that runs now, which ends soon since we are complete
        _registration = default;
        _token = default;
        try
        {
            return _core.GetResult(token);
        }
        finally
        {
            Fetched();
        }
    }

    /// <summary>A failure of the call itself; an interrupt by the one who disposes is his.</summary>
    protected Exception FailureOf(int status) =>
        status == (int)Status.Interrupted && OwnerIsClosing ? DisposedDuring() : Failure.Of(status, OwnerName);

    protected ObjectDisposedException DisposedDuring() => new(OwnerName, $"the {OwnerName} was disposed during the call");

    private void Complete(T? result, Exception? failure)
    {
        _result = result;
        _failure = failure;
        _self.Free();
        Volatile.Write(ref _mail, Over);
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>What follows the await: here, as a work item that is this object, and not on the library's thread.</summary>
    void IThreadPoolWorkItem.Execute()
    {
        Ended();
        T? result = _result;
        Exception? failure = _failure;
        _result = default;
        _failure = null;
        if (failure is null)
        {
            _core.SetResult(result!);
        }
        else
        {
            _core.SetException(failure);
        }
    }
}
