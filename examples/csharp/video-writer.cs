// Makes a buffer for a video and sends pictures into it, filled in place. The format travels in the metadata, so that readers in
// every language know it.
//
//   dotnet run video-writer.cs [NAME [PICTURES]]
#:project ../../csharp/ZeroBuffer/ZeroBuffer.csproj
#:property PublishAot=false

using System;
using System.Globalization;
using ZeroBuffer;

string name = args is [string given, ..] ? given : "video0";
int pictures = args is [_, string number, ..] ? int.Parse(number, CultureInfo.InvariantCulture) : 30;
var video = new VideoFormat(PixelFormat.Rgb24, 640, 360, new FrameRate(30));

using var writer = Writer.Create(name, BufferOptions.Default.ForFrames(video.ByteCount));
writer.WriteMetadata(video);
Console.WriteLine($"waiting for a reader of '{name}': {video}");
if (!writer.WaitForReaders(1, TimeSpan.FromSeconds(60)))
{
    Console.Error.WriteLine("video-writer: nobody came");
    return 1;
}
for (int picture = 0; picture < pictures; ++picture)
{
    using Claim claim = writer.Claim(video.ByteCount);
    Span<byte> pixels = claim.Span;
    for (int row = 0; row < video.Height; ++row) // a grey ramp that moves down
    {
        pixels.Slice(row * video.Width * 3, video.Width * 3).Fill((byte)(row + picture));
    }
    claim.CommitAll(tag: (ulong)picture);
}
long unread = writer.Close(TimeSpan.FromSeconds(60)); // waits until the reader has let everything go
Console.WriteLine($"{pictures} pictures sent, {unread} unread");
return unread == 0 ? 0 : 1;
