// How long anything may take that should take none. Nothing here is a measurement.
using System;

namespace ZeroBuffer.Tests.Peers;

internal static class Limits
{
    internal static readonly TimeSpan Wait = TimeSpan.FromSeconds(30);

    /// <summary>After this a test is taken for hung, and the whole run ends with its name.</summary>
    internal static readonly TimeSpan Test = TimeSpan.FromSeconds(120);
}
