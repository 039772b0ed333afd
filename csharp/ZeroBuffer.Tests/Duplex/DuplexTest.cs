// What the tests of calls share: small channels of either kind, and handlers. Knows nothing of single rules.
using System;
using ZeroBuffer.Tests.Peers;

namespace ZeroBuffer.Tests.Duplex;

public enum Kind
{
    Immutable,
    InPlace,
}

public abstract class DuplexTest : BufferTest
{
    /// <summary>Two lanes, for requests and answers of 10,000 bytes.</summary>
    protected static DuplexOptions Small { get; } = new() { RequestSize = 10_000, ResponseSize = 10_000, Lanes = 2 };

    protected static DuplexServer Serve(Kind kind, string name, DuplexOptions? options = null) => kind == Kind.Immutable
        ? ImmutableDuplexServer.Create(name, options ?? Small)
        : MutableDuplexServer.Create(name, options ?? Small);

    protected DuplexServer Serve(Kind kind, DuplexOptions? options = null) => Serve(kind, Name, options);

    protected DuplexClient Call(DuplexOptions? options = null) => DuplexClient.Open(Name, Limits.Wait, options ?? Small);

    /// <summary>The request's own bytes and type, as each kind of server answers with them.</summary>
    protected static void Echo(Request request)
    {
        if (!request.InPlace)
        {
            request.Write(request.Data, request.Type);
        }
    }

    /// <summary>The same with each byte inverted.</summary>
    protected static void Invert(Request request)
    {
        Span<byte> answer = request.Claim((int)request.Length);
        ReadOnlySpan<byte> bytes = request.Data;
        for (int i = 0; i < bytes.Length; ++i)
        {
            answer[i] = (byte)~bytes[i];
        }
        request.Respond(answer.Length, request.Type);
    }

    protected static byte[] Inverted(byte[] bytes) => Array.ConvertAll(bytes, value => (byte)~value);

    protected static byte[] Taken(Response response)
    {
        using (response)
        {
            return response.Span.ToArray();
        }
    }
}
