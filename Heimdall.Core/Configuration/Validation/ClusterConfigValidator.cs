using FluentValidation;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Configuration.Validation;

/// <summary>Checks one cluster, whether it comes from the file or from a caller, against the plugins whose commands can reach it.</summary>
public sealed class ClusterConfigValidator : AbstractValidator<ClusterConfig>
{
    private const int MaxWeight = 1000;

    private readonly PluginCatalog _plugins;
    private readonly IReadOnlyCollection<CommandConfig> _commands;
    private readonly bool _isPut;

    /// <param name="plugins">All plugins.</param>
    /// <param name="commands">Those that may reach it.</param>
    /// <param name="isPut">Whether a caller sends it.</param>
    public ClusterConfigValidator(
        PluginCatalog plugins, IReadOnlyCollection<CommandConfig> commands, bool isPut = false)
    {
        _isPut = isPut;
        _plugins = plugins;
        _commands = commands;

        RuleFor(cluster => cluster.Id).IsId();
        RuleFor(cluster => cluster.Name).IsRequired().IsAtMost(ConfigRules.MaxNameLength);
        RuleFor(cluster => cluster.Status).IsStatus();
        RuleFor(cluster => cluster.Version).IsAtMost(ConfigRules.MaxVersionLength);
        RuleFor(cluster => cluster.Description).IsAtMost(ConfigRules.MaxDescriptionLength);
        RuleForEach(cluster => cluster.Tags).IsOwnTag();
        RuleFor(cluster => cluster.Weight).Must(weight => weight is >= 1 and <= MaxWeight).WithMessage($"must be between 1 and {MaxWeight}");
        RuleFor(cluster => cluster.MaxConcurrency).IsLimit();
        RuleFor(cluster => cluster.MaxInline).IsPositive();
        RuleFor(cluster => cluster).Custom((cluster, context) =>
        {
            foreach (var problem in CheckContext(cluster).Distinct())
            {
                context.AddFailure(ConfigPath.Join("context", problem.Path), problem.Message);
            }
        });
    }

    private IEnumerable<ContextProblem> CheckContext(ClusterConfig cluster)
    {
        var unresolved = SecretReferences.Check(cluster.Context).ToArray();

        if (unresolved.Length > 0)
        {
            return unresolved;
        }

        var resolved = SecretReferences.ResolveAll(cluster.Context);

        return PluginsFor(cluster).SelectMany(
            plugin => _isPut ? plugin.CheckPutCluster(resolved) : plugin.CheckCluster(resolved));
    }

    private IEnumerable<IPlugin> PluginsFor(ClusterConfig cluster)
    {
        var reaching = _commands.Where(command => cluster.SatisfiesTagsOf(command)).Select(command => command.Plugin).Distinct().ToArray();
        var names = reaching.Length == 0 && _plugins.Names.Count == 1 ? _plugins.Names : reaching;

        return names.Select(_plugins.Find).OfType<IPlugin>();
    }
}
