namespace Heimdall.Benchmarks.Inputs;

/// <summary>The scripts, each made when it is first asked for.</summary>
internal sealed class InputFolder
{
    public InputFolder(string path)
    {
        Path = path;
        Directory.CreateDirectory(path);
    }

    public string Path { get; }

    public string PathOf(Input input) => System.IO.Path.Combine(Path, input.File);

    /// <summary>Makes a script that is not there yet.</summary>
    public async Task EnsureAsync(Input input, CancellationToken cancellationToken)
    {
        var file = PathOf(input);
        if (!File.Exists(file))
        {
            await Console.Error.WriteLineAsync($"making {input.File} …");
            var unfinished = $"{file}.new";
            await input.WriteAsync(unfinished, cancellationToken);
            File.Move(unfinished, file, overwrite: true);
        }
    }
}
