// The calling end: how one is made, and calls that wait in their own thread. Awaiting is in DuplexClient.Async.cs, arrays in
// Formats/DuplexClient.Array.cs; taking the calls of the server is DuplexEnd's.
using System;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Threading;
using ZeroBuffer.Interop;

namespace ZeroBuffer;

/// <summary>Calls a server in another process, or in this one.</summary>
/// <remarks>
/// <para>Any number of threads call at the same time; each call takes a lane of its own, so that callers do not wait for each other
/// as long as there are lanes. A late answer to a call that was given up is discarded and never given to another call.</para>
/// <para>A server that died is told once, by <see cref="PeerDeadException"/>; its successor answers later calls. In the long run no
/// call allocates.</para>
/// </remarks>
/// <example><code>
/// using var client = DuplexClient.Open("sum", TimeSpan.FromSeconds(10));
/// using (Response answer = client.Call(request, TimeSpan.FromSeconds(1)))
/// {
///     Process(answer.Span);                       // in shared memory, no copy
/// }
/// byte[] room = new byte[100];
/// int length = client.CallInto(request, room, TimeSpan.FromSeconds(1)).Length;
/// </code></example>
public sealed unsafe partial class DuplexClient : DuplexEnd
{
    private readonly ClientHandle _handle;
    private readonly LentPool<HeldOutgoing> _claims;
    private readonly LaneQueue _queue = new();

    private DuplexClient(nint native)
        : base(native)
    {
        _handle = new ClientHandle(native) { Lent = Lent };
        _claims = new LentPool<HeldOutgoing>(Lent, pool => new HeldOutgoing(this, pool));
        Lent.Back = LaneMayBeFree;
        Id = Native.zb_client_id(native);
    }

    /// <summary>This client, as the server knows it: <see cref="Request.Client"/>.</summary>
    public ulong Id { get; }

    private protected override ClosableHandle Handle => _handle;

    private protected override Func<nint, nint> NativeMapping => Native.zb_client_mapping;

    /// <summary>Attaches to a server's channel, and waits for it to appear.</summary>
    /// <param name="name">Of the channel.</param>
    /// <param name="connectTimeout">Zero looks once; null and <see cref="Timeout.InfiniteTimeSpan"/> wait for ever.</param>
    /// <param name="options">Behaviour of this end (the geometry is the server's); null for the defaults.</param>
    /// <exception cref="BufferNotFoundException">It did not appear in time.</exception>
    /// <exception cref="LanesBusyException">Every lane is another living client's.</exception>
    /// <exception cref="IncompatibleException">It is no channel for calls of this protocol version.</exception>
    /// <exception cref="CorruptException">A value in it is impossible.</exception>
    /// <exception cref="PermissionDeniedException">It belongs to another user.</exception>
    /// <exception cref="InvalidArgumentException">The name or an option is wrong.</exception>
    /// <remarks>Waits in the calling thread. Any thread.</remarks>
    public static DuplexClient Open(string name, TimeSpan? connectTimeout = null, DuplexOptions? options = null)
    {
        NativeDuplexConfig config = (options ?? DuplexOptions.Default).ToNative();
        long timeoutNs = Timeouts.Nanoseconds(connectTimeout ?? Timeout.InfiniteTimeSpan);
        nint client;
        int status;
        fixed (byte* bytes = ZeroBufferLibrary.NameBytes(name))
        {
            status = Native.zb_client_open(bytes, timeoutNs, &config, &client);
        }
        if (status != (int)Status.Ok)
        {
            Failure.Throw(status, nameof(DuplexClient));
        }
        return new DuplexClient(client);
    }

