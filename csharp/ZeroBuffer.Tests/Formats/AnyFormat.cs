// Random formats for tests, and frames made of them.
using System;
using System.Linq;
using Xunit;

namespace ZeroBuffer.Tests.Formats;

internal static class AnyFormat
{
    internal static ArrayFormat Make(Random random)
    {
        int dimensions = random.Next(8) == 0 ? random.Next(33) : random.Next(5);
        long[] shape = Enumerable.Range(0, dimensions).Select(_ => (long)random.Next(dimensions > 8 ? 2 : 6)).ToArray();
        string[]? names = random.Next(2) == 0
            ? null
            : shape.Select(_ => new string([.. Enumerable.Range(0, random.Next(4)).Select(_ => (char)random.Next(0x300))])).ToArray();
        ElementType[] types = Enum.GetValues<ElementType>();
        return new ArrayFormat(
            types[random.Next(types.Length)], shape, (ArrayOrder)random.Next(2), names, (ByteOrder)random.Next(2));
    }

    internal static byte[] FrameOf(ArrayFormat format, long? timestamp = null, long? sendTime = null)
    {
        var descriptor = new ArrayDescriptor(format, timestamp, sendTime);
        var frame = new byte[ArrayDescriptor.FrameSize(format)];
        Assert.Equal(descriptor.Size, descriptor.Write(frame.AsSpan(frame.Length - descriptor.Size)));
        return frame;
    }
}
