// A service for tensors: answers arrays, with their element type and shape, with arrays. Ask it from Python (tensor_client.py) or from
// any language; what an array is, the request says itself (docs/arrays.md). The tag says what is asked for.
//
//   dotnet run tensor-server.cs [NAME]
#:project ../../csharp/ZeroBuffer/ZeroBuffer.csproj
#:property PublishAot=false

using System;
using System.Threading;
using System.Threading.Tasks;
using ZeroBuffer;

const ulong Softmax = 1, RowSums = 2;
string name = args is [string given, ..] ? given : "tensors0";
using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, pressed) =>
{
    pressed.Cancel = true; // end the service instead of the process
    stop.Cancel();
};

using var server = ImmutableDuplexServer.Create(name);
RequestDispatcher handlers = new RequestDispatcher().On(ArrayDescriptor.FrameType, Answer);
server.Start(handlers.Handle, threads: 2); // what a handler throws is the caller's error; other types are refused
Console.WriteLine("serving");
try
{
    await Task.Delay(Timeout.Infinite, stop.Token);
}
catch (OperationCanceledException)
{
    DuplexStats stats = server.GetStats();
    Console.WriteLine($"{stats.Requests} requests, {stats.Errors} errors");
}

static void Answer(Request request)
{
    ArrayView tensor = request.AsArray(); // a view of the client's own bytes
    if (tensor.Shape.Length != 2)
    {
        throw new ArgumentException($"a tensor of two dimensions, please, not {tensor.Shape.Length}");
    }
    int rows = (int)tensor.Shape[0], columns = (int)tensor.Shape[1];
    float[,] values = tensor.ToArray2D<float>();
    if (request.Tag == RowSums)
    {
        double[] sums = new double[rows];
        for (int row = 0; row < rows; ++row)
        {
            for (int column = 0; column < columns; ++column)
            {
                sums[row] += values[row, column];
            }
        }
        request.WriteArray<double>(sums, [rows]);
    }
    else if (request.Tag == Softmax)
    {
        float[] shares = new float[rows * columns];
        for (int row = 0; row < rows; ++row)
        {
            Span<float> share = shares.AsSpan(row * columns, columns);
            float sum = 0;
            for (int column = 0; column < columns; ++column)
            {
                sum += share[column] = MathF.Exp(values[row, column]);
            }
            foreach (ref float value in share)
            {
                value /= sum;
            }
        }
        request.WriteArray<float>(shares, [rows, columns]);
    }
    else
    {
        throw new NotSupportedException($"tag {request.Tag} asks for nothing that is known here");
    }
}