    /// <summary>Sends a copy of a request and waits for its answer.</summary>
    /// <param name="request">The bytes.</param>
    /// <param name="timeout">For lane, room and answer; null waits for ever, as long as the server lives.</param>
    /// <param name="type">0 normal, from 128 the application's: what is asked for.</param>
    /// <param name="tag">A number of the application's.</param>
    /// <param name="responseCapacity">In place: bytes to reserve for an answer longer than the request; 256 are always there.</param>
    /// <returns>The answer; dispose it.</returns>
    /// <exception cref="RemoteException">The server answered with an error; the message is what it said.</exception>
    /// <exception cref="TimeoutException">The time ran out; an answer that still comes is discarded.</exception>
    /// <exception cref="LanesBusyException">No lane got free in time.</exception>
    /// <exception cref="PeerDeadException">The server died; once per dead server.</exception>
    /// <exception cref="PeerClosedException">The server has closed.</exception>
    /// <exception cref="FrameTooLargeException">The request, or the answer's capacity, can never fit.</exception>
    /// <exception cref="HeldFramesBlockException">Answers that are held here keep the lane full. Dispose them.</exception>
    /// <exception cref="TooManyHeldException"><see cref="DuplexOptions.MaxHeld"/> answers of the lane are held.</exception>
    /// <exception cref="InterruptedWaitException"><c>Interrupt()</c> was called.</exception>
    /// <exception cref="EvictedException">The server took this client's lane away, because what is in it is impossible.</exception>
    /// <exception cref="CorruptException">A value in shared memory is impossible.</exception>
    /// <exception cref="ForkedException">The client belongs to the parent process.</exception>
    /// <exception cref="ObjectDisposedException">The client was disposed, before or during the call.</exception>
    /// <remarks>Allocates nothing.</remarks>
    public Response Call(
        ReadOnlySpan<byte> request, TimeSpan? timeout = null, ushort type = 0, ulong tag = 0, long responseCapacity = 0)
    {
        NativeResponse response;
        int status = CallNow(request, timeout, type, tag, responseCapacity, &response);
        return status == (int)Status.Ok ? HoldAndLeave(response) : throw FailedAndLeft(status);
    }

    /// <summary>
    /// Sends a copy of a request and waits for its answer. Throws as
    /// <see cref="Call(ReadOnlySpan{byte}, TimeSpan?, ushort, ulong, long)"/>, but where the time runs out.
    /// </summary>
    /// <param name="request">The bytes.</param>
    /// <param name="timeout">For lane, room and answer; <see cref="Timeout.InfiniteTimeSpan"/> waits for ever.</param>
    /// <param name="response">The answer; dispose it.</param>
    /// <param name="type">0 normal, from 128 the application's: what is asked for.</param>
    /// <param name="tag">A number of the application's.</param>
    /// <param name="responseCapacity">In place: bytes to reserve for an answer longer than the request; 256 are always there.</param>
    /// <returns>False where the time ran out, also while no lane got free; an answer that still comes is discarded.</returns>
    /// <remarks>Allocates nothing.</remarks>
    public bool Call(
        ReadOnlySpan<byte> request,
        TimeSpan timeout,
        out Response response,
        ushort type = 0,
        ulong tag = 0,
        long responseCapacity = 0)
    {
        NativeResponse native;
        int status = CallNow(request, timeout, type, tag, responseCapacity, &native);
        if (status == (int)Status.Ok)
        {
            response = HoldAndLeave(native);
            return true;
        }
        response = default;
        if ((Status)status is Status.Timeout or Status.LanesBusy)
        {
            Leave();
            return false;
        }
        throw FailedAndLeft(status);
    }

    /// <summary>
    /// Sends a copy of a request, waits for its answer, and copies that out, so that nothing is held. Throws as
    /// <see cref="Call(ReadOnlySpan{byte}, TimeSpan?, ushort, ulong, long)"/>.
    /// </summary>
    /// <param name="request">The bytes.</param>
    /// <param name="buffer">Where the answer goes.</param>
    /// <param name="timeout">For lane, room and answer; null waits for ever, as long as the server lives.</param>
    /// <param name="type">0 normal, from 128 the application's: what is asked for.</param>
    /// <param name="tag">A number of the application's.</param>
    /// <param name="responseCapacity">In place: bytes to reserve for an answer longer than the request; 256 are always there.</param>
    /// <returns>How long the answer is, and what it says beside its bytes.</returns>
    /// <exception cref="BufferTooSmallException">
    /// The answer does not fit. Nothing is lost: <see cref="BufferTooSmallException.Response"/> is the answer; dispose it.
    /// </exception>
    /// <remarks>Allocates nothing.</remarks>
    public Received CallInto(
        ReadOnlySpan<byte> request,
        Span<byte> buffer,
        TimeSpan? timeout = null,
        ushort type = 0,
        ulong tag = 0,
        long responseCapacity = 0)
    {
        long timeoutNs = Nanoseconds(timeout);
        long begun = Stopwatch.GetTimestamp();
        ArgumentOutOfRangeException.ThrowIfNegative(responseCapacity);
        NativeRequestInfo info = NativeRequestInfo.Of(type, tag, responseCapacity);
        NativeCall call;
        NativeReceived received = default;
        _use.Enter(this);
        int status;
        fixed (byte* bytes = request)
        {
            status = Native.zb_client_begin(Pointer, bytes, (nuint)request.Length, timeoutNs, &info, &call);
        }
        if (status == (int)Status.Ok)
        {
            fixed (byte* into = buffer)
            {
                status = Native.zb_call_receive_into(&call, into, (nuint)buffer.Length, Left(timeoutNs, begun), &received);
            }
        }
        if (status == (int)Status.Ok)
        {
            Leave();
            return new Received((int)received.Size, received.Sequence, received.Type);
        }
        Exception failure = FailureOf(status);
        if (status == (int)Status.BufferTooSmall)
        {
            NativeResponse response;
            if (Native.zb_call_receive(&call, 0, &response) == (int)Status.Ok)
            {
                failure = new BufferTooSmallException(
                    failure.Message, received.Size, (ulong)buffer.Length, 0, Hold(response));
            }
        }
        Native.zb_call_abandon(&call);
        Leave();
        throw failure;
    }

