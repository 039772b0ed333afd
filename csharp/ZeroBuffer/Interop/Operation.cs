// One awaited call: asks the native library for a callback, looks again when it comes, and completes a pooled task source.
// No thread is parked and nothing is allocated per call. Knows nothing of frames; what it waits for are its subclasses.
using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using System.Threading.Tasks.Sources;

namespace ZeroBuffer.Interop;

// Who completes it is one of: the callback, which the native library runs once per question; and who takes the question
// back, which works only where the callback did not and will not run. So it happens exactly once. The gate of the owner is
// entered from the start until the result is fetched, so that a token's callback that comes late finds no other operation.
// What follows the await never runs in the native thread, also where it is posted to a context that runs it at once.
internal abstract class Operation
{
    /// <summary>The callback: another look is worth it.</summary>
    internal abstract void Look();

    /// <summary>Takes the owner's question back, whichever of its operations has asked. False where none is open.</summary>
    internal abstract bool TryTakeBack();

    /// <summary>Who has taken the question back, to close: the operation that had asked it fails.</summary>
    internal abstract void FailDisposed();

    [UnmanagedCallersOnly]
    protected static void OnReady(nint context) => ((Operation)GCHandle.FromIntPtr(context).Target!).Look();
}

internal abstract class Operation<T> : Operation, IValueTaskSource<T>, IThreadPoolWorkItem
{
    private ManualResetValueTaskSourceCore<T> _core; // completed by Execute() alone, on the thread pool
    private T? _result;
    private Exception? _failure;
    private GCHandle _self;
    private CancellationToken _token;
    private CancellationTokenRegistration _registration;
    private volatile bool _cancelled;
    private volatile bool _completed;
    private int _fetched;

    /// <summary>The gate, which the caller has entered and found nothing.</summary>
    protected abstract ref CallGate Gate { get; }

    /// <summary>The reader or writer.</summary>
    protected abstract object Owner { get; }

    /// <summary>Its handle.</summary>
    protected abstract SafeHandle Handle { get; }

    /// <summary>Looks without waiting. False: nothing there yet. Throws what the call failed with.</summary>
    protected abstract bool TryFinish(out T result);

    /// <summary>Whether who fetches the result goes on with the call, and leaves the gate himself, unless it has failed.</summary>
    protected virtual bool GoesOn => false;

    /// <summary>Asks for a call of <see cref="Operation.OnReady"/>; the status of it.</summary>
    protected abstract int Ask(nint context);

    /// <summary>Takes that back: true where the callback did not and will not come.</summary>
    protected abstract bool TakeBack(nint handle);

    /// <summary>Begins. The gate is left when the result is fetched, or here where it fails at once.</summary>
    internal ValueTask<T> Start(CancellationToken token) => Begin(token) is Exception failure
        ? ValueTask.FromException<T>(failure)
        : new ValueTask<T>(this, _core.Version);

    /// <summary>The version of the source that <see cref="Begin"/> has started.</summary>
    protected short Version => _core.Version;

    /// <summary>What it failed with at once, or null.</summary>
    protected Exception? Begin(CancellationToken token)
    {
        _core.Reset();
        _cancelled = false;
        _completed = false;
        _fetched = 0;
        _token = token;
        _self = GCHandle.Alloc(this);
        int status = Ask(GCHandle.ToIntPtr(_self));
        if (status != (int)Status.Ok)
        {
            Exception failure = FailureOf(status);
            _self.Free();
            Gate.Leave();
            return failure;
        }
        // The callback may have come already; nobody fetches before this returns.
        if (token.CanBeCanceled)
        {
            _registration = token.UnsafeRegister(static self => ((Operation<T>)self!).Cancel(), this);
        }
        return null;
    }

    internal sealed override void Look()
    {
        T result = default!;
        Exception? failure = null;
        try
        {
            if (Gate.Closing)
            {
                failure = Disposed();
            }
            else if (_cancelled)
            {
                failure = new OperationCanceledException(_token);
            }
            else if (!TryFinish(out result))
            {
                int status = Ask(GCHandle.ToIntPtr(_self));
                if (status == (int)Status.Ok)
                {
                    return; // it will be called again, or was already
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
        Complete(result, failure);
    }

    internal sealed override void FailDisposed() => Complete(default, Disposed());

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
    protected void BeginFetch(short token)
    {
        if (_core.GetStatus(token) == ValueTaskSourceStatus.Pending || Interlocked.Exchange(ref _fetched, 1) != 0)
        {
            throw new InvalidOperationException(
                "this call is not complete, or was awaited before: a ValueTask is awaited once; AsTask() makes a task that can wait");
        }
    }

    /// <summary>The result, after <see cref="BeginFetch"/>: the source may be used again.</summary>
    protected T Fetch(short token)
    {
        _registration.Dispose(); // waits for a Cancel() that runs now, which ends soon since we are completed
        _registration = default;
        _token = default;
        bool failed = _core.GetStatus(token) != ValueTaskSourceStatus.Succeeded;
        try
        {
            return _core.GetResult(token);
        }
        finally
        {
            if (failed || !GoesOn)
            {
                Gate.LeaveFinished();
            }
        }
    }

    private void Cancel()
    {
        _cancelled = true;
        Interlocked.MemoryBarrier();
        var spin = new SpinWait();
        while (!_completed)
        {
            if (TryTakeBack())
            {
                Complete(default, new OperationCanceledException(_token));
                return;
            }
            spin.SpinOnce(); // a callback that has just asked again did not see _cancelled; the next round takes that back
        }
    }

    internal sealed override bool TryTakeBack()
    {
        bool referenced = false;
        try
        {
            Handle.DangerousAddRef(ref referenced);
            return TakeBack(Handle.DangerousGetHandle());
        }
        catch (ObjectDisposedException)
        {
            return false; // closed after the operation was over
        }
        finally
        {
            if (referenced)
            {
                Handle.DangerousRelease();
            }
        }
    }

    private void Complete(T? result, Exception? failure)
    {
        _result = result;
        _failure = failure;
        _self.Free();
        Gate.Finish();
        _completed = true;
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>What follows the await: here, as a work item that is this object, and not on the library's thread.</summary>
    void IThreadPoolWorkItem.Execute()
    {
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

    private Exception FailureOf(int status) => status == (int)Status.Interrupted && Gate.Closing
        ? Disposed()
        : Failure.Of(status, Owner.GetType().Name);

    private ObjectDisposedException Disposed() =>
        new(Owner.GetType().Name, $"the {Owner.GetType().Name} was disposed during the call");
}
