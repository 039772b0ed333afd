// How long pictures were on their way: every value, and two percentiles of them. Knows nothing of pictures.
using System;
using System.Collections.Generic;
using System.Globalization;

namespace VideoViewer;

internal sealed class Latencies(int expected)
{
    private readonly List<long> _nanoseconds = new(expected);

    internal int Count => _nanoseconds.Count;

    internal void Add(long nanoseconds) => _nanoseconds.Add(nanoseconds);

    /// <summary>p50 and p99 in microseconds, as JSON.</summary>
    internal string ToJson()
    {
        _nanoseconds.Sort();
        return string.Create(CultureInfo.InvariantCulture, $"[{Microseconds(0.5)}, {Microseconds(0.99)}]");
    }

    private double Microseconds(double share) =>
        _nanoseconds.Count == 0 ? 0 : _nanoseconds[(int)Math.Round(share * (_nanoseconds.Count - 1))] / 1000.0;
}
