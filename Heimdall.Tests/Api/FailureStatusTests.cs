using Heimdall.Api.Problems;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Errors;
using Heimdall.Plugins.Postgres;
using NUnit.Framework;
using Npgsql;

namespace Heimdall.Tests.Api;

/// <summary>A cluster that refuses the login soon counts as down; what is answered until then cannot be had from a running instance reliably.</summary>
public sealed class FailureStatusTests
{
    [TestCase("28P01", 403, false)]
    [TestCase("28000", 403, false)]
    [TestCase("42501", 403, false)]
    [TestCase("53300", 503, true)]
    [TestCase("57P03", 503, true)]
    [TestCase("3D000", 503, false)]
    public void A_cluster_that_refuses_a_session_has_a_status(string sqlState, int status, bool passes)
    {
        var failure = PostgresErrors.CannotConnect(new PostgresException("password authentication failed for user \"u\"", "FATAL", "FATAL", sqlState));

        Assert.That(FailureStatus.Of(failure), Is.EqualTo(status));
        Assert.That((failure.SqlState, failure.IsTransient), Is.EqualTo((sqlState, passes)));
        Assert.That(failure.Message, Does.Not.Contain("\"u\""));
    }

    [TestCase("FATAL", "57P01", JobFailureKind.Unavailable, true)]
    [TestCase("FATAL", "57P05", JobFailureKind.Unavailable, true, Description = "idle_session_timeout")]
    [TestCase("FATAL", "25P03", JobFailureKind.Unavailable, true, Description = "idle_in_transaction_session_timeout")]
    [TestCase("FATAL", "57P04", JobFailureKind.Unavailable, false, Description = "the database is gone")]
    [TestCase("FATAL", "25P04", JobFailureKind.TimedOut, false, Description = "transaction_timeout")]
    [TestCase("PANIC", "XX000", JobFailureKind.Unavailable, false)]
    [TestCase("ERROR", "57P05", JobFailureKind.Sql, false)]
    [TestCase("ERROR", "25P03", JobFailureKind.Sql, false)]
    public void A_session_that_the_server_ends_is_not_the_statements_fault(
        string severity, string sqlState, JobFailureKind kind, bool passes)
    {
        var error = new PostgresException("terminating connection", severity, severity, sqlState);

        var failure = PostgresErrors.ToFailure(error, ErrorPlace.None);

        Assert.That((failure.Kind, failure.IsTransient), Is.EqualTo((kind, passes)));
    }

    [Test]
    public void A_kind_of_failure_without_a_sqlstate_has_a_status()
    {
        var statuses = Enum.GetValues<JobFailureKind>().ToDictionary(kind => kind, kind => FailureStatus.Of(new JobFailure { Kind = kind, Message = "" }));

        Assert.That(statuses, Is.EquivalentTo(new Dictionary<JobFailureKind, int>
        {
            [JobFailureKind.Sql] = 400,
            [JobFailureKind.Refused] = 400,
            [JobFailureKind.Unavailable] = 503,
            [JobFailureKind.TimedOut] = 504,
            [JobFailureKind.Interrupted] = 500,
            [JobFailureKind.OutcomeUnknown] = 500,
            [JobFailureKind.Internal] = 500,
        }));
    }
}
