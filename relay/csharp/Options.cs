// The options of the three verbs with their defaults, as relay/README.md states them. Must not know what is done with them.
using System;
using System.Collections.Generic;
using System.Text.Json.Nodes;

namespace ZeroBuffer.Relay;

internal static class Defaults
{
    /// <summary>The table of defaults.</summary>
    public static string ToJson()
    {
        var relay = new RelayOptions();
        var write = new WriteOptions();
        var read = new ReadOptions();
        return new JsonObject
        {
            ["buffer_size"] = write.BufferSize,
            ["metadata_size"] = write.MetadataSize,
            ["max_readers"] = write.MaxReaders,
            ["frame_size"] = write.Sizes[0],
            ["frames"] = write.Frames,
            ["timeout_ms"] = (long)write.Timeout.TotalMilliseconds,
            ["linger_ms"] = (long)write.Linger.TotalMilliseconds,
            ["pattern"] = write.Pattern,
            ["seed"] = write.Seed,
            ["type"] = write.Type,
            ["tag"] = write.Tag,
            ["batch"] = write.Batch,
            ["delay_us"] = write.DelayUs,
            ["wait_readers"] = write.WaitReaders,
            ["hold"] = read.Hold,
            ["join"] = read.Join,
            ["verify_by"] = read.VerifyBy,
            ["transform"] = relay.Transform,
            ["xor_key"] = relay.XorKey,
            ["log_interval_ms"] = write.LogIntervalMs,
        }.ToJsonString();
    }
}

internal abstract class CommonOptions
{
    public long BufferSize { get; private set; } = 256L << 20;

    public long MetadataSize { get; private set; } = 4096;

    public int MaxReaders { get; private set; } = 1;

    public ulong Frames { get; private set; }

    public TimeSpan Timeout { get; private set; } = TimeSpan.FromSeconds(5);

    public ulong LogIntervalMs { get; private set; }

    public bool Json { get; private set; }

    public bool Verbose { get; private set; }

    public BufferOptions Buffer => new() { PayloadSize = BufferSize, MetadataSize = MetadataSize, MaxReaders = MaxReaders };

    public bool Reached(ulong count) => Frames != 0 && count >= Frames;

    protected OptionTable Common(string verb) => new OptionTable(verb)
        .Value("--buffer-size", "Payload size of the buffer made", text => BufferSize = Values.Size(text))
        .Value("--metadata-size", "Metadata block of the buffer made", text => MetadataSize = Values.Size(text))
        .Value("--max-readers", "Reader places of the buffer made", text => MaxReaders = Values.Count(text))
        .Value("--frames", "Stop after N frames; 0: no limit", text => Frames = Values.Number(text))
        .Value("--timeout-ms", "Longest wait; -1: for ever", text => Timeout = Values.Milliseconds(text))
        .Value("--log-interval", "Milliseconds between lines of progress; 0: none", text => LogIntervalMs = Values.Number(text))
        .Flag("--json", "Report as one JSON object", () => Json = true)
        .Flag("--verbose", "A line for each buffer and frame", () => Verbose = true);
}

internal sealed class RelayOptions : CommonOptions
{
    public string Input { get; private set; } = "";

    public string Output { get; private set; } = "";

    public bool CreateOutput { get; private set; }

    public string Transform { get; private set; } = "none";

    public byte XorKey { get; private set; } = 255;

    public int WaitReaders { get; private set; }

    public TimeSpan Linger { get; private set; } = TimeSpan.FromSeconds(5);

    public OptionTable Table() => Common("relay")
        .Value("--input", "Buffer to read", text => Input = text)
        .Value("--output", "Buffer to write", text => Output = text)
        .Flag("--create-output", "Make the output buffer", () => CreateOutput = true)
        .Value("--transform", "none, reverse, xor", text => Transform = Values.OneOf(text, "none", "reverse", "xor"))
        .Value("--xor-key", "0 to 255", text => XorKey = (byte)Values.NumberWithin(text, 0, 255))
        .Value("--wait-readers", "Wait for N readers of the output first", text => WaitReaders = Values.Count(text))
        .Value("--linger-ms", "At the end wait so long for the readers; -1: for ever", text => Linger = Values.Milliseconds(text))
        .Require("--input")
        .Require("--output")
        .Check(() =>
        {
            if (Input == Output)
            {
                throw new UsageException("input and output are the same buffer");
            }
        });
}

internal sealed class WriteOptions : CommonOptions
{
    public string Name { get; private set; } = "";

    public bool Create { get; private set; }

    public string? Metadata { get; private set; }

    public string? MetadataFile { get; private set; }

    public List<long> Sizes { get; private set; } = [1024];

    public string Pattern { get; private set; } = "sequential";

