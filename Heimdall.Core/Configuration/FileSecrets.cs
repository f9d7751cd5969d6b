using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Configuration;

/// <summary>The secret parameters of a schedule in the configuration file: they may be references to secrets.</summary>
internal static class FileSecrets
{
    /// <exception cref="SecretReferenceException">One of them stands for nothing.</exception>
    public static JsonObject Resolve(JsonObject context) => JobSecrets.ReplaceIn(context, SecretReferences.Resolve);

    /// <summary>Finds what is marked as a secret and is none.</summary>
    public static IEnumerable<ContextProblem> Check(JsonObject context)
    {
        try
        {
            JobSecrets.Split(Resolve(context));
            return [];
        }
        catch (SecretReferenceException unresolved)
        {
            return [new("parameters", unresolved.Message)];
        }
        catch (JobRefusedException refused)
        {
            return refused.Problems.Select(problem => problem with { Message = problem.Message.TrimEnd('.') });
        }
    }
}
