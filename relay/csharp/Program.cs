// The program: parses the command line of relay/README.md and runs one verb.
using System;
using ZeroBuffer.Relay;

try
{
    switch (args)
    {
        case ["--defaults"]:
            Console.Out.WriteLine(Defaults.ToJson());
            return 0;
        case ["--help" or "-h"]:
            Console.Out.WriteLine("Usage: ZeroBuffer.Relay relay|write|read|serve|call [options]; --defaults; see relay/README.md");
            return 0;
        case ["relay", .. var rest]:
            var relay = new RelayOptions();
            return relay.Table().Parse(rest) ? new RelayVerb(relay).Run() : 0;
        case ["write", .. var rest]:
            var write = new WriteOptions();
            return write.Table().Parse(rest) ? new WriteVerb(write).Run() : 0;
        case ["read", .. var rest]:
            var read = new ReadOptions();
            return read.Table().Parse(rest) ? new ReadVerb(read).Run() : 0;
        case ["serve", .. var rest]:
            var serve = new ServeOptions();
            return serve.Table().Parse(rest) ? new ServeVerb(serve).Run() : 0;
        case ["call", .. var rest]:
            var call = new CallOptions();
            return call.Table().Parse(rest) ? new CallVerb(call).Run() : 0;
        default:
            throw new UsageException("a verb is needed: relay, write, read, serve or call");
    }
}
catch (DllNotFoundException error)
{
    Console.Error.WriteLine(error.Message);
    return (int)ExitCode.Failed;
}
catch (UsageException error)
{
    Console.Error.WriteLine($"{error.Message}\nRun with --help for more information.");
    return (int)ExitCode.Usage;
}
