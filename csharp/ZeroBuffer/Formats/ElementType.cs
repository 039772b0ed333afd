// The kinds of number that an array's elements may have, and what the two orders of an array are called. Owns how a kind is
// written (its letter and size, docs/arrays.md) and which .NET type holds it. Must not know arrays or frames.
using System;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace ZeroBuffer;

/// <summary>What an element of an array is.</summary>
[SuppressMessage("Naming", "CA1720", Justification = "They are types, and these are their names.")]
public enum ElementType : byte
{
    /// <summary>Boolean, one byte (<see cref="bool"/>).</summary>
    Boolean,

    /// <summary>Signed, 1 byte (<see cref="sbyte"/>).</summary>
    Int8,

    /// <summary>Signed, 2 bytes (<see cref="short"/>).</summary>
    Int16,

    /// <summary>Signed, 4 bytes (<see cref="int"/>).</summary>
    Int32,

    /// <summary>Signed, 8 bytes (<see cref="long"/>).</summary>
    Int64,

    /// <summary>Unsigned, 1 byte (<see cref="byte"/>).</summary>
    UInt8,

    /// <summary>Unsigned, 2 bytes (<see cref="ushort"/>).</summary>
    UInt16,

    /// <summary>Unsigned, 4 bytes (<see cref="uint"/>).</summary>
    UInt32,

    /// <summary>Unsigned, 8 bytes (<see cref="ulong"/>).</summary>
    UInt64,

    /// <summary>IEEE 754, 2 bytes (<see cref="Half"/>).</summary>
    Float16,

    /// <summary>IEEE 754, 4 bytes (<see cref="float"/>).</summary>
    Float32,

    /// <summary>IEEE 754, 8 bytes (<see cref="double"/>).</summary>
    Float64,

    /// <summary>Two floats of 4 bytes, real part first (<see cref="ComplexSingle"/>).</summary>
    Complex64,

    /// <summary>Two floats of 8 bytes, real part first (<see cref="Complex"/>).</summary>
    Complex128,
}

/// <summary>The order of the bytes of an element. Elements of one byte have none and say <see cref="LittleEndian"/>.</summary>
public enum ByteOrder : byte
{
    /// <summary>The least significant byte first.</summary>
    LittleEndian,

    /// <summary>The most significant byte first.</summary>
    BigEndian,
}

/// <summary>Which index of an array is the fastest in memory.</summary>
public enum ArrayOrder : byte
{
    /// <summary>The last one, as in C and C#.</summary>
    C,

    /// <summary>The first one, as in Fortran.</summary>
    F,
}

/// <summary>A complex number of two <see cref="float"/>, as <see cref="ElementType.Complex64"/> lies in memory.</summary>
/// <param name="Real">The real part, first in memory.</param>
/// <param name="Imaginary">The imaginary part.</param>
public readonly record struct ComplexSingle(float Real, float Imaginary);

/// <summary>Sizes, letters and .NET types of the element types.</summary>
public static class ElementTypes
{
    /// <summary>Bytes of an element.</summary>
    /// <param name="type">What the element is.</param>
    /// <exception cref="InvalidArgumentException">It is no element type.</exception>
    public static int SizeInBytes(this ElementType type) => type switch
    {
        ElementType.Boolean or ElementType.Int8 or ElementType.UInt8 => 1,
        ElementType.Int16 or ElementType.UInt16 or ElementType.Float16 => 2,
        ElementType.Int32 or ElementType.UInt32 or ElementType.Float32 => 4,
        ElementType.Int64 or ElementType.UInt64 or ElementType.Float64 or ElementType.Complex64 => 8,
        ElementType.Complex128 => 16,
        _ => throw new InvalidArgumentException($"{type} is none of the element types."),
    };

    /// <summary>The element type that a .NET type lies in memory as.</summary>
    /// <typeparam name="T"><see cref="bool"/>, an integer of 1, 2, 4 or 8 bytes, <see cref="Half"/>, <see cref="float"/>,
    /// <see cref="double"/>, <see cref="ComplexSingle"/> or <see cref="Complex"/>.</typeparam>
    /// <exception cref="InvalidArgumentException">No array has such elements.</exception>
    /// <remarks>Allocates nothing; the compiler reduces it to a constant.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ElementType Of<T>()
        where T : unmanaged =>
        typeof(T) == typeof(byte) ? ElementType.UInt8
        : typeof(T) == typeof(bool) ? ElementType.Boolean
        : typeof(T) == typeof(sbyte) ? ElementType.Int8
        : typeof(T) == typeof(short) ? ElementType.Int16
        : typeof(T) == typeof(int) ? ElementType.Int32
        : typeof(T) == typeof(long) ? ElementType.Int64
        : typeof(T) == typeof(ushort) ? ElementType.UInt16
        : typeof(T) == typeof(uint) ? ElementType.UInt32
        : typeof(T) == typeof(ulong) ? ElementType.UInt64
        : typeof(T) == typeof(Half) ? ElementType.Float16
        : typeof(T) == typeof(float) ? ElementType.Float32
        : typeof(T) == typeof(double) ? ElementType.Float64
        : typeof(T) == typeof(ComplexSingle) ? ElementType.Complex64
        : typeof(T) == typeof(Complex) ? ElementType.Complex128
        : ThrowNoElement<T>();

    /// <summary>The letter of docs/arrays.md: b, i, u, f or c.</summary>
    internal static char Kind(this ElementType type) => type switch
    {
        ElementType.Boolean => 'b',
        <= ElementType.Int64 => 'i',
        <= ElementType.UInt64 => 'u',
        <= ElementType.Float64 => 'f',
        _ => 'c',
    };

    /// <summary>The element type of a letter and a size; false for a pair that is none.</summary>
    internal static bool TryFrom(int kind, int size, out ElementType type)
    {
        ElementType? found = (kind, size) switch
        {
            ('b', 1) => ElementType.Boolean,
            ('i', 1) => ElementType.Int8,
            ('i', 2) => ElementType.Int16,
            ('i', 4) => ElementType.Int32,
            ('i', 8) => ElementType.Int64,
            ('u', 1) => ElementType.UInt8,
            ('u', 2) => ElementType.UInt16,
            ('u', 4) => ElementType.UInt32,
            ('u', 8) => ElementType.UInt64,
            ('f', 2) => ElementType.Float16,
            ('f', 4) => ElementType.Float32,
            ('f', 8) => ElementType.Float64,
            ('c', 8) => ElementType.Complex64,
            ('c', 16) => ElementType.Complex128,
            _ => null,
        };
        type = found.GetValueOrDefault();
        return found.HasValue;
    }

    /// <summary>Bytes of the part that a byte order turns around: half of a complex number, else the whole element.</summary>
    internal static int SizeOfPart(this ElementType type) =>
        type >= ElementType.Complex64 ? type.SizeInBytes() / 2 : type.SizeInBytes();

    private static ElementType ThrowNoElement<T>() =>
        throw new InvalidArgumentException(
            $"No array has elements of type {typeof(T)}: it takes bool, the integers of 1 to 8 bytes, Half, float, double, " +
            "ComplexSingle and Complex.");
}
