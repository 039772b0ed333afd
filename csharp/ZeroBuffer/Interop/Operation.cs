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
internal abstract class Operation
{
    /// <summary>The callback: another look is worth it.</summary>
    internal abstract void Look();

    /// <summary>Takes the question back and fails with ObjectDisposedException, if it is open.</summary>
    internal abstract void CancelForClose();

    [UnmanagedCallersOnly]
    protected static void OnReady(nint context) => ((Operation)GCHandle.FromIntPtr(context).Target!).Look();
}

internal abstract class Operation<T> : Operation, IValueTaskSource<T>
{
    private ManualResetValueTaskSourceCore<T> _core = new() { RunContinuationsAsynchronously = true };
    private GCHandle _self;
    private CancellationToken _token;
    private CancellationTokenRegistration _registration;
    private volatile bool _cancelled;
    private volatile bool _completed;

    /// <summary>The gate, which the caller has entered and found nothing.</summary>
    protected abstract ref CallGate Gate { get; }

    /// <summary>The reader or writer.</summary>
    protected abstract object Owner { get; }

    /// <summary>Its handle.</summary>
    protected abstract SafeHandle Handle { get; }

    /// <summary>Looks without waiting. False: nothing there yet. Throws what the call failed with.</summary>
    protected abstract bool TryFinish(out T result);

    /// <summary>Asks for a call of <see cref="Operation.OnReady"/>; the status of it.</summary>
    protected abstract int Ask(nint context);

    /// <summary>Takes that back: true where the callback did not and will not come.</summary>
    protected abstract bool TakeBack(nint handle);

    /// <summary>Begins. The gate is left when the result is fetched, or here if this throws.</summary>
    internal ValueTask<T> Start(CancellationToken token)
    {
        Begin(token);
        return new ValueTask<T>(this, _core.Version);
    }

    /// <summary>The version of the source that <see cref="Begin"/> has started.</summary>
    protected short Version => _core.Version;

    protected void Begin(CancellationToken token)
    {
        _core.Reset();
        _cancelled = false;
        _completed = false;
        _token = token;
        _self = GCHandle.Alloc(this);
        int status = Ask(GCHandle.ToIntPtr(_self));
        if (status != (int)Status.Ok)
        {
            Exception failure = FailureOf(status);
            _self.Free();
            Gate.Leave();
            throw failure;
        }
        // The callback may have come already; nobody fetches before this returns.
        if (token.CanBeCanceled)
        {
            _registration = token.UnsafeRegister(static self => ((Operation<T>)self!).Cancel(), this);
        }
    }

    internal sealed override void Look()
    {
        try
        {
            if (Gate.Closing)
            {
                Complete(Disposed());
            }
            else if (_cancelled)
            {
                Complete(new OperationCanceledException(_token));
            }
            else if (TryFinish(out T result))
            {
                Complete(result);
            }
            else
            {
                int status = Ask(GCHandle.ToIntPtr(_self));
                if (status != (int)Status.Ok)
                {
                    Complete(FailureOf(status));
                }
            }
        }
#pragma warning disable CA1031 // whatever it is belongs to who awaits, and must not reach the native thread
        catch (Exception failure)
#pragma warning restore CA1031
        {
            Complete(failure);
        }
    }

    internal sealed override void CancelForClose()
    {
        if (TryTakeBack())
        {
            Complete(Disposed());
        }
    }

    public T GetResult(short token)
    {
        try
        {
            return _core.GetResult(token);
        }
        finally
        {
            Fetched(token);
        }
    }

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    /// <summary>The result without leaving: for a second kind of result of the same source.</summary>
    protected T Result(short token) => _core.GetResult(token);

    /// <summary>The result was fetched: the source may be used again.</summary>
    protected void Fetched(short token)
    {
        if (token == _core.Version && _completed)
        {
            _registration.Dispose(); // waits for a Cancel() that runs now, which ends soon since we are completed
            _registration = default;
            _token = default;
            Gate.LeaveFinished();
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
                Complete(new OperationCanceledException(_token));
                return;
            }
            spin.SpinOnce(); // a callback that has just asked again did not see _cancelled; the next round takes that back
        }
    }

    private bool TryTakeBack()
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

    private void Complete(T result)
    {
        End();
        _core.SetResult(result);
    }

    private void Complete(Exception failure)
    {
        End();
        _core.SetException(failure);
    }

    private void End()
    {
        _self.Free();
        Gate.Finish();
        _completed = true;
    }

    private Exception FailureOf(int status) => status == (int)Status.Interrupted && Gate.Closing
        ? Disposed()
        : Failure.Of(status, Owner.GetType().Name);

    private ObjectDisposedException Disposed() =>
        new(Owner.GetType().Name, $"the {Owner.GetType().Name} was disposed during the call");
}
