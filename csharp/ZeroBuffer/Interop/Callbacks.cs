// Functions that the native library calls, as values that have a name, and the one that brings requests to their handlers. Knows
// nothing of who asks for them.
using System.Runtime.InteropServices;

namespace ZeroBuffer.Interop;

/// <summary>Called once, with the context that it was asked for with.</summary>
internal readonly unsafe struct ReadyCallback
{
    internal ReadyCallback(delegate* unmanaged<nint, void> function) => Function = function;

    internal delegate* unmanaged<nint, void> Function { get; }
}

/// <summary>Answers a request; the context of the native call is a <see cref="GCHandle"/> of one.</summary>
internal unsafe interface IRequestHandler
{
    /// <summary>By a thread of the native library. Must not throw.</summary>
    void Handle(NativeRequest* request);
}

/// <summary>What the native library calls with each request.</summary>
internal static unsafe class RequestCallback
{
    internal static int StartServer(nint server, nint handler, uint threads) =>
        Native.zb_server_start(server, &OnRequest, handler, threads);

    internal static int StartClient(nint client, nint handler, uint threads) =>
        Native.zb_client_start(client, &OnRequest, handler, threads);

    [UnmanagedCallersOnly]
    private static void OnRequest(NativeRequest* request, nint context) =>
        ((IRequestHandler)GCHandle.FromIntPtr(context).Target!).Handle(request);
}
