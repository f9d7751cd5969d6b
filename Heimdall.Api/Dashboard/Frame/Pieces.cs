using System.Globalization;
using Heimdall.Core.Jobs;
using Heimdall.Core.Jobs.Figures;

namespace Heimdall.Api.Dashboard.Frame;

/// <summary>Small things that several pages show, so that they look alike everywhere.</summary>
internal static class Pieces
{
    public static Markup Status(JobStatus status) => State(status.ToName());

    /// <summary>A state in its colour; the word says all that the colour says.</summary>
    public static Markup State(string name) => Markup.Of($"""<span class="hd-state hd-{CssName(name)}">{name}</span>""");

    /// <summary>A moment, in UTC and to the second.</summary>
    public static Markup Time(DateTime? time) => time is { } at
        ? Markup.Of($"""<time datetime="{Exactly(at)}">{Moment(at)}</time>""")
        : Markup.Empty;

    private static string Exactly(DateTime time) =>
        time.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    /// <summary>The same where there can be no element.</summary>
    public static string Moment(DateTime time) => time.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>A part of a page that refreshes itself: it is replaced when it shows something else than before.</summary>
    /// <param name="id">Of its element.</param>
    /// <param name="html">What it shows.</param>
    /// <param name="mark">Stays the same as long as it shows the same; null: by what it shows.</param>
    public static Markup Part(string id, Markup html, string? mark = null) => Markup.Of(
        $"""<section id="{id}" data-part data-mark="{mark ?? LivePart.MarkOf(html.ToString())}">{html}</section>""");

    /// <summary>The same within a line.</summary>
    public static Markup InlinePart(string id, Markup html) => Markup.Of(
        $"""<span id="{id}" data-part data-mark="{LivePart.MarkOf(html.ToString())}">{html}</span>""");

    /// <summary>A button that asks before it does what cannot be undone. It works without scripts.</summary>
    /// <param name="label">The words on the button.</param>
    /// <param name="style">A class of buttons.</param>
    /// <param name="question">What will happen.</param>
    /// <param name="form">The form that does it.</param>
    public static Markup Ask(string label, string style, Markup question, Markup form) => Markup.Of($"""
        <details class="hd-ask"><summary class="btn {style}">{label}</summary>
        <div class="hd-asked"><p>{question}</p>{form}</div></details>
        """);

    public static string Duration(TimeSpan time) => time switch
    {
        _ when time < TimeSpan.FromSeconds(1) => $"{Math.Max(0, time.TotalMilliseconds).ToString("0", CultureInfo.InvariantCulture)} ms",
        _ when time < TimeSpan.FromMinutes(1) => $"{time.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture)} s",
        _ when time < TimeSpan.FromHours(1) => $"{time.Minutes} min {time.Seconds} s",
        _ => $"{(long)time.TotalHours} h {time.Minutes} min",
    };

    public static string Bytes(long bytes) => bytes switch
    {
        < 10_000 => $"{Number(bytes)} bytes",
        < 10_000_000 => $"{Number(bytes / 1000)} kB",
        _ => $"{Number(bytes / 1_000_000)} MB",
    };

    /// <summary>Said where not all that wait were looked at.</summary>
    public static Markup OfOldest(bool isPartial) => isPartial
        ? Markup.Of($"""
            <p class="hd-aside">Of the oldest {Number(JobFigures.MostWaiting)} jobs of everybody that wait.</p>
            """)
        : Markup.Empty;

    public static string Number(long number) => number.ToString("#,0", CultureInfo.InvariantCulture);

    public static string Clusters(int count) => $"{count} {(count == 1 ? "cluster" : "clusters")}";

    public static Markup JobLink(Func<string, string> to, Guid id, string text) => Markup.Of($"""<a href="{to($"/sql/jobs/{id}")}">{text}</a>""");

    public static Markup Alert(string kind, Markup text) => Markup.Of($"""<div class="alert alert-{kind}" role="alert">{text}</div>""");

    /// <summary>Of a list of facts.</summary>
    public static Markup Fact(string name, Markup value) => value.IsEmpty ? value : Markup.Of($"<div><dt>{name}</dt><dd>{value}</dd></div>");

    /// <summary>One whose value is long, such as a hash: it gets the room of two.</summary>
    public static Markup BroadFact(string name, Markup value) =>
        value.IsEmpty ? value : Markup.Of($"""<div class="hd-broad"><dt>{name}</dt><dd>{value}</dd></div>""");

    public static Markup Tags(IEnumerable<string> tags) =>
        Markup.Join(tags.Select(tag => Markup.Of($"""<code class="hd-tag">{tag}</code> """)));

    public static Markup Fact(string name, string? value) => string.IsNullOrEmpty(value) ? Markup.Empty : Fact(name, Markup.Of($"{value}"));

    private static string CssName(string state) => string.Concat(state.Where(char.IsAsciiLetter)).ToLowerInvariant();
}
