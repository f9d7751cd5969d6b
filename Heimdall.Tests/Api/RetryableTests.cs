using Heimdall.Api.Problems;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Running;
using Heimdall.Plugins.Postgres.Sessions;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>What is answered of failures that have no SQLSTATE and pass by themselves.</summary>
[Parallelizable(ParallelScope.All)]
public sealed class RetryableTests
{
    public static IEnumerable<TestCaseData> Failures() =>
    [
        Row("the API process was stopped", JobRun.ApiStopped, isUndone: true),
        Row("the process of the query died", JobRun.ProcessDied, isUndone: true),
        Row("Heimdall's database was away", AttemptWriter.Unrun, isUndone: true),
        Row("the session does not end", BackendControl.StillThere, isUndone: false),
        Row("the cluster cannot be reached to end the session", BackendControl.NotReached, isUndone: false),
        Row("another server answers", BackendControl.AnotherServer, isUndone: false),
    ];

    [TestCaseSource(nameof(Failures))]
    public void What_passes_by_itself_is_retryable(object failed, bool isUndone)
    {
        var failure = (JobFailure)failed;

        var problem = Problem.OfFailure(failure, []);

        Assert.That(problem.StatusCode, Is.EqualTo(503));
        Assert.That(problem.ProblemDetails.Extensions["retryable"], Is.True);
        Assert.That(failure.IsUndone, Is.EqualTo(isUndone));
    }

    private static TestCaseData Row(string name, JobFailure failure, bool isUndone) =>
        new TestCaseData(failure, isUndone).SetArgDisplayNames(name);
}
