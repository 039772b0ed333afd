// Awaiting answers: each awaited call has a lane of its own, and queues where there is none.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;
using ZeroBuffer.Interop;

namespace ZeroBuffer;

public sealed unsafe partial class DuplexClient
{
    private readonly List<CallOperation> _calls = []; // all there ever were; also the lock of the two
    private readonly Stack<CallOperation> _freeCalls = new();
    private volatile ReceiveOperation? _receiveOperation;
    private int _receiveAwaited; // 1: an operation is under way, or its result not fetched

    /// <summary>
    /// Sends a copy of a request and awaits its answer. Throws as
    /// <see cref="Call(ReadOnlySpan{byte}, TimeSpan?, ushort, ulong, long)"/>.
    /// </summary>
    /// <param name="request">The bytes; not to be changed until this is complete.</param>
    /// <param name="type">0 normal, from 128 the application's: what is asked for.</param>
    /// <param name="tag">A number of the application's.</param>
    /// <param name="responseCapacity">In place: bytes to reserve for an answer longer than the request; 256 are always there.</param>
    /// <param name="cancellationToken">
    /// Gives the call up at once, with <see cref="OperationCanceledException"/>; an answer that still comes is discarded.
    /// </param>
    /// <returns>The answer; dispose it. To be awaited once.</returns>
    /// <remarks>
    /// Any number of calls may be awaited at the same time. Each takes a lane; where all are in use, calls begin in the order in which
    /// they came, as lanes get free. No thread is parked: one thread of the library waits for all of the process, and what follows
    /// the await runs on the thread pool or in the caller's context. Allocates nothing in the long run. Where answers that are held keep
    /// the lane full, it waits a second for somebody to dispose them before it throws.
    /// </remarks>
    public ValueTask<Response> CallAsync(
        ReadOnlyMemory<byte> request,
        ushort type = 0,
        ulong tag = 0,
        long responseCapacity = 0,
        CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(responseCapacity);
        return cancellationToken.IsCancellationRequested
            ? ValueTask.FromCanceled<Response>(cancellationToken)
            : RentCall().Start(request, NativeRequestInfo.Of(type, tag, responseCapacity), cancellationToken);
    }