    /// <summary>
    /// Takes room for a request, to be built in place, in a lane of its own. Throws as
    /// <see cref="Call(ReadOnlySpan{byte}, TimeSpan?, ushort, ulong, long)"/>, as far as that waits for room.
    /// </summary>
    /// <param name="size">Bytes, 0 … <see cref="DuplexInfo.MaxRequestSize"/>.</param>
    /// <param name="timeout">Null waits for ever.</param>
    /// <param name="responseCapacity">In place: bytes to reserve for an answer longer than the request; 256 are always there.</param>
    /// <returns>The room; call, or dispose it.</returns>
    /// <remarks>Allocates nothing.</remarks>
    public RequestClaim ClaimRequest(long size, TimeSpan? timeout = null, long responseCapacity = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        ArgumentOutOfRangeException.ThrowIfNegative(responseCapacity);
        long timeoutNs = Nanoseconds(timeout);
        NativeOutgoing outgoing;
        _use.Enter(this);
        int status = Native.zb_client_claim_request(Pointer, (nuint)size, (nuint)responseCapacity, timeoutNs, &outgoing);
        return Claimed(status, outgoing);
    }

    /// <summary>Sends a copy of a request without waiting for its answer; waits for room, for ever.</summary>
    /// <param name="request">The bytes.</param>
    /// <param name="type">0 normal, from 128 the application's: what is asked for.</param>
    /// <param name="tag">A number of the application's.</param>
    /// <param name="responseCapacity">In place: bytes to reserve for an answer longer than the request; 256 are always there.</param>
    /// <returns>The request's sequence, and its answer's.</returns>
    /// <remarks>
    /// Many may be on their way; <see cref="Receive()"/> gives the answers, in the same or another thread, in the order in which the
    /// requests were sent. They share one lane, which no other call uses meanwhile. Throws as
    /// <see cref="Call(ReadOnlySpan{byte}, TimeSpan?, ushort, ulong, long)"/>, as far as that waits for room. Allocates nothing.
    /// </remarks>
    public ulong Send(ReadOnlySpan<byte> request, ushort type = 0, ulong tag = 0, long responseCapacity = 0)
    {
        ulong sequence;
        while (!Send(request, Timeout.InfiniteTimeSpan, out sequence, type, tag, responseCapacity))
        {
        }
        return sequence;
    }

    /// <summary>Sends a copy of a request without waiting for its answer; as the other overload.</summary>
    /// <param name="request">The bytes.</param>
    /// <param name="timeout">For room; zero looks once.</param>
    /// <param name="sequence">The request's sequence, and its answer's.</param>
    /// <param name="type">0 normal, from 128 the application's: what is asked for.</param>
    /// <param name="tag">A number of the application's.</param>
    /// <param name="responseCapacity">In place: bytes to reserve for an answer longer than the request; 256 are always there.</param>
    /// <returns>False where the time ran out; nothing was sent.</returns>
    public bool Send(
        ReadOnlySpan<byte> request,
        TimeSpan timeout,
        out ulong sequence,
        ushort type = 0,
        ulong tag = 0,
        long responseCapacity = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(responseCapacity);
        long timeoutNs = Timeouts.Nanoseconds(timeout);
        NativeRequestInfo info = NativeRequestInfo.Of(type, tag, responseCapacity);
        ulong sent = 0;
        _use.Enter(this);
        int status;
        fixed (byte* bytes = request)
        {
            status = Native.zb_client_send(Pointer, bytes, (nuint)request.Length, timeoutNs, &info, &sent);
        }
        sequence = sent;
        return Done(status);
    }

