// Counts durations in buckets that grow with them (64 per power of two: within 1.6 %), so that any number of frames takes the
// same memory. Must not know where the durations come from.
using System;
using System.Numerics;
using System.Text.Json.Nodes;

namespace ZeroBuffer.Relay;

internal sealed class LatencyHistogram
{
    private const int SubBits = 6;
    private readonly long[] _buckets = new long[(64 - SubBits + 1) << SubBits];
    private long _count;
    private ulong _max;

    public void Add(long nanoseconds)
    {
        ulong value = (ulong)Math.Max(nanoseconds, 0);
        int width = 64 - BitOperations.LeadingZeroCount(value);
        int shift = Math.Max(width - SubBits - 1, 0); // keeps the leading bit and those behind it
        ++_buckets[(shift << SubBits) + (int)(value >> shift)];
        ++_count;
        _max = Math.Max(_max, value);
    }

    /// <summary>Microseconds; null where nothing was added.</summary>
    public JsonObject? ToJson() => _count == 0 ? null : new JsonObject
    {
        ["count"] = _count,
        ["p50"] = PercentileUs(0.5),
        ["p90"] = PercentileUs(0.9),
        ["p99"] = PercentileUs(0.99),
        ["max"] = _max / 1000.0,
    };

    private double PercentileUs(double share)
    {
        long seen = 0;
        for (int bucket = 0; bucket < _buckets.Length; ++bucket)
        {
            seen += _buckets[bucket];
            if (_buckets[bucket] != 0 && seen >= share * _count)
            {
                int shift = Math.Max((bucket >> SubBits) - 1, 0);
                ulong middle = ((ulong)(bucket - (shift << SubBits)) << shift) + ((1UL << shift) >> 1);
                return Math.Min(middle, _max) / 1000.0;
            }
        }

        return _max / 1000.0;
    }
}
