using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.RegularExpressions;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Docs;

/// <summary>
/// The product as run.sh starts it, for the blocks of pages: configs/local.yaml with other addresses, the sample table, and a directory in
/// which blocks run as in the root of the repository. Uploads of scripts are on, as docs/guide/scripts.md asks for.
/// </summary>
internal sealed partial class DocProduct : IAsyncDisposable
{
    private const string Address = "http://127.0.0.1:9090";

    private readonly HeimdallInstance _heimdall;
    private readonly string _root = Directory.CreateTempSubdirectory("heimdall-docs-").FullName;

    private DocProduct(HeimdallInstance heimdall) => _heimdall = heimdall;

    private string SqlDirectory => Path.Combine(_root, "configs", "sql");

    public static async Task<DocProduct> StartAsync()
    {
        var product = new DocProduct(await HeimdallInstance.CreateAsync());
        product.CopyConfigs();
        var config = product.WithoutUsualAddresses(Repository.Read("configs/local.yaml"));
        config = SqlDirectoryKey().Replace(config, $"sql_directory: {product.SqlDirectory}");
        await File.WriteAllTextAsync(product._heimdall.ConfigFile, UploadsKey().Replace(config, "${before}enabled: true"));
        await product._heimdall.StartWorkerAsync();
        await product._heimdall.StartApiAsync();
        return product;
    }

    public async Task<Reply> GetAsync(string path, CancellationToken cancellationToken) => await _heimdall.GetAsync(path, cancellationToken);

    /// <summary>As run.sh leaves it the first time: no jobs, no schedules, the sample table, the scripts of the repository.</summary>
    public async Task StartAfreshAsync(CancellationToken cancellationToken)
    {
        await DeleteSchedulesAsync(cancellationToken);
        await EndJobsAsync(cancellationToken);
        await _heimdall.Store.ExecuteAsync("delete from heimdall.job", cancellationToken);
        await _heimdall.Store.ExecuteAsync("delete from heimdall.idempotency_key", cancellationToken);
        await _heimdall.Target.ExecuteAsync("drop schema public cascade", cancellationToken);
        await _heimdall.Target.ExecuteAsync("create schema public", cancellationToken);
        await _heimdall.Target.ExecuteAsync(Repository.Read("configs/sql/create_employees.sql"), cancellationToken);
        CopyConfigs();
    }

    /// <summary>Runs a page's blocks in one bash, as a reader does who types them one after the other.</summary>
    /// <param name="blocks">Each with whether its last reply may be an error.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>What each has printed.</returns>
    public async Task<string[]> RunAsync(IReadOnlyList<(string Text, bool MayBeRefused)> blocks, CancellationToken cancellationToken)
    {
        var mark = $"--- block of {Guid.NewGuid():N}";
        var script = string.Join('\n', blocks.Select(block => $"""

            printf '%s\n' '{mark}'
            refuse=({(block.MayBeRefused ? "" : "--fail-with-body")})
            {WithoutUsualAddresses(block.Text)}
            """).Prepend($$"""
            curl() { command curl -S "${refuse[@]}" "$@"; }
            heimdall() { command dotnet '{{Path.Combine(AppContext.BaseDirectory, "heimdall.dll")}}' "$@"; }
            dotnet() {
              [[ "$1 $2 $3 $4" == 'run --project Heimdall.Api --' ]] || { echo "not known: dotnet $*" >&2; return 1; }
              shift 4
              command dotnet '{{Path.Combine(AppContext.BaseDirectory, "Heimdall.Api.dll")}}' "$@"
            }
            """));
        using var bash = Process.Start(new ProcessStartInfo("bash", ["-e", "-o", "pipefail", "-c", script])
        {
            WorkingDirectory = _root,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var output = bash.StandardOutput.ReadToEndAsync(cancellationToken);
        var errors = bash.StandardError.ReadToEndAsync(cancellationToken);
        await bash.WaitForExitAsync(cancellationToken);
        var outputs = (await output).Split($"{mark}\n")[1..];

        Assert.That(bash.ExitCode, Is.Zero, () => $"{blocks[outputs.Length - 1].Text}\n{outputs[^1]}\n{errors.Result}");
        return outputs;
    }

    public async ValueTask DisposeAsync()
    {
        await _heimdall.DisposeAsync();
        Directory.Delete(_root, recursive: true);
    }

    private string WithoutUsualAddresses(string text) => text
        .Replace("postgresql://heimdall@127.0.0.1:9092/heimdall", _heimdall.Store.ConnectionString, StringComparison.Ordinal)
        .Replace("postgresql://demo@127.0.0.1:9092/demo", _heimdall.Target.ConnectionString, StringComparison.Ordinal)
        .Replace(Address, _heimdall.Address.ToString().TrimEnd('/'), StringComparison.Ordinal);

    private void CopyConfigs()
    {
        Directory.CreateDirectory(SqlDirectory);
        foreach (var entry in Directory.EnumerateFileSystemEntries(SqlDirectory))
        {
            (File.GetAttributes(entry).HasFlag(FileAttributes.Directory) ? (Action<string>)(path => Directory.Delete(path, recursive: true)) : File.Delete)(entry);
        }
        foreach (var script in Directory.EnumerateFiles(Repository.PathOf("configs/sql")))
        {
            File.Copy(script, Path.Combine(SqlDirectory, Path.GetFileName(script)));
        }
        File.WriteAllText(
            Path.Combine(_root, "configs", "local.yaml"), WithoutUsualAddresses(Repository.Read("configs/local.yaml")));
    }

    private async Task DeleteSchedulesAsync(CancellationToken cancellationToken)
    {
        var schedules = (await _heimdall.GetAsync("/api/v1/schedules", cancellationToken)).AssertStatus(200);
        foreach (var schedule in schedules.Json.EnumerateArray())
        {
            await _heimdall.SendAsync(HttpMethod.Delete, $"/api/v1/schedule/{schedule.GetProperty("id")}", cancellationToken);
        }
    }

    private async Task EndJobsAsync(CancellationToken cancellationToken)
    {
        var open = await OpenJobsAsync(cancellationToken);
        foreach (var id in open)
        {
            await _heimdall.CancelAsync(id, cancellationToken);
        }
        await Eventually.Becomes(() => OpenJobsAsync(cancellationToken), () => Is.Empty, cancellationToken);
    }

    private async Task<Guid[]> OpenJobsAsync(CancellationToken cancellationToken)
    {
        var page = await _heimdall.GetAsync("/api/v1/jobs?status=ACCEPTED,RUNNING,CANCELING&limit=200", cancellationToken);
        return [.. page.AssertStatus(200).Json.GetProperty("data").EnumerateArray().Select(job => job.GetProperty("id").GetGuid())];
    }

    [GeneratedRegex("^sql_directory: .*$", RegexOptions.Multiline)]
    private static partial Regex SqlDirectoryKey();

    [GeneratedRegex(@"(?<before>^sql_uploads:\n(  .*\n)*?  )enabled: false", RegexOptions.Multiline)]
    private static partial Regex UploadsKey();
}
