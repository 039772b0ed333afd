// SIGINT and SIGTERM as a wish to stop, seen by every wait of the program at once. Must not know what waits.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Threading;

namespace ZeroBuffer.Relay;

internal static class StopSignals
{
    private static readonly List<Action> ToInterrupt = [];
    private static readonly ManualResetEventSlim Stopped = new();
    private static readonly List<PosixSignalRegistration> Registrations = [];
    private static volatile int s_exitCode;

    public static bool Requested => s_exitCode != 0;

    /// <summary>130 for SIGINT, 143 for SIGTERM; <c>Failed</c> where no signal came.</summary>
    public static ExitCode ExitCode => Requested ? (ExitCode)s_exitCode : ExitCode.Failed;

    public static void Catch()
    {
        Registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal));
        Registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal));
    }

    /// <summary>Calls this when a signal comes, or now where one came already.</summary>
    public static void InterruptWith(Action interrupt)
    {
        lock (ToInterrupt)
        {
            ToInterrupt.Add(interrupt);
            if (Requested)
            {
                interrupt();
            }
        }
    }

    /// <summary>Sleeps, or less long where a signal came.</summary>
    public static void Sleep(ulong microseconds)
    {
        long end = Stopwatch.GetTimestamp() + ((long)Math.Min(microseconds, long.MaxValue / 2000) * 1000);
        for (long left = end - Stopwatch.GetTimestamp(); left > 0 && !Requested; left = end - Stopwatch.GetTimestamp())
        {
            if (left >= 2_000_000)
            {
                Stopped.Wait((int)Math.Min((left / 1_000_000) - 1, 100));
            }
            else
            {
                Thread.Sleep(left >= 1_000_000 ? 1 : 0);
            }
        }
    }

    private static void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;
        lock (ToInterrupt)
        {
            s_exitCode = context.Signal == PosixSignal.SIGINT ? (int)ExitCode.Interrupted : (int)ExitCode.Terminated;
            Stopped.Set();
            foreach (Action interrupt in ToInterrupt)
            {
                interrupt();
            }
        }
    }
}
