namespace Heimdall.Plugins.Postgres.Errors;

/// <summary>A statement that asks for a parameter where there are none.</summary>
/// <param name="number">1 for <c>$1</c>.</param>
/// <param name="position">Of the dollar sign, in characters from 1, as the server counts.</param>
internal sealed class PlaceholderException(string number, int position) : Exception($"there is no parameter ${number}")
{
    public int Position { get; } = position;
}
