// The functions of libzerobuffer.so for calls, with blittable types only. None of them suppresses the transition: each may wait,
// copy, or wake the other side.
using System.Runtime.InteropServices;

namespace ZeroBuffer.Interop;

internal static unsafe partial class Native
{
    internal const uint ServerImmutable = 0;
    internal const uint ServerInPlace = 1;

    [LibraryImport(Library)] internal static partial int zb_duplex_config_init(NativeDuplexConfig* config, nuint structSize);

    [LibraryImport(Library)]
    internal static partial int zb_client_open(byte* name, long timeoutNs, NativeDuplexConfig* config, nint* client);
    [LibraryImport(Library)]
    internal static partial int zb_client_call(
        nint client, byte* request, nuint size, long timeoutNs, NativeRequestInfo* info, NativeResponse* response);
    [LibraryImport(Library)]
    internal static partial int zb_client_begin(
        nint client, byte* request, nuint size, long timeoutNs, NativeRequestInfo* info, NativeCall* call);
    [LibraryImport(Library)] internal static partial void zb_response_release(NativeResponse* response);

    [LibraryImport(Library)] internal static partial int zb_call_receive(NativeCall* call, long timeoutNs, NativeResponse* response);
    [LibraryImport(Library)] internal static partial int zb_call_try_receive(NativeCall* call, NativeResponse* response);
    [LibraryImport(Library)]
    internal static partial int zb_call_receive_into(
        NativeCall* call, byte* buffer, nuint capacity, long timeoutNs, NativeReceived* received);
    [LibraryImport(Library)]
    internal static partial int zb_call_when_ready(NativeCall* call, delegate* unmanaged<nint, void> callback, nint context);
    [LibraryImport(Library)] internal static partial byte zb_call_cancel_when(NativeCall* call);
    [LibraryImport(Library)] internal static partial void zb_call_abandon(NativeCall* call);

    [LibraryImport(Library)]
    internal static partial int zb_client_claim_request(
        nint client, nuint size, nuint responseCapacity, long timeoutNs, NativeOutgoing* outgoing);
    [LibraryImport(Library)]
    internal static partial int zb_client_claim_send(
        nint client, nuint size, nuint responseCapacity, long timeoutNs, NativeOutgoing* outgoing);
    [LibraryImport(Library)]
    internal static partial int zb_outgoing_begin(NativeOutgoing* outgoing, nuint n, NativeRequestInfo* info, NativeCall* call);
    [LibraryImport(Library)]
    internal static partial int zb_outgoing_call(
        NativeOutgoing* outgoing, nuint n, long timeoutNs, NativeRequestInfo* info, NativeResponse* response);
    [LibraryImport(Library)]
    internal static partial int zb_outgoing_send(NativeOutgoing* outgoing, nuint n, NativeRequestInfo* info, ulong* sequence);
    [LibraryImport(Library)] internal static partial void zb_outgoing_discard(NativeOutgoing* outgoing);

    [LibraryImport(Library)]
    internal static partial int zb_client_send(
        nint client, byte* request, nuint size, long timeoutNs, NativeRequestInfo* info, ulong* sequence);
    [LibraryImport(Library)] internal static partial int zb_client_receive(nint client, long timeoutNs, NativeResponse* response);
    [LibraryImport(Library)]
    internal static partial int zb_client_receive_into(
        nint client, byte* buffer, nuint capacity, long timeoutNs, NativeReceived* received);
    [LibraryImport(Library)]
    internal static partial int zb_client_when_ready(nint client, delegate* unmanaged<nint, void> callback, nint context);
    [LibraryImport(Library)] internal static partial byte zb_client_cancel_when(nint client);

    [LibraryImport(Library)] internal static partial int zb_client_take(nint client, long timeoutNs, NativeRequest* request);
    [LibraryImport(Library)]
    internal static partial int zb_client_when_call(nint client, delegate* unmanaged<nint, void> callback, nint context);
    [LibraryImport(Library)] internal static partial byte zb_client_cancel_when_call(nint client);
    [LibraryImport(Library)]
    internal static partial int zb_client_start(
        nint client, delegate* unmanaged<NativeRequest*, nint, void> handler, nint context, uint threads);
    [LibraryImport(Library)] internal static partial int zb_client_stop(nint client);
    [LibraryImport(Library)] internal static partial uint zb_client_running(nint client);

    [LibraryImport(Library)] internal static partial void zb_client_interrupt(nint client);
    [LibraryImport(Library)] internal static partial int zb_client_get_stats(nint client, NativeDuplexStats* stats);
    [LibraryImport(Library)] internal static partial int zb_client_get_info(nint client, NativeDuplexInfo* info);
    [LibraryImport(Library)] internal static partial ulong zb_client_id(nint client);
    [LibraryImport(Library)] internal static partial nint zb_client_mapping(nint client);
    [LibraryImport(Library)] internal static partial void zb_client_close(nint client);

    [LibraryImport(Library)]
    internal static partial int zb_server_create(byte* name, uint kind, NativeDuplexConfig* config, nint* server);
    [LibraryImport(Library)] internal static partial int zb_server_take(nint server, long timeoutNs, NativeRequest* request);
    [LibraryImport(Library)]
    internal static partial int zb_server_when_ready(nint server, delegate* unmanaged<nint, void> callback, nint context);
    [LibraryImport(Library)] internal static partial byte zb_server_cancel_when(nint server);

    [LibraryImport(Library)]
    internal static partial int zb_request_claim(NativeRequest* request, nuint size, void** room);
    [LibraryImport(Library)] internal static partial int zb_request_respond(NativeRequest* request, nuint n, ushort type);
    [LibraryImport(Library)]
    internal static partial int zb_request_write(NativeRequest* request, byte* answer, nuint size, ushort type);
    [LibraryImport(Library)] internal static partial void zb_request_fail(NativeRequest* request, byte* text);
    [LibraryImport(Library)] internal static partial void zb_request_finish(NativeRequest* request);

    [LibraryImport(Library)]
    internal static partial int zb_server_start(
        nint server, delegate* unmanaged<NativeRequest*, nint, void> handler, nint context, uint threads);
    [LibraryImport(Library)] internal static partial int zb_server_stop(nint server);
    [LibraryImport(Library)] internal static partial uint zb_server_running(nint server);

    [LibraryImport(Library)]
    internal static partial int zb_server_clients(nint server, ulong* clients, nuint capacity, nuint* count);
    [LibraryImport(Library)]
    internal static partial int zb_server_call_client(
        nint server, ulong client, byte* request, nuint size, long timeoutNs, NativeRequestInfo* info, NativeResponse* response);
    [LibraryImport(Library)]
    internal static partial int zb_server_notify(
        nint server, ulong client, byte* notice, nuint size, long timeoutNs, NativeRequestInfo* info);

    [LibraryImport(Library)] internal static partial void zb_server_interrupt(nint server);
    [LibraryImport(Library)] internal static partial int zb_server_get_stats(nint server, NativeDuplexStats* stats);
    [LibraryImport(Library)] internal static partial int zb_server_get_info(nint server, NativeDuplexInfo* info);
    [LibraryImport(Library)] internal static partial nint zb_server_mapping(nint server);
    [LibraryImport(Library)] internal static partial void zb_server_close(nint server);
}
