using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Chaos;

/// <summary>
/// Jobs of several statements in one transaction, each with a number that they leave in the target; and the judge of
/// what they did. Some have a priority, a time before which they must not start, or another job before them. Each fails
/// where more run than the cluster's limit allows, or where the job before it has not had its effect.
/// </summary>
internal sealed class ChaosJobs(HeimdallInstance heimdall, int seed)
{
    /// <summary>The limit of the cluster, below the number of slots.</summary>
    public const int AtOnce = 6;

    /// <summary>What the error of a job says that should not have been started yet.</summary>
    public const string TooEarly = "started too early";

    private const int HighestPriority = 100;
    private const int Steps = 4;
    private static readonly TimeSpan PauseTime = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Refused = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private readonly ConcurrentDictionary<int, Guid> _taken = new();
    private readonly Random _random = new(seed);
    private int _last;

    /// <summary>How long one of eight takes; null for none that is long.</summary>
    public TimeSpan? LongSleep { get; init; }

    /// <summary>A commit takes as long as the rows of its transaction say: some are worth an ambush.</summary>
    public static Task PrepareAsync(HeimdallInstance heimdall) => heimdall.Target.ExecuteAsync(
        """
        create table effect (job int not null, step int not null, pause float8 not null default 0);
        create function slow_commit() returns trigger language plpgsql as $$ begin perform pg_sleep(new.pause); return null; end $$;
        create constraint trigger slow_commit after insert on effect deferrable initially deferred
            for each row when (new.pause > 0) execute function slow_commit();
        """,
        CancellationToken.None);

    /// <summary>Submits one job.</summary>
    /// <returns>Its id, or null when there was no answer, or none that says that it was taken.</returns>
    public Task<Guid?> SubmitAsync(CancellationToken cancellationToken) =>
        SubmitAsync(Draw, cancellationToken);

    /// <summary>The same, of a job that waits for nothing and comes before the others.</summary>
    public Task<Guid?> SubmitFirstAsync(CancellationToken cancellationToken) => SubmitAsync(
        number => NewJob(number, HighestPriority, before: null), cancellationToken);

    private async Task<Guid?> SubmitAsync(
        Func<int, Dictionary<string, object>> make, CancellationToken cancellationToken)
    {
        var number = Interlocked.Increment(ref _last);
        try
        {
            var reply = await heimdall.SendAsync(HttpMethod.Post, "/api/v1/job", cancellationToken, JsonContent.Create(make(number)));
            if (reply.Status == HttpStatusCode.Accepted)
            {
                _taken[number] = reply.Id;
                return reply.Id;
            }
            return reply.Status == HttpStatusCode.ServiceUnavailable ? null : throw new InvalidOperationException($"{reply.Status}: {reply.Text}");
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            return null;
        }
    }

    /// <summary>Keeps so many jobs open until it is told to stop. A few are cancelled on their way.</summary>
    public async Task KeepBusyAsync(int open, CancellationToken stop, CancellationToken cancellationToken)
    {
        while (!stop.IsCancellationRequested)
        {
            if (await TryCountOpenAsync(cancellationToken) is { } count && count < open)
            {
                var ids = await Task.WhenAll(Enumerable.Range(0, Math.Min(8, open - count)).Select(_ => SubmitAsync(cancellationToken)));
                if (ids.Contains(null))
                {
                    await Task.Delay(Refused, cancellationToken); // something is away
                }
                if (Next(40) == 0)
                {
                    await PauseAsync(cancellationToken);
                }
                foreach (var id in ids)
                {
                    if (id is { } taken && Next(20) == 0)
                    {
                        _ = CancelLaterAsync(taken, TimeSpan.FromMilliseconds(Next(1000)), cancellationToken);
                    }
                }
            }
            await Task.Delay(Pause, cancellationToken);
        }
    }

