// Waiting for what another thread brings about, without a thread's help from the thing that is waited for.
using System;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;
using Xunit;

namespace ZeroBuffer.Tests.Peers;

internal static class Eventually
{
    /// <summary>Fails where the condition does not come true within the limit.</summary>
    internal static void True(Func<bool> condition, string what)
    {
        var clock = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(clock.Elapsed < Limits.Wait, what);
            Thread.Sleep(1);
        }
    }

    /// <summary>A call in a thread of its own, so that none of the pool is kept waiting.</summary>
    internal static Task<T> InAnotherThread<T>(Func<T> call) => Task.Factory.StartNew(
        call, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <inheritdoc cref="InAnotherThread{T}"/>
    internal static Task InAnotherThread(Action call) => Task.Factory.StartNew(
        call, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>The result within the limit, for tests that are no async methods.</summary>
    internal static T Result<T>(this Task<T> task)
    {
        Assert.True(((IAsyncResult)task).AsyncWaitHandle.WaitOne(Limits.Wait), "the call did not end");
        return task.GetAwaiter().GetResult();
    }

    /// <inheritdoc cref="Result{T}"/>
    internal static void Join(this Task task)
    {
        Assert.True(((IAsyncResult)task).AsyncWaitHandle.WaitOne(Limits.Wait), "the call did not end");
        task.GetAwaiter().GetResult();
    }
}
