using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Psql;
using Heimdall.Plugins.Postgres.Rules;
using Heimdall.Plugins.Postgres.Scripts;

namespace Heimdall.Plugins.Postgres.Contexts;

/// <summary>What a job asked for, completed from its command and within the command's ceilings.</summary>
internal sealed record JobSettings
{
    private const string QueryField = "query";

    /// <summary>SQL, or the path of a script (<see cref="Core.Scripts.ScriptFolder.IsPath"/>).</summary>
    public required string Query { get; init; }

    /// <summary>Of a script; null where any content will do.</summary>
    public ScriptPin? Pin { get; init; }

    /// <summary>True for one query with rows, false for a batch.</summary>
    public required bool ReturnResult { get; init; }

    /// <summary>Of a batch.</summary>
    public required TransactionMode Transaction { get; init; }

    /// <summary>Of a batch.</summary>
    public required OnError OnError { get; init; }

    /// <summary>Of a batch: whether psql's own commands and variables are understood.</summary>
    public bool Psql { get; init; }

    /// <summary>Of a batch: what <c>:name</c> in the script stands for; null where nothing is given.</summary>
    public IReadOnlyDictionary<string, string>? Variables { get; init; }

    /// <summary>
    /// Of a batch: bytes by which variables may make a statement longer, and that all variables may have.
    /// </summary>
    public long MaxVariableBytes { get; init; }

    public TimeSpan? Timeout { get; init; }

    public TimeSpan? LockTimeout { get; init; }

    /// <summary>Of a query: what is bound to it.</summary>
    public required IReadOnlyList<QueryParameter> Parameters { get; init; }

    /// <summary>Of a query.</summary>
    public long? RowLimit { get; init; }

    /// <summary>Of a query: bytes of its values, as the server sends them.</summary>
    public long? ByteLimit { get; init; }

    /// <summary>Of a query: bytes that the values of one row may have.</summary>
    public required long MaxRowBytes { get; init; }

    /// <summary>Of a query.</summary>
    public NumberForm Numbers { get; init; }

    public required bool ReadOnly { get; init; }

    public string? Role { get; init; }

    public string? SearchPath { get; init; }

    /// <summary>Which statements the command refuses; null for none.</summary>
    public StatementRules? Rules { get; init; }

    /// <param name="commandContext">Defaults and ceilings.</param>
    /// <param name="jobContext">What the caller asked for.</param>
    /// <param name="clusterMaxTimeout">The cluster's ceiling.</param>
    /// <exception cref="JobRefusedException">It names every field that is wrong.</exception>
    public static JobSettings Read(JsonObject commandContext, JsonObject jobContext, TimeSpan? clusterMaxTimeout = null)
    {
        // A command's own problems were reported when it was configured; what cannot be read of it counts as not said.
        var command = CommandSettings.Read(commandContext).Context;
        var reader = new ContextReader(jobContext);
        var (query, pin, asked, variables, parameters) = ReadFields(reader);
        reader.RefuseOthers();

        if (jobContext[QueryField] is null)
        {
            reader.Report(QueryField, "is missing; give SQL, or the path of a script that ends in .sql.");
        }

        command.CheckFixed(jobContext, reader);
        command.CheckCeilings(asked, reader);
        if (asked.Timeout > clusterMaxTimeout)
        {
            reader.Report("timeout_seconds", $"is {asked.Timeout.Value.TotalSeconds:0.###}, above the cluster's max_timeout_seconds of {clusterMaxTimeout.Value.TotalSeconds:0.###}.");
        }

        var timeout = asked.Timeout ?? command.Defaults.Timeout ?? command.MaxTimeout;
        var returnResult = asked.ReturnResult ?? command.Defaults.ReturnResult ?? false;
        CheckModes(asked, command.Defaults, returnResult, reader);
        var readsCommands = !returnResult && (asked.Psql ?? command.Defaults.Psql ?? true);
        CheckVariables(variables, returnResult, readsCommands, reader);
        if (parameters.Count > 0 && !returnResult)
        {
            reader.Report("parameters", "goes only with return_result: true; a batch has variables.");
        }

        var transaction = asked.Transaction ?? command.Defaults.Transaction ?? TransactionMode.Single;
        var onError = asked.OnError ?? command.Defaults.OnError ?? OnError.Stop;
        if (transaction == TransactionMode.Single && onError == OnError.Continue)
        {
            // One transaction cannot go on after an error; a command's default for the other way is then no wish of the caller's.
            if (asked.OnError is not null)
            {
                reader.Report("on_error", "\"continue\" goes only with transaction: \"none\"; in one transaction nothing can follow an error.");
            }

            onError = OnError.Stop;
        }

        return reader.Problems.Count > 0
            ? throw new JobRefusedException(reader.Problems, reader.LeftOut)
            : new JobSettings
            {
                Query = query!,
                Pin = pin,
                ReturnResult = returnResult,
                Transaction = transaction,
                OnError = onError,
                Psql = readsCommands,
                Variables = variables,
                MaxVariableBytes = command.MaxVariableBytes,
                MaxRowBytes = command.MaxRowBytes,
                Timeout = timeout > clusterMaxTimeout ? clusterMaxTimeout : timeout ?? clusterMaxTimeout,
                LockTimeout = asked.LockTimeout ?? command.Defaults.LockTimeout,
                Parameters = parameters,
                ByteLimit = returnResult ? asked.ByteLimit ?? command.Defaults.ByteLimit ?? command.MaxByteLimit : null,
                Numbers = asked.Numbers ?? command.Defaults.Numbers ?? NumberForm.Number,
                RowLimit = returnResult ? asked.RowLimit ?? command.Defaults.RowLimit ?? command.MaxRowLimit : null,
                ReadOnly = asked.ReadOnly ?? command.Defaults.ReadOnly ?? false,
                Role = asked.Role ?? command.Defaults.Role,
                SearchPath = asked.SearchPath ?? command.Defaults.SearchPath,
                Rules = command.Rules,
            };
    }

