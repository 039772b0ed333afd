// Builds the JSON of stream metadata, byte by byte as docs/arrays.md fixes it: no white space, no escapes but those that JSON
// demands. Owns that form; must not know what is said in it.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace ZeroBuffer;

internal sealed class MetadataText
{
    private readonly StringBuilder _json = new("{\"zerobuffer_schema\":1");

    internal MetadataText Text(string name, string value)
    {
        Name(name);
        Quote(value);
        return this;
    }

    internal MetadataText Number(string name, long value)
    {
        Name(name).Append(CultureInfo.InvariantCulture, $"{value}");
        return this;
    }

    internal MetadataText Numbers(string name, ReadOnlySpan<long> values)
    {
        Name(name).Append('[');
        for (int i = 0; i < values.Length; ++i)
        {
            _json.Append(i == 0 ? "" : ",").Append(CultureInfo.InvariantCulture, $"{values[i]}");
        }

        _json.Append(']');
        return this;
    }

    internal MetadataText Texts(string name, IReadOnlyList<string> values)
    {
        Name(name).Append('[');
        for (int i = 0; i < values.Count; ++i)
        {
            _json.Append(i == 0 ? "" : ",");
            Quote(values[i]);
        }

        _json.Append(']');
        return this;
    }

    internal MetadataText Null(string name)
    {
        Name(name).Append("null");
        return this;
    }

    internal byte[] ToBytes() => Encoding.UTF8.GetBytes(_json.Append('}').ToString());

    private StringBuilder Name(string name) => _json.Append(",\"").Append(name).Append("\":");

    private void Quote(string text)
    {
        _json.Append('"');
        foreach (char c in text)
        {
            switch (c)
            {
                case '"':
                    _json.Append("\\\"");
                    break;
                case '\\':
                    _json.Append("\\\\");
                    break;
                case '\n':
                    _json.Append("\\n");
                    break;
                case '\r':
                    _json.Append("\\r");
                    break;
                case '\t':
                    _json.Append("\\t");
                    break;
                case '\f':
                    _json.Append("\\f");
                    break;
                case '\b':
                    _json.Append("\\b");
                    break;
                case < ' ':
                    _json.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
                    break;
                default:
                    _json.Append(c);
                    break;
            }
        }

        _json.Append('"');
    }
}
