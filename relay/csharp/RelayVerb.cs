// The verb `relay`: frames of one buffer into another, transformed in the one pass that copies them, or shared.
using System;
using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Threading;

namespace ZeroBuffer.Relay;

internal sealed class RelayVerb(RelayOptions options)
{
    private static readonly TimeSpan MetadataSlice = TimeSpan.FromMilliseconds(20);

    private readonly Session _session = new("relay", options);
    private readonly LatencyHistogram _latency = new();
    private readonly LatencyHistogram _sinceSend = new();
    private readonly Ending _ending = new();
    private Reader? _reader;
    private Writer? _writer;
    private SharedWriter? _shared;
    private SharedWriterStats _sharedStats;
    private byte[]? _metadata;

    public int Run() => _session.Run(PassOn, Finish, Report);

    private void PassOn()
    {
        Writer writer = _writer = _session.AttachWriter(options.Output, options.CreateOutput, options.Buffer, "output");
        Reader reader = _reader = _session.AttachReader(options.Input, false, options.Buffer, "input");
        if (options.WaitReaders != 0 && !Of(options.Output, "output", () => writer.WaitForReaders(options.WaitReaders, options.Timeout)))
        {
            throw Outcome.TimedOut(options.Output, "output");
        }

        if (options.Share)
        {
            _shared = Of(options.Output, "output", () => SharedWriter.Over(writer, reader));
        }

        while (!options.Reached(_session.Frames) && !StopSignals.Requested)
        {
            bool more;
            Frame frame;
            try
            {
                more = Next(reader, writer, out frame);
            }
            catch (FrameLostException)
            {
                _session.PassOver();
                continue;
            }

            if (!more)
            {
                if (options.Frames != 0)
                {
                    throw new Outcome(ExitCode.ClosedEarly, $"{options.Input}: the source closed early", "input");
                }

                return;
            }

            using (frame)
            {
                Pass(frame, writer);
            }
        }
    }

    /// <summary>
    /// The next frame; false where the source has closed. Until the first one has come, the metadata is looked for between
    /// short waits.
    /// </summary>
    private bool Next(Reader reader, Writer writer, out Frame frame)
    {
        bool forever = options.Timeout == Timeout.InfiniteTimeSpan;
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            TimeSpan left = forever ? options.Timeout : options.Timeout - Stopwatch.GetElapsedTime(start);
            if (!forever && left < TimeSpan.Zero)
            {
                left = TimeSpan.Zero;
            }

            bool waitsForMetadata = _session.Frames == 0 && _metadata is null;
            bool sliced = waitsForMetadata && (forever || left > MetadataSlice);
            bool closed = false;
            bool came = false;
            frame = default;
            try
            {
                came = reader.Read(sliced ? MetadataSlice : left, out frame);
            }
            catch (PeerClosedException)
            {
                closed = true;
            }
            catch (ZeroBufferException error) when (error is not FrameLostException)
            {
                throw Outcome.Of(error, options.Input, "input");
            }

            if (waitsForMetadata)
            {
                PassMetadata(reader, writer);
            }

            if (closed || came)
            {
                return came;
            }

            if (!sliced)
            {
                throw Outcome.TimedOut(options.Input, "input");
            }
        }
    }

    private void PassMetadata(Reader reader, Writer writer)
    {
        try
        {
            _metadata = Session.MetadataOf(reader);
        }
        catch (ZeroBufferException error)
        {
            throw Outcome.Of(error, options.Input, "input");
        }

        if (_metadata is byte[] metadata)
        {
            _ = Of(options.Output, "output", () =>
            {
                writer.WriteMetadata(metadata);
                return true;
            });
        }
    }

    private void Pass(in Frame frame, Writer writer)
    {
        long received = Session.Now;
        ulong sequence = frame.Sequence;
        long size = frame.Length;
        _session.CheckOrder(sequence);
        ArrayDescriptor? descriptor = Session.Describe(frame);
        if (descriptor?.SendTimeNanoseconds is long sent)
        {
            _sinceSend.Add(received - sent);
        }

        (ushort type, ulong tag) = (frame.Type, frame.Tag);
        try
        {
            bool passed = _shared is SharedWriter shared
                ? shared.Forward(frame, options.Timeout, out _)
                : Transform(frame, writer, descriptor is ArrayDescriptor known ? known.Format.ByteCount : size);
            if (!passed)
            {
                throw Outcome.TimedOut(options.Output, "output");
            }
        }
        catch (ZeroBufferException error)
        {
            throw Outcome.Of(error, options.Output, "output");
        }

        long published = Session.Now;
        _latency.Add(published - received);
        _session.Count(sequence, size, published);
        _session.NoteFrame(sequence, type, tag, size);
    }

    /// <returns>False where no room came in time.</returns>
    private bool Transform(in Frame frame, Writer writer, long content)
    {
        long size = frame.Length;
        if (!writer.Claim(size, options.Timeout, out Claim claim))
        {
            return false;
        }

        using (claim)
        {
            Transforms.Apply(options.Transform, options.XorKey, frame, claim, content);
            frame.Slice(content, (int)(size - content)).CopyTo(claim.Slice(content, (int)(size - content)));
            claim.Commit(size, frame.Type, frame.Tag);
        }

        return true;
    }

    private void Finish()
    {
        if (_reader is Reader reader)
        {
            _session.AddLost(reader.GetStats().Lost);
            if (_shared is null)
            {
                reader.Dispose(); // shared frames stay in the source until the output's readers have passed them
            }
        }

        if (_writer is not null)
        {
            _ending.Close(_writer, options.Output, options.Linger, "output", StopSharing);
        }
    }

    private void StopSharing()
    {
        if (_shared is not SharedWriter shared)
        {
            return;
        }

        _sharedStats = shared.GetStats();
        if (_sharedStats.CopiedFrames != 0)
        {
            string why = shared.WhyNot.Length != 0 ? shared.WhyNot : "they lie in buffers that cannot be shared";
            _session.Remark = $"{_sharedStats.CopiedFrames} frames were copied: {why}";
        }

        shared.Dispose();
        _reader!.Dispose();
    }

    private void Report(JsonObject report)
    {
        report["output_last_sequence"] = _ending.LastSequence;
        report["lost"] = _session.Lost;
        Session.ReportMetadata(report, _metadata);
        report["relay_latency_us"] = _latency.ToJson();
        report["since_send_us"] = _sinceSend.ToJson();
        _ending.Report(report);
        if (options.Share)
        {
            report["shared"] = _sharedStats.SharedFrames;
            report["copied"] = _sharedStats.CopiedFrames;
        }
    }

    private static T Of<T>(string buffer, string side, Func<T> call)
    {
        try
        {
            return call();
        }
        catch (ZeroBufferException error)
        {
            throw Outcome.Of(error, buffer, side);
        }
    }
}
