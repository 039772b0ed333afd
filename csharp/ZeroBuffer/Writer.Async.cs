// Awaiting room.
using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using ZeroBuffer.Interop;

namespace ZeroBuffer;

public sealed unsafe partial class Writer
{
    private ClaimOperation? _claimOperation;
    private volatile Operation? _waiting;

    /// <summary>Takes room for a frame, to be filled in place; awaits it. Throws as <see cref="Claim(long)"/>.</summary>
    /// <param name="size">Bytes, 0 … <see cref="BufferInfo.MaxFrameSize"/>.</param>
    /// <param name="cancellationToken">Ends the wait at once, with <see cref="OperationCanceledException"/>; nothing is sent.</param>
    /// <returns>The room; commit or dispose it. To be awaited once, before the next call of this writer.</returns>
    /// <remarks>
    /// Where there is room it is complete at once. No thread is parked: see <see cref="Reader.ReadAsync"/>. Allocates nothing in the
    /// long run.
    /// </remarks>
    public ValueTask<Claim> ClaimAsync(long size, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<Claim>(cancellationToken);
        }
        _gate.Enter(this);
        int status = Look(size, 0);
        if (status == (int)Status.Ok)
        {
            Claim claim = Claimed();
            _gate.Leave();
            return new ValueTask<Claim>(claim);
        }
        if (status != (int)Status.WouldBlock)
        {
            Exception failure = Failure.Of(status, nameof(Writer));
            _gate.Leave();
            return ValueTask.FromException<Claim>(failure);
        }
        return StartClaim(size, toCopy: false, cancellationToken);
    }

    /// <summary>Sends a copy; awaits room. Throws as <see cref="Claim(long)"/>.</summary>
    /// <param name="data">The bytes; not to be changed until this is complete.</param>
    /// <param name="type">0 normal, from 128 the application's.</param>
    /// <param name="tag">A number of the application's.</param>
    /// <param name="cancellationToken">Ends the wait at once, with <see cref="OperationCanceledException"/>; nothing is sent then.</param>
    /// <returns>True when it was sent; false where it was dropped (<see cref="FullPolicy.Drop"/>).</returns>
    /// <remarks>As <see cref="ClaimAsync"/>.</remarks>
    public ValueTask<bool> WriteAsync(
        ReadOnlyMemory<byte> data, ushort type = 0, ulong tag = 0, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<bool>(cancellationToken);
        }
        ReadOnlySpan<byte> span = data.Span;
        _gate.Enter(this);
        int status;
        fixed (byte* bytes = span)
        {
            status = Native.zb_writer_try_write(_native, bytes, (nuint)span.Length, type, tag);
        }
        if ((Status)status is Status.Ok or Status.Dropped)
        {
            _gate.Leave();
            return new ValueTask<bool>(status == (int)Status.Ok);
        }
        if (status != (int)Status.WouldBlock)
        {
            Exception failure = Failure.Of(status, nameof(Writer));
            _gate.Leave();
            return ValueTask.FromException<bool>(failure);
        }
        return AwaitedCopy.CopyInto(this, StartClaim(span.Length, toCopy: true, cancellationToken), data, type, tag);
    }

    /// <summary>The rest of an awaited write, which has not left the gate: so no other call comes between.</summary>
    internal void CopyIntoClaim(ReadOnlyMemory<byte> data, ushort type, ulong tag)
    {
        if (!_gate.TryReenter())
        {
            _claimAfterClose?.Discard();
            throw new ObjectDisposedException(nameof(Writer), "the writer was disposed during the call");
        }
        NativeClaim claim = _claim;
        try
        {
            data.Span.CopyTo(new Span<byte>((void*)claim.Data, (int)claim.Size));
        }
        catch
        {
            Native.zb_claim_discard(&claim);
            _ticket = 0;
            _gate.Leave();
            throw;
        }
        CommitAndLeave(claim.Size, type, tag);
    }

    private ValueTask<Claim> StartClaim(long size, bool toCopy, CancellationToken cancellationToken)
    {
        ClaimOperation operation = _claimOperation ??= new ClaimOperation(this);
        _waiting = operation;
        return operation.StartClaim(size, toCopy, cancellationToken);
    }

    private sealed class ClaimOperation(Writer writer) : Operation<Claim>
    {
        private long _size;
        private bool _toCopy;

        protected override ref CallGate Gate => ref writer._gate;

        protected override object Owner => writer;

        protected override SafeHandle Handle => writer._handle;

        protected override bool GoesOn => _toCopy;

        internal ValueTask<Claim> StartClaim(long size, bool toCopy, CancellationToken token)
        {
            _size = size;
            _toCopy = toCopy;
            return Start(token);
        }

        protected override bool TryFinish(out Claim result)
        {
            int status = writer.Look(_size, 0);
            if (status == (int)Status.Ok)
            {
                result = writer.Claimed();
                return true;
            }
            result = default;
            return status == (int)Status.WouldBlock ? false : throw Failure.Of(status, nameof(Writer));
        }

        protected override int Ask(nint context) =>
            Native.zb_writer_when_ready(writer._native, (nuint)_size, &OnReady, context);

        protected override bool TakeBack(nint handle) => Native.zb_writer_cancel_when(handle) != 0;
    }
}

/// <summary>What WriteAsync does once there is room.</summary>
internal static class AwaitedCopy
{
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    internal static async ValueTask<bool> CopyInto(
        Writer writer, ValueTask<Claim> room, ReadOnlyMemory<byte> data, ushort type, ulong tag)
    {
        try
        {
            _ = await room.ConfigureAwait(false);
            writer.CopyIntoClaim(data, type, tag);
            return true;
        }
        catch (FrameDroppedException)
        {
            return false;
        }
    }
}