    /// <summary>The next answer to what was sent, awaited. As <see cref="Receive()"/>.</summary>
    /// <param name="cancellationToken">
    /// Ends the wait at once, with <see cref="OperationCanceledException"/>. No answer is lost by it: the next call gets it.
    /// </param>
    /// <returns>The answer; dispose it. To be awaited once.</returns>
    /// <exception cref="ConcurrentUseException">Another awaited one is under way; one at a time is.</exception>
    public ValueTask<Response> ReceiveAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<Response>(cancellationToken);
        }
        if (Interlocked.CompareExchange(ref _receiveAwaited, 1, 0) != 0)
        {
            throw new ConcurrentUseException(
                $"another answer of this {Kind} is awaited already, or was not fetched; one at a time is");
        }
        return (_receiveOperation ??= new ReceiveOperation(this)).Start(cancellationToken);
    }

    internal ValueTask<Response> CallClaimAsync(
        HeldOutgoing claim, ulong key, long length, ushort type, ulong tag, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<Response>(cancellationToken);
        }
        NativeCall call = Begin(claim, key, length, type, tag);
        ValueTask<Response> task = RentCall().Start(call, cancellationToken);
        _use.Leave(); // only now: it is closed when this call is known
        return task;
    }

    private protected override void EndAwaited()
    {
        base.EndAwaited();
        _receiveOperation?.EndForDispose();
        _queue.Close();
        CallOperation[] calls;
        lock (_calls)
        {
            calls = [.. _calls];
        }
        foreach (CallOperation call in calls)
        {
            call.EndForDispose();
        }
    }

    private protected override void InterruptAwaited()
    {
        base.InterruptAwaited();
        _receiveOperation?.Post(Awaited.Interrupted);
    }

    private CallOperation RentCall()
    {
        lock (_calls)
        {
            if (_freeCalls.TryPop(out CallOperation? free))
            {
                return free;
            }
            var made = new CallOperation(this);
            _calls.Add(made);
            return made;
        }
    }

    private void ReturnCall(CallOperation call)
    {
        lock (_calls)
        {
            _freeCalls.Push(call);
        }
    }

    private sealed class CallOperation(DuplexClient client) : Awaited<Response>, IQueuedCall
    {
        private static readonly TimeSpan s_longBlocked = TimeSpan.FromSeconds(1);

        // The library may keep the address while a callback is asked for.
        private readonly NativeCall[] _call = GC.AllocateArray<NativeCall>(1, pinned: true);
        private ReadOnlyMemory<byte> _request;
        private NativeRequestInfo _info;
        private Exception? _failedToBegin;
        private long _blockedSince; // by answers that are held; 0: it is not

        public IQueuedCall? Next { get; set; }

        public IQueuedCall? Previous { get; set; }

        public bool IsQueued { get; set; }

        protected override string OwnerName => nameof(DuplexClient);

        protected override bool OwnerIsClosing => client._use.Closing;

        private NativeCall* Call => (NativeCall*)System.Runtime.InteropServices.Marshal.UnsafeAddrOfPinnedArrayElement(_call, 0);

        internal ValueTask<Response> Start(ReadOnlyMemory<byte> request, NativeRequestInfo info, CancellationToken token)
        {
            Reset(token);
            _request = request;
            _info = info;
            _blockedSince = 0;
            if (client._queue.IsEmpty && TryBegin())
            {
                GoOn();
            }
            else
            {
                client._queue.Add(this);
            }
            return Begun();
        }

        internal ValueTask<Response> Start(in NativeCall call, CancellationToken token)
        {
            Reset(token);
            *Call = call;
            Go();
            return Begun();
        }

        public bool TryBegin()
        {
            if (!client._use.TryEnter())
            {
                _failedToBegin = DisposedDuring();
                return true;
            }
            try
            {
                int status;
                NativeRequestInfo info = _info;
                ReadOnlySpan<byte> span = _request.Span;
                fixed (byte* bytes = span)
                {
                    status = Native.zb_client_begin(client.Pointer, bytes, (nuint)span.Length, 0, &info, Call);
                }
                if ((Status)status is Status.LanesBusy or Status.Timeout
                    || (status == (int)Status.HeldFramesBlock && !IsBlockedForLong()))
                {
                    return false;
                }
                _failedToBegin = status == (int)Status.Ok ? null : FailureOf(status);
            }
#pragma warning disable CA1031 // of the caller's memory; it belongs to who awaits
            catch (Exception error)
#pragma warning restore CA1031
            {
                _failedToBegin = error;
            }
            finally
            {
                client._use.Leave();
            }
            _request = default;
            return true;
        }

        /// <summary>Other tasks hold answers and are about to dispose them; but if nobody does, this one is told.</summary>
        private bool IsBlockedForLong()
        {
            if (_blockedSince == 0)
            {
                _blockedSince = Stopwatch.GetTimestamp();
            }
            return Stopwatch.GetElapsedTime(_blockedSince) > s_longBlocked;
        }

        public void GoOn()
        {
            Exception? failure = _failedToBegin;
            if (failure is null)
            {
                Go();
                return;
            }
            _failedToBegin = null;
            Fail(failure);
        }

        public void EndQueued() => Fail(DisposedDuring());

        protected override void Cancel()
        {
            if (client._queue.Remove(this))
            {
                FailCancelled();
            }
            else
            {
                Post(Cancelled);
            }
        }

        protected override bool TryFinish(out Response result)
        {
            NativeResponse native;
            int status = Native.zb_call_try_receive(Call, &native);
            if (status == (int)Status.Ok)
            {
                result = client.Hold(native);
                return true;
            }
            result = default;
            return status == (int)Status.WouldBlock ? false : throw FailureOf(status);
        }

        protected override int Ask(nint context) => Native.zb_call_when_ready(Call, &OnReady, context);

        protected override void TakeBack() => _ = Native.zb_call_cancel_when(Call);

        protected override void GiveUp() => Native.zb_call_abandon(Call);

        protected override void Ended()
        {
            _request = default;
            client.LaneMayBeFree();
        }

        protected override void Fetched() => client.ReturnCall(this);
    }

    private sealed class ReceiveOperation(DuplexClient client) : Awaited<Response>
    {
        protected override string OwnerName => nameof(DuplexClient);

        protected override bool OwnerIsClosing => client._use.Closing;

        internal ValueTask<Response> Start(CancellationToken token)
        {
            Reset(token);
            Go();
            return Begun();
        }

        protected override bool TryFinish(out Response result) => client.Receive(TimeSpan.Zero, out result);

        protected override int Ask(nint context)
        {
            if (!client._use.TryEnter())
            {
                throw DisposedDuring();
            }
            int status = Native.zb_client_when_ready(client.Pointer, &OnReady, context);
            client._use.Leave();
            return status;
        }

        // The client is still there: before it closes it waits until this is over.
        protected override void TakeBack() => _ = Native.zb_client_cancel_when(client.Pointer);

        protected override void GiveUp()
        {
            // nothing was received
        }

        protected override void Fetched() => Volatile.Write(ref client._receiveAwaited, 0);
    }
}
