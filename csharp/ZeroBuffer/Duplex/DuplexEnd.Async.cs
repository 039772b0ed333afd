// Awaiting requests, and serving them with handlers that await.
using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using ZeroBuffer.Interop;

namespace ZeroBuffer;

public abstract partial class DuplexEnd
{
    private volatile TakeOperation? _takeOperation;
    private int _takeAwaited; // 1: an operation is under way, or its result not fetched

    /// <summary>The next request, awaited. Throws as <see cref="Take()"/>.</summary>
    /// <param name="cancellationToken">
    /// Ends the wait at once, with <see cref="OperationCanceledException"/>. No request is lost by it: the next call gets it.
    /// </param>
    /// <returns>The request; answer it, or dispose it, which answers it too. To be awaited once.</returns>
    /// <exception cref="ConcurrentUseException">Another awaited one is under way; one at a time is.</exception>
    /// <remarks>
    /// Where there is a request it is complete at once. No thread is parked: one thread of the library waits for all of the process,
    /// and what follows the await runs on the thread pool or in the caller's context. Allocates nothing in the long run.
    /// </remarks>
    public ValueTask<Request> TakeAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<Request>(cancellationToken);
        }
        if (Interlocked.CompareExchange(ref _takeAwaited, 1, 0) != 0)
        {
            throw new ConcurrentUseException(
                $"another request of this {Kind} is awaited already, or was not fetched; one at a time is. ServeAsync() has a concurrency.");
        }
        try
        {
            if (TryTake(out Request request))
            {
                _takeAwaited = 0;
                return new ValueTask<Request>(request);
            }
        }
        catch (Exception failure) when (failure is ZeroBufferException or ObjectDisposedException)
        {
            _takeAwaited = 0;
            return ValueTask.FromException<Request>(failure);
        }
        return (_takeOperation ??= new TakeOperation(this)).Start(cancellationToken);
    }

    /// <summary>Awaits requests and calls a handler on each, until it is cancelled. Of a client: also until the server closes.</summary>
    /// <param name="handler">
    /// Answers the request. What it throws is answered as an error with its message, and the next request is served; what it does not
    /// answer is answered when it is complete (<see cref="Request.Dispose"/>). The token is that of this call.
    /// </param>
    /// <param name="concurrency">How many requests are handled at the same time, at least 1.</param>
    /// <param name="cancellationToken">Ends the serving, with <see cref="OperationCanceledException"/>.</param>
    /// <returns>Complete when it has ended, and all handlers have. Fails as <see cref="Take()"/>.</returns>
    /// <remarks>
    /// One at a time per end. Requests that one client has sent without waiting are answered in order: a handler that is ready
    /// before one that came earlier waits for it.
    /// </remarks>
    /// <example><code>
    /// await server.ServeAsync(
    ///     async (request, token) =&gt; request.Write(await AnswerAsync(request.Data.ToArray(), token)), concurrency: 8, token);
    /// </code></example>
    public async Task ServeAsync(
        Func<Request, CancellationToken, ValueTask> handler, int concurrency = 1, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(handler);
        ArgumentOutOfRangeException.ThrowIfLessThan(concurrency, 1);
        using var places = new SemaphoreSlim(concurrency);
        try
        {
            for (;;)
            {
                await places.WaitAsync(cancellationToken).ConfigureAwait(false);
                Request request;
                try
                {
                    request = await TakeAsync(cancellationToken).ConfigureAwait(false);
                }
                catch (PeerClosedException)
                {
                    places.Release();
                    return; // of a client: the server has closed
                }
                catch
                {
                    places.Release();
                    throw;
                }
                if (concurrency == 1)
                {
                    await AnswerAsync(request, handler, places, cancellationToken).ConfigureAwait(false);
                }
                else
                {
                    _ = Task.Run(() => AnswerAsync(request, handler, places, cancellationToken).AsTask(), CancellationToken.None);
                }
            }
        }
        finally
        {
            for (int i = 0; i < concurrency; ++i)
            {
                await places.WaitAsync(CancellationToken.None).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Request after request, awaited. Of a client: until the server closes.</summary>
    /// <param name="cancellationToken">Ends the wait at once, with <see cref="OperationCanceledException"/>; no request is lost.</param>
    /// <returns>An enumerator. Answer or dispose each request; the enumerator does not.</returns>
    /// <remarks>Allocates the enumerator, and nothing per request in the long run. <see cref="TakeAsync"/> says how it waits.</remarks>
    /// <example><code>
    /// await foreach (Request request in server.WithCancellation(cancellationToken))
    /// {
    ///     using (request)
    ///     {
    ///         request.Write(request.Data);
    ///     }
    /// }
    /// </code></example>
    public IAsyncEnumerator<Request> GetAsyncEnumerator(CancellationToken cancellationToken = default) =>
        new RequestEnumerator(this, cancellationToken);

    private static async ValueTask AnswerAsync(
        Request request, Func<Request, CancellationToken, ValueTask> handler, SemaphoreSlim places, CancellationToken cancellationToken)
    {
        try
        {
            await handler(request, cancellationToken).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // whatever it is belongs to who called
        catch (Exception error)
#pragma warning restore CA1031
        {
            request.FailUnlessAnswered(error);
        }
        finally
        {
            request.Dispose();
            places.Release();
        }
    }

    private sealed unsafe class TakeOperation(DuplexEnd end) : Awaited<Request>
    {
        protected override string OwnerName => end.Kind;

        protected override bool OwnerIsClosing => end._use.Closing;

        internal ValueTask<Request> Start(CancellationToken token)
        {
            Reset(token);
            Go();
            return Begun();
        }

        protected override bool TryFinish(out Request result) => end.TryTake(out result);

        protected override int Ask(nint context)
        {
            if (!end._use.TryEnter())
            {
                throw DisposedDuring();
            }
            int status = end.NativeWhenTake(new ReadyCallback(&OnReady), context);
            end._use.Leave();
            return status;
        }

        // The end is still there: before it closes it waits until this is over.
        protected override void TakeBack() => end.NativeCancelWhenTake();

        protected override void GiveUp()
        {
            // nothing was taken
        }

        protected override void Fetched() => Volatile.Write(ref end._takeAwaited, 0);
    }

    private sealed class RequestEnumerator(DuplexEnd end, CancellationToken token) : IAsyncEnumerator<Request>
    {
        public Request Current { get; private set; }

        public async ValueTask<bool> MoveNextAsync()
        {
            try
            {
                Current = await end.TakeAsync(token).ConfigureAwait(false);
                return true;
            }
            catch (PeerClosedException)
            {
                Current = default;
                return false;
            }
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
