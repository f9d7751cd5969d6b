using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Errors;
using Heimdall.Plugins.Postgres.Queries;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>How a query ended, by what is known of its run.</summary>
[Parallelizable(ParallelScope.All)]
public sealed class QueryOutcomeTests
{
    private static readonly QueryTranscript _committed = new()
    {
        Query = new QueryText
        {
            Place = new ErrorPlace { Text = "select 1", Line = 1, Column = 1 },
            Tag = "SELECT",
            IsTransactional = true,
            LooksReadOnly = true,
            Parameters = [],
        },
        MayBeCutShort = true,
        IsAnswered = true,
        HasAskedToCommit = true,
        HasCommitted = true,
        Session = new SessionState(IsAlive: true, IsTimeUp: false),
    };

    private static readonly QueryTranscript _underWay = _committed with { IsAnswered = false, HasCommitted = false };

    private static readonly QueryTranscript _writing =
        _underWay with { MayBeCutShort = false, HasAskedToCommit = false };

    private static readonly QueryTranscript _alone = _writing with { CommitsByItself = true };

    private static readonly IOException _network = new("The server closed the connection.");

    private static readonly QueryTranscript _asked =
        _writing with { HasAskedToCommit = true, IsAnswered = true, Broken = _network };

    public static IEnumerable<TestCaseData> Runs() =>
    [
        Run("committed", _committed).Returns("succeeded"),
        Run("refused as no query", _underWay with { Refusal = "no" }).Returns("Refused, undone"),
        Run("refused before COMMIT was sent", _writing with { Refusal = "no" }).Returns("Refused, undone"),
        Run("refused, and committed all the same", _committed with { Refusal = "no" })
            .Returns("Refused, may have written"),
        Run("refused, and broken with COMMIT on its way", _underWay with { Refusal = "no", Broken = _network })
            .Returns("Refused, may have written"),
        Run("refused, by itself", _alone with { Refusal = "no" }).Returns("Refused"),

        Run("an error", _underWay with { Error = Error("22012") }).Returns("Sql, undone"),
        Run("an error of what commits by itself", _alone with { Error = Error("22012") }).Returns("Sql"),
        Run("an error, cut short before", _underWay with { IsCutShort = true, Error = Error("22012") })
            .Returns("Sql, undone"),
        Run("cut short", _underWay with { IsCutShort = true, Error = Error("57014") }).Returns("succeeded"),
        Run("canceled by somebody else", _underWay with { Error = Error("57014") }).Returns("Sql, undone"),
        Run("stopped", _underWay with { IsStopped = true, Error = Error("57014") }).Returns("stopped"),
        Run("stopped, with another error", _underWay with { IsStopped = true, Error = Error("22012") })
            .Returns("Sql, undone"),
        Run("stopped, by itself", _alone with { IsStopped = true, Error = Error("57014") }).Returns("stopped"),
        Run(
            "stopped, by itself, after a commit",
            _alone with { IsStopped = true, Error = Error("57014"), MayHaveCommittedOnItsWay = true })
            .Returns("OutcomeUnknown"),
        Run(
            "stopped, by itself, when it was done and not yet committed",
            _alone with
            {
                IsStopped = true,
                IsAnswered = true,
                FailedStep = QueryStep.Check,
                Error = Error("57014"),
            }).Returns("stopped"),
        Run(
            "stopped, by itself, when it was done, after a commit",
            _alone with
            {
                IsStopped = true,
                IsAnswered = true,
                FailedStep = QueryStep.Check,
                Error = Error("57014"),
                MayHaveCommittedOnItsWay = true,
            }).Returns("OutcomeUnknown"),
        Run("an error of the protocol", _underWay with { ParametersUsed = 0, Error = Error("08P01") })
            .Returns("Sql, undone"),
        Run("rows in another encoding", _underWay with { FailedStep = QueryStep.Check, Error = Error("22012") })
            .Returns("Refused, undone"),
        Run(
            "rows in another encoding, by itself",
            _alone with { FailedStep = QueryStep.Check, Error = Error("22012") }).Returns("Refused"),
        Run("ended in the check", _underWay with { FailedStep = QueryStep.Check, Error = Error("57014") })
            .Returns("Sql, undone"),
        Run(
            "out of time in the check",
            _underWay with
            {
                FailedStep = QueryStep.Check,
                Error = Error("57014"),
                Session = new SessionState(IsAlive: true, IsTimeUp: true),
            }).Returns("TimedOut, undone"),
        Run("out of memory in the check", _underWay with { FailedStep = QueryStep.Check, Error = Error("53200") })
            .Returns("Sql, undone"),
        Run("a parameter too few", _underWay with { ParametersUsed = 1, Error = Error("08P01") }).Returns("Sql"),

        Run("unread before the commit", _writing with { IsUnread = true, IsStopped = true }).Returns("stopped"),
        Run("unread after the commit", _committed with { IsUnread = true }).Returns("Interrupted"),
        Run(
            "unread after the commit, and out of time",
            _committed with { IsUnread = true, Session = new SessionState(IsAlive: true, IsTimeUp: true) })
            .Returns("TimedOut"),
        Run("unread, read only", _committed with { IsUnread = true, IsReadOnly = true }).Returns("stopped"),
        Run("unread, by itself, done", _alone with { IsUnread = true, IsAnswered = true }).Returns("succeeded"),
        Run(
            "unread, by itself, done and undone",
            _alone with { IsUnread = true, IsAnswered = true, Error = Error("57014") }).Returns("stopped"),
        Run(
            "unread, by itself, done and undone after a commit",
            _alone with
            {
                IsUnread = true,
                IsAnswered = true,
                Error = Error("57014"),
                MayHaveCommittedOnItsWay = true,
            }).Returns("OutcomeUnknown"),
        Run("unread, by itself, not done", _alone with { IsUnread = true }).Returns("stopped"),
        Run(
            "unread, by itself, after a commit",
            _alone with { IsUnread = true, MayHaveCommittedOnItsWay = true }).Returns("OutcomeUnknown"),

        Run("broken after the commit", _committed with { Broken = _network }).Returns("succeeded"),
        Run("broken before COMMIT was sent", _writing with { Broken = _network }).Returns("Unavailable"),
        Run(
            "broken with COMMIT on its way",
            _underWay with { Broken = _network }).Returns("Unavailable, may have written"),
        Run("broken with COMMIT on its way, read only", _underWay with { IsReadOnly = true, Broken = _network })
            .Returns("Unavailable, undone"),
        Run(
            "ended by the server with COMMIT on its way",
            _underWay with { Broken = Error("57P01", "FATAL") }).Returns("Unavailable"),
        Run("broken in the commit", _writing with { HasAskedToCommit = true, IsAnswered = true, Broken = _network })
            .Returns("OutcomeUnknown"),
        Run("broken in the commit, which is found", _asked with { CommitFate = AttemptFate.Committed })
            .Returns("succeeded"),
        Run("broken in the commit, which did not happen", _asked with { CommitFate = AttemptFate.NothingHappened })
            .Returns("Unavailable, undone"),
        Run(
            "stopped in the commit, which did not happen",
            _asked with { IsStopped = true, CommitFate = AttemptFate.NothingHappened }).Returns("stopped"),
        Run(
            "broken in the commit of what looks read-only, and not found",
            _asked with { MayBeCutShort = true, CommitFate = AttemptFate.Unknown }).Returns("OutcomeUnknown"),
        Run(
            "cut short, and ended by the server",
            _underWay with { IsReadOnly = true, IsCutShort = true, Broken = Error("57P01", "FATAL") })
            .Returns("succeeded"),
        Run(
            "cut short, perhaps when it had begun to write, and ended by the server",
            _underWay with { IsCutShort = true, Broken = Error("57P01", "FATAL") }).Returns("Unavailable"),
        Run(
            "cut short when it had begun to write",
            _underWay with { IsCutShort = true, HasWrittenWhenCut = true, Error = Error("57014") })
            .Returns("Refused, undone"),
        Run(
            "cut short, and the session did not say whether it had begun to write",
            _underWay with { IsCutShort = true, HasWrittenWhenCut = null, Error = Error("57014") })
            .Returns("Unavailable, undone"),
        Run(
            "cut short and stopped, and the session did not say whether it had begun to write",
            _underWay with { IsStopped = true, IsCutShort = true, HasWrittenWhenCut = null, Error = Error("57014") })
            .Returns("stopped"),
        Run(
            "cut short when it had begun to write, and stopped",
            _underWay with { IsStopped = true, IsCutShort = true, HasWrittenWhenCut = true, Error = Error("57014") })
            .Returns("stopped"),
        Run(
            "cut short when it had begun to write, with another error",
            _underWay with { IsCutShort = true, HasWrittenWhenCut = true, Error = Error("22012") })
            .Returns("Sql, undone"),
        Run("cut short, and broken", _underWay with { IsCutShort = true, Broken = _network })
            .Returns("Unavailable, may have written"),
        Run("stopped, and broken for that", _writing with { IsStopped = true, Broken = _network }).Returns("stopped"),
        Run(
            "stopped, and broken with COMMIT on its way",
            _underWay with { IsStopped = true, Broken = _network }).Returns("Unavailable, may have written"),
        Run("unread, and broken before COMMIT was sent", _writing with { IsUnread = true, Broken = _network })
            .Returns("stopped"),
        Run("unread, and broken with COMMIT on its way", _underWay with { IsUnread = true, Broken = _network })
            .Returns("OutcomeUnknown"),
        Run("by itself, and broken", _alone with { Broken = _network }).Returns("OutcomeUnknown"),
    ];

    [TestCaseSource(nameof(Runs))]
    public string A_query_ends_as_its_transcript_says(object transcript)
    {
        var outcome = QueryOutcome.Of((QueryTranscript)transcript);

        Assert.That(outcome.IsSuccess, Is.EqualTo(outcome is { Failure: null, IsStopped: false }));
        return outcome switch
        {
            { Failure: { } failure } => failure.Kind
                + (failure.IsUndone ? ", undone" : "")
                + (failure.Message.Contains("may have taken effect", StringComparison.Ordinal)
                    ? ", may have written"
                    : ""),
            { IsStopped: true } => "stopped",
            _ => "succeeded",
        };
    }

    private static TestCaseData Run(string name, QueryTranscript run) => new TestCaseData(run).SetArgDisplayNames(name);

    private static PostgresException Error(string sqlState, string severity = "ERROR") =>
        new("message", severity, severity, sqlState);
}
