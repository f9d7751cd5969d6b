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
