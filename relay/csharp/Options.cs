// The options of the verbs with their defaults, as relay/README.md states them. Must not know what is done with them.
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
        var serve = new ServeOptions();
        var call = new CallOptions();
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
            ["share_slots"] = write.ShareSlots,
            ["request_size"] = serve.RequestSize,
            ["response_size"] = serve.ResponseSize,
            ["lanes"] = serve.Lanes,
            ["threads"] = serve.Threads,
            ["in_flight"] = call.InFlight,
        }.ToJsonString();
    }
}

internal abstract class CommonOptions
{
    public long BufferSize { get; private set; } = 256L << 20;

    public long MetadataSize { get; private set; } = 4096;

    public int MaxReaders { get; private set; } = 1;

    public int ShareSlots { get; private set; }

    public ulong Frames { get; private set; }

    public TimeSpan Timeout { get; private set; } = TimeSpan.FromSeconds(5);

    public ulong LogIntervalMs { get; private set; }

    public bool Json { get; private set; }

    public bool Verbose { get; private set; }

    public BufferOptions Buffer =>
        new() { PayloadSize = BufferSize, MetadataSize = MetadataSize, MaxReaders = MaxReaders, ShareSlots = ShareSlots };

    public bool Reached(ulong count) => Frames != 0 && count >= Frames;

    /// <summary>The options of the verbs that have buffers.</summary>
    protected OptionTable Streaming(string verb) => Common(verb)
        .Value("--buffer-size", "Payload size of the buffer made", text => BufferSize = Values.Size(text))
        .Value("--metadata-size", "Metadata block of the buffer made", text => MetadataSize = Values.Size(text))
        .Value("--max-readers", "Reader places of the buffer made", text => MaxReaders = Values.Count(text))
        .Value("--share-slots", "Readers of other buffers that can look into the buffer made", text => ShareSlots = Values.Count(text));

    /// <summary>The options of all verbs.</summary>
    protected OptionTable Common(string verb) => new OptionTable(verb)
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

    public bool Share { get; private set; }

    public OptionTable Table() => Streaming("relay")
        .Value("--input", "Buffer to read", text => Input = text)
        .Value("--output", "Buffer to write", text => Output = text)
        .Flag("--create-output", "Make the output buffer", () => CreateOutput = true)
        .Value("--transform", "none, reverse, xor", text => Transform = Transforms.Check(text))
        .Value("--xor-key", "0 to 255", text => XorKey = (byte)Values.NumberWithin(text, 0, 255))
        .Value("--wait-readers", "Wait for N readers of the output first", text => WaitReaders = Values.Count(text))
        .Value("--linger-ms", "At the end wait so long for the readers; -1: for ever", text => Linger = Values.Milliseconds(text))
        .Flag("--share", "Frames go on as descriptors, without a copy, where that can be", () => Share = true)
        .Require("--input")
        .Require("--output")
        .Check(() =>
        {
            if (Input == Output)
            {
                throw new UsageException("input and output are the same buffer");
            }

            if (Share && Transform != "none")
            {
                throw new UsageException("--share goes only with --transform none");
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

    public OptionTable Table() => Streaming("write")
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

    public OptionTable Table() => Streaming("read")
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

internal abstract class ChannelOptions : CommonOptions
{
    public string Name { get; private set; } = "";

    public string Transform { get; private set; } = "none";

    public byte XorKey { get; private set; } = 255;

    public int Threads { get; private set; } = 1;

    public ulong DelayUs { get; private set; }

    protected OptionTable Channel(string verb) => Common(verb)
        .Name(text => Name = text)
        .Value("--transform", "none, reverse, xor", text => Transform = Transforms.Check(text))
        .Value("--xor-key", "0 to 255", text => XorKey = (byte)Values.NumberWithin(text, 0, 255))
        .Value("--threads", "So many threads", text => Threads = (int)Values.NumberWithin(text, 1, 65535))
        .Value("--delay-us", "Pause at each answer", text => DelayUs = Values.Number(text));
}

internal sealed class ServeOptions : ChannelOptions
{
    public bool InPlace { get; private set; }

    public long RequestSize { get; private set; } = 1 << 20;

    public long ResponseSize { get; private set; } = 1 << 20;

    public int Lanes { get; private set; } = 8;

    public bool ExistOk { get; private set; }

    public List<ushort> FailTypes { get; } = [];

    public bool CallBack { get; private set; }

    public OptionTable Table() => Channel("serve")
        .Flag("--in-place", "Answers lie where the requests lay", () => InPlace = true)
        .Value("--request-size", "Largest request", text => RequestSize = Values.Size(text))
        .Value("--response-size", "Largest answer, not in place", text => ResponseSize = Values.Size(text))
        .Value("--lanes", "Calls at the same time", text => Lanes = Values.Count(text))
        .Flag("--exist-ok", "Succeed a server that died", () => ExistOk = true)
        .Value(
            "--fail-type",
            "Answer requests of this type with an error; repeatable",
            text => FailTypes.Add((ushort)Values.NumberWithin(text, 0, 65535)))
        .Flag("--call-back", "Call the client before each answer", () => CallBack = true);
}

internal sealed class CallOptions : ChannelOptions
{
    public List<long> Sizes { get; private set; } = [1024];

    public string Pattern { get; private set; } = "sequential";

    public ulong Seed { get; private set; } = 1;

    public ushort Type { get; private set; }

    public bool Claim { get; private set; }

    public int InFlight { get; private set; } = 1;

    public bool AllowErrors { get; private set; }

    public bool AnswerCallbacks { get; private set; }

    public OptionTable Table() => Channel("call")
        .Value("--size", "Sizes of the requests: N, A..B, or a list of both", text => Sizes = Values.Sizes(text))
        .Value("--pattern", "zeros, ones, sequential, random", text => Pattern = Patterns.Check(text))
        .Value("--seed", "Of the random pattern", text => Seed = Values.Number(text))
        .Value("--type", "Type of the requests", text => Type = (ushort)Values.NumberWithin(text, 0, 65535))
        .Flag("--claim", "Build requests in the channel", () => Claim = true)
        .Value("--in-flight", "Requests sent before their answers are taken", text => InFlight = (int)Values.NumberWithin(text, 1, 65535))
        .Flag("--allow-errors", "Count error answers", () => AllowErrors = true)
        .Flag("--answer-callbacks", "Answer calls of the server", () => AnswerCallbacks = true)
        .Check(() =>
        {
            if (Frames == 0)
            {
                throw new UsageException("--frames: how many calls? at least 1");
            }

            if (InFlight > 1 && Threads > 1)
            {
                throw new UsageException("--threads goes only with --in-flight 1");
            }
        });
}
