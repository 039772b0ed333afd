// The other side of a test: a function of its class, run in a thread of this process or in a process of its own (this same
// assembly, started again: see Program.cs). Knows nothing of buffers.
using System;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Threading;
using Xunit;

namespace ZeroBuffer.Tests.Peers;

public enum Where
{
    Thread,
    Process,
}

internal abstract class Peer : IDisposable
{
    internal static Peer Start(Where where, PeerFunction function, params string[] arguments) =>
        where == Where.Thread ? new ThreadPeer(function, arguments) : new ProcessPeer(function, arguments);

    /// <summary>The next thing that the function said.</summary>
    internal abstract string Hear();

    internal abstract void Say(string word);

    /// <summary>Waits until the function has returned; fails where it threw.</summary>
    internal abstract void Finish();

    /// <summary>Ends it by force where it still runs.</summary>
    public abstract void Dispose();
}

internal sealed class ThreadPeer : Peer
{
    private readonly BlockingCollection<string> _said = [];
    private readonly BlockingCollection<string> _told = [];
    private readonly Thread _thread;
    private Exception? _error;

    internal ThreadPeer(PeerFunction function, string[] arguments)
    {
        _thread = new Thread(() =>
        {
            try
            {
                function(new ThreadChannel(_said, _told), arguments);
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                _error = error;
            }
        }) { IsBackground = true };
        _thread.Start();
    }

    internal override string Hear() => _said.TryTake(out string? word, Limits.Wait)
        ? word
        : throw new TimeoutException($"the other thread said nothing; {_error}");

    internal override void Say(string word) => _told.Add(word);

    internal override void Finish()
    {
        Assert.True(_thread.Join(Limits.Wait), "the other thread did not end");
        Assert.True(_error is null, _error?.ToString());
    }

    public override void Dispose()
    {
        _thread.Join(Limits.Wait);
        _said.Dispose();
        _told.Dispose();
    }
}

internal sealed class ProcessPeer : Peer
{
    private readonly Process _process = new();
    private readonly BlockingCollection<string?> _lines = [];
    private readonly BlockingCollection<string> _errors = [];

    internal ProcessPeer(PeerFunction function, string[] arguments)
    {
        MethodInfo method = function.Method;
        Assert.True(method.IsStatic, "only a static function can run in another process");
        ProcessStartInfo start = _process.StartInfo;
        start.FileName = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        start.ArgumentList.Add(typeof(Peer).Assembly.Location);
        start.ArgumentList.Add(method.DeclaringType!.FullName!);
        start.ArgumentList.Add(method.Name);
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        _process.OutputDataReceived += (_, line) => _lines.Add(line.Data);
        _process.ErrorDataReceived += (_, line) => _errors.Add(line.Data ?? string.Empty);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    internal int Id => _process.Id;

    internal string Errors => string.Join('\n', _errors).Trim();

    internal override string Hear()
    {
        if (!_lines.TryTake(out string? line, Limits.Wait))
        {
            throw new TimeoutException($"the other process said nothing; {Errors}");
        }
        return line ?? throw new InvalidOperationException($"the other process ended without a word; {Errors}");
    }

    internal override void Say(string word)
    {
        _process.StandardInput.WriteLine(word);
        _process.StandardInput.Flush();
    }

    /// <summary>SIGKILL, and waits until it is dead.</summary>
    internal void Kill()
    {
        _process.Kill();
        WaitForEnd();
    }

    internal void Stop() => Signal("STOP");

    internal void Continue() => Signal("CONT");

    internal void Signal(string name)
    {
        using Process kill = Process.Start(
            "/bin/sh", ["-c", string.Create(CultureInfo.InvariantCulture, $"kill -{name} {_process.Id}")]);
        Assert.True(kill.WaitForExit(Limits.Wait) && kill.ExitCode == 0, $"kill -{name} failed");
    }

    /// <summary>The exit code.</summary>
    internal int WaitForEnd()
    {
        Assert.True(_process.WaitForExit(Limits.Wait), "the other process did not end");
        _process.WaitForExit(); // and all that it said was read
        return _process.ExitCode;
    }

    internal override void Finish() => Assert.True(WaitForEnd() == 0, $"the other process failed; {Errors}");

    public override void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(); // a stopped process dies of it too
        }
        WaitForEnd();
        _process.Dispose();
        _lines.Dispose();
        _errors.Dispose();
    }
}
