// What a side answers: the figure, and what single operations took where they were timed. Knows how that is written as JSON.
using System;
using System.Diagnostics;
using System.Globalization;
using System.Linq;

namespace ZeroBuffer.Benchmarks;

internal sealed record Figure(double Value, string Latency = "")
{
    private static readonly double[] Shares = [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9995, 0.9999, 1];

    /// <summary>The median of the times of single operations, in nanoseconds. Sorts them.</summary>
    internal static Figure OfTimes(Span<long> times)
    {
        times.Sort();
        double mean = 0;
        foreach (long time in times)
        {
            mean += time;
        }
        long[] sorted = times.ToArray();
        double At(double share) => sorted[Math.Min((int)(share * sorted.Length), sorted.Length - 1)] * (1e9 / Stopwatch.Frequency);
        string curve = string.Join(", ", Shares.Select(share => Invariant($"[{share}, {At(share)}]")));
        mean *= 1e9 / Stopwatch.Frequency / times.Length;
        return new Figure(At(0.5), Invariant(
            $$"""{"mean": {{mean}}, "p50": {{At(0.5)}}, "p99": {{At(0.99)}}, "p999": {{At(0.999)}}, "curve": [{{curve}}]}"""));
    }

    internal string ToJson() =>
        Latency.Length == 0 ? Invariant($$"""{"value": {{Value}}}""") : Invariant($$"""{"value": {{Value}}, "latency": {{Latency}}}""");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
