// The verb `call`: requests from a pattern, whose answers are compared with what the server is expected to do.
using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using System.Threading;

namespace ZeroBuffer.Relay;

internal sealed class CallVerb(CallOptions options)
{
    private const ushort ErrorType = 127;

    private readonly Session _session = new("call", options);
    private readonly Lock _lock = new(); // totals, and how it ended
    private readonly LatencyHistogram _latency = new();
    private DuplexClient? _client;
    private ulong _next;
    private volatile bool _over;
    private Outcome? _ended;
    private long _sameAddress;
    private DuplexStats _stats;
    private bool _inPlace;

    public int Run() => _session.Run(CallAll, Finish, Report);

    private void CallAll()
    {
        DuplexClient client = _client = _session.AttachClient(options.Name);
        if (options.AnswerCallbacks)
        {
            client.Start(request =>
            {
                byte[] answer = request.Data.ToArray();
                Array.Reverse(answer);
                request.Write(answer);
            });
        }

        Threads.Run(options.Threads, () => CallUntilTheEnd(client));
        if (_ended is not null)
        {
            throw _ended;
        }
    }

    /// <summary>Each thread: until one of them has found an end, or all calls are made.</summary>
    private void CallUntilTheEnd(DuplexClient client)
    {
        try
        {
            if (options.InFlight > 1)
            {
                CallPipelined(client);
            }
            else
            {
                CallOneByOne(client);
            }
        }
        catch (Exception error)
        {
            lock (_lock)
            {
                _ended ??= error switch
                {
                    PeerClosedException => new Outcome(ExitCode.ClosedEarly, $"{options.Name}: {error.Message}"),
                    RemoteException => new Outcome(ExitCode.RemoteError, error.Message),
                    _ => Outcome.Of(error, options.Name),
                };
                _over = true;
            }

            client.Interrupt(); // a wait that another thread has begun since the signal
        }
    }

    private void CallOneByOne(DuplexClient client)
    {
        var maker = new Maker(options);
        while (!_over && !StopSignals.Requested)
        {
            ulong number = Interlocked.Increment(ref _next);
            if (number > options.Frames)
            {
                return;
            }

            byte[] request = maker.Request(number);
            var sent = new Sent(number, 0, Session.Now);
            try
            {
                if (options.Claim)
                {
                    using RequestClaim claim = client.ClaimRequest(request.Length, options.Timeout);
                    sent = sent with { BuiltAt = Fill(claim, request) };
                    LookAt(sent, claim.Call(options.Timeout, type: options.Type, tag: number), request, maker);
                }
                else
                {
                    LookAt(sent, client.Call(request, options.Timeout, options.Type, number), request, maker);
                }
            }
            catch (ZeroBufferException error) when (options.AllowErrors && (error is RemoteException or PeerDeadException))
            {
                Count(sent, ErrorType, 0, Session.Now, sameAddress: false);
            }
        }
    }

    private void CallPipelined(DuplexClient client)
    {
        var maker = new Maker(options);
        var onTheWay = new Queue<Sent>();
        ulong number = 1;
        while ((number <= options.Frames || onTheWay.Count != 0) && !StopSignals.Requested)
        {
            if (number <= options.Frames && onTheWay.Count < options.InFlight)
            {
                onTheWay.Enqueue(Send(client, maker.Request(number), number));
                ++number;
                continue;
            }

            Sent sent = onTheWay.Dequeue();
            try
            {
                if (!client.Receive(options.Timeout, out Response response))
                {
                    throw Outcome.TimedOut(options.Name);
                }

                LookAt(sent, response, maker.Request(sent.Number), maker);
            }
            catch (RemoteException) when (options.AllowErrors)
            {
                Count(sent, ErrorType, 0, Session.Now, sameAddress: false);
            }
        }
    }

