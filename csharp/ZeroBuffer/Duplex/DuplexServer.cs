// The answering end: what both kinds of server have in common beside taking requests, which is DuplexEnd's.
using System;
using System.Collections.Generic;
using System.Threading;
using ZeroBuffer.Interop;

namespace ZeroBuffer;

/// <summary>
/// Answers calls: <see cref="ImmutableDuplexServer"/> with new data, <see cref="MutableDuplexServer"/> by changing the request where
/// it lies.
/// </summary>
/// <remarks>
/// <para>One server, many clients. A handler that throws answers with an error, which the caller gets as
/// <see cref="RemoteException"/>; nothing is ever answered with an empty success that nobody gave.</para>
/// <para>A server that comes after a dead one (<see cref="DuplexOptions.ExistOk"/>) answers what that had begun with an error, and
/// goes on with the rest.</para>
/// </remarks>
public abstract unsafe class DuplexServer : DuplexEnd
{
    private readonly ServerHandle _handle;

    private protected DuplexServer(nint native)
        : base(native) => _handle = new ServerHandle(native) { Lent = Lent };

    private protected override ClosableHandle Handle => _handle;

    private protected override Func<nint, nint> NativeMapping => Native.zb_server_mapping;

    /// <summary>The clients that are attached and alive, for <see cref="CallClient"/> and <see cref="Notify"/>.</summary>
    /// <exception cref="ObjectDisposedException">The server was disposed.</exception>
    /// <remarks>Never waits. Allocates the list.</remarks>
    public IReadOnlyList<ulong> GetClients()
    {
        _use.Enter(this);
        try
        {
            ulong[] clients = new ulong[Info.Lanes];
            nuint count;
            int status;
            fixed (ulong* first = clients)
            {
                status = Native.zb_server_clients(Pointer, first, (nuint)clients.Length, &count);
            }
            return status == (int)Status.Ok ? clients[..(int)count] : throw FailureOf(status);
        }
        finally
        {
            _use.Leave();
        }
    }

    /// <summary>Calls a client, which takes the call and answers it in place.</summary>
    /// <param name="client">Whom: <see cref="Request.Client"/>.</param>
    /// <param name="request">The bytes; a copy is sent.</param>
    /// <param name="timeout">Null waits for ever, as long as the client lives.</param>
    /// <param name="type">0 normal, from 128 the application's: what is asked for.</param>
    /// <param name="tag">A number of the application's.</param>
    /// <param name="responseCapacity">Bytes to reserve for an answer longer than the request; 256 are always there.</param>
    /// <returns>The answer; dispose it.</returns>
    /// <exception cref="BufferNotFoundException">This client is gone.</exception>
    /// <exception cref="RemoteException">The client answered with an error; the message is what it said.</exception>
    /// <exception cref="TimeoutException">The time ran out; an answer that still comes is discarded.</exception>
    /// <exception cref="PeerDeadException">The client died.</exception>
    /// <exception cref="PeerClosedException">The client has closed.</exception>
    /// <exception cref="FrameTooLargeException">It can never fit <see cref="DuplexInfo.MaxCallbackSize"/>.</exception>
    /// <exception cref="InvalidArgumentException">The channel has no calls of the server (<see cref="DuplexOptions.CallbackSize"/> 0).</exception>
    /// <exception cref="InterruptedWaitException"><c>Interrupt()</c> was called.</exception>
    /// <exception cref="ObjectDisposedException">The server was disposed, before or during the call.</exception>
    /// <remarks>
    /// One call to one client at a time, others wait their turn. A client that takes no calls lets them time out. Allocates nothing in
    /// the long run.
    /// </remarks>
    public Response CallClient(
        ulong client, ReadOnlySpan<byte> request, TimeSpan? timeout = null, ushort type = 0, ulong tag = 0, long responseCapacity = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(responseCapacity);
        long timeoutNs = Timeouts.Nanoseconds(timeout ?? Timeout.InfiniteTimeSpan);
        NativeRequestInfo info = NativeRequestInfo.Of(type, tag, responseCapacity);
        NativeResponse native;
        _use.Enter(this);
        int status;
        fixed (byte* bytes = request)
        {
            status = Native.zb_server_call_client(Pointer, client, bytes, (nuint)request.Length, timeoutNs, &info, &native);
        }
        if (status != (int)Status.Ok)
        {
            Exception failure = FailureOf(status);
            _use.Leave();
            throw failure;
        }
        Response response = Hold(native);
        _use.Leave();
        return response;
    }

