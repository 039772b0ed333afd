// One side of a measurement in C#. Obeys lines on standard input, and answers each with a line of JSON: an object that holds
// "value" where this side is the one that measured. Owns the commands, not what they measure.
//
//   WORKLOAD first|second NAME MILLISECONDS       NAME: of the buffers, or the file of the workload `probe`
using System;
using System.Globalization;
using System.IO;
using ZeroBuffer;
using ZeroBuffer.Benchmarks;

try
{
    while (Console.ReadLine() is string line)
    {
        double? value = Obey(line);
        Console.WriteLine(value is double figure ? string.Create(CultureInfo.InvariantCulture, $$"""{"value": {{figure}}}""") : "{}");
    }
    return 0;
}
catch (Exception failure) when (failure is ZeroBufferException or InvalidOperationException or ArgumentException or IOException)
{
    Console.Error.WriteLine($"ZeroBuffer.Benchmarks: {failure.Message}");
    return 1;
}

static double? Obey(string line)
{
    if (line.Split(' ') is not [string workload, string role, string name, string duration])
    {
        throw new ArgumentException($"no command: {line}");
    }
    bool first = role == "first";
    TimeSpan time = TimeSpan.FromMilliseconds(int.Parse(duration, CultureInfo.InvariantCulture));
    return workload switch
    {
        "probe" => CacheLine.Bounce(name, first),
        "rtt64" => first ? RoundTrip.Ask(name, time) : RoundTrip.Answer(name),
        "stream64" => first ? MessageStream.Send(name, time, 1) : MessageStream.Receive(name),
        "stream64_batch16" => first ? MessageStream.Send(name, time, 16) : MessageStream.Receive(name),
        "frame6m_read" => first ? FrameStream.Send(name, time) : FrameStream.Receive(name),
        "call64" => first ? RoundTrip.Call(name, time) : Answers.Serve(name),
        "call64_in_place" => first ? RoundTrip.Call(name, time) : Answers.ServeInPlace(name),
        "read_release" => ReadCost.BeyondTheBareCalls(time),
        _ => throw new ArgumentException($"no workload is called {workload}"),
    };
}
