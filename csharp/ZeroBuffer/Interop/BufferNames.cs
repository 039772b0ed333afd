// The names that the C library counts up by calling back. Knows nothing of what a buffer is.
using System.Collections.Generic;
using System.Runtime.InteropServices;

namespace ZeroBuffer.Interop;

internal static unsafe class BufferNames
{
    /// <summary>Adds every name to the list; answers as zb_list_buffers.</summary>
    internal static int AddTo(List<string> names)
    {
        var context = GCHandle.Alloc(names);
        try
        {
            return Native.zb_list_buffers(&Visit, GCHandle.ToIntPtr(context));
        }
        finally
        {
            context.Free();
        }
    }

    [UnmanagedCallersOnly]
    private static byte Visit(byte* name, nint context)
    {
        ((List<string>)GCHandle.FromIntPtr(context).Target!).Add(Failure.Text(name));
        return 1;
    }
}