    /// <summary>
    /// Takes room for a request that is sent without waiting for its answer: <see cref="RequestClaim.Send"/>. One at a time: nothing
    /// else is sent before it was sent or disposed. Else as <see cref="ClaimRequest"/>.
    /// </summary>
    /// <param name="size">Bytes, 0 … <see cref="DuplexInfo.MaxRequestSize"/>.</param>
    /// <param name="timeout">Null waits for ever.</param>
    /// <param name="responseCapacity">In place: bytes to reserve for an answer longer than the request; 256 are always there.</param>
    /// <returns>The room; send, or dispose it.</returns>
    public RequestClaim ClaimSend(long size, TimeSpan? timeout = null, long responseCapacity = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        ArgumentOutOfRangeException.ThrowIfNegative(responseCapacity);
        long timeoutNs = Nanoseconds(timeout);
        NativeOutgoing outgoing;
        _use.Enter(this);
        int status = Native.zb_client_claim_send(Pointer, (nuint)size, (nuint)responseCapacity, timeoutNs, &outgoing);
        return Claimed(status, outgoing);
    }

    /// <summary>Waits for the next answer to what was sent, for ever.</summary>
    /// <returns>The answer; dispose it.</returns>
    /// <remarks>
    /// Throws as <see cref="Call(ReadOnlySpan{byte}, TimeSpan?, ushort, ulong, long)"/>; <see cref="RemoteException.Sequence"/> says
    /// which request was refused. One thread at a time receives, others wait their turn. Allocates nothing.
    /// </remarks>
    public Response Receive()
    {
        Response response;
        while (!Receive(Timeout.InfiniteTimeSpan, out response))
        {
        }
        return response;
    }

    /// <summary>Waits for the next answer to what was sent. As <see cref="Receive()"/>.</summary>
    /// <param name="timeout">Zero looks once; <see cref="Timeout.InfiniteTimeSpan"/> waits for ever.</param>
    /// <param name="response">The answer; dispose it.</param>
    /// <returns>False where the time ran out.</returns>
    public bool Receive(TimeSpan timeout, out Response response)
    {
        long timeoutNs = Timeouts.Nanoseconds(timeout);
        NativeResponse native;
        _use.Enter(this);
        int status = Native.zb_client_receive(Pointer, timeoutNs, &native);
        if (status == (int)Status.Ok)
        {
            response = HoldAndLeave(native);
            return true;
        }
        response = default;
        return Done(status);
    }

    /// <summary>Waits for the next answer to what was sent, and copies it out. As <see cref="Receive()"/>.</summary>
    /// <param name="buffer">Where it goes.</param>
    /// <param name="timeout">Zero looks once; <see cref="Timeout.InfiniteTimeSpan"/> waits for ever.</param>
    /// <param name="received">How long the answer is, and what it says beside its bytes.</param>
    /// <returns>False where the time ran out.</returns>
    /// <exception cref="BufferTooSmallException">The answer does not fit. Nothing is lost: it is the next one again.</exception>
    public bool ReceiveInto(Span<byte> buffer, TimeSpan timeout, out Received received)
    {
        long timeoutNs = Timeouts.Nanoseconds(timeout);
        NativeReceived native;
        _use.Enter(this);
        int status;
        fixed (byte* into = buffer)
        {
            status = Native.zb_client_receive_into(Pointer, into, (nuint)buffer.Length, timeoutNs, &native);
        }
        received = status == (int)Status.Ok ? new Received((int)native.Size, native.Sequence, native.Type) : default;
        return Done(status);
    }

    /// <summary>A lane may be free now: for an awaited call that queues.</summary>
    internal void LaneMayBeFree()
    {
        if (!_queue.IsEmpty)
        {
            _queue.Pump();
        }
    }

    internal Response CallClaim(HeldOutgoing claim, ulong key, long length, TimeSpan? timeout, ushort type, ulong tag)
    {
        long timeoutNs = Nanoseconds(timeout);
        NativeCall call = Begin(claim, key, length, type, tag);
        NativeResponse response;
        int status = Native.zb_call_receive(&call, timeoutNs, &response);
        if (status == (int)Status.Ok)
        {
            return HoldAndLeave(response);
        }
        Exception failure = FailureOf(status);
        Native.zb_call_abandon(&call);
        Leave();
        throw failure;
    }

