// Which frames a reader has handed out and what they are: one entry per place of the native table. Whether a Frame, an old copy of
// one, or a memory of it still holds the bytes is HoldCount's. Any thread releases; no locks.
using System;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Threading;
using ZeroBuffer.Interop;

namespace ZeroBuffer;

internal sealed unsafe class FrameTable : IHeldBytes
{
    private readonly Entry[] _entries; // a power of two of them
    private readonly Stack<FrameMemoryManager> _managers = new();
    private readonly bool _releaseIsShort;
    private nint _owner; // of every native frame
    private ulong _version;
    private HeldAfterClose? _heldAfterClose;
    private int _firstHeld; // once no frame comes any more: nothing before this entry is held

    /// <param name="reader">The one that hands the frames out.</param>
    /// <param name="maxHeld">At the same time; rounded up to a power of two.</param>
    /// <param name="mayComeFromElsewhere">Whether a frame may lie in another buffer, whose owner then hears of its release.</param>
    internal FrameTable(Reader reader, int maxHeld, bool mayComeFromElsewhere)
    {
        Reader = reader;
        _releaseIsShort = !mayComeFromElsewhere;
        _entries = new Entry[BitOperations.RoundUpToPowerOf2((uint)maxHeld)];
    }

    internal Reader Reader { get; }

    internal int Capacity => _entries.Length;

    /// <summary>The reading thread: a frame that the native reader has handed out.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Frame Hold(in NativeFrame native)
    {
        // The native places go round, and so do the versions: the one after the last that ends in the number of this place.
        Entry[] entries = _entries;
        ulong version = _version + 1;
        version += (native.Slot - version) & (uint)(entries.Length - 1);
        _version = version;
        ref Entry entry = ref entries[(int)version & (entries.Length - 1)];
        _owner = native.Owner;
        entry.Data = native.Data;
        entry.Size = native.Size;
        entry.Sequence = native.Sequence;
        entry.Tag = native.Tag;
        entry.Slot = native.Slot;
        entry.Type = native.Type;
        ulong key = HoldCount.KeyOf(version);
        entry.Hold.Begin(key);
        return new Frame(this, key);
    }

    internal uint IndexOf(ulong key) => (uint)HoldCount.VersionOf(key) & (uint)(_entries.Length - 1);

    internal bool IsHeld(ulong key) => At(key).Hold.IsHeld(key);

    // Each getter reads first and checks then: what it read belongs to this frame if the frame was held afterwards.

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal byte* Bytes(ulong key, out nuint size)
    {
        ref Entry entry = ref At(key);
        nint data = Volatile.Read(ref entry.Data);
        size = Volatile.Read(ref entry.Size);
        Check(ref entry, key);
        return (byte*)data;
    }

    public byte* BytesOfHeld(uint index, out nuint size)
    {
        ref Entry entry = ref _entries[index];
        size = entry.Size;
        return (byte*)entry.Data;
    }

    internal nuint Size(ulong key)
    {
        ref Entry entry = ref At(key);
        nuint size = Volatile.Read(ref entry.Size);
        Check(ref entry, key);
        return size;
    }

    internal ulong Sequence(ulong key)
    {
        ref Entry entry = ref At(key);
        ulong sequence = Volatile.Read(ref entry.Sequence);
        Check(ref entry, key);
        return sequence;
    }

    internal ulong Tag(ulong key)
    {
        ref Entry entry = ref At(key);
        ulong tag = Volatile.Read(ref entry.Tag);
        Check(ref entry, key);
        return tag;
    }

    internal ushort Type(ulong key)
    {
        ref Entry entry = ref At(key);
        ushort type = Volatile.Read(ref entry.Type);
        Check(ref entry, key);
        return type;
    }

    /// <summary>The frame itself holds no longer. Any thread; only the first of all copies does it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Release(ulong key)
    {
        ref Entry entry = ref At(key);
        if (entry.Hold.Release(key))
        {
            GiveBack(ref entry);
        }
    }

    /// <summary>
    /// For who hands the native frame on: the frame holds no longer, and comes back with <see cref="PutBack"/>, or is gone with
    /// <see cref="TakenAway"/>.
    /// </summary>
    internal NativeFrame Take(ulong key)
    {
        ref Entry entry = ref At(key);
        if (!entry.Hold.TryReleaseAlone(key))
        {
            Check(ref entry, key);
            throw new InvalidOperationException("memory or a pin of this frame is in use (AsMemory): dispose it before the frame is forwarded");
        }
        return new NativeFrame
        {
            Owner = _owner, Data = entry.Data, Size = entry.Size, Sequence = entry.Sequence, Tag = entry.Tag, Slot = entry.Slot,
            Type = entry.Type,
        };
    }

    internal void PutBack(ulong key) => At(key).Hold.Begin(key);

    internal void TakenAway()
    {
        if (_heldAfterClose is not null)
        {
            EndIfAllBack();
        }
    }

