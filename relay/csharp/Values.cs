// Numbers, sizes, lists of sizes, timeouts and array formats as relay/README.md writes them. Each function throws
// UsageException, saying what is wrong. Must not know options.
using System;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Linq;
using System.Text.Json.Nodes;
using System.Threading;

namespace ZeroBuffer.Relay;

[SuppressMessage("Design", "CA1032", Justification = "No other constructor makes sense for it.")]
[SuppressMessage("Design", "CA1064", Justification = "A program has no public types.")]
internal sealed class UsageException(string message) : Exception(message);

internal static class Values
{
    private const int MostSizes = 1_000_000;

    /// <summary>Decimal, or hexadecimal after 0x; 64 bits.</summary>
    public static ulong Number(string text)
    {
        bool hexadecimal = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        NumberStyles style = hexadecimal ? NumberStyles.AllowHexSpecifier : NumberStyles.None;
        return ulong.TryParse(hexadecimal ? text[2..] : text, style, CultureInfo.InvariantCulture, out ulong value)
            ? value
            : throw new UsageException($"'{text}' is no whole number of 64 bits");
    }

    public static ulong NumberWithin(string text, ulong least, ulong most)
    {
        ulong value = Number(text);
        return value >= least && value <= most ? value : throw new UsageException($"{text} is not within {least} and {most}");
    }

    /// <summary>A count that the package takes as an int; what is more is refused by the library.</summary>
    public static int Count(string text) => (int)Math.Min(NumberWithin(text, 0, uint.MaxValue), int.MaxValue);

    public static long Signed(string text)
    {
        bool negative = text.StartsWith('-');
        ulong value = Number(negative ? text[1..] : text);
        return value > long.MaxValue ? throw new UsageException($"'{text}' is no signed number of 64 bits")
            : negative ? -(long)value
            : (long)value;
    }

    /// <summary>Milliseconds; -1 is for ever.</summary>
    public static TimeSpan Milliseconds(string text)
    {
        long value = Signed(text);
        return value < -1 ? throw new UsageException($"{text} is neither -1 nor a time")
            : value < 0 || value >= long.MaxValue / TimeSpan.TicksPerMillisecond / 100 ? Timeout.InfiniteTimeSpan
            : TimeSpan.FromTicks(value * TimeSpan.TicksPerMillisecond);
    }

    /// <summary>A number that may end in k, m or g.</summary>
    public static long Size(string text)
    {
        int shift = text is [.., 'k'] ? 10 : text is [.., 'm'] ? 20 : text is [.., 'g'] ? 30 : 0;
        ulong value = Number(shift != 0 ? text[..^1] : text);
        return value <= (ulong)long.MaxValue >> shift ? (long)(value << shift) : throw new UsageException($"'{text}' is too large");
    }

    /// <summary>Sizes and ranges A..B, separated by commas.</summary>
    public static List<long> Sizes(string text)
    {
        var sizes = new List<long>();
        foreach (string part in text.Split(','))
        {
            int dots = part.IndexOf("..", StringComparison.Ordinal);
            long first = Size(dots < 0 ? part : part[..dots]);
            long last = dots < 0 ? first : Size(part[(dots + 2)..]);
            if (last < first || last - first >= MostSizes - sizes.Count)
            {
                throw new UsageException($"'{part}' is no range, or more than a million sizes");
            }

            for (long size = first; size <= last; ++size)
            {
                sizes.Add(size);
            }
        }

        return sizes;
    }

    /// <summary>DTYPE:SHAPE or DTYPE:SHAPE:F; the package says whether it is one that frames can carry.</summary>
    public static ArrayFormat Array(string text)
    {
        string[] parts = text.Split(':');
        if (parts.Length is not (2 or 3))
        {
            throw new UsageException($"'{text}' is not DTYPE:SHAPE");
        }

        long[] shape = parts[1].Length == 0 ? [] : [.. parts[1].Split('x').Select(Size)];
        var fields = new JsonObject
        {
            ["zerobuffer_schema"] = 1,
            ["kind"] = "array",
            ["dtype"] = parts[0],
            ["shape"] = new JsonArray([.. shape.Select(dimension => JsonValue.Create(dimension))]),
            ["order"] = parts.Length == 3 ? parts[2] : "C",
            ["names"] = null,
        };
        try
        {
            return (ArrayFormat)StreamFormat.Parse(System.Text.Encoding.UTF8.GetBytes(fields.ToJsonString()))!;
        }
        catch (ZeroBufferException error)
        {
            throw new UsageException($"'{text}': {error.Message}");
        }
    }

    public static string OneOf(string text, params ReadOnlySpan<string> choices)
    {
        foreach (string choice in choices)
        {
            if (choice == text)
            {
                return text;
            }
        }

        throw new UsageException($"'{text}' is none of {string.Join(", ", choices!)}");
    }
}
