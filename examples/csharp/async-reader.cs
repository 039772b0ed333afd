// Awaits frames without a thread that waits, until the writer closes or somebody presses Ctrl-C. Works with every writer here.
//
//   dotnet run async-reader.cs [NAME]
#:project ../../csharp/ZeroBuffer/ZeroBuffer.csproj
#:property PublishAot=false

using System;
using System.Threading;
using System.Threading.Tasks;
using ZeroBuffer;

string name = args is [string given, ..] ? given : "cam0";
using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, pressed) =>
{
    pressed.Cancel = true; // end the loop instead of the process
    stop.Cancel();
};

using var reader = Reader.Create(name, new BufferOptions { PayloadSize = 64 << 20 });
Console.WriteLine($"waiting for a writer of '{name}'; Ctrl-C ends it");
long frames = 0, bytes = 0;
try
{
    await foreach (Frame frame in reader.WithCancellation(stop.Token))
    {
        using FrameMemory memory = frame.AsMemory(); // holds the frame while somebody else uses it
        frame.Dispose();
        ++frames;
        bytes += await CountAsync(memory.Memory);
    }
    Console.WriteLine($"the writer has closed: {frames} frames, {bytes} bytes");
}
catch (OperationCanceledException)
{
    Console.WriteLine($"stopped: {frames} frames, {bytes} bytes");
}

static async Task<int> CountAsync(ReadOnlyMemory<byte> memory)
{
    await Task.Yield(); // work that awaits: a socket, a file
    return memory.Length;
}
