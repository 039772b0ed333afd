// One side of a measurement in C#. Obeys lines on standard input, and answers each with a line of JSON: an object that holds
// "value" where this side is the one that measured. Owns the commands, not what they measure.
//
//   WORKLOAD first|second NAME MILLISECONDS       NAME: of the buffers; for peers a path that nobody else uses
using System;
using System.Globalization;
using System.IO;
using ZeroBuffer;
using ZeroBuffer.Benchmarks;
using ZeroBuffer.Benchmarks.Peers;

try
{
    while (Console.ReadLine() is string line)
    {
        Console.WriteLine(Obey(line)?.ToJson() ?? "{}");
    }
    return 0;
}
catch (Exception failure) when (failure is ZeroBufferException or InvalidOperationException or ArgumentException or IOException)
{
    Console.Error.WriteLine($"ZeroBuffer.Benchmarks: {failure.Message}");
    return 1;
}

static Figure? Obey(string line)
{
    if (line.Split(' ') is not [string workload, string role, string name, string duration])
    {
        throw new ArgumentException($"no command: {line}");
    }
    bool first = role == "first";
    TimeSpan time = TimeSpan.FromMilliseconds(int.Parse(duration, CultureInfo.InvariantCulture));
    return workload switch
    {
        "rtt64" => first ? RoundTrip.Ask(name, time) : RoundTrip.Answer(name),
        "stream64" => first ? MessageStream.Send(name, time, 1) : MessageStream.Receive(name),
        "stream64_batch16" => first ? MessageStream.Send(name, time, 16) : MessageStream.Receive(name),
        "stream64_batch" => first ? MessageStream.SendCalls(name, time) : MessageStream.ReceiveCalls(name),
        "frame6m_read" => first ? FrameStream.Send(name, time) : FrameStream.Receive(name, copyOut: false),
        "frame6m_copy" => first ? FrameStream.Send(name, time) : FrameStream.Receive(name, copyOut: true),
        "call64" => first ? RoundTrip.Call(name, time) : Answers.Serve(name),
        "call64_in_place" => first ? RoundTrip.Call(name, time) : Answers.ServeInPlace(name),
        "read_release" => ReadCost.Least(time),
        _ => PeerPatterns.Find(workload, first, name, time) is { } run ? run() : throw new ArgumentException($"no workload is called {workload}"),
    };
}
