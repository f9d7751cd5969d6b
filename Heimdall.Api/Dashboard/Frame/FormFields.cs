namespace Heimdall.Api.Dashboard.Frame;

/// <summary>
/// The fields of a form that changes something. Each has its label, what it expects, and what is wrong with it.
/// </summary>
/// <param name="values">What the fields hold, by their names.</param>
/// <param name="faults">What is wrong, by the names of fields.</param>
internal sealed class FormFields(IReadOnlyDictionary<string, string> values, ILookup<string, string> faults)
{
    public Markup Text(string name, string label, string hint = "") => Wrap(name, label, hint, Markup.Of($"""
        <input {Attributes(name, hint)} value="{values[name]}" autocomplete="off" spellcheck="false">
        """));

    public Markup Area(string name, string label, int rows, string hint = "") => Wrap(name, label, hint, Markup.Of($"""
        <textarea {Attributes(name, hint)} rows="{rows}" spellcheck="false">{Markup.OfArea(values[name])}</textarea>
        """));

    public Markup Choice(string name, string label, IEnumerable<string> choices, string hint = "")
    {
        var options = choices.Select(choice => choice == values[name]
            ? Markup.Of($"<option selected>{choice}</option>")
            : Markup.Of($"<option>{choice}</option>"));
        return Wrap(name, label, hint, Markup.Of($"<select {Attributes(name, hint)}>{options}</select>"));
    }

    private Markup Wrap(string name, string label, string hint, Markup field)
    {
        var wrong = faults[name].Select(fault => Markup.Of($"""<p class="hd-fault">{fault}</p>"""));
        var told = IsTold(name, hint)
            ? Markup.Of($"""<div id="hd-{name}-said" class="hd-aside">{wrong}{hint}</div>""")
            : Markup.Empty;
        return Markup.Of($"""<div class="hd-field"><label for="hd-{name}">{label}</label>{field}{told}</div>""");
    }

    private Markup Attributes(string name, string hint)
    {
        var invalid = faults.Contains(name) ? Markup.Of($""" aria-invalid="true" """) : Markup.Empty;
        var described = IsTold(name, hint) ? Markup.Of($""" aria-describedby="hd-{name}-said" """) : Markup.Empty;
        return Markup.Of($"""id="hd-{name}" name="{name}" class="form-control"{invalid}{described}""");
    }

    private bool IsTold(string name, string hint) => hint.Length > 0 || faults.Contains(name);
}
