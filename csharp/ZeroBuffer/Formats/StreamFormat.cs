// What a stream's metadata says of its frames: an array, a video, or nothing that this library knows. Owns how the schema of
// docs/arrays.md is recognised and its fields are found in the JSON. Must not know readers and writers.
using System;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Unicode;

namespace ZeroBuffer;

/// <summary>What every plain frame of a stream holds: an <see cref="ArrayFormat"/> or a <see cref="VideoFormat"/>.</summary>
/// <remarks>Immutable; any thread.</remarks>
public abstract class StreamFormat
{
    private const int SchemaVersion = 1;
    private const int MaxDepth = 1000;

    private protected StreamFormat()
    {
    }

    /// <summary>Bytes of a frame.</summary>
    public abstract long ByteCount { get; }

    /// <summary>Where the elements lie that <see cref="Frame"/> gives as an array.</summary>
    internal abstract ArrayLayout Layout { get; }

    private static ReadOnlySpan<byte> Prefix => "{\"zerobuffer_schema\":"u8;

    /// <summary>What the metadata says of the frames.</summary>
    /// <param name="metadata">The metadata of a stream.</param>
    /// <returns>Null where it does not begin like the schema: it is the application's own.</returns>
    /// <exception cref="CorruptException">It begins like the schema and breaks it.</exception>
    /// <exception cref="IncompatibleException">It follows a later version of the schema, or has an unknown kind.</exception>
    public static StreamFormat? Parse(ReadOnlySpan<byte> metadata)
    {
        if (!metadata.StartsWith(Prefix))
        {
            return null;
        }

        if (!Utf8.IsValid(metadata))
        {
            throw new CorruptException("The metadata begins like the array schema but is no UTF-8.");
        }

        try
        {
            return ParseObject(metadata);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new CorruptException($"The metadata begins like the array schema but is no JSON: {error.Message}");
        }
    }

    /// <summary>The metadata that says so, to the byte as docs/arrays.md has it.</summary>
    public abstract byte[] ToMetadata();

    /// <summary>The array, or the picture, at the beginning of a buffer, without a copy.</summary>
    /// <param name="buffer">At least <see cref="ByteCount"/> bytes.</param>
    /// <exception cref="ArgumentException"><paramref name="buffer"/> is too small.</exception>
    /// <remarks>Valid as long as the buffer. Allocates nothing.</remarks>
    public ArrayView View(ReadOnlySpan<byte> buffer)
    {
        if (buffer.Length < ByteCount)
        {
            throw new ArgumentException($"{this} takes {ByteCount} bytes; the buffer has {buffer.Length}.", nameof(buffer));
        }

        return new ArrayView(in MemoryMarshal.GetReference(buffer), Layout);
    }

    private static StreamFormat ParseObject(ReadOnlySpan<byte> metadata)
    {
        var fields = new MetadataFields(metadata, MaxDepth);
        if (!fields.Schema.IsWholeNumber)
        {
            throw new CorruptException("The metadata begins like the array schema but has no version.");
        }

        if (!fields.Schema.TryGetNumber(out long version) || version != SchemaVersion)
        {
            throw new IncompatibleException($"The metadata follows version {fields.Schema.Text} of the array schema.");
        }

        return fields.Kind.Is("array"u8) ? ArrayFormat.From(fields)
            : fields.Kind.Is("video"u8) ? VideoFormat.From(fields)
            : throw new IncompatibleException($"The metadata has the unknown kind {fields.Kind.Text}.");
    }
}
