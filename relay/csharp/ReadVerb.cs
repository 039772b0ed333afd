// The verb `read`: frames are compared, digested, written to a file, held for a while, and given back.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Text.Json.Nodes;
using System.Threading;

namespace ZeroBuffer.Relay;

internal sealed class ReadVerb(ReadOptions options)
{
    private static readonly TimeSpan LongestHold = TimeSpan.FromMilliseconds(500);

    private readonly Session _session = new("read", options);
    private readonly Patterns? _pattern = options.Verify is null ? null : new Patterns(options.Verify, options.Seed);
    private readonly Queue<(Frame Frame, uint Crc)> _held = [];
    private readonly LatencyHistogram _sinceSend = new();
    private readonly OrderedDictionary<ArrayFormat, long> _arrays = [];
    private ByteFile? _output;
    private Digests? _digests;
    private Reader? _reader;
    private byte[]? _metadata;
    private StreamFormat? _format;

    public int Run() => _session.Run(ReadAll, Finish, Report, jsonToStandardError: options.Output == "-");

    private void ReadAll()
    {
        _output = options.Output is null ? null : new ByteFile(options.Output, write: true);
        _digests = new Digests(options.Digests, options.Checksum);
        BufferOptions buffer = options.Buffer with
        {
            Join = Enum.Parse<JoinAt>(options.Join, ignoreCase: true),
            MaxHeld = Math.Max(256, options.Hold + 1),
        };
        Reader reader = _reader = _session.AttachReader(options.Name, options.Create, buffer);
        try
        {
            while (!options.Reached(_session.Frames) && !StopSignals.Requested && ReadOne(reader))
            {
            }

            while (_held.Count != 0)
            {
                GiveBack();
            }
        }
        catch (ZeroBufferException error)
        {
            throw Outcome.Of(error, options.Name);
        }
    }

    /// <returns>False at the end of the stream.</returns>
    private bool ReadOne(Reader reader)
    {
        bool closed = false;
        bool came = false;
        Frame frame = default;
        try
        {
            came = Next(reader, out frame);
        }
        catch (PeerClosedException)
        {
            closed = true;
        }
        catch (FrameLostException)
        {
            _session.PassOver();
            return true;
        }

        long now = Session.Now;
        if (_session.Frames == 0 && (came || closed))
        {
            CheckMetadata(reader);
        }

        if (closed)
        {
            return options.Frames == 0 ? false
                : throw new Outcome(ExitCode.ClosedEarly, $"{options.Name}: the source closed early");
        }

        if (!came)
        {
            throw Outcome.TimedOut(options.Name);
        }

        LookAt(frame, now);
        return true;
    }

    /// <summary>The next frame. While nothing comes, a writer may be waiting for what is held: it is given back.</summary>
    private bool Next(Reader reader, out Frame frame)
    {
        bool forever = options.Timeout == Timeout.InfiniteTimeSpan;
        if (_held.Count == 0 || (!forever && options.Timeout <= LongestHold))
        {
            return reader.Read(options.Timeout, out frame);
        }

        if (reader.Read(LongestHold, out frame))
        {
            return true;
        }

        while (_held.Count != 0)
        {
            GiveBack();
        }

        return reader.Read(forever ? options.Timeout : options.Timeout - LongestHold, out frame);
    }

    private void CheckMetadata(Reader reader)
    {
        _metadata = Session.MetadataOf(reader);
        if (options.ExpectMetadata is null)
        {
            return;
        }

        if (_metadata is null || !_metadata.AsSpan().SequenceEqual(Encoding.UTF8.GetBytes(options.ExpectMetadata)))
        {
            string what = _metadata is null ? "that is expected is not there" : $"({_metadata.Length} bytes) is not the expected one";
            throw new Outcome(ExitCode.VerificationFailed, $"{options.Name}: the metadata {what}");
        }
    }

