// What an array looks like in memory: element type, byte order, shape, order, names. Owns its rules and its metadata
// (docs/arrays.md). Must not know frames, readers or writers.
using System;
using System.Collections.Generic;
using System.Text;

namespace ZeroBuffer;

/// <summary>What an array looks like in memory.</summary>
/// <remarks>Immutable; any thread. Make one per stream, not one per frame.</remarks>
/// <example>
/// <code>
/// ArrayFormat image = ArrayFormat.Of&lt;byte&gt;([1080, 1920, 3], names: ["row", "column", "channel"]);
/// </code>
/// </example>
public sealed class ArrayFormat : StreamFormat, IEquatable<ArrayFormat>
{
    private readonly string[]? _names;

    /// <summary>Checks and keeps a format.</summary>
    /// <param name="elementType">What an element is.</param>
    /// <param name="shape">At most 32 dimensions, each at least 0; at most 2^62 bytes in all, zeros counted as one.</param>
    /// <param name="order">Which index is the fastest in memory.</param>
    /// <param name="names">A name for each dimension, or null.</param>
    /// <param name="byteOrder">The order of an element's bytes; one byte has none.</param>
    /// <exception cref="InvalidArgumentException">One of them is impossible; the text says which.</exception>
    public ArrayFormat(
        ElementType elementType,
        ReadOnlySpan<long> shape,
        ArrayOrder order = ArrayOrder.C,
        IReadOnlyList<string>? names = null,
        ByteOrder byteOrder = ByteOrder.LittleEndian)
    {
        if (order is not (ArrayOrder.C or ArrayOrder.F))
        {
            throw new InvalidArgumentException($"An order is C or F: {order}.");
        }

        if (byteOrder is not (ByteOrder.LittleEndian or ByteOrder.BigEndian))
        {
            throw new InvalidArgumentException($"A byte order is little-endian or big-endian: {byteOrder}.");
        }

        if (ArrayLayout.FindMistake(shape, elementType.SizeInBytes()) is string mistake)
        {
            throw new InvalidArgumentException($"{mistake}.");
        }

        if (names is not null)
        {
            _names = CheckNames([.. names], shape.Length);
        }

        Layout = new ArrayLayout(elementType, byteOrder, shape, order);
    }

    private ArrayFormat(ArrayLayout layout) => Layout = layout;

    /// <summary>What an element is.</summary>
    public ElementType ElementType => Layout.ElementType;

    /// <summary>The order of an element's bytes.</summary>
    public ByteOrder ByteOrder => Layout.ByteOrder;

    /// <summary>The dimensions.</summary>
    public ReadOnlySpan<long> Shape => Layout.Shape;

    /// <summary>Which index is the fastest in memory.</summary>
    public ArrayOrder Order => Layout.Order;

    /// <summary>A name for each dimension, or null.</summary>
    public IReadOnlyList<string>? Names => _names is null ? null : Array.AsReadOnly(_names);

    /// <summary>The number of elements.</summary>
    public long ElementCount => Layout.ElementCount;

    /// <inheritdoc/>
    public override long ByteCount => Layout.ByteCount;

    /// <summary>Byte order, kind and size as numpy writes them: <c>&lt;f4</c>, <c>|u1</c>, <c>&gt;c16</c>.</summary>
    public string Dtype
    {
        get
        {
            int size = ElementType.SizeInBytes();
            char byteOrder = size == 1 ? '|' : ByteOrder == ByteOrder.BigEndian ? '>' : '<';
            return $"{byteOrder}{ElementType.Kind()}{size}";
        }
    }

    internal override ArrayLayout Layout { get; }

    /// <summary>The format of an array of a .NET type, in this machine's byte order.</summary>
    /// <typeparam name="T">See <see cref="ElementTypes.Of{T}"/>.</typeparam>
    /// <param name="shape">See the constructor.</param>
    /// <param name="order">See the constructor.</param>
    /// <param name="names">See the constructor.</param>
    /// <exception cref="InvalidArgumentException">As the constructor.</exception>
    public static ArrayFormat Of<T>(
        ReadOnlySpan<long> shape, ArrayOrder order = ArrayOrder.C, IReadOnlyList<string>? names = null)
        where T : unmanaged =>
        new(ElementTypes.Of<T>(), shape, order, names, NativeByteOrder);

