// Opens the buffer of a video, asks what the pictures look like, and looks at each of them in place. The writer may be
// video-writer.cs, or video_feeder.cpp behind ffmpeg.
//
//   dotnet run video-reader.cs [NAME]
#:project ../../csharp/ZeroBuffer/ZeroBuffer.csproj
#:property PublishAot=false

using System;
using ZeroBuffer;

string name = args is [string given, ..] ? given : "video0";
using var reader = Reader.Open(name, TimeSpan.FromSeconds(60));
if (reader.ReadMetadata(TimeSpan.FromSeconds(60)) is null || reader.GetKnownFormat() is not VideoFormat video)
{
    Console.Error.WriteLine($"video-reader: '{name}' is no video");
    return 1;
}
Console.WriteLine(video);
long pictures = 0;
foreach (Frame frame in reader)
{
    using (frame)
    {
        ArrayView picture = frame.AsArray(); // height × width × 3
        byte first = picture.Get<byte>(0, 0, 0), last = picture.Get<byte>(video.Height - 1, video.Width - 1, 2);
        if (++pictures <= 3)
        {
            Console.WriteLine($"picture {frame.Sequence}: from {first} to {last}");
        }
    }
}
Console.WriteLine($"{pictures} pictures");
return 0;
