// What a reader knows of the arrays in its frames: the metadata, parsed once, and the format that was described last, so that
// frames of the same format cost no memory. Owns that memory; must not read frames.
namespace ZeroBuffer;

public sealed partial class Reader
{
    private ParsedMetadata? _parsed;

    /// <summary>The format of the latest array that described itself. Any thread; which one of several threads is kept
    /// does not matter.</summary>
    internal ArrayFormat? LastDescribed { get; set; }

    /// <summary>What the metadata says of the frames held now.</summary>
    /// <returns>An <see cref="ArrayFormat"/>, a <see cref="VideoFormat"/>, or null where it says nothing that is known, or
    /// where there is none yet.</returns>
    /// <exception cref="CorruptException">The metadata breaks the schema of docs/arrays.md.</exception>
    /// <exception cref="IncompatibleException">It is of a later version, or of an unknown kind.</exception>
    /// <remarks>Any thread, also after <see cref="Dispose"/>. Never waits. Allocates only where the metadata is new.</remarks>
    public StreamFormat? GetKnownFormat()
    {
        byte[]? metadata = GetKnownMetadata();
        ParsedMetadata? parsed = _parsed;
        if (parsed is null || parsed.Metadata != metadata)
        {
            parsed = new ParsedMetadata(metadata, metadata is null ? null : StreamFormat.Parse(metadata));
            _parsed = parsed;
        }
        return parsed.Format;
    }

    private sealed record ParsedMetadata(byte[]? Metadata, StreamFormat? Format);
}