    /// <summary>The byte order that this machine has.</summary>
    internal static ByteOrder NativeByteOrder =>
        BitConverter.IsLittleEndian ? ByteOrder.LittleEndian : ByteOrder.BigEndian;

    /// <inheritdoc/>
    public override byte[] ToMetadata()
    {
        MetadataText text = new MetadataText()
            .Text("kind", "array")
            .Text("dtype", Dtype)
            .Numbers("shape", Shape)
            .Text("order", Order == ArrayOrder.C ? "C" : "F");
        return (_names is null ? text.Null("names") : text.Texts("names", _names)).ToBytes();
    }

    /// <inheritdoc/>
    public bool Equals(ArrayFormat? other) =>
        other is not null && IsSameArray(other) && (_names is null) == (other._names is null) &&
        (_names is null || _names.AsSpan().SequenceEqual(other._names));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as ArrayFormat);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(ElementType, ByteOrder, Order, Shape.Length, ByteCount);

    /// <summary>Dtype, shape and order, for people.</summary>
    public override string ToString() => $"{Dtype} {ArrayLayout.Text(Shape)} in {Order} order";

    /// <summary>True where all but the names is the same: names do not travel with a frame.</summary>
    internal bool IsSameArray(ArrayFormat other) =>
        ReferenceEquals(Layout, other.Layout) || Layout.Is(other.ElementType, other.ByteOrder, other.Shape, other.Order);

    /// <summary>From parsed metadata.</summary>
    /// <exception cref="CorruptException">It breaks the schema.</exception>
    internal static ArrayFormat From(scoped in MetadataFields fields)
    {
        if (!fields.Dtype.TryGetText(out string dtype) || !TryParseDtype(dtype, out ElementType type, out ByteOrder byteOrder))
        {
            throw new CorruptException($"The array metadata has the dtype {fields.Dtype.Text}, which is none of docs/arrays.md.");
        }

        if (!fields.Shape.TryGetNumbers(out long[] shape))
        {
            throw new CorruptException("The shape in the array metadata is no list of whole numbers.");
        }

        if (!fields.Order.Is("C"u8) && !fields.Order.Is("F"u8))
        {
            throw new CorruptException($"The order in the array metadata is {fields.Order.Text}, neither C nor F.");
        }

        string[]? names = null;
        if (!fields.Names.IsMissingOrNull && !fields.Names.TryGetTexts(out names))
        {
            throw new CorruptException("The names in the array metadata are neither null nor a list of texts.");
        }

        try
        {
            return new ArrayFormat(type, shape, fields.Order.Is("C"u8) ? ArrayOrder.C : ArrayOrder.F, names, byteOrder);
        }
        catch (InvalidArgumentException error)
        {
            throw new CorruptException($"Array metadata: {error.Message}");
        }
    }

    /// <summary>From what a descriptor says, its shape checked already.</summary>
    internal static ArrayFormat FromChecked(
        ElementType type, ByteOrder byteOrder, ReadOnlySpan<long> shape, ArrayOrder order) =>
        new(new ArrayLayout(type, byteOrder, shape, order));

    private static bool TryParseDtype(string dtype, out ElementType type, out ByteOrder byteOrder)
    {
        type = default;
        byteOrder = dtype.StartsWith('>') ? ByteOrder.BigEndian : ByteOrder.LittleEndian;
        int size = dtype switch
        {
            [_, _, >= '1' and <= '8' and var digit] => digit - '0',
            [_, _, '1', '6'] => 16,
            _ => 0,
        };
        return size != 0 && (size == 1 ? dtype[0] == '|' : dtype[0] is '<' or '>') &&
            ElementTypes.TryFrom(dtype[1], size, out type);
    }

    private static string[] CheckNames(string[] names, int dimensions)
    {
        if (names.Length != dimensions)
        {
            throw new InvalidArgumentException($"{names.Length} names for {dimensions} dimensions");
        }

        foreach (string name in names)
        {
            ArgumentNullException.ThrowIfNull(name, nameof(names));
            for (int i = 0; i < name.Length; i += char.IsSurrogatePair(name, i) ? 2 : 1)
            {
                if (!Rune.TryGetRuneAt(name, i, out _))
                {
                    throw new InvalidArgumentException("A name has half of a surrogate pair, which no UTF-8 can say");
                }
            }
        }

        return names;
    }
}
