using System.Globalization;
using System.Net.Mime;
using System.Text.Json.Nodes;
using Heimdall.Api.Callers;
using Heimdall.Api.Descriptions;
using Heimdall.Api.Problems;
using Heimdall.Api.Rights;
using Heimdall.Core.Plugins;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.OpenApi;

namespace Heimdall.Api.Document;

/// <summary>
/// Completes an operation of the document by what its endpoint says of itself, what its method and its body imply, and
/// what the table of rights has for it.
/// </summary>
internal sealed class DescribedOperations(KnownCallers known, PluginCatalog plugins) : IOpenApiOperationTransformer
{
    private const string Rest = "api/v1/";

    public async Task TransformAsync(
        OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        var document = context.Document!;
        var details = context.Description.ActionDescriptor.EndpointMetadata;
        var right = details.OfType<NeededRight>().LastOrDefault()?.Right ?? Right.None;
        operation.Parameters =
        [
            .. operation.Parameters ?? [],
            .. details.OfType<ParameterDescription>().Select(parameter => parameter.Create()),
        ];
        foreach (var parameter in operation.Parameters.OfType<OpenApiParameter>())
        {
            parameter.Description ??= PathParameters.Describe(parameter.Name!, context.Description.RelativePath!);
        }
        operation.Responses ??= [];
        var replies = details.OfType<ReplyDescription>().ToArray();
        foreach (var reply in replies)
        {
            Complete(document, ResponseOf(operation, reply.Status), reply);
        }
        foreach (var other in details.OfType<OtherJson>())
        {
            var schema = await context.GetOrCreateSchemaAsync(other.Type, null, cancellationToken);
            AddJson(document, ResponseOf(operation, other.Status), SchemaRules.NameOf(other.Type), schema);
        }
        foreach (var words in details.OfType<WordsDescription>())
        {
            var item = words.Words.Create(document, plugins);
            var media = (OpenApiMediaType)ResponseOf(operation, StatusCodes.Status200OK)
                .Content![MediaTypeNames.Application.Json];
            media.Schema = new OpenApiSchema { Type = JsonSchemaType.Array, Items = item };
            media.Example = new JsonArray([.. item.Enum!.Select(word => word.DeepClone())]);
        }
        foreach (var text in details.OfType<TextDescription>())
        {
            ResponseOf(operation, text.Status).Content![text.MediaType] = new OpenApiMediaType
            {
                Schema = new OpenApiSchema { Type = JsonSchemaType.String, Format = text.Format },
                Example = JsonValue.Create(text.Example),
            };
        }
        var takesBody = operation.RequestBody is not null;
        foreach (var media in operation.RequestBody?.Content?.Values.OfType<OpenApiMediaType>() ?? [])
        {
            ExampleList.Add(document, media);
        }
        AddProblems(document, operation, [.. replies.Select(reply => reply.Status)],
        [
            .. TypesOfAll(context.Description.RelativePath!, context.Description.HttpMethod!, takesBody, operation),
            .. RightsInOpenApi.TypesFor(right, known.Config),
            .. details.OfType<RefusalDescription>().SelectMany(refusal => refusal.Types)]);
        if (RightsInOpenApi.Describe(right) is { } needs)
        {
            operation.Description = needs;
        }
        operation.Security = right == Right.None ? [] : [.. CallerSchemes.Requirements(known, document)];
        if (HttpMethods.IsHead(context.Description.HttpMethod!))
        {
            AsHead(operation);
        }
    }

    /// <summary>The types of problems that the method, the path and the body bring with them.</summary>
    private IEnumerable<string> TypesOfAll(string path, string method, bool takesBody, OpenApiOperation operation)
    {
        if (takesBody || operation.Parameters!.Any(parameter => parameter.In != ParameterLocation.Path))
        {
            yield return "invalid-request";
        }
        if (takesBody)
        {
            yield return "too-large";
            yield return "unsupported-media-type";
        }
        if (!known.Config.IsConfigured)
        {
            yield return "loopback-only";
        }
        if (!HttpMethods.IsGet(method) && !HttpMethods.IsHead(method))
        {
            yield return "cross-site";
            yield return "precondition-failed";
        }
        if (path.StartsWith(Rest, StringComparison.Ordinal))
        {
            yield return "internal";
            yield return "store-unavailable";
        }
    }

