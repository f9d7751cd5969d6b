using System.Text.Json;
using FluentValidation;

namespace Heimdall.Core.Configuration.Validation;

internal sealed class RoleConfigValidator : AbstractValidator<RoleConfig>
{
    public RoleConfigValidator()
    {
        RuleFor(entry => entry.Role).Cascade(CascadeMode.Stop).IsRequired()
            .Must(role => RoleNames.Find(role) is not null)
            .WithMessage($"must be one of {string.Join(", ", RoleNames.All)}");
        RuleFor(entry => entry.Users).Must((entry, users) => users.Length > 0 || entry.Claims.Count > 0)
            .WithMessage("must name the users, or claims must; [.*] is everybody");
        RuleForEach(entry => entry.Users).IsCallerPattern();
        RuleFor(entry => entry.Claims)
            .Must(claims => claims.All(claim => claim.Value?.GetValueKind() == JsonValueKind.String))
            .WithMessage("must have texts as values; write numbers in quotes");
        RuleForEach(entry => entry.ClusterTags).IsTag();
        RuleForEach(entry => entry.CommandTags).IsTag();
    }
}
