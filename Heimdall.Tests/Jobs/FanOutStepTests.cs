using System.Text;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>What follows for a parent from how its children stand, each given by a letter.</summary>
public sealed class FanOutStepTests
{
    private static readonly Guid _parent = Guid.NewGuid();

    // W waits in line, H waits for its turn, R runs, S F C K have ended.
    [TestCase("HHHHH", 2, null, "01")]
    [TestCase("RHHHH", 2, null, "1")]
    [TestCase("RRHHH", 2, null, "")]
    [TestCase("SRHHH", 2, null, "2")]
    [TestCase("SSHHH", null, 2, "234")]
    [TestCase("SRHHH", null, 2, "")]
    [TestCase("RHHHH", 1, 2, "")]
    [TestCase("SHHHH", 1, 2, "1")]
    [TestCase("SSHHH", 2, 2, "23")]
    [TestCase("FFHHH", 1, null, "2")]
    public void Children_get_in_line(string children, int? maxParallel, int? canary, string released)
    {
        var all = Children(children);

        var step = FanOutStep.Of(_parent, new FanOut { MaxParallel = maxParallel, Canary = canary }, all);

        Assert.That(step.Released, Is.EqualTo(released.Select(digit => all[digit - '0'].Id)));
        Assert.That((step.End, step.StopReason), Is.EqualTo(((JobStatus?)null, (string?)null)));
    }

    [TestCase("FRHHH", null, 1, "234")]
    [TestCase("FRWHH", null, 1, "234")]
    [TestCase("KFRHH", null, 2, "34")]
    [TestCase("FHHHH", 1, null, "1234")]
    [TestCase("CHHHH", 1, null, "1234")]
    [TestCase("SFHHH", 2, null, "234")]
    [TestCase("FRHHH", 2, null, "234")]
    public void The_others_never_run(string children, int? canary, int? stopAfter, string stopped)
    {
        var all = Children(children);

        var step = FanOutStep.Of(_parent, new FanOut { Canary = canary, StopAfterFailures = stopAfter }, all);

        Assert.That(step.Stopped, Is.EqualTo(stopped.Select(digit => all[digit - '0'].Id)));
        Assert.That(step.StopReason, Does.StartWith("It never ran: "));
        Assert.That((step.Released.Count, step.End), Is.EqualTo((0, (JobStatus?)null)));
    }

    [TestCase("FRHHH", null, 2)]
    [TestCase("CRHHH", null, 1)]
    [TestCase("SSFHH", 2, null)]
    public void The_others_go_on(string children, int? canary, int? stopAfter)
    {
        var step = FanOutStep.Of(
            _parent, new FanOut { Canary = canary, StopAfterFailures = stopAfter, MaxParallel = 1 },
            Children(children));

        Assert.That((step.Stopped.Count, step.StopReason), Is.EqualTo((0, (string?)null)));
    }

    [TestCase("SSSSS", JobStatus.Succeeded)]
    [TestCase("SSFCK", JobStatus.Failed)]
    [TestCase("SSSSN", JobStatus.Failed)]
    [TestCase("SSCCK", JobStatus.Killed)]
    [TestCase("SSCCC", JobStatus.Canceled)]
    [TestCase("CCCCC", JobStatus.Canceled)]
    public void The_parent_ends_as_the_worst_of_them(string children, JobStatus end)
    {
        var step = FanOutStep.Of(_parent, new FanOut(), Children(children));

        Assert.That(step.End, Is.EqualTo(end));
        Assert.That(step.FanOut.Ended, Is.EqualTo(5));
    }

    [Test]
    public void The_error_of_many_children_is_bounded()
    {
        var children = Enumerable.Range(0, 1000).Select(number => NewChild('F', number) with
        {
            Failure = new JobFailure
            {
                Kind = JobFailureKind.Sql,
                Message = new string('x', 10_000),
                Errors = [new StatementError { SqlState = "42P01", Message = "no table" }],
            },
        }).ToArray();

        var failure = FanOutStep.Of(_parent, new FanOut(), children).Failure!;

        Assert.That(failure.Message, Has.Length.LessThan(5_000));
        Assert.That(failure.Message, Does.StartWith("1000 of 1000 children did not succeed. "));
        Assert.That(failure.Message, Does.EndWith("; and 990 more"));
        Assert.That(failure.Errors, Has.Count.EqualTo(FanOutStep.MostErrors));
        Assert.That((failure.SqlState, failure.Errors[1].ClusterId), Is.EqualTo(("42P01", "db1")));
    }

    [Test]
    public void An_error_is_not_cut_within_a_character([Range(290, 300)] int before)
    {
        var child = NewChild('F', 0) with
        {
            Failure = new JobFailure { Kind = JobFailureKind.Sql, Message = new string('x', before) + "😀😀😀😀😀😀" },
        };

        var message = FanOutStep.Of(_parent, new FanOut(), [child]).Failure!.Message;

        Assert.That(() => new UTF8Encoding(false, throwOnInvalidBytes: true).GetBytes(message), Throws.Nothing);
    }

    [Test]
    public void The_worst_child_is_named_first()
    {
        Child[] children =
        [
            NewChild('C', 0) with { Failure = FailureOf(JobFailureKind.Refused, null) },
            NewChild('K', 1) with { Failure = FailureOf(JobFailureKind.TimedOut, null) },
            NewChild('F', 2) with { Failure = FailureOf(JobFailureKind.Sql, "42P01") },
        ];

        var failure = FanOutStep.Of(_parent, new FanOut(), children).Failure!;

        Assert.That((failure.Kind, failure.SqlState), Is.EqualTo((JobFailureKind.Sql, "42P01")));
        Assert.That(failure.Errors.Select(error => error.ClusterId), Is.EqualTo(new[] { "db2", "db1", "db0" }));
        Assert.That(failure.Message, Does.StartWith("3 of 3 children did not succeed. db2: FAILED, "));

        static JobFailure FailureOf(JobFailureKind kind, string? state) => new()
        {
            Kind = kind,
            Message = "why",
            Errors = state is null ? [] : [new StatementError { SqlState = state, Message = "why" }],
        };
    }

    [Test]
    public void What_the_children_have_done_is_added_up()
    {
        Child[] children =
        [
            NewChild('S', 0) with
            {
                Progress = new() { Statements = 2, RowsAffected = 5, RowCount = 1, Truncated = true },
            },
            NewChild('S', 1) with { Progress = new() { Statements = 3, RowCount = 2, Truncated = false } },
            NewChild('H', 2),
        ];

        var progress = FanOutStep.Of(_parent, new FanOut(), children).Progress;

        Assert.That(
            progress,
            Is.EqualTo(new JobProgress { Statements = 5, RowsAffected = 5, RowCount = 3, Truncated = true }));
    }

    private static Child[] Children(string letters) => [.. letters.Select(NewChild)];

    private static Child NewChild(char letter, int number) => new()
    {
        Id = Guid.NewGuid(),
        ClusterId = $"db{number}",
        Status = letter switch
        {
            'W' or 'H' => JobStatus.Accepted,
            'R' => JobStatus.Running,
            'S' => JobStatus.Succeeded,
            'F' => JobStatus.Failed,
            'K' => JobStatus.Killed,
            'N' => JobStatus.Unknown,
            _ => JobStatus.Canceled,
        },
        HasEnded = letter is not ('W' or 'H' or 'R'),
        HasBegun = letter is 'R' or 'S' or 'F',
        IsHeld = letter == 'H',
    };
}
