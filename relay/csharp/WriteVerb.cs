// The verb `write`: frames from a pattern or a file, filled in place.
using System;
using System.IO;
using System.Text;
using System.Text.Json.Nodes;

namespace ZeroBuffer.Relay;

internal sealed class WriteVerb(WriteOptions options)
{
    private readonly Session _session = new("write", options);
    private readonly Patterns _pattern = new(options.Pattern, options.Seed);
    private readonly Ending _ending = new();
    private ByteFile? _input;
    private Digests? _digests;
    private Writer? _writer;
    private byte[]? _metadata;
    private ArrayFormat? _announced;

    public int Run() => _session.Run(WriteAll, Finish, Report);

    private void WriteAll()
    {
        // What can be wrong with files is found before a place in the buffer is taken.
        _input = options.Input is null ? null : new ByteFile(options.Input, write: false);
        _digests = new Digests(options.Digests, options.Checksum);
        byte[]? metadata = OwnMetadata();
        Writer writer = _writer = _session.AttachWriter(options.Name, options.Create, options.Buffer);
        try
        {
            if (metadata is not null)
            {
                writer.WriteMetadata(metadata);
                _metadata = metadata;
                _announced = options.Arrays.Count == 0 ? null : StreamFormat.Parse(metadata) as ArrayFormat;
            }
            else if (options.Arrays.Count != 0)
            {
                Announce(writer, options.Arrays[0]);
            }

            if (options.WaitReaders != 0 && !writer.WaitForReaders(options.WaitReaders, options.Timeout))
            {
                throw Outcome.TimedOut(options.Name);
            }

            WriteBatches(writer);
        }
        catch (ZeroBufferException error)
        {
            throw Outcome.Of(error, options.Name);
        }
    }

    private void WriteBatches(Writer writer)
    {
        ulong sequence = (ulong)writer.GetStats().Frames + 1;
        bool more = true;
        while (more)
        {
            using (Batch batch = options.Batch > 1 ? writer.Batch() : default)
            {
                for (ulong i = 0; i < options.Batch && more; ++i)
                {
                    more = !options.Reached(_session.Frames) && WriteOne(writer, sequence);
                    sequence += more ? 1u : 0;
                }
            }

            if (more && options.DelayUs != 0)
            {
                StopSignals.Sleep(options.DelayUs);
            }
        }
    }

    private byte[]? OwnMetadata()
    {
        try
        {
            return options.MetadataFile is not null ? File.ReadAllBytes(options.MetadataFile)
                : options.Metadata is null ? null
                : Encoding.UTF8.GetBytes(options.Metadata);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new Outcome(ExitCode.Failed, $"{options.MetadataFile}: {error.Message}");
        }
    }

    /// <summary>Describes the stream's arrays in the metadata. Where that cannot be, every frame describes its own.</summary>
    private void Announce(Writer writer, ArrayFormat format)
    {
        byte[] metadata = format.ToMetadata();
        try
        {
            writer.WriteMetadata(metadata);
            _metadata = metadata;
            _announced = format;
        }
        catch (ZeroBufferException error) when (
            error is MetadataExistsException or MetadataInUseException or MetadataTooLargeException)
        {
            _announced = null;
        }
    }

    /// <returns>False where there is nothing more to write.</returns>
    private bool WriteOne(Writer writer, ulong sequence)
    {
        if (StopSignals.Requested || (_input is not null && !_input.HasMore()))
        {
            return false;
        }

        ulong tag = options.TagIsSequence ? sequence : options.Tag;
        return options.Arrays.Count == 0
            ? WritePlain(writer, sequence, tag, options.Sizes[(int)((sequence - 1) % (ulong)options.Sizes.Count)])
            : WriteArray(writer, sequence, tag, options.Arrays[(int)((sequence - 1) % (ulong)options.Arrays.Count)]);
    }

    private bool WritePlain(Writer writer, ulong sequence, ulong tag, long size)
    {
        if (!writer.Claim(size, options.Timeout, out Claim claim))
        {
            throw Outcome.TimedOut(options.Name);
        }

        using (claim)
        {
            for (long offset = 0; offset < size; offset += Patterns.BlockSize)
            {
                if (!Fill(claim.Slice(offset, (int)Math.Min(Patterns.BlockSize, size - offset)), sequence, offset, size))
                {
                    return false;
                }
            }

            claim.Commit(size, options.Type, tag);
        }

        Count(sequence, options.Type, tag, size);
        return true;
    }

    private bool WriteArray(Writer writer, ulong sequence, ulong tag, ArrayFormat format)
    {
        if (!writer.ClaimArray(format, options.Timeout, out ArrayClaim claim, options.Timestamp))
        {
            throw Outcome.TimedOut(options.Name);
        }

        using (claim)
        {
            Span<byte> bytes = claim.Bytes;
            for (int offset = 0; offset < bytes.Length; offset += Patterns.BlockSize)
            {
                if (!Fill(bytes.Slice(offset, Math.Min(Patterns.BlockSize, bytes.Length - offset)), sequence, offset, bytes.Length))
                {
                    return false;
                }
            }

            claim.Commit(tag);
        }

        bool described = options.Timestamp is not null || !IsAnnounced(format);
        ushort type = described ? (ushort)ArrayDescriptor.FrameType : (ushort)0;
        Count(sequence, type, tag, described ? ArrayDescriptor.FrameSize(format) : format.ByteCount);
        return true;
    }

    private void Count(ulong sequence, ushort type, ulong tag, long size)
    {
        _digests!.EndFrame(sequence, type, tag);
        _session.Count(sequence, size, Session.Now);
        _session.NoteFrame(sequence, type, tag, size);
    }

    /// <summary>Whether the package gave this array's frame no descriptor: the rule of docs/arrays.md.</summary>
    private bool IsAnnounced(ArrayFormat format) =>
        _announced is not null && _announced.Dtype == format.Dtype && _announced.Order == format.Order &&
        _announced.Shape.SequenceEqual(format.Shape);

    /// <summary>Fills a block of a frame's content. False where a signal ended that; Outcome where the input ended.</summary>
    private bool Fill(Span<byte> block, ulong sequence, long offset, long size)
    {
        if (_input is null)
        {
            _pattern.Fill(block, sequence, offset);
        }
        else if (_input.Read(block) is int filled && filled < block.Length)
        {
            return StopSignals.Requested ? false : throw new Outcome(
                ExitCode.ShortFrame,
                $"{options.Input}: ended after {offset + filled} of the {size} bytes of a frame, which was not sent");
        }

        _digests!.Add(block);
        return true;
    }

    private void Finish()
    {
        _digests?.Close();
        _input?.Dispose();
        if (_writer is not null)
        {
            _ending.Close(_writer, options.Name, options.Linger);
        }
    }

    private void Report(JsonObject report)
    {
        Session.ReportMetadata(report, _metadata);
        _ending.Report(report);
        if (options.Checksum && _digests is not null)
        {
            report["checksum"] = _digests.Checksum;
        }
    }
}
