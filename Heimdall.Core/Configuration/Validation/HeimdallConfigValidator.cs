using FluentValidation;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Configuration.Validation;

/// <summary>Checks a whole configuration, whose directories are absolute by now.</summary>
internal sealed class HeimdallConfigValidator : AbstractValidator<HeimdallConfig>
{
    public HeimdallConfigValidator(PluginCatalog plugins)
    {
        RuleFor(config => config.Database).SetValidator(new DatabaseConfigValidator());
        RuleFor(config => config.Server).SetValidator(new ServerConfigValidator());
        RuleFor(config => config.Auth).SetValidator(new AuthConfigValidator());
        RuleFor(config => config.Server.Listen)
            .Must((config, listen) => config.Auth.IsConfigured || !Uri.TryCreate(listen, UriKind.Absolute, out var url)
                || url.IsLoopback || url.Host.Length == 0) // without a host it is no address at all, which is told already
            .WithMessage("must be a loopback address such as http://127.0.0.1:9090, because no 'auth:' is configured: whoever reaches this port could run SQL on every cluster");
        RuleFor(config => config.Server.PublicUrl)
            .Must((config, url) => config.Auth.IsConfigured || !Uri.TryCreate(url, UriKind.Absolute, out var address)
                || address.IsLoopback)
            .WithMessage(
                "needs 'auth:': through the proxy others than this machine reach the API, and could run SQL on every cluster");
        RuleFor(config => config.Worker).SetValidator(new WorkerConfigValidator());
        RuleFor(config => config.Queue).SetValidator(new QueueConfigValidator());
        RuleFor(config => config.Results).SetValidator(new ResultsConfigValidator());
        RuleFor(config => config.SqlDirectory)
            .Cascade(CascadeMode.Stop)
            .IsRequired()
            .Must(Directory.Exists).WithMessage(config => $"must be a directory that exists: {config.SqlDirectory} is none");
        RuleFor(config => config.SqlUploads).SetValidator(new SqlUploadsConfigValidator());
        RuleFor(config => config.Retention).SetValidator(new RetentionConfigValidator());
        RuleFor(config => config.Metrics).SetValidator(new MetricsConfigValidator());
        RuleFor(config => config.Tracing.SamplePercent).Must(percent => percent is >= 0 and <= 100)
            .WithMessage("must be 0 to 100");
        RuleFor(config => config.Otlp).SetValidator(new OtlpConfigValidator());
        RuleFor(config => config.Logging).SetValidator(new LoggingConfigValidator());
        RuleFor(config => config.Secrets).SetValidator(new SecretsConfigValidator());
        RuleFor(config => config.Hooks).SetValidator(new HooksConfigValidator());
        RuleFor(config => config).Custom(CheckOnEnd);
        RuleForEach(config => config.Commands).SetValidator(new CommandConfigValidator(plugins));
        RuleForEach(config => config.Clusters).SetValidator(config => new ClusterConfigValidator(plugins, config.Commands));
        RuleFor(config => config.Commands).Custom((commands, context) => RefuseDuplicates([.. commands.Select(command => (command.Id, command.Name))], context));
        RuleFor(config => config.Clusters).Custom((clusters, context) => RefuseDuplicates([.. clusters.Select(cluster => (cluster.Id, cluster.Name))], context));
        RuleForEach(config => config.Schedules).SetValidator(new ScheduleConfigValidator());
        RuleFor(config => config).Custom(CheckSecrets);
        RuleFor(config => config.Schedules).Custom((schedules, context) => RefuseDuplicates([.. schedules.Select(schedule => (schedule.Id, schedule.Name))], context));
    }

    /// <summary>Over REST a schedule may leave out the value of a secret that it has; a file may not.</summary>
    private static void CheckSecrets(HeimdallConfig config, ValidationContext<HeimdallConfig> context)
    {
        foreach (var (index, schedule) in config.Schedules.Index())
        {
            foreach (var problem in FileSecrets.Check(schedule.Context))
            {
                context.AddFailure(ConfigPath.Join($"schedules[{index}].context", problem.Path), problem.Message);
            }
        }
    }

    private static void CheckOnEnd(HeimdallConfig config, ValidationContext<HeimdallConfig> context)
    {
        string[] hooks = [.. config.Hooks.Receivers.Select(hook => hook.Id)];
        foreach (var (index, command) in config.Commands.Index())
        {
            Add($"commands[{index}].on_end", command.OnEnd);
        }
        foreach (var (index, schedule) in config.Schedules.Index())
        {
            Add($"schedules[{index}].on_end", schedule.OnEnd);
        }

        void Add(string path, OnEndConfig[] entries)
        {
            foreach (var (place, message) in OnEndRules.FindProblems(entries, hooks))
            {
                context.AddFailure($"{path}{place}", message);
            }
        }
    }

    private static void RefuseDuplicates((string? Id, string Name)[] entries, ValidationContext<HeimdallConfig> context)
    {
        var list = context.PropertyPath;
        var byName = new Dictionary<string, int>(StringComparer.Ordinal); // the first of each: there may be thousands
        var byId = new Dictionary<string, int>(StringComparer.Ordinal);
        var byWrittenId = new Dictionary<string, int>(StringComparer.Ordinal);

        for (var index = 0; index < entries.Length; index++)
        {
            var (id, name) = entries[index];

            if (!byName.TryAdd(name, index) && name.Length > 0)
            {
                AddFailure(index, "Name", $"is the name of {ConfigPath.FromProperty(list)}[{byName[name]}] too");
            }

            // Two entries without an id share one exactly when they share their name, which is said above.
            if ((id is null ? byWrittenId : byId).TryGetValue(id ?? name, out var sameId))
            {
                AddFailure(
                    index, "Id",
                    $"is the id of {ConfigPath.FromProperty(list)}[{sameId}] too; without an id the name is used");
            }
            byId.TryAdd(id ?? name, index);
            if (id is not null)
            {
                byWrittenId.TryAdd(id, index);
            }
        }

        void AddFailure(int index, string field, string message) => context.AddFailure($"{list}[{index}].{field}", message);
    }
}
