// The fields of stream metadata as they stand in its JSON, found in one pass and read on demand. Owns how values are read,
// leniently in form and strictly in kind; what they must be is the formats' business.
using System;
using System.Collections.Generic;
using System.Text;
using System.Text.Json;

namespace ZeroBuffer;

/// <summary>The known fields of one metadata object; the last one counts where a name comes twice.</summary>
internal readonly ref struct MetadataFields
{
    internal MetadataFields(ReadOnlySpan<byte> json, int maxDepth)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = maxDepth });
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            Utf8JsonReader name = reader;
            reader.Read();
            var value = new MetadataValue(reader);
            reader.Skip();
            if (name.ValueTextEquals("zerobuffer_schema"u8))
            {
                Schema = value;
            }
            else if (name.ValueTextEquals("kind"u8))
            {
                Kind = value;
            }
            else if (name.ValueTextEquals("dtype"u8))
            {
                Dtype = value;
            }
            else if (name.ValueTextEquals("shape"u8))
            {
                Shape = value;
            }
            else if (name.ValueTextEquals("order"u8))
            {
                Order = value;
            }
            else if (name.ValueTextEquals("names"u8))
            {
                Names = value;
            }
            else if (name.ValueTextEquals("pixel_format"u8))
            {
                PixelFormat = value;
            }
            else if (name.ValueTextEquals("width"u8))
            {
                Width = value;
            }
            else if (name.ValueTextEquals("height"u8))
            {
                Height = value;
            }
            else if (name.ValueTextEquals("strides"u8))
            {
                Strides = value;
            }
            else if (name.ValueTextEquals("frame_rate"u8))
            {
                FrameRate = value;
            }
        }

        while (reader.Read())
        {
            // nothing but white space may follow the object; anything else throws here
        }
    }

    internal MetadataValue Schema { get; }

    internal MetadataValue Kind { get; }

    internal MetadataValue Dtype { get; }

    internal MetadataValue Shape { get; }

    internal MetadataValue Order { get; }

    internal MetadataValue Names { get; }

    internal MetadataValue PixelFormat { get; }

    internal MetadataValue Width { get; }

    internal MetadataValue Height { get; }

    internal MetadataValue Strides { get; }

    internal MetadataValue FrameRate { get; }
}

/// <summary>A value of the metadata; the default one is of a field that is missing.</summary>
internal readonly ref struct MetadataValue
{
    private readonly Utf8JsonReader _at;

    internal MetadataValue(Utf8JsonReader at) => _at = at;

    internal bool IsMissingOrNull => _at.TokenType is JsonTokenType.None or JsonTokenType.Null;

    /// <summary>A number without fraction and exponent, however large.</summary>
    internal bool IsWholeNumber => _at.TokenType == JsonTokenType.Number && !_at.ValueSpan.ContainsAny(".eE"u8);

    /// <summary>As it stands there, for messages.</summary>
    internal string Text => _at.TokenType == JsonTokenType.None ? "(missing)" : Encoding.UTF8.GetString(_at.ValueSpan);

    internal bool Is(ReadOnlySpan<byte> text) => _at.TokenType == JsonTokenType.String && _at.ValueTextEquals(text);

    internal bool TryGetText(out string text)
    {
        text = _at.TokenType == JsonTokenType.String ? _at.GetString()! : "";
        return _at.TokenType == JsonTokenType.String;
    }

    /// <summary>False for anything but a whole number without fraction and exponent that 64 bits hold.</summary>
    internal bool TryGetNumber(out long number)
    {
        number = 0;
        return IsWholeNumber && _at.TryGetInt64(out number);
    }

    /// <summary>False for anything but a list of such numbers.</summary>
    internal bool TryGetNumbers(out long[] numbers)
    {
        numbers = [];
        if (_at.TokenType != JsonTokenType.StartArray)
        {
            return false;
        }

        var found = new List<long>();
        Utf8JsonReader reader = _at;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (!new MetadataValue(reader).TryGetNumber(out long number))
            {
                return false;
            }

            found.Add(number);
        }

        numbers = [.. found];
        return true;
    }

    /// <summary>False for anything but a list of texts.</summary>
    internal bool TryGetTexts(out string[] texts)
    {
        texts = [];
        if (_at.TokenType != JsonTokenType.StartArray)
        {
            return false;
        }

        var found = new List<string>();
        Utf8JsonReader reader = _at;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (!new MetadataValue(reader).TryGetText(out string text))
            {
                return false;
            }

            found.Add(text);
        }

        texts = [.. found];
        return true;
    }
}