    private static void Complete(OpenApiDocument document, OpenApiResponse response, ReplyDescription reply)
    {
        response.Description = reply.When;
        foreach (var header in reply.Headers)
        {
            AddHeader(document, response, header);
        }
        foreach (var media in response.Content?.Values.OfType<OpenApiMediaType>() ?? [])
        {
            ExampleList.Add(document, media);
        }
    }

    private static void AddJson(OpenApiDocument document, OpenApiResponse response, string id, IOpenApiSchema schema)
    {
        document.AddComponent(id, schema);
        var media = (OpenApiMediaType)response.Content![MediaTypeNames.Application.Json];
        // Of several alternatives one list: a list within a list is another type to generators.
        IList<IOpenApiSchema> others = media.Schema is OpenApiSchema { AnyOf: { Count: > 0 } several }
            ? several
            : [media.Schema!];
        media.Schema = new OpenApiSchema { AnyOf = [.. others, new OpenApiSchemaReference(id, document)] };
        ExampleList.Add(document, media);
    }

    private static void AddProblems(
        OpenApiDocument document, OpenApiOperation operation, IReadOnlyList<int> replies, IReadOnlyList<string> types)
    {
        var byStatus = types.Distinct().Select(ProblemTypes.Get)
            .SelectMany(type => type.Statuses.Select(status => (Status: status, Type: type)))
            .GroupBy(found => found.Status, found => found.Type)
            .OrderBy(found => found.Key);
        foreach (var status in byStatus)
        {
            var response = ResponseOf(operation, status.Key);
            var kinds = string.Join(" ", status.Select(type => $"`{type.Name}`: {type.Meaning}"));
            response.Description = !replies.Contains(status.Key) ? kinds
                : response.Content is { Count: > 0 } ? $"{response.Description} Or a problem. {kinds}"
                : $"{response.Description} {kinds}";
            if (status.Any(type => type.AsksToWait))
            {
                AddHeader(document, response, HeaderList.RetryAfter);
            }
            if (status.Key == StatusCodes.Status429TooManyRequests && status.Any(type => type.NamesLimit))
            {
                AddHeader(document, response, HeaderList.RateLimitPolicy);
                AddHeader(document, response, HeaderList.RateLimit);
            }
            if (status.Key == StatusCodes.Status401Unauthorized)
            {
                AddHeader(document, response, HeaderList.Authenticate);
            }
            response.Content ??= new Dictionary<string, OpenApiMediaType>();
            response.Content[MediaTypeNames.Application.ProblemJson] = new OpenApiMediaType
            {
                Schema = new OpenApiSchemaReference("Problem", document),
                Examples = status.ToDictionary(
                    type => type.Name, type => ExampleList.OfProblem(document, type, status.Key)),
            };
        }
    }

    private static OpenApiResponse ResponseOf(OpenApiOperation operation, int status)
    {
        var key = status.ToString(CultureInfo.InvariantCulture);
        if (!operation.Responses!.TryGetValue(key, out var found))
        {
            operation.Responses[key] = found = new OpenApiResponse
            {
                Description = ReasonPhrases.GetReasonPhrase(status),
            };
        }
        var response = (OpenApiResponse)found;
        response.Content ??= new Dictionary<string, OpenApiMediaType>();
        return response;
    }

    private static void AddHeader(OpenApiDocument document, OpenApiResponse response, string name)
    {
        document.AddComponent<IOpenApiHeader>(name, HeaderList.CreateReply(name));
        response.Headers ??= new Dictionary<string, IOpenApiHeader>();
        response.Headers[name] = new OpenApiHeaderReference(name, document);
    }

    /// <summary>The same without bodies, under a name of its own.</summary>
    private static void AsHead(OpenApiOperation operation)
    {
        operation.OperationId += "Head";
        operation.Summary = $"Headers alone. {operation.Summary}";
        foreach (var response in operation.Responses!.Values.OfType<OpenApiResponse>())
        {
            response.Content = null;
        }
    }
}
