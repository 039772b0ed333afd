// A small parser of command lines: options with a value, flags, one name. Must not know which options there are.
using System;
using System.Collections.Generic;
using System.Text;

namespace ZeroBuffer.Relay;

internal sealed class OptionTable(string verb)
{
    private readonly Dictionary<string, (Action<string> Take, string Text)> _values = [];
    private readonly Dictionary<string, (Action Take, string Text)> _flags = [];
    private readonly List<(string First, string Second)> _exclusive = [];
    private readonly List<(string Name, string Needed)> _needs = [];
    private readonly List<string> _required = [];
    private Action<string>? _name;
    private Action? _check;

    public OptionTable Value(string name, string text, Action<string> take)
    {
        _values.Add(name, (take, text));
        return this;
    }

    public OptionTable Flag(string name, string text, Action take)
    {
        _flags.Add(name, (take, text));
        return this;
    }

    /// <summary>The one argument that is no option.</summary>
    public OptionTable Name(Action<string> take)
    {
        _name = take;
        return this;
    }

    public OptionTable Exclude(string first, string second)
    {
        _exclusive.Add((first, second));
        return this;
    }

    public OptionTable Need(string name, string needed)
    {
        _needs.Add((name, needed));
        return this;
    }

    public OptionTable Require(string name)
    {
        _required.Add(name);
        return this;
    }

    public OptionTable Check(Action check)
    {
        _check = check;
        return this;
    }

    /// <summary>Gives each option what stands behind it.</summary>
    /// <returns>False where the help was asked for and printed.</returns>
    public bool Parse(ReadOnlySpan<string> arguments)
    {
        var seen = new HashSet<string>();
        for (int i = 0; i < arguments.Length; ++i)
        {
            string argument = arguments[i];
            if (argument is "--help" or "-h")
            {
                Console.Out.WriteLine(Help());
                return false;
            }

            int equals = argument.IndexOf('=', StringComparison.Ordinal);
            string name = equals < 0 ? argument : argument[..equals];
            if (!argument.StartsWith('-'))
            {
                TakeName(argument, seen);
            }
            else if (_flags.TryGetValue(name, out var flag) && equals < 0)
            {
                flag.Take();
                seen.Add(name);
            }
            else if (_values.TryGetValue(name, out var value) && (equals >= 0 || i + 1 < arguments.Length))
            {
                TakeValue(name, value.Take, equals >= 0 ? argument[(equals + 1)..] : arguments[++i]);
                seen.Add(name);
            }
            else
            {
                throw new UsageException($"{argument}: no such option of {verb}, or its value is missing");
            }
        }

        CheckTogether(seen);
        return true;
    }

    private void TakeName(string argument, HashSet<string> seen)
    {
        if (_name is null || !seen.Add("NAME"))
        {
            throw new UsageException($"{argument}: one argument too many");
        }

        _name(argument);
    }

    private static void TakeValue(string name, Action<string> take, string value)
    {
        try
        {
            take(value);
        }
        catch (UsageException error)
        {
            throw new UsageException($"{name}: {error.Message}");
        }
    }

    private void CheckTogether(HashSet<string> seen)
    {
        if (_name is not null && !seen.Contains("NAME"))
        {
            throw new UsageException($"{verb}: the name of the buffer is missing");
        }

        foreach (string name in _required)
        {
            if (!seen.Contains(name))
            {
                throw new UsageException($"{verb}: {name} is missing");
            }
        }

        foreach ((string first, string second) in _exclusive)
        {
            if (seen.Contains(first) && seen.Contains(second))
            {
                throw new UsageException($"{first} and {second} exclude each other");
            }
        }

        foreach ((string name, string needed) in _needs)
        {
            if (seen.Contains(name) && !seen.Contains(needed))
            {
                throw new UsageException($"{name} needs {needed}");
            }
        }

        _check?.Invoke();
    }

    private string Help()
    {
        var text = new StringBuilder($"{verb}{(_name is null ? "" : " NAME")} [options]; see relay/README.md");
        foreach ((string name, (Action<string> _, string meaning)) in _values)
        {
            text.Append('\n').Append($"  {name + " VALUE",-28}{meaning}");
        }

        foreach ((string name, (Action _, string meaning)) in _flags)
        {
            text.Append('\n').Append($"  {name,-28}{meaning}");
        }

        return text.ToString();
    }
}