    /// <summary>Waits for the end of all jobs, and compares what is said of them with what they did.</summary>
    public async Task<ChaosVerdict> JudgeAsync(CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        while (await TryCountOpenAsync(cancellationToken) != 0 && Stopwatch.GetElapsedTime(started) < Patience)
        {
            await Task.Delay(Pause, cancellationToken);
        }
        var records = (await ReadAsync(
                heimdall.Store, "select concat_ws(' ', substr(name, 7), status, attempt, coalesce(error_kind, '-'), id, error) from heimdall.job where name like 'chaos-%'", cancellationToken))
            .Select(line => line.Split(' ', 6))
            .ToLookup(record => int.Parse(record[0], CultureInfo.InvariantCulture));
        var effects = (await ReadAsync(
                heimdall.Target, "select concat_ws(' ', job, count(*), count(distinct step)) from effect group by job", cancellationToken))
            .Select(line => line.Split(' ').Select(word => int.Parse(word, CultureInfo.InvariantCulture)).ToArray())
            .ToDictionary(effect => effect[0], effect => (Rows: effect[1], Steps: effect[2]));
        await Eventually.Becomes(
            () => ReadAsync(heimdall.Store, OtherwiseShownSql, cancellationToken), () => Is.Empty, cancellationToken);
        return Enumerable.Range(1, _last)
            .Select(number => Judge(number, [.. records[number]], effects.GetValueOrDefault(number)))
            .Aggregate(new ChaosVerdict(), (sum, one) => sum + one);
    }

    public async Task<int?> TryCountOpenAsync(CancellationToken cancellationToken)
    {
        try
        {
            return (int)await heimdall.Store.ScalarAsync<long>(
                "select count(*) from heimdall.job where status not in ('SUCCEEDED', 'FAILED', 'CANCELED', 'KILLED')", cancellationToken);
        }
        catch (NpgsqlException)
        {
            return null; // being restarted
        }
    }