    /// <summary>Tells a client something without waiting for an answer. Throws as <see cref="CallClient"/>.</summary>
    /// <param name="client">Whom: <see cref="Request.Client"/>.</param>
    /// <param name="notice">The bytes; a copy is sent.</param>
    /// <param name="timeout">For room; null waits for ever, as long as the client lives.</param>
    /// <param name="type">0 normal, from 128 the application's.</param>
    /// <param name="tag">A number of the application's.</param>
    /// <remarks>The client takes it as any call; its answer goes nowhere.</remarks>
    public void Notify(ulong client, ReadOnlySpan<byte> notice, TimeSpan? timeout = null, ushort type = 0, ulong tag = 0)
    {
        long timeoutNs = Timeouts.Nanoseconds(timeout ?? Timeout.InfiniteTimeSpan);
        NativeRequestInfo info = NativeRequestInfo.Of(type, tag, 0);
        _use.Enter(this);
        int status;
        fixed (byte* bytes = notice)
        {
            status = Native.zb_server_notify(Pointer, client, bytes, (nuint)notice.Length, timeoutNs, &info);
        }
        Exception? failure = status == (int)Status.Ok ? null : FailureOf(status);
        _use.Leave();
        if (failure is not null)
        {
            throw failure;
        }
    }

    private protected static nint Make(string name, uint kind, DuplexOptions? options, string objectName)
    {
        NativeDuplexConfig config = (options ?? DuplexOptions.Default).ToNative();
        nint server;
        int status;
        fixed (byte* bytes = ZeroBufferLibrary.NameBytes(name))
        {
            status = Native.zb_server_create(bytes, kind, &config, &server);
        }
        if (status != (int)Status.Ok)
        {
            Failure.Throw(status, objectName);
        }
        return server;
    }

    private protected override int NativeTake(long timeoutNs, NativeRequest* request) =>
        Native.zb_server_take(Pointer, timeoutNs, request);

    private protected override int NativeWhenTake(ReadyCallback callback, nint context) =>
        Native.zb_server_when_ready(Pointer, callback.Function, context);

    private protected override void NativeCancelWhenTake() => _ = Native.zb_server_cancel_when(Pointer);

    private protected override int NativeStart(nint handler, uint threads) => RequestCallback.StartServer(Pointer, handler, threads);

    private protected override int NativeStop() => Native.zb_server_stop(Pointer);

    private protected override uint NativeRunning() => Native.zb_server_running(Pointer);

    private protected override void NativeInterrupt() => Native.zb_server_interrupt(Pointer);

    private protected override void NativeStats(nint native, NativeDuplexStats* stats) =>
        _ = Native.zb_server_get_stats(native, stats);

    private protected override void NativeInfo(NativeDuplexInfo* info) => _ = Native.zb_server_get_info(Pointer, info);
}

/// <summary>A server that answers with new data: two rings per lane; a request is read-only.</summary>
/// <example><code>
/// using var server = ImmutableDuplexServer.Create("upper");
/// server.Start(request =&gt; request.Write(Upper(request.Data)));
/// </code></example>
public sealed class ImmutableDuplexServer : DuplexServer
{
    private ImmutableDuplexServer(nint native)
        : base(native)
    {
    }

    /// <summary>Makes a channel and is its server. A stale channel of that name (all users dead) is taken over.</summary>
    /// <param name="name">Letters, digits and <c>._-</c>, at most 200, not beginning with a dot. The file is /dev/shm/NAME.</param>
    /// <param name="options">
    /// Geometry and behaviour; null for the defaults. With <see cref="DuplexOptions.ExistOk"/> also one whose server died while
    /// clients are attached is taken over: this server is then its successor.
    /// </param>
    /// <exception cref="BufferExistsException">Somebody alive uses a buffer or channel of this name.</exception>
    /// <exception cref="WriterExistsException">A living server has it.</exception>
    /// <exception cref="IncompatibleException">It has another geometry.</exception>
    /// <exception cref="InvalidArgumentException">The name or an option is wrong.</exception>
    /// <exception cref="SharedMemoryFullException">Shared memory cannot hold it.</exception>
    /// <exception cref="PermissionDeniedException">The operating system refused.</exception>
    /// <exception cref="SystemCallException">Likewise, for another reason.</exception>
    /// <remarks>Takes the time that it takes to reserve the memory. Any thread.</remarks>
    public static ImmutableDuplexServer Create(string name, DuplexOptions? options = null) =>
        new(Make(name, Native.ServerImmutable, options, nameof(ImmutableDuplexServer)));
}

/// <summary>A server that answers by changing the request where it lies: one ring per lane.</summary>
/// <example><code>
/// using var server = MutableDuplexServer.Create("invert");
/// server.Start(request =&gt;
/// {
///     foreach (ref byte value in request.Bytes)
///     {
///         value = (byte)~value;
///     }
/// });
/// </code></example>
public sealed class MutableDuplexServer : DuplexServer
{
    private MutableDuplexServer(nint native)
        : base(native)
    {
    }

    /// <summary>As <see cref="ImmutableDuplexServer.Create"/>.</summary>
    /// <param name="name">Letters, digits and <c>._-</c>, at most 200, not beginning with a dot. The file is /dev/shm/NAME.</param>
    /// <param name="options">Geometry and behaviour; null for the defaults.</param>
    /// <remarks>Throws as <see cref="ImmutableDuplexServer.Create"/>.</remarks>
    public static MutableDuplexServer Create(string name, DuplexOptions? options = null) =>
        new(Make(name, Native.ServerInPlace, options, nameof(MutableDuplexServer)));
}
