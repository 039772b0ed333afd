// The verb `serve`: requests are transformed where they lie, or into an answer built in the channel.
using System;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using System.Threading;

namespace ZeroBuffer.Relay;

internal sealed class ServeVerb(ServeOptions options)
{
    // After this time a thread looks whether another has found the end.
    private static readonly TimeSpan Slice = TimeSpan.FromMilliseconds(100);

    private readonly Session _session = new("serve", options);
    private readonly Lock _lock = new(); // totals, and how it ended
    private DuplexServer? _server;
    private volatile bool _over;
    private Outcome? _ended;
    private DuplexStats _stats;

    public int Run() => _session.Run(Serve, Finish, Report);

    private void Serve()
    {
        var channel = new DuplexOptions
        {
            RequestSize = options.RequestSize,
            ResponseSize = options.ResponseSize,
            Lanes = options.Lanes,
            ExistOk = options.ExistOk,
        };
        DuplexServer server = _server = _session.AttachServer(
            options.Name,
            () => options.InPlace ? MutableDuplexServer.Create(options.Name, channel) : ImmutableDuplexServer.Create(options.Name, channel));
        Threads.Run(options.Threads, () => AnswerAll(server));
        if (_ended is not null)
        {
            throw _ended;
        }
    }

    /// <summary>Each thread: until one of them has found an end.</summary>
    private void AnswerAll(DuplexServer server)
    {
        try
        {
            while (Next(server, out Request request))
            {
                using (request)
                {
                    Answer(server, request);
                }
            }
        }
        catch (Exception error)
        {
            lock (_lock)
            {
                _ended ??= Outcome.Of(error, options.Name);
                _over = true;
            }
        }
    }

    /// <returns>False where another thread has found the end.</returns>
    private bool Next(DuplexServer server, out Request request)
    {
        bool forever = options.Timeout == Timeout.InfiniteTimeSpan;
        long start = Stopwatch.GetTimestamp();
        request = default;
        while (!_over && !StopSignals.Requested)
        {
            TimeSpan left = forever ? Slice : options.Timeout - Stopwatch.GetElapsedTime(start);
            if (server.Take(left < TimeSpan.Zero ? TimeSpan.Zero : left < Slice ? left : Slice, out request))
            {
                return true;
            }

            if (!forever && left <= Slice)
            {
                throw Outcome.TimedOut(options.Name);
            }
        }

        return false;
    }

    private void Answer(DuplexServer server, in Request request)
    {
        (ulong sequence, ushort type, ulong tag, long size) = (request.Sequence, request.Type, request.Tag, request.Length);
        lock (_lock)
        {
            _session.NoteFrame(sequence, type, tag, size);
        }

        if (options.DelayUs != 0)
        {
            StopSignals.Sleep(options.DelayUs);
        }

        if (options.CallBack)
        {
            CallBack(server, request);
        }

        if (options.FailTypes.Contains(type))
        {
            request.Fail(string.Create(CultureInfo.InvariantCulture, $"type {type} is refused"));
        }
        else if (!Transform(request))
        {
            return;
        }

        lock (_lock)
        {
            _session.Count(sequence, size, Session.Now);
            _over = _over || options.Reached(_session.Frames);
        }
    }

    /// <returns>False where the client is gone: nobody will read the answer.</returns>
    private bool Transform(in Request request)
    {
        int size = checked((int)request.Length);
        Span<byte> room;
        try
        {
            room = request.Claim(size);
        }
        catch (PeerClosedException)
        {
            return false;
        }

        if (request.InPlace)
        {
            Transforms.ApplyInPlace(options.Transform, options.XorKey, room);
        }
        else
        {
            Transforms.Apply(options.Transform, options.XorKey, request.Data, room);
        }

        request.Respond(size, request.Type);
        return true;
    }

    private void CallBack(DuplexServer server, in Request request)
    {
        byte[] digits = Encoding.ASCII.GetBytes(request.Tag.ToString(CultureInfo.InvariantCulture));
        try
        {
            using Response answer = server.CallClient(request.Client, digits, options.Timeout);
            digits.AsSpan().Reverse();
            if (!answer.Span.SequenceEqual(digits))
            {
                throw new Outcome(ExitCode.VerificationFailed, $"{options.Name}: the client answered the call for tag {request.Tag} wrongly");
            }
        }
        catch (ZeroBufferException error) when (error is BufferNotFoundException or PeerClosedException or PeerDeadException)
        {
            // the client is gone
        }
    }

    private void Finish()
    {
        _server?.Dispose();
        _stats = _server?.GetStats() ?? default;
    }

    private void Report(JsonObject report)
    {
        report["in_place"] = options.InPlace;
        report["copied_bytes"] = _stats.CopiedBytes;
        report["errors"] = _stats.Errors;
        report["callbacks"] = _stats.Callbacks;
    }
}
