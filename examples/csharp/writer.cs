// Writes ten pictures into the buffer that reader.cs (or reader.py, or reader.cpp) made.
//
//   dotnet run writer.cs [NAME]
#:project ../../csharp/ZeroBuffer/ZeroBuffer.csproj
#:property PublishAot=false

using System;
using ZeroBuffer;

string name = args is [string given, ..] ? given : "cam0";
using var writer = Writer.Open(name, TimeSpan.FromSeconds(10));
for (byte number = 0; number < 5; ++number)
{
    using ArrayClaim image = writer.ClaimArray<byte>([480, 640, 3]);
    image.AsSpan<byte>().Fill((byte)(10 * number)); // written in place
    image.Commit();                                 // published; without it, discarded
}
byte[] pixels = new byte[480 * 640 * 3];
for (byte number = 5; number < 10; ++number)
{
    Array.Fill(pixels, (byte)(10 * number));
    writer.WriteArray<byte>(pixels, [480, 640, 3]); // or copied in
}
Console.WriteLine("ten pictures sent");