    internal ulong SendClaim(HeldOutgoing claim, ulong key, long length, ushort type, ulong tag)
    {
        NativeRequestInfo info = NativeRequestInfo.Of(type, tag, 0);
        NativeOutgoing outgoing = claim.Begin(key, length);
        ulong sequence;
        int status = Native.zb_outgoing_send(&outgoing, (nuint)length, &info, &sequence);
        Exception? failure = status == (int)Status.Ok ? null : FailureOf(status);
        claim.End(key, outgoing);
        return failure is null ? sequence : throw failure;
    }

    /// <summary>Sends what was claimed, and stays inside.</summary>
    private NativeCall Begin(HeldOutgoing claim, ulong key, long length, ushort type, ulong tag)
    {
        NativeRequestInfo info = NativeRequestInfo.Of(type, tag, 0);
        NativeOutgoing outgoing = claim.Begin(key, length);
        if (!_use.TryEnter())
        {
            claim.End(key, outgoing);
            throw new ObjectDisposedException(Kind, $"the {Kind} was disposed");
        }
        NativeCall call;
        int status = Native.zb_outgoing_begin(&outgoing, (nuint)length, &info, &call);
        Exception? failure = status == (int)Status.Ok ? null : FailureOf(status);
        claim.End(key, outgoing);
        if (failure is not null)
        {
            Leave();
            throw failure;
        }
        return call;
    }

    /// <summary>Stays inside.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int CallNow(
        ReadOnlySpan<byte> request, TimeSpan? timeout, ushort type, ulong tag, long responseCapacity, NativeResponse* response)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(responseCapacity);
        long timeoutNs = Nanoseconds(timeout);
        NativeRequestInfo info = NativeRequestInfo.Of(type, tag, responseCapacity);
        _use.Enter(this);
        fixed (byte* bytes = request)
        {
            return Native.zb_client_call(Pointer, bytes, (nuint)request.Length, timeoutNs, &info, response);
        }
    }

    private RequestClaim Claimed(int status, in NativeOutgoing outgoing)
    {
        if (status != (int)Status.Ok)
        {
            throw FailedAndLeft(status);
        }
        RequestClaim claim = _claims.Rent().Hold(outgoing);
        _use.Leave();
        return claim;
    }

    private Response HoldAndLeave(in NativeResponse native)
    {
        Response response = Hold(native);
        Leave();
        return response;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private Exception FailedAndLeft(int status)
    {
        Exception failure = FailureOf(status);
        Leave();
        return failure;
    }

    /// <summary>Leaves. False where the status says "nothing there yet"; throws where it is a failure.</summary>
    private bool Done(int status)
    {
        if (status == (int)Status.Ok || Failure.NothingYet(status))
        {
            Leave();
            return status == (int)Status.Ok;
        }
        throw FailedAndLeft(status);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Leave()
    {
        _use.Leave();
        LaneMayBeFree();
    }

    private static long Nanoseconds(TimeSpan? timeout) => Timeouts.Nanoseconds(timeout ?? Timeout.InfiniteTimeSpan);

    private static long Left(long timeoutNs, long begun) =>
        timeoutNs is 0 or Native.Forever ? timeoutNs : Math.Max(0, timeoutNs - (Stopwatch.GetElapsedTime(begun).Ticks * 100));

    private protected override int NativeTake(long timeoutNs, NativeRequest* request) =>
        Native.zb_client_take(Pointer, timeoutNs, request);

    private protected override int NativeWhenTake(ReadyCallback callback, nint context) =>
        Native.zb_client_when_call(Pointer, callback.Function, context);

    private protected override void NativeCancelWhenTake() => _ = Native.zb_client_cancel_when_call(Pointer);

    private protected override int NativeStart(nint handler, uint threads) => RequestCallback.StartClient(Pointer, handler, threads);

    private protected override int NativeStop() => Native.zb_client_stop(Pointer);

    private protected override uint NativeRunning() => Native.zb_client_running(Pointer);

    private protected override void NativeInterrupt() => Native.zb_client_interrupt(Pointer);

    private protected override void NativeStats(nint native, NativeDuplexStats* stats) =>
        _ = Native.zb_client_get_stats(native, stats);

    private protected override void NativeInfo(NativeDuplexInfo* info) => _ = Native.zb_client_get_info(Pointer, info);
}
