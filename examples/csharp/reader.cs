// Makes a buffer and looks at every frame that comes, in place. Start it, then writer.cs (or writer.py, or writer.cpp).
//
//   dotnet run reader.cs [NAME]
#:project ../../csharp/ZeroBuffer/ZeroBuffer.csproj
#:property PublishAot=false

using System;
using ZeroBuffer;

string name = args is [string given, ..] ? given : "cam0";
using var reader = Reader.Create(name, new BufferOptions { PayloadSize = 64 << 20 });
Console.WriteLine($"waiting for a writer of '{name}'");
foreach (Frame frame in reader) // ends when the writer closes; PeerDeadException, once, if it died
{
    using (frame) // gives the room back
    {
        ArrayView image = frame.AsArray(); // a view in shared memory, read-only, valid until the frame is disposed
        Console.WriteLine(
            $"frame {frame.Sequence}: shape ({string.Join(", ", image.Shape.ToArray())}), {image.ElementType}, mean {Mean(image.Bytes):f1}");
    }
}
Console.WriteLine("the writer has closed");

static double Mean(ReadOnlySpan<byte> bytes)
{
    long sum = 0;
    foreach (byte value in bytes)
    {
        sum += value;
    }
    return bytes.IsEmpty ? 0 : (double)sum / bytes.Length;
}
