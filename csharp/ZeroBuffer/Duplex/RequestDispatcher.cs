// Handlers by type of request. Knows nothing of who takes the requests.
using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace ZeroBuffer;

/// <summary>A handler that calls another one for each type of request; a request of any other type is answered with an error.</summary>
/// <remarks>Add all handlers before it is used; then any number of threads may.</remarks>
/// <example><code>
/// var handlers = new RequestDispatcher()
///     .On(128, request =&gt; request.Write("pong"u8))
///     .On(129, request =&gt; request.Write(BitConverter.GetBytes(request.Length)));
/// server.Start(handlers.Handle, threads: 2);
/// </code></example>
public sealed class RequestDispatcher
{
    private readonly Dictionary<ushort, Handler> _handlers = [];

    /// <summary>A handler for a type.</summary>
    /// <param name="type">From 128; or <see cref="ArrayDescriptor.FrameType"/> for arrays, 0 for what has no type.</param>
    /// <param name="handler">As for <see cref="DuplexEnd.Serve"/>.</param>
    /// <returns>This.</returns>
    /// <exception cref="ArgumentException">The type has a handler.</exception>
    public RequestDispatcher On(ushort type, Action<Request> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        _handlers.Add(type, new Handler(handler, null));
        return this;
    }

    /// <summary>A handler that awaits, for a type: for <see cref="HandleAsync"/> only.</summary>
    /// <param name="type">As for <see cref="On"/>.</param>
    /// <param name="handler">As for <see cref="DuplexEnd.ServeAsync"/>.</param>
    /// <returns>This.</returns>
    /// <exception cref="ArgumentException">The type has a handler.</exception>
    public RequestDispatcher OnAsync(ushort type, Func<Request, CancellationToken, ValueTask> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        _handlers.Add(type, new Handler(null, handler));
        return this;
    }

    /// <summary>For <see cref="DuplexEnd.Serve"/> and <see cref="DuplexEnd.Start"/>.</summary>
    /// <param name="request">Answered by the handler of its type, or with an error where there is none.</param>
    public void Handle(Request request)
    {
        if (!_handlers.TryGetValue(request.Type, out Handler handler))
        {
            FailUnknown(request);
        }
        else if (handler.Now is null)
        {
            throw new InvalidOperationException(
                $"the handler for requests of type {request.Type} awaits: serve with ServeAsync() and HandleAsync");
        }
        else
        {
            handler.Now(request);
        }
    }

    /// <summary>For <see cref="DuplexEnd.ServeAsync"/>.</summary>
    /// <param name="request">Answered by the handler of its type, or with an error where there is none.</param>
    /// <param name="cancellationToken">For the handler.</param>
    /// <returns>Complete when the handler is.</returns>
    public ValueTask HandleAsync(Request request, CancellationToken cancellationToken)
    {
        if (!_handlers.TryGetValue(request.Type, out Handler handler))
        {
            FailUnknown(request);
        }
        else if (handler.Later is not null)
        {
            return handler.Later(request, cancellationToken);
        }
        else
        {
            handler.Now!(request);
        }
        return ValueTask.CompletedTask;
    }

    private static void FailUnknown(Request request) => request.Fail($"no handler for requests of type {request.Type}");

    private readonly record struct Handler(Action<Request>? Now, Func<Request, CancellationToken, ValueTask>? Later);
}
