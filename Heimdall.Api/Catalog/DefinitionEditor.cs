using System.Text.Json;
using System.Text.Json.Nodes;
using Heimdall.Api.Conditions;
using Heimdall.Api.Hooks;
using Heimdall.Api.Problems;
using Heimdall.Api.Rights;
using Heimdall.Api.Serialization;
using Heimdall.Core.Catalog;
using Heimdall.Core.Configuration;
using Heimdall.Core.Configuration.Loading;
using Heimdall.Core.Configuration.Validation;
using Heimdall.Core.Hooks;
using Heimdall.Core.Plugins;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Heimdall.Api.Catalog;

/// <summary>
/// Reads commands and clusters that are put, by the rules of the configuration file, and against what else there is.
/// </summary>
internal sealed class DefinitionEditor(
    PutDefinitions definitions, LiveCatalog catalog, ClusterContexts contexts, PluginCatalog plugins, HookBook hooks)
{
    private const string Context = "context";

    /// <returns>Whether it is new, or why it was not put.</returns>
    public async Task<(bool IsNew, ProblemHttpResult? Refusal)> PutCommandAsync(
        string id, HttpContext context, CancellationToken cancellationToken)
    {
        var (body, condition, refusal) = await ReadAsync(id, "command", context.Request, cancellationToken);
        if (refusal is not null)
        {
            return (false, refusal);
        }
        using var document = body!;
        var (config, found) = SentDefinition.Read(
            document.RootElement, Complete, new CommandConfigValidator(plugins));
        var problems = new FaultList();
        problems.AddAll([.. found]);
        problems.AddAll(OnEndField.FindUnknown(
            config.OnEnd, hooks, context.Caller(), OnEndField.Name, catalog.Current.FindCommand(id)?.OnEnd).ToArray());
        var namesake = catalog.Current.Commands.FirstOrDefault(other => other.Name == config.Name && other.Id != id);
        AddNamesake(problems, "command", namesake?.Id);
        if (problems.Count > 0)
        {
            return (false, Problem.Invalid(problems));
        }
        var isNew = await definitions.PutCommandAsync(
            config, context.Caller().Name, version => condition!.Allows(TagOf(version)), cancellationToken);
        return await EndAsync(isNew, "command", id, cancellationToken);

        CommandConfig Complete(CommandConfig sent) => sent with { Id = id, Name = NameOf(sent.Name, id) };
    }

    /// <inheritdoc cref="PutCommandAsync"/>
    public async Task<(bool IsNew, ProblemHttpResult? Refusal)> PutClusterAsync(
        string id, HttpContext context, CancellationToken cancellationToken)
    {
        var (body, condition, refusal) = await ReadAsync(id, "cluster", context.Request, cancellationToken);
        if (refusal is not null)
        {
            return (false, refusal);
        }
        using var document = body!;
        if (FindReferences(document.RootElement) is { Count: > 0 } references)
        {
            return (false, Problem.Invalid(references)); // to check them would tell what is there
        }
        await catalog.RefreshAsync(cancellationToken); // what a mask keeps is what is there now
        var known = catalog.Current.FindCluster(id);
        var kept = known?.Put is null ? null : contexts.FindWritten(id);
        var isKept = false;
        var lost = new List<ContextProblem>();
        var (config, found) = SentDefinition.Read(
            document.RootElement, Complete,
                new ClusterConfigValidator(plugins, [.. catalog.Current.Commands.Select(ToConfig)], isPut: true));
        var problems = new FaultList();
        problems.AddAll(lost.ToArray());
        problems.AddAll(
            [.. found.Where(problem =>
            !lost.Exists(one => problem.Path.StartsWith(one.Path, StringComparison.Ordinal)))]);
        var namesake = catalog.Current.Clusters.FirstOrDefault(other => other.Name == config.Name && other.Id != id);
        AddNamesake(problems, "cluster", namesake?.Id);
        if (problems.Count > 0)
        {
            return (false, Problem.Invalid(problems));
        }
        var isNew = await definitions.PutClusterAsync(
            config, context.Caller().Name, MayPut, cancellationToken);
        return await EndAsync(isNew, "cluster", id, cancellationToken);

        ClusterConfig Complete(ClusterConfig sent)
        {
            isKept = ClusterMask.FieldsIn(sent.Context).Length > 0;
            return sent with { Id = id, Name = NameOf(sent.Name, id), Context = Unmask(sent.Context, kept, lost) };
        }

        bool MayPut(DefinitionVersion? version) => condition!.Allows(TagOf(version))
            && (!isKept || TagOf(version) == TagOf(known is null ? null : DefinitionVersion.Of(known)));
    }

    public static string? TagOf(DefinitionVersion? version) =>
        version is null ? null : $"\"{version.CreatedAt.Ticks:x}-{version.UpdatedAt.Ticks:x}-{version.Revision}\"";

    private static string NameOf(string name, string id) => name.Length == 0 ? id : name;

    /// <summary>Puts what is kept in the place of its mask.</summary>
    private static JsonObject Unmask(JsonObject sent, JsonObject? kept, List<ContextProblem> lost)
    {
        var whole = sent.DeepClone().AsObject();
        lost.AddRange(ClusterMask.FieldsWithMaskInside(sent).Select(field => new ContextProblem(
            $"{Context}.{field}",
            $"{ClusterMask.Text} stands for the whole of it, not for a part. Send all of it, with the secret.")));
        foreach (var field in ClusterMask.FieldsIn(sent))
        {
            if (kept?[field] is { } value)
            {
                whole[field] = value.DeepClone();
            }
            else
            {
                lost.Add(new(
                    $"{Context}.{field}",
                    $"{ClusterMask.Text} keeps what was put before, and there is nothing that could be kept. "
                    + "Send the secret."));
            }
        }
        return whole;
    }

    /// <summary>Whoever may call REST may not read the variables and files of the processes.</summary>
    private static List<ContextProblem> FindReferences(JsonElement body) =>
    [
        .. body.EnumerateObject().Where(member => member.NameEquals(Context))
            .SelectMany(context => SecretReferences.FindPaths(context.Value, Context)).Distinct()
            .Select(path => new ContextProblem(
                path,
                "Must not refer to variables or files, which only a configuration file may. "
                + "Send the secret itself: it is encrypted.")),
    ];

    private static CommandConfig ToConfig(Command command) => new()
    {
        Id = command.Id, Name = command.Name, Plugin = command.Plugin, ClusterTags = [.. command.ClusterTags],
    };

    private static void AddNamesake(FaultList problems, string kind, string? id)
    {
        if (id is not null)
        {
            problems.Add(new("name", $"Is the name of {kind} '{id}' too."));
        }
    }

    private static async Task<(JsonDocument? Body, EditCondition? Condition, ProblemHttpResult? Refusal)> ReadAsync(
        string id, string kind, HttpRequest request, CancellationToken cancellationToken)
    {
        if (!request.HasJsonContentType())
        {
            return (null, null, Problem.NotJson(kind));
        }
        if (EditCondition.Read(request) is not { } condition)
        {
            return (null, null, EditCondition.Unreadable());
        }
        var body = await JsonBody.ParseAsync(request.Body, cancellationToken);
        var problems = new FaultList();
        problems.AddAll(UnreadableText.Find(body.RootElement, ""));
        if (problems.Count == 0 && body.RootElement.ValueKind != JsonValueKind.Object)
        {
            problems.Add(new("body", "Must be a JSON object."));
        }
        else if (problems.Count == 0 && body.RootElement.TryGetProperty("id", out var named)
            && !(named.ValueKind == JsonValueKind.String && named.GetString() == id))
        {
            problems.Add(new("id", $"Must be '{id}', as in the path; or leave it out."));
        }
        if (problems.Count == 0)
        {
            return (body, condition, null);
        }
        body.Dispose();
        return (null, null, Problem.Invalid(problems));
    }

    private async Task<(bool IsNew, ProblemHttpResult? Refusal)> EndAsync(
        bool? isNew, string kind, string id, CancellationToken cancellationToken)
    {
        await catalog.RefreshAsync(cancellationToken);
        return isNew is { } made ? (made, null) : (false, EditCondition.Failed(kind, id));
    }
}