    /// <summary>
    /// Tells whether a job was a query that may have written, by its word alone: the command's ceilings may have changed since it ran.
    /// </summary>
    public static bool IsWritingQuery(JsonObject commandContext, JsonObject jobContext)
    {
        var (job, defaults) = (new ContextReader(jobContext), CommandSettings.Read(commandContext).Context.Defaults);
        return (job.Flag("return_result") ?? defaults.ReturnResult ?? false)
            && !(job.Flag("read_only") ?? defaults.ReadOnly ?? false);
    }

    /// <summary>The fields of a job's context, as they are read.</summary>
    public static IReadOnlyList<ContextField> FindFields()
    {
        var reader = new ContextReader([]);
        _ = ReadFields(reader);
        return
        [
            .. reader.Fields.Select(field => new ContextField(field.Name, field.Kind, JobFieldMeanings.Of(field.Name))
            {
                Words = field.Words,
                IsRequired = field.Name == QueryField,
            }),
        ];
    }

    private static (string? Query, ScriptPin? Pin, RunOptions Asked, IReadOnlyDictionary<string, string>? Variables,
        IReadOnlyList<QueryParameter> Parameters) ReadFields(ContextReader reader)
    {
        var query = reader.Text(QueryField);
        return (query, ScriptPin.Read(reader, query), RunOptions.Read(reader), reader.Texts("variables"),
            ParameterReader.Read(reader.Any("parameters"), reader));
    }

    private static void CheckModes(RunOptions asked, RunOptions defaults, bool returnResult, ContextReader reader)
    {
        if (!returnResult && (asked.RowLimit is not null || asked.ByteLimit is not null))
        {
            reader.Report(asked.RowLimit is null ? "byte_limit" : "row_limit", "goes only with return_result: true; a batch has no rows to limit.");
        }

        if (!returnResult && asked.Numbers is not null)
        {
            reader.Report("numbers", "goes only with return_result: true.");
        }

        if (returnResult && asked.Psql is not null)
        {
            reader.Report("psql", "goes only with a batch; a query is one statement of SQL.");
        }

        if (returnResult && (asked.Transaction is not null || asked.OnError is not null))
        {
            reader.Report(asked.Transaction is null ? "on_error" : "transaction", "goes only with a batch; a query is one statement.");
        }

        if (asked.ReadOnly == false && defaults.ReadOnly == true)
        {
            reader.Report("read_only", "cannot be false: the command is read-only.");
        }

        if (!returnResult && (asked.ReadOnly ?? defaults.ReadOnly) == true)
        {
            reader.Report("read_only", asked.ReadOnly == true
                ? "goes only with return_result: true."
                : "is set by the command, which therefore takes only jobs with return_result: true.");
        }
    }

    private static void CheckVariables(
        IReadOnlyDictionary<string, string>? variables, bool returnResult, bool readsCommands, ContextReader reader)
    {
        if (variables is not null && returnResult)
        {
            reader.Report("variables", "goes only with a batch; no text is put into a query.");
        }

        foreach (var (name, value) in variables ?? new Dictionary<string, string>())
        {
            if (!ScriptVariables.IsName(name))
            {
                reader.Report($"variables.{name}", "is no name of a variable: letters, digits and underscores.");
            }

            if (readsCommands && PsqlVariables.IsOwn(name))
            {
                reader.Report(
                    $"variables.{name}", "is psql's own: choose another name, or say psql: false if the script is SQL alone.");
            }

            if (value.Contains('\0'))
            {
                reader.Report($"variables.{name}", "holds a NUL character, which PostgreSQL does not take.");
            }
        }
    }
}
