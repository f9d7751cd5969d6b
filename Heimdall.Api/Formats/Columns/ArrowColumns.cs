using Apache.Arrow;
using Apache.Arrow.Types;
using Heimdall.Core.Plugins;

namespace Heimdall.Api.Formats.Columns;

/// <summary>
/// Gives each column the type of Arrow that holds all or nearly all of its values, and text to the others. The table is
/// in docs/reference/types.md.
/// </summary>
internal static class ArrowColumns
{
    /// <summary>The database's name of a column's type.</summary>
    public const string TypeKey = "heimdall:type";

    /// <summary>Is <c>text</c> where the values are texts although the database's type is not.</summary>
    public const string SentAsKey = "heimdall:sent_as";

    private const string ExtensionKey = "ARROW:extension:name";

    private static readonly ResultValueForm _text = new(ResultValueShape.Text);

    public static (Field Field, ArrowColumn Column) Create(ResultColumn column)
    {
        var form = column.Form ?? _text;
        var metadata = new Dictionary<string, string> { [TypeKey] = column.Type };
        if (!Holds(form))
        {
            form = _text;
            metadata[SentAsKey] = "text";
        }
        else if (column.Form is null)
        {
            metadata[SentAsKey] = "text";
        }
        var values = CreateValues(form);
        if (ExtensionOf(form) is { } extension && !form.IsList)
        {
            metadata[ExtensionKey] = extension;
        }
        if (form.IsList)
        {
            values = new ListColumn(values, new Field("item", values.Type, nullable: true));
        }
        return (new Field(column.Name, values.Type, nullable: true, metadata), values);
    }

    private static bool Holds(ResultValueForm form) =>
        form.Shape != ResultValueShape.Exact || form.Precision <= NumberText.DigitsOf256;

    private static string? ExtensionOf(ResultValueForm form) => form.Shape switch
    {
        ResultValueShape.Uuid => "arrow.uuid",
        ResultValueShape.Json => "arrow.json",
        _ => null,
    };

    private static ArrowColumn CreateValues(ResultValueForm form) => form.Shape switch
    {
        ResultValueShape.Boolean => new BooleanColumn(),
        ResultValueShape.Whole16 => new FixedColumn<short>(Int16Type.Default, NumberText.TryRead),
        ResultValueShape.Whole32 => new FixedColumn<int>(Int32Type.Default, NumberText.TryRead),
        ResultValueShape.Whole64 => new FixedColumn<long>(Int64Type.Default, NumberText.TryRead),
        ResultValueShape.Natural32 => new FixedColumn<uint>(UInt32Type.Default, NumberText.TryRead),
        ResultValueShape.Real32 => new FixedColumn<float>(FloatType.Default, NumberText.TryRead),
        ResultValueShape.Real64 => new FixedColumn<double>(DoubleType.Default, NumberText.TryRead),
        ResultValueShape.Exact when form.Precision <= NumberText.DigitsOf128 => new FixedColumn<Int128>(
            new Decimal128Type(form.Precision, form.Scale), NumberText.OfDecimal128(form.Scale)),
        ResultValueShape.Exact => new FixedColumn<Wide>(
            new Decimal256Type(form.Precision, form.Scale), NumberText.OfDecimal256(form.Scale)),
        ResultValueShape.Date => new FixedColumn<int>(Date32Type.Default, TimeText.TryReadDate),
        ResultValueShape.Time => new FixedColumn<long>(new Time64Type(TimeUnit.Microsecond), TimeText.TryReadTime),
        ResultValueShape.LocalTimestamp => new FixedColumn<long>(
            new TimestampType(TimeUnit.Microsecond, (string?)null), TimeText.TryReadTimestamp),
        ResultValueShape.Moment => new FixedColumn<long>(
            new TimestampType(TimeUnit.Microsecond, "UTC"), TimeText.TryReadMoment),
        ResultValueShape.Bytes => new BytesColumn(BinaryType.Default, isHex: true),
        ResultValueShape.Uuid => new FixedColumn<UuidBytes>(new FixedSizeBinaryType(16), UuidBytes.TryRead),
        _ => new BytesColumn(StringType.Default, isHex: false), // also a shape that a newer version has stored
    };
}