    public ulong Seed { get; private set; } = 1;

    public string? Input { get; private set; }

    public List<ArrayFormat> Arrays { get; } = [];

    public long? Timestamp { get; private set; }

    public ushort Type { get; private set; }

    public ulong Tag { get; private set; }

    public bool TagIsSequence { get; private set; }

    public ulong Batch { get; private set; } = 1;

    public ulong DelayUs { get; private set; }

    public int WaitReaders { get; private set; }

    public TimeSpan Linger { get; private set; } = TimeSpan.FromSeconds(5);

    public bool Checksum { get; private set; }

    public string? Digests { get; private set; }

    public OptionTable Table() => Common("write")
        .Name(text => Name = text)
        .Flag("--create", "Make the buffer", () => Create = true)
        .Value("--metadata", "Metadata, as text", text => Metadata = text)
        .Value("--metadata-file", "Metadata, from a file", text => MetadataFile = text)
        .Value("--size", "Sizes of the content: N, A..B, or a list of both", text => Sizes = Values.Sizes(text))
        .Value("--pattern", "zeros, ones, sequential, random", text => Pattern = Patterns.Check(text))
        .Value("--seed", "Of the random pattern", text => Seed = Values.Number(text))
        .Value("--input", "Content from a file, - for standard input", text => Input = text)
        .Value("--array", "Array frames: DTYPE:SHAPE[:F]; repeatable", text => Arrays.Add(Values.Array(text)))
        .Value("--timestamp", "Capture time in array frames", text => Timestamp = Values.Signed(text))
        .Value("--type", "Type of the frames", text => Type = (ushort)Values.NumberWithin(text, 0, 65535))
        .Value("--tag", "Tag of the frames, or 'sequence'", TakeTag)
        .Value("--batch", "Frames published together", text => Batch = Values.NumberWithin(text, 1, ulong.MaxValue))
        .Value("--delay-us", "Pause after each batch", text => DelayUs = Values.Number(text))
        .Value("--wait-readers", "Wait for N readers first", text => WaitReaders = Values.Count(text))
        .Value("--linger-ms", "At the end wait so long for the readers; -1: for ever", text => Linger = Values.Milliseconds(text))
        .Flag("--checksum", "CRC of all contents in the report", () => Checksum = true)
        .Value("--digests", "A line per frame into this file", text => Digests = text)
        .Exclude("--metadata", "--metadata-file")
        .Exclude("--pattern", "--input")
        .Exclude("--array", "--size")
        .Exclude("--array", "--type")
        .Need("--timestamp", "--array");

    private void TakeTag(string text)
    {
        TagIsSequence = text == "sequence";
        Tag = TagIsSequence ? 0 : Values.Number(text);
    }
}

internal sealed class ReadOptions : CommonOptions
{
    public string Name { get; private set; } = "";

    public bool Create { get; private set; }

    public string Join { get; private set; } = "automatic";

    public string? Verify { get; private set; }

    public string VerifyBy { get; private set; } = "sequence";

    public ulong Seed { get; private set; } = 1;

    public List<long> Sizes { get; private set; } = [];

    public string? ExpectMetadata { get; private set; }

    public bool Checksum { get; private set; }

    public string? Digests { get; private set; }

    public string? Output { get; private set; }

    public bool Array { get; private set; }

    public ulong DelayUs { get; private set; }

    public int Hold { get; private set; }

    public OptionTable Table() => Common("read")
        .Name(text => Name = text)
        .Flag("--create", "Make the buffer", () => Create = true)
        .Value("--join", "automatic, now, oldest, resume", text => Join = Values.OneOf(text, "automatic", "now", "oldest", "resume"))
        .Value("--verify", "Compare each byte with this pattern", text => Verify = Patterns.Check(text))
        .Value("--verify-by", "sequence or tag", text => VerifyBy = Values.OneOf(text, "sequence", "tag"))
        .Value("--seed", "Of the random pattern", text => Seed = Values.Number(text))
        .Value("--size", "Compare the sizes too", text => Sizes = Values.Sizes(text))
        .Value("--expect-metadata", "Compared with the metadata", text => ExpectMetadata = text)
        .Flag("--checksum", "CRC of all contents in the report", () => Checksum = true)
        .Value("--digests", "A line per frame into this file", text => Digests = text)
        .Value("--output", "Content into a file, - for standard output", text => Output = text)
        .Flag("--array", "Report the kinds of arrays seen", () => Array = true)
        .Value("--delay-us", "Pause before each frame is given back", text => DelayUs = Values.Number(text))
        .Value("--hold", "Keep the last N frames", text => Hold = (int)Values.NumberWithin(text, 0, 65535))
        .Need("--size", "--verify");
}