    private Sent Send(DuplexClient client, byte[] request, ulong number)
    {
        var sent = new Sent(number, 0, Session.Now);
        if (options.Claim)
        {
            using RequestClaim claim = client.ClaimSend(request.Length, options.Timeout);
            sent = sent with { BuiltAt = Fill(claim, request) };
            claim.Send(type: options.Type, tag: number);
        }
        else if (!client.Send(request, options.Timeout, out _, options.Type, number))
        {
            throw Outcome.TimedOut(options.Name);
        }

        return sent;
    }

    /// <summary>Builds the request in the channel; where that is.</summary>
    private static nint Fill(in RequestClaim claim, byte[] request)
    {
        request.CopyTo(claim.Span);
        return AddressOf(claim.Span);
    }

    private void LookAt(Sent sent, Response response, byte[] request, Maker maker)
    {
        long now = Session.Now;
        using (response)
        {
            if (maker.Difference(response, request) is string what)
            {
                throw new Outcome(ExitCode.VerificationFailed, $"{options.Name}: the answer to call {sent.Number} {what}");
            }

            if (options.DelayUs != 0)
            {
                StopSignals.Sleep(options.DelayUs);
            }

            ReadOnlySpan<byte> answer = response.Span;
            Count(sent, response.Type, answer.Length, now, answer.Length != 0 && AddressOf(answer) == sent.BuiltAt);
        }
    }

    private void Count(Sent sent, ushort type, long size, long now, bool sameAddress)
    {
        lock (_lock)
        {
            _latency.Add(now - sent.At);
            _sameAddress += sameAddress ? 1 : 0;
            _session.Count(sent.Number, size, now);
            _session.NoteFrame(sent.Number, type, sent.Number, size);
        }
    }

    private void Finish()
    {
        if (_client is not DuplexClient client)
        {
            return;
        }

        _inPlace = client.Info.InPlace;
        client.Dispose();
        _stats = client.GetStats();
    }

    private void Report(JsonObject report)
    {
        report["in_place"] = _inPlace;
        report["copied_bytes"] = _stats.CopiedBytes;
        report["errors"] = _stats.Errors;
        report["callbacks"] = _stats.Callbacks;
        if (options.Claim)
        {
            report["same_address"] = _sameAddress;
        }

        report["call_latency_us"] = _latency.ToJson();
    }

    private static unsafe nint AddressOf(ReadOnlySpan<byte> bytes) => (nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(bytes));

    /// <summary>One request that is on its way. BuiltAt: where in the channel, or 0.</summary>
    private readonly record struct Sent(ulong Number, nint BuiltAt, long At);

    /// <summary>What one thread sends and expects.</summary>
    private sealed class Maker(CallOptions options)
    {
        private readonly Patterns _pattern = new(options.Pattern, options.Seed);
        private byte[] _request = [];
        private byte[] _expected = [];

        /// <summary>The request with this number; good until the next one.</summary>
        public byte[] Request(ulong number)
        {
            long size = options.Sizes[(int)((number - 1) % (ulong)options.Sizes.Count)];
            if (_request.Length != size)
            {
                _request = new byte[size];
            }

            for (int offset = 0; offset < _request.Length; offset += Patterns.BlockSize)
            {
                _pattern.Fill(_request.AsSpan(offset, Math.Min(Patterns.BlockSize, _request.Length - offset)), number, offset);
            }

            return _request;
        }

        /// <summary>What is wrong with the answer, or null.</summary>
        public string? Difference(in Response response, byte[] request)
        {
            if (response.Type != options.Type)
            {
                return $"has type {response.Type}, expected {options.Type}";
            }

            ReadOnlySpan<byte> answer = response.Span;
            if (answer.Length != request.Length)
            {
                return $"has {answer.Length} bytes, expected {request.Length}";
            }

            if (_expected.Length != request.Length)
            {
                _expected = new byte[request.Length];
            }

            Transforms.Apply(options.Transform, options.XorKey, request, _expected);
            int same = answer.CommonPrefixLength(_expected);
            return same == answer.Length ? null : $"has byte {same} as {answer[same]}, expected {_expected[same]}";
        }
    }
}
