// The servers of the workloads call64 and call64_in_place: one word of each message is changed, so that nobody takes a request
// for an answer.
using System;
using System.Buffers.Binary;

namespace ZeroBuffer.Benchmarks;

internal static class Answers
{
    internal static ulong To(ulong sequence) => ~sequence;

    internal static Figure? Serve(string name)
    {
        using ImmutableDuplexServer server = ImmutableDuplexServer.Create(name);
        ServeUntilStop(server, request =>
        {
            Span<byte> message = stackalloc byte[Message.Size];
            request.Data.CopyTo(message);
            Change(server, message);
            request.Write(message);
        });
        return null;
    }

    internal static Figure? ServeInPlace(string name)
    {
        using MutableDuplexServer server = MutableDuplexServer.Create(name);
        ServeUntilStop(server, request =>
        {
            Change(server, request.Bytes);
            request.Respond(Message.Size);
        });
        return null;
    }

    private static void ServeUntilStop(DuplexEnd server, Action<Request> handler)
    {
        try
        {
            server.Serve(handler);
        }
        catch (InterruptedWaitException)
        {
            // by Change()
        }
    }

    /// <summary>The last one ends the serving; it is answered all the same.</summary>
    private static void Change(DuplexEnd server, Span<byte> message)
    {
        ulong sequence = Message.Sequence(message);
        BinaryPrimitives.WriteUInt64LittleEndian(message[sizeof(ulong)..], To(sequence));
        if (sequence == Message.Stop)
        {
            server.Interrupt();
        }
    }
}