    /// <summary>Connections that were open before a restart of the server are found out by using them.</summary>
    private static async Task<List<string>> ReadAsync(TestDatabase database, string sql, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return await database.ColumnAsync<string>(sql, cancellationToken);
            }
            catch (NpgsqlException)
            {
                await Task.Delay(Pause, cancellationToken);
            }
        }
    }

    /// <summary>Jobs that have ended, and of which Hangfire shows something else.</summary>
    private const string OtherwiseShownSql = """
        select concat_ws(' ', job.name, job.status, entry.statename)
        from heimdall.job left join hangfire.job entry on entry.id = job.queue_id::bigint
        where job.status in ('SUCCEEDED', 'FAILED', 'KILLED', 'CANCELED') and entry.statename is distinct from
            case job.status when 'SUCCEEDED' then 'Succeeded' when 'CANCELED' then 'Deleted' else 'Failed' end
        """;

    private static string Name(int number) => $"chaos-{number}";

    private ChaosVerdict Judge(int number, string[][] records, (int Rows, int Steps) effect)
    {
        var isTaken = _taken.ContainsKey(number);
        var status = records is [[_, var word, ..], ..] ? word : null;
        var isUnknown = records is [[_, _, _, "OutcomeUnknown", ..], ..];
        var isWhole = effect == (Steps, Steps);
        var isTwice = records.Length > 1 || effect.Rows > effect.Steps;
        var isStuck = status is "ACCEPTED" or "RUNNING" or "CANCELING";
        var isLying = status switch
        {
            null => effect.Rows > 0,
            "SUCCEEDED" => !isWhole,
            _ when isStuck => false,
            _ when isUnknown => effect.Rows > 0 && !isWhole,
            _ => effect.Rows > 0,
        };
        var isLost = isTaken && records.Length == 0;
        var isEarly = records.Any(record => record.Length > 5 && record[5].Contains(TooEarly, StringComparison.Ordinal));
        return new ChaosVerdict
        {
            Jobs = 1,
            Unanswered = isTaken ? 0 : 1,
            Succeeded = status == "SUCCEEDED" ? 1 : 0,
            Canceled = status == "CANCELED" ? 1 : 0,
            Failed = status is "FAILED" or "KILLED" ? 1 : 0,
            Unknown = isUnknown ? 1 : 0,
            Resumed = records is [[_, _, not ("0" or "1"), ..], ..] ? 1 : 0,
            Lost = isLost ? 1 : 0,
            Twice = isTwice ? 1 : 0,
            Lying = isLying ? 1 : 0,
            Stuck = isStuck ? 1 : 0,
            Early = isEarly ? 1 : 0,
            Wrongs = isLost || isEarly || isTwice || isLying || isStuck || isUnknown
                ? [$"job {number}: {effect.Rows} rows of {effect.Steps} steps; recorded as {string.Join(" and ", records.Select(record => string.Join(' ', record[1..])))}"]
                : [],
        };
    }

    /// <summary>A job, one of three after another one.</summary>
    private Dictionary<string, object> Draw(int number)
    {
        var before = Next(3) == 0 && _taken.ToArray() is { Length: > 0 } taken ? taken[Next(taken.Length)] : default;
        var on = before.Key == 0 ? null : new[] { "succeeded", "ended", "failed" }[Next(10) switch { < 6 => 0, < 9 => 1, _ => 2 }];
        var job = NewJob(
            number, Next(HighestPriority + 1) - Next(HighestPriority + 1), on == "succeeded" ? before.Key : null);
        if (on is not null)
        {
            job["after"] = new[] { new { job = before.Value, on } };
        }
        if (Next(10) == 0)
        {
            job["start_after"] = DateTime.UtcNow.AddMilliseconds(Next(1000));
        }
        return job;
    }

    private Dictionary<string, object> NewJob(int number, int priority, int? before) => new()
    {
        ["name"] = Name(number),
        ["command_criteria"] = new[] { "type:postgres" },
        ["cluster_criteria"] = new[] { "_id:postgres" },
        ["priority"] = priority,
        ["context"] = new { query = $"{Guard(before)}\n{Sql(number)}" },
    };

    /// <summary>Fails where the job should not have been started yet.</summary>
    /// <param name="before">The number of the job that must have succeeded; null for none.</param>
    private static string Guard(int? before) => $"""
        do $$ begin
            if not exists (select from generate_series(1, {AtOnce}) place where pg_try_advisory_xact_lock(place) limit 1) then
                raise '{TooEarly}: more than {AtOnce} at once';
            end if;
            if (select count(*) from effect where job = {before ?? 0}) <> {(before is null ? 0 : Steps)} then
                raise '{TooEarly}: job {before} has no effect yet';
            end if;
        end $$;
        """;

    private string Sql(int number)
    {
        var sleep = LongSleep is { } time && Next(8) == 0 ? time.TotalSeconds : Next(60) / 1000.0;
        var pause = Next(3) > 0 ? 0 : Next(150) / 1000.0;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"""
            insert into effect values ({number}, 1);
            select pg_sleep({sleep});
            insert into effect values ({number}, 2), ({number}, 3);
            insert into effect values ({number}, 4, {pause});
            """);
    }

    private int Next(int below)
    {
        lock (_random)
        {
            return _random.Next(below);
        }
    }

    /// <summary>Holds back the cluster, the command or all jobs for a moment. It ends by itself.</summary>
    private async Task PauseAsync(CancellationToken cancellationToken)
    {
        var path = new[] { "cluster/postgres", "command/postgres-0.0.1", "queue" }[Next(3)];
        var until = DateTime.UtcNow + PauseTime;
        try
        {
            await heimdall.SendAsync(HttpMethod.Post, $"/api/v1/{path}/pause", cancellationToken, JsonContent.Create(new { reason = "chaos", until }));
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            // The API is being killed.
        }
    }

    private async Task CancelLaterAsync(Guid id, TimeSpan after, CancellationToken cancellationToken)
    {
        await Task.Delay(after, cancellationToken);
        try
        {
            await heimdall.CancelAsync(id, cancellationToken); // 409 when it has ended
        }
        catch (HttpRequestException)
        {
            // The API is being killed; the job goes on.
        }
    }
}
