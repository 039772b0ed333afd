// Has pictures of 1920 × 1080 pixels inverted by a server in another process, in whatever language that is written. Each is drawn in
// shared memory and comes back at the address where it was drawn.
//
//   dotnet run invert-client.cs [NAME]
#:project ../../csharp/ZeroBuffer/ZeroBuffer.csproj
#:property PublishAot=false
#:property AllowUnsafeBlocks=true

using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ZeroBuffer;

const int PictureBytes = 1920 * 1080 * 3;
const ushort Invert = 128;
TimeSpan patience = TimeSpan.FromSeconds(10);

using var client = DuplexClient.Open(args is [string given, ..] ? given : "invert0", patience);
for (int number = 0; number < 10; ++number)
{
    using RequestClaim picture = client.ClaimRequest(PictureBytes, patience);
    picture.Span.Fill((byte)(10 * number));
    ref byte drawnAt = ref MemoryMarshal.GetReference(picture.Span);

    using Response answer = picture.Call(patience, type: Invert);
    bool inPlace = Unsafe.AreSame(ref drawnAt, ref MemoryMarshal.GetReference(answer.Span));
    Console.WriteLine($"picture {number}: pixels of {answer.Span[PictureBytes / 2]}, {(inPlace ? "in place" : "elsewhere")}");
} // the answer is disposed here: its room is used again

try // an error of the server is an answer too, and its text is the server's
{
    client.Call(default, patience, type: 200).Dispose();
    return 1;
}
catch (RemoteException error)
{
    Console.WriteLine($"remote_error: {error.Message}");
    return 0;
}
