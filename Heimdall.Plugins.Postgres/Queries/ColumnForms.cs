using System.Collections.Frozen;
using Heimdall.Core.Plugins;

namespace Heimdall.Plugins.Postgres.Queries;

/// <summary>
/// What values of a type read back as, without a loss. Types that are not here have values that no other system's type
/// holds, or too few users: they are text.
/// </summary>
internal static class ColumnForms
{
    /// <summary>What lies before the modifier of a type with a length.</summary>
    private const int ModifierStart = 4;

    private const int ScaleBits = 11;
    private const uint Int8 = 20;
    private const uint Numeric = 1700;
    private const uint NumericArray = 1231;

    // The OID of a type, that of its arrays, and its form. docs/reference/types.md lists them.
    private static readonly (uint Type, uint Array, ResultValueShape Shape)[] _shapes =
    [
        (16, 1000, ResultValueShape.Boolean), (17, 1001, ResultValueShape.Bytes), (19, 1003, ResultValueShape.Text),
        (Int8, 1016, ResultValueShape.Whole64), (21, 1005, ResultValueShape.Whole16),
        (23, 1007, ResultValueShape.Whole32), (25, 1009, ResultValueShape.Text),
        (26, 1028, ResultValueShape.Natural32), (114, 199, ResultValueShape.Json), (700, 1021, ResultValueShape.Real32),
        (701, 1022, ResultValueShape.Real64), (1042, 1014, ResultValueShape.Text),
        (1043, 1015, ResultValueShape.Text), (1082, 1182, ResultValueShape.Date), (1083, 1183, ResultValueShape.Time),
        (1114, 1115, ResultValueShape.LocalTimestamp), (1184, 1185, ResultValueShape.Moment),
        (2950, 2951, ResultValueShape.Uuid), (3802, 3807, ResultValueShape.Json),
    ];

    private static readonly FrozenDictionary<uint, ResultValueForm> _forms = _shapes
        .SelectMany(known => new[]
        {
            (known.Type, Form: new ResultValueForm(known.Shape)),
            (known.Array, Form: new ResultValueForm(known.Shape, IsList: true)),
        })
        .ToFrozenDictionary(known => known.Item1, known => known.Form);

    /// <param name="type">The OID of a column's type.</param>
    /// <param name="modifier">What was declared with it.</param>
    /// <param name="numbersAsText">Whether int8 and numeric are asked for as strings.</param>
    /// <returns>Null where only the text says all.</returns>
    public static ResultValueForm? Find(uint type, int modifier, bool numbersAsText) => type switch
    {
        Int8 or Numeric when numbersAsText => null,
        Numeric => OfNumeric(modifier, isList: false),
        NumericArray => OfNumeric(modifier, isList: true),
        _ => _forms.GetValueOrDefault(type),
    };

    private static ResultValueForm? OfNumeric(int modifier, bool isList)
    {
        if (modifier < ModifierStart)
        {
            return null; // as many digits as there are
        }
        var precision = (modifier - ModifierStart) >> 16;
        // From PostgreSQL 15 on a scale has a sign. In older servers it is small enough to read the same.
        var sign = 1 << (ScaleBits - 1);
        var scale = (((modifier - ModifierStart) & ((1 << ScaleBits) - 1)) ^ sign) - sign;
        return scale < 0
            ? new(ResultValueShape.Exact, precision - scale, 0, isList)
            : new(ResultValueShape.Exact, Math.Max(precision, scale), scale, isList);
    }
}
