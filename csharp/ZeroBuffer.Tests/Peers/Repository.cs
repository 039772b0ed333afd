// Where the checkout is that these tests were compiled from, for the few that compare with a file of it.
using System.IO;
using System.Runtime.CompilerServices;

namespace ZeroBuffer.Tests.Peers;

internal static class Repository
{
    internal static string PathOf(string file) => Path.Combine(Root(), file);

    private static string Root([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../../.."));
}
