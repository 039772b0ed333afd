// Awaiting frames and metadata.
using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using System.Threading.Tasks.Sources;
using ZeroBuffer.Interop;

namespace ZeroBuffer;

public sealed unsafe partial class Reader
{
    private FrameOperation? _frameOperation;
    private MetadataOperation? _metadataOperation;
    private volatile Operation? _waiting; // the last that was begun

    /// <summary>The next frame, awaited. Throws as <see cref="Read()"/>.</summary>
    /// <param name="cancellationToken">
    /// Ends the wait at once, with <see cref="OperationCanceledException"/>. No frame is lost by it: the next call gets it.
    /// </param>
    /// <returns>The frame; dispose it. To be awaited once, before the next call of this reader.</returns>
    /// <remarks>
    /// Where there is a frame it is complete at once. No thread is parked: one thread of the library waits for all readers and
    /// writers of the process, and what follows the await runs on the thread pool or in the caller's context. Allocates nothing in
    /// the long run.
    /// </remarks>
    public ValueTask<Frame> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<Frame>(cancellationToken);
        }
        _gate.Enter(this);
        NativeFrame native;
        int status = Look(0, &native);
        if (status == (int)Status.Ok)
        {
            Frame frame = _frames.Hold(native);
            _gate.Leave();
            return new ValueTask<Frame>(frame);
        }
        if (status != (int)Status.WouldBlock)
        {
            return ValueTask.FromException<Frame>(LeftWith(status));
        }
        return Frames().StartRead(cancellationToken);
    }

    /// <summary>The metadata, awaited. Throws as <see cref="ReadMetadata"/>.</summary>
    /// <param name="cancellationToken">Ends the wait at once.</param>
    /// <returns>A copy of it, empty where it is empty.</returns>
    /// <remarks>As for <see cref="ReadAsync"/>; allocates the copy.</remarks>
    public ValueTask<byte[]> ReadMetadataAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<byte[]>(cancellationToken);
        }
        _gate.Enter(this);
        int status = CopyMetadataInside(0, out byte[]? metadata);
        if (status == (int)Status.Ok)
        {
            _gate.Leave();
            return new ValueTask<byte[]>(metadata!);
        }
        if (!Failure.NothingYet(status))
        {
            return ValueTask.FromException<byte[]>(LeftWith(status));
        }
        MetadataOperation operation = _metadataOperation ??= new MetadataOperation(this);
        _waiting = operation;
        return operation.Start(cancellationToken);
    }

    /// <summary>Frame after frame, awaited, until the writer has closed.</summary>
    /// <param name="cancellationToken">Ends the wait at once, with <see cref="OperationCanceledException"/>; no frame is lost.</param>
    /// <returns>An enumerator. Dispose each frame; the enumerator does not.</returns>
    /// <remarks>Allocates the enumerator, and nothing per frame in the long run. <see cref="ReadAsync"/> says how it waits.</remarks>
    /// <example><code>
    /// await foreach (Frame frame in reader.WithCancellation(cancellationToken))
    /// {
    ///     using (frame)
    ///     {
    ///         await ProcessAsync(frame);
    ///     }
    /// }
    /// </code></example>
    public IAsyncEnumerator<Frame> GetAsyncEnumerator(CancellationToken cancellationToken = default) =>
        new AsyncEnumerator(this, cancellationToken);

    private FrameOperation Frames()
    {
        FrameOperation operation = _frameOperation ??= new FrameOperation(this);
        _waiting = operation;
        return operation;
    }

    /// <summary>Leaves the gate with what the call failed with.</summary>
    private Exception LeftWith(int status)
    {
        Exception failure = Failure.Of(status, nameof(Reader));
        _gate.Leave();
        return failure;
    }

    /// <summary>Waits for a frame; as a task of a frame, or of whether there is one more.</summary>
    private sealed class FrameOperation(Reader reader) : Operation<Frame>, IValueTaskSource<bool>
    {
        private AsyncEnumerator? _enumerator;
        private bool _ended;

        protected override ref CallGate Gate => ref reader._gate;

        protected override object Owner => reader;

        protected override SafeHandle Handle => reader._handle;

        internal ValueTask<Frame> StartRead(CancellationToken token)
        {
            _enumerator = null;
            return Start(token);
        }

        internal ValueTask<bool> StartMove(AsyncEnumerator enumerator, CancellationToken token)
        {
            _enumerator = enumerator;
            _ended = false;
            return Begin(token) is Exception failure
                ? ValueTask.FromException<bool>(failure)
                : new ValueTask<bool>(this, Version);
        }

        protected override bool TryFinish(out Frame result)
        {
            NativeFrame native;
            int status = reader.Look(0, &native);
            if (status == (int)Status.Ok)
            {
                result = reader._frames.Hold(native);
                return true;
            }
            result = default;
            if (status == (int)Status.WouldBlock)
            {
                return false;
            }
            if (status == (int)Status.Closed && _enumerator is not null)
            {
                _ended = true;
                return true;
            }
            throw Failure.Of(status, nameof(Reader));
        }

        protected override int Ask(nint context) => Native.zb_reader_when_ready(reader._native, &OnReady, context);

        protected override bool TakeBack(nint handle) => Native.zb_reader_cancel_when(handle) != 0;

        bool IValueTaskSource<bool>.GetResult(short token)
        {
            BeginFetch(token);
            AsyncEnumerator enumerator = _enumerator!;
            bool ended = _ended;
            enumerator.Current = Fetch(token); // from here on another operation may have begun
            return !ended;
        }
    }

    private sealed class MetadataOperation(Reader reader) : Operation<byte[]>
    {
        protected override ref CallGate Gate => ref reader._gate;

        protected override object Owner => reader;

        protected override SafeHandle Handle => reader._handle;

        protected override bool TryFinish(out byte[] result)
        {
            int status = CopyMetadata(reader._native, 0, out byte[]? metadata);
            result = metadata!;
            if (status == (int)Status.Ok || Failure.NothingYet(status))
            {
                return status == (int)Status.Ok;
            }
            throw Failure.Of(status, nameof(Reader));
        }

        protected override int Ask(nint context) => Native.zb_reader_when_metadata(reader._native, &OnReady, context);

        protected override bool TakeBack(nint handle) => Native.zb_reader_cancel_when(handle) != 0;
    }

    private sealed class AsyncEnumerator(Reader reader, CancellationToken token) : IAsyncEnumerator<Frame>
    {
        public Frame Current { get; internal set; }

        public ValueTask<bool> MoveNextAsync()
        {
            if (token.IsCancellationRequested)
            {
                return ValueTask.FromCanceled<bool>(token);
            }
            reader._gate.Enter(reader);
            NativeFrame native;
            int status = reader.Look(0, &native);
            switch ((Status)status)
            {
                case Status.Ok:
                    Current = reader._frames.Hold(native);
                    reader._gate.Leave();
                    return new ValueTask<bool>(true);
                case Status.Closed:
                    Current = default;
                    reader._gate.Leave();
                    return new ValueTask<bool>(false);
                case Status.WouldBlock:
                    return reader.Frames().StartMove(this, token);
                default:
                    return ValueTask.FromException<bool>(reader.LeftWith(status));
            }
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
