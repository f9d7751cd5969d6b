using System.Text.RegularExpressions;
using FluentValidation;
using Heimdall.Core.ConnectionStrings;

namespace Heimdall.Core.Configuration.Validation;

internal sealed partial class DatabaseConfigValidator : AbstractValidator<DatabaseConfig>
{
    public DatabaseConfigValidator()
    {
        RuleFor(database => database.ConnectionString).Cascade(CascadeMode.Stop).IsRequired().Custom(CheckConnectionString);
        RuleFor(database => database.Schema).Must(BeSchemaName).WithMessage(SchemaNameExpected);
        RuleFor(database => database.HangfireSchema)
            .Cascade(CascadeMode.Stop)
            .Must(BeSchemaName).WithMessage(SchemaNameExpected)
            .Must((database, schema) => schema != database.Schema).WithMessage("must not be the same as database.schema");
    }

    private const string SchemaNameExpected =
        "must be a schema name of at most 63 lower-case letters, digits and underscores, that begins with a letter or underscore and not with pg_";

    private static void CheckConnectionString(string connectionString, ValidationContext<DatabaseConfig> context)
    {
        try
        {
            ConnectionString.Parse(SecretReferences.Resolve(connectionString));
        }
        catch (Exception e) when (e is SecretReferenceException or ConnectionStringException)
        {
            context.AddFailure(e.Message); // neither shows the connection string
        }
    }

    private static bool BeSchemaName(string name) => SchemaName().IsMatch(name);

    [GeneratedRegex(@"^(?!pg_)[a-z_][a-z0-9_]{0,62}\z")]
    private static partial Regex SchemaName();
}
