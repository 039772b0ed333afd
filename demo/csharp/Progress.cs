// A line on standard error that says how many pictures came and how fast: in place on a terminal, now and then elsewhere.
using System;
using System.Diagnostics;
using System.Globalization;

namespace VideoViewer;

internal sealed class Progress(int expected)
{
    private readonly bool _terminal = !Console.IsErrorRedirected;
    private long _shown = Stopwatch.GetTimestamp();

    internal void Show(int frames, long nanoseconds)
    {
        if (Stopwatch.GetElapsedTime(_shown) >= TimeSpan.FromSeconds(_terminal ? 0.1 : 5))
        {
            _shown = Stopwatch.GetTimestamp();
            Console.Error.Write(_terminal ? $"\r{Line(frames, nanoseconds)}   " : $"{Line(frames, nanoseconds)}\n");
        }
    }

    internal void End(int frames, long nanoseconds)
    {
        if (frames > 0)
        {
            Console.Error.Write((_terminal ? "\r" : "") + $"{Line(frames, nanoseconds)}   \n");
        }
    }

    private string Line(int frames, long nanoseconds) => string.Create(
        CultureInfo.InvariantCulture,
        $"  {frames} of {expected} frames, {(nanoseconds > 0 ? (frames - 1) * 1e9 / nanoseconds : 0):F1} frames/s");
}
