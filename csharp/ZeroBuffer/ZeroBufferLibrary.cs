// What concerns no single reader or writer: versions, and the buffers of this machine.
using System;
using System.Collections.Generic;
using System.Text;
using ZeroBuffer.Interop;

namespace ZeroBuffer;

/// <summary>The native library, and the buffers in shared memory. Any thread.</summary>
public static unsafe class ZeroBufferLibrary
{
    /// <summary>Version of the native library, MAJOR.MINOR.PATCH.</summary>
    /// <exception cref="DllNotFoundException">The native library was not found; the message says where it was looked for.</exception>
    public static string Version => Failure.Text(Native.zb_version());

    /// <summary>Version of the wire protocol, MAJOR.MINOR.</summary>
    public static string ProtocolVersion => Failure.Text(Native.zb_protocol_version());

    /// <summary>The names of the buffers of this user in shared memory, sorted.</summary>
    /// <remarks>Never waits. Allocates the list.</remarks>
    public static IReadOnlyList<string> ListBuffers()
    {
        var names = new List<string>();
        int status = BufferNames.AddTo(names);
        if (status != (int)Status.Ok)
        {
            Failure.Throw(status, nameof(ZeroBufferLibrary));
        }
        return names;
    }

    /// <summary>Removes a buffer that is proved dead.</summary>
    /// <param name="name">Of the buffer.</param>
    /// <exception cref="BufferExistsException">Somebody alive uses it.</exception>
    /// <exception cref="BufferNotFoundException">There is none of this name.</exception>
    /// <exception cref="PermissionDeniedException">It belongs to another user.</exception>
    /// <exception cref="IncompatibleException">The file is no buffer of this protocol.</exception>
    public static void RemoveDead(string name)
    {
        int status;
        fixed (byte* bytes = NameBytes(name))
        {
            status = Native.zb_remove_dead(bytes);
        }
        if (status != (int)Status.Ok)
        {
            Failure.Throw(status, nameof(ZeroBufferLibrary));
        }
    }

    /// <summary>UTF-8 with the ending zero. A name with a zero inside is refused: it would be cut.</summary>
    internal static byte[] NameBytes(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name.Contains('\0', StringComparison.Ordinal))
        {
            throw new ArgumentException("a buffer's name has no zero character", nameof(name));
        }
        byte[] bytes = new byte[Encoding.UTF8.GetByteCount(name) + 1];
        Encoding.UTF8.GetBytes(name, bytes);
        return bytes;
    }
}
