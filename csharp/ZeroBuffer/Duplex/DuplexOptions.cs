// Geometry and behaviour of a channel for calls: zb_duplex_config of zerobuffer.h.
using System;
using ZeroBuffer.Interop;

namespace ZeroBuffer;

/// <summary>Geometry of a channel for calls (used by the server that makes it) and behaviour of this end (used by both).</summary>
/// <remarks>The defaults are those of the native library (<c>zb_duplex_config_init</c>). Immutable; any thread.</remarks>
/// <example><code>
/// using var server = MutableDuplexServer.Create("invert", new DuplexOptions { RequestSize = 8 &lt;&lt; 20, Lanes = 4 });
/// </code></example>
public sealed record DuplexOptions
{
    /// <summary>The defaults.</summary>
    public static DuplexOptions Default { get; } = new();

    /// <summary>Bytes per lane; one request of this size fits. In place its answer too. 1 MiB by default.</summary>
    public long RequestSize { get; init; } = 1 << 20;

    /// <summary><see cref="ImmutableDuplexServer"/> only: bytes per lane; one answer of this size fits. 1 MiB by default.</summary>
    public long ResponseSize { get; init; } = 1 << 20;

    /// <summary>Bytes per lane for calls of the server to its client; 0: there are none. 4096 by default.</summary>
    public long CallbackSize { get; init; } = 4096;

    /// <summary>1 … 1,024: calls that can run at the same time, of all clients together. 8 by default.</summary>
    public int Lanes { get; init; } = 8;

    /// <summary>Ask for 2 MiB pages.</summary>
    public bool HugePages { get; init; }

    /// <summary>Succeed a server that died while clients were attached, if the geometry is the same.</summary>
    public bool ExistOk { get; init; }

    /// <summary>Map all pages of the lanes that this end uses now. On by default.</summary>
    public bool PreTouch { get; init; } = true;

    /// <summary>Lock them in memory (<c>mlock</c>); a refusal is an error.</summary>
    public bool LockInMemory { get; init; }

    /// <summary>Client: most lanes that it takes; 0: as many as there are.</summary>
    public int ClientLanes { get; init; }

    /// <summary>How this end waits.</summary>
    public WaitPolicy Wait { get; init; } = WaitPolicy.SpinThenBlock;

    /// <summary>Pauses before sleeping. 2000 by default.</summary>
    public int SpinPauses { get; init; } = 2000;

    /// <summary>Client: answers held per lane. Server: requests taken and not answered, per lane. 256 by default.</summary>
    public int MaxHeld { get; init; } = 256;

    internal unsafe NativeDuplexConfig ToNative()
    {
        ArgumentOutOfRangeException.ThrowIfNegative(RequestSize);
        ArgumentOutOfRangeException.ThrowIfNegative(ResponseSize);
        ArgumentOutOfRangeException.ThrowIfNegative(CallbackSize);
        ArgumentOutOfRangeException.ThrowIfNegative(Lanes);
        ArgumentOutOfRangeException.ThrowIfNegative(ClientLanes);
        ArgumentOutOfRangeException.ThrowIfNegative(SpinPauses);
        ArgumentOutOfRangeException.ThrowIfNegative(MaxHeld);
        return new NativeDuplexConfig
        {
            StructSize = (nuint)sizeof(NativeDuplexConfig),
            RequestSize = (ulong)RequestSize,
            ResponseSize = (ulong)ResponseSize,
            CallbackSize = (ulong)CallbackSize,
            Lanes = (uint)Lanes,
            HugePages = Convert.ToByte(HugePages),
            ExistOk = Convert.ToByte(ExistOk),
            PreTouch = Convert.ToByte(PreTouch),
            LockInMemory = Convert.ToByte(LockInMemory),
            ClientLanes = (uint)ClientLanes,
            Wait = (uint)Wait,
            SpinPauses = (uint)SpinPauses,
            MaxHeld = (uint)MaxHeld,
        };
    }
}