    private void LookAt(in Frame frame, long now)
    {
        ulong sequence = frame.Sequence;
        _session.CheckOrder(sequence);
        ArrayDescriptor? descriptor = Session.Describe(frame);
        _session.Count(sequence, frame.Length, now);
        if (descriptor?.SendTimeNanoseconds is long sent)
        {
            _sinceSend.Add(now - sent);
        }

        LookAtContent(frame, descriptor?.Format.ByteCount ?? frame.Length, descriptor is not null);
        _digests!.EndFrame(sequence, frame.Type, frame.Tag);
        if (options.Array)
        {
            CountArray(frame);
        }

        _held.Enqueue((frame, options.Hold != 0 ? CrcOf(frame) : 0));
        _session.NoteFrame(sequence, frame.Type, frame.Tag, frame.Length);
        while (_held.Count > options.Hold)
        {
            GiveBack();
        }
    }

    private void LookAtContent(in Frame frame, long content, bool described)
    {
        ulong s = options.VerifyBy == "tag" ? frame.Tag : frame.Sequence;
        if (_pattern is not null && options.Sizes.Count != 0 && !described)
        {
            long expected = options.Sizes[(int)((s - 1) % (ulong)options.Sizes.Count)];
            if (content != expected)
            {
                throw Failed(frame, $"has {content} bytes, expected {expected}");
            }
        }

        for (long offset = 0; offset < content; offset += Patterns.BlockSize)
        {
            ReadOnlySpan<byte> block = frame.Slice(offset, (int)Math.Min(Patterns.BlockSize, content - offset));
            if (_pattern?.Compare(block, s, offset, out byte expected) is int wrong and >= 0)
            {
                throw Failed(frame, $"byte {offset + wrong} is {block[wrong]}, expected {expected}");
            }

            _digests!.Add(block);
            _output?.Write(block);
        }
    }

    private void GiveBack()
    {
        if (options.DelayUs != 0)
        {
            StopSignals.Sleep(options.DelayUs);
        }

        (Frame frame, uint crc) = _held.Dequeue();
        using (frame)
        {
            if (options.Hold != 0 && CrcOf(frame) != crc)
            {
                throw Failed(frame, "changed while it was held");
            }
        }
    }

    private static uint CrcOf(in Frame frame)
    {
        uint crc = 0;
        for (long offset = 0; offset < frame.Length; offset += Patterns.BlockSize)
        {
            crc = Crc32.Append(crc, frame.Slice(offset, (int)Math.Min(Patterns.BlockSize, frame.Length - offset)));
        }

        return crc;
    }

    private Outcome Failed(in Frame frame, string what) =>
        new(ExitCode.VerificationFailed, $"{options.Name}: frame {frame.Sequence} {what}");

    /// <summary>Counts what the package sees in the frame; a plain frame of a video counts as bytes.</summary>
    private void CountArray(in Frame frame)
    {
        if (frame.Type == 0 && _format is null && _metadata is not null)
        {
            _format = StreamFormat.Parse(_metadata);
        }

        ArrayFormat kind;
        if (frame.Type == 0 && _format is VideoFormat)
        {
            kind = ArrayFormat.Of<byte>([frame.Length]);
        }
        else
        {
            ArrayView array = frame.AsArray();
            kind = new ArrayFormat(array.ElementType, array.Shape, array.Order, byteOrder: array.ByteOrder);
        }

        if (!_arrays.TryAdd(kind, 1))
        {
            ++_arrays[kind];
        }
    }

    private void Finish()
    {
        while (_held.TryDequeue(out (Frame Frame, uint Crc) held))
        {
            held.Frame.Dispose();
        }

        _session.AddLost(_reader?.GetStats().Lost ?? 0);
        _reader?.Dispose();
        _digests?.Close();
        _output?.Dispose();
    }

    private void Report(JsonObject report)
    {
        report["lost"] = _session.Lost;
        Session.ReportMetadata(report, _metadata);
        report["since_send_us"] = _sinceSend.ToJson();
        if (options.Checksum && _digests is not null)
        {
            report["checksum"] = _digests.Checksum;
        }

        if (options.Array)
        {
            report["arrays"] = new JsonArray([.. _arrays.Select(seen => new JsonObject
            {
                ["dtype"] = seen.Key.Dtype,
                ["shape"] = new JsonArray([.. seen.Key.Shape.ToArray().Select(dimension => (JsonNode)dimension)]),
                ["order"] = seen.Key.Order == ArrayOrder.C ? "C" : "F",
                ["frames"] = seen.Value,
            })]);
        }
    }
}