    /// <summary>One holder more. False where the frame was released before.</summary>
    internal bool TryAddHolder(ulong key) => At(key).Hold.TryAdd(key);

    public bool TryAddHolderBesideAnother(ulong key, uint index) => _entries[index].Hold.TryAddBesideAnother(key);

    public void RemoveHolder(uint index)
    {
        ref Entry entry = ref _entries[index];
        if (entry.Hold.Remove())
        {
            GiveBack(ref entry);
        }
    }

    /// <summary>A manager of memory that nobody uses.</summary>
    internal FrameMemoryManager RentManager()
    {
        lock (_managers)
        {
            return _managers.TryPop(out FrameMemoryManager? manager) ? manager : new FrameMemoryManager(this);
        }
    }

    public void ReturnManager(FrameMemoryManager manager)
    {
        lock (_managers)
        {
            _managers.Push(manager);
        }
    }

    /// <summary>Who closes the reader, before: where frames are held, somebody must see to it if nobody ever releases them.</summary>
    internal void BeginClose(nint reader)
    {
        if (AnyHeld())
        {
            Volatile.Write(ref _heldAfterClose, new HeldAfterClose(this, Native.zb_reader_mapping(reader)));
            Interlocked.MemoryBarrier(); // who gives a frame back now sees it, or we see that the frame is back
            EndIfAllBack();
        }
    }

    /// <summary>
    /// The finalizer of a reader that was not disposed: nobody can name its frames any more, and their room is given back.
    /// The mapping stays where there are any, so that a span of one does not fault.
    /// </summary>
    internal void ReleaseForgotten(nint reader)
    {
        if (_heldAfterClose is null && AnyHeld())
        {
            _ = Native.zb_reader_mapping(reader);
            ReleaseAll();
        }
    }

    [DoesNotReturn]
    internal static void ThrowReleased() => throw new ObjectDisposedException(
        nameof(Frame),
        "this frame was given back (Dispose, of it or of a copy), and the writer may be using its room. Use the bytes before that, "
        + "copy them, or keep them with AsMemory().");

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref Entry At(ulong key)
    {
        Entry[] entries = _entries;
        return ref entries[(int)HoldCount.VersionOf(key) & (entries.Length - 1)];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Check(ref Entry entry, ulong key)
    {
        if (!entry.Hold.IsHeld(key))
        {
            ThrowReleased();
        }
    }

    // Hold was ended by the caller: until the native frame is back, nobody else uses the entry. Not inlined: the caller may be within
    // a try block, where a native call is no longer a plain one.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void GiveBack(ref Entry entry)
    {
        NativeFrame native = default;
        native.Owner = _owner;
        native.Slot = entry.Slot;
        if (!_releaseIsShort || _heldAfterClose is not null)
        {
            Release(native);
            return;
        }
        Native.zb_frame_release_short(&native);
        if (_heldAfterClose is not null)
        {
            EndIfAllBack();
        }
    }

    /// <summary>It may take long: the last frame of a closed reader unmaps the buffer.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Release(NativeFrame native)
    {
        Native.zb_frame_release(&native);
        if (_heldAfterClose is not null)
        {
            EndIfAllBack();
        }
    }

    /// <summary>Once no frame comes any more. It is asked with each release, so it goes on where it stopped.</summary>
    private bool AnyHeld()
    {
        for (int i = Volatile.Read(ref _firstHeld); i < _entries.Length; ++i)
        {
            if (_entries[i].Hold.IsAnyHeld)
            {
                Volatile.Write(ref _firstHeld, i);
                return true;
            }
        }
        return false;
    }

    private void EndIfAllBack()
    {
        if (!AnyHeld())
        {
            _heldAfterClose?.AllBack();
        }
    }

    private void ReleaseAll()
    {
        for (int i = 0; i < _entries.Length; ++i)
        {
            if (_entries[i].Hold.ReleaseAll())
            {
                GiveBack(ref _entries[i]);
            }
        }
    }

    private struct Entry
    {
        internal HoldCount Hold;
        internal nint Data;
        internal nuint Size;
        internal ulong Sequence;
        internal ulong Tag;
        internal uint Slot;
        internal ushort Type;
    }

    /// <summary>
    /// Frames of a closed reader. When all are back it ends with them; when nobody can name them any more, it gives them back.
    /// </summary>
    private sealed class HeldAfterClose(FrameTable table, nint mapping)
    {
        private nint _mapping = mapping;

        ~HeldAfterClose()
        {
            if (table.AnyHeld())
            {
                _mapping = 0; // it stays: see ReleaseForgotten
                table.ReleaseAll();
            }
            else
            {
                AllBack();
            }
        }

        internal void AllBack()
        {
            nint mapping = Interlocked.Exchange(ref _mapping, 0);
            if (mapping != 0)
            {
                Native.zb_mapping_release(mapping);
            }
            GC.SuppressFinalize(this);
        }
    }
}
