namespace Heimdall.Api.Dashboard.Frame;

/// <summary>Fields of a form whose answers are in the address: each shows what the address says.</summary>
internal static class FilterFields
{
    public static Markup Choice(IQueryCollection query, string name, string label, IEnumerable<(string Value, string Text)> choices, string none = "any")
    {
        var chosen = query[name].ToString();
        // One that the catalog no longer has may still be asked for.
        var all = choices.ToList();
        if (chosen.Length > 0 && all.All(choice => choice.Value != chosen))
        {
            all.Add((chosen, chosen));
        }
        var options = all.Select(choice => choice.Value == chosen
            ? Markup.Of($"""<option value="{choice.Value}" selected>{choice.Text}</option>""")
            : Markup.Of($"""<option value="{choice.Value}">{choice.Text}</option>"""));
        return Markup.Of($"""
            <div><label for="hd-{name}">{label}</label><select id="hd-{name}" name="{name}" class="form-control"><option value="">{none}</option>{options}</select></div>
            """);
    }

    public static Markup Text(IQueryCollection query, string name, string label, string example = "") => Markup.Of($"""
        <div><label for="hd-{name}">{label}</label><input id="hd-{name}" name="{name}" class="form-control" value="{query[name].ToString()}" placeholder="{example}" autocomplete="off"></div>
        """);
}
