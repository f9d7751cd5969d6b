using System.Text;

namespace Heimdall.Core.ConnectionStrings;

/// <summary>
/// Takes a <c>postgresql://</c> URI apart exactly where libpq does (conninfo_uri_parse_options in fe-connect.c), which is not where
/// <see cref="Uri"/> would: the user part ends at the first <c>@</c> before any <c>/</c>, hosts are a list, and sockets are hosts.
/// </summary>
internal sealed class ConnectionUri
{
    private static readonly string[] Schemes = ["postgresql://", "postgres://"];
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly string _text;
    private readonly List<KeyValuePair<string, string>> _options = [];
    private int _at;

    private ConnectionUri(string text, int at)
    {
        _text = text;
        _at = at;
    }

    /// <summary>The options in the order given, or null when the text is no such URI.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>>? TryRead(string text)
    {
        var scheme = Array.Find(Schemes, scheme => text.StartsWith(scheme, StringComparison.Ordinal));
        return scheme is null ? null : new ConnectionUri(text, scheme.Length).Read();
    }

    private List<KeyValuePair<string, string>> Read()
    {
        ReadUser();
        ReadHosts();

        if (Skip('/'))
        {
            Add("dbname", Until('?'));
        }

        if (Skip('?'))
        {
            ReadQuery();
        }

        return _options;
    }

    private void ReadUser()
    {
        var end = _text.AsSpan(_at).IndexOfAny('@', '/');
        if (end < 0 || _text[_at + end] == '/')
        {
            return;
        }

        var user = _text.Substring(_at, end);
        var colon = user.IndexOf(':');
        Add("user", colon < 0 ? user : user[..colon]);
        if (colon >= 0)
        {
            Add("password", user[(colon + 1)..]);
        }

        _at += end + 1;
    }

    private void ReadHosts()
    {
        var hosts = new List<string>();
        var ports = new List<string>();
        do
        {
            hosts.Add(Skip('[') ? ReadAddress() : Until(':', '/', '?', ','));
            ports.Add(Skip(':') ? Until('/', '?', ',') : "");
        }
        while (Skip(','));

        Add("host", string.Join(',', hosts));
        if (ports.Any(port => port.Length > 0))
        {
            Add("port", string.Join(',', ports));
        }
    }

    private string ReadAddress()
    {
        var address = Until(']');
        if (!Skip(']'))
        {
            throw new ConnectionStringException("An IPv6 address in it begins with '[' and has no ']'.");
        }

        if (address.Length == 0)
        {
            throw new ConnectionStringException("An IPv6 address in it is empty.");
        }

        if (_at < _text.Length && _text[_at] is not (':' or '/' or '?' or ','))
        {
            throw new ConnectionStringException("After an IPv6 address only ':', '/', '?' or ',' can follow.");
        }

        return address;
    }

    private void ReadQuery()
    {
        // An '@' here is most likely a password that was not percent-encoded, so what stands here must not be repeated.
        var query = _text[_at..];
        var mayHoldSecret = query.Contains('@');
        if (query.Length == 0)
        {
            return;
        }

        // As in libpq, the last option may end in the character that parts them.
        foreach (var option in (query.EndsWith('&') ? query[..^1] : query).Split('&'))
        {
            var parts = option.Split('=');
            if (parts.Length != 2 || parts[0].Length == 0)
            {
                throw new ConnectionStringException("Its query part must be options of the form name=value, parted by '&'.");
            }

            var name = Decode(parts[0], "query part");
            if (mayHoldSecret && !LibpqOptions.IsKnown(name))
            {
                throw new ConnectionStringException("Its query part has an option that is not known (an '@', ':', '/' or '?' in a password must be percent-encoded).");
            }

            _options.Add(new(name, Decode(parts[1], "query part")));
        }
    }

    private void Add(string name, string encoded)
    {
        if (encoded.Length > 0)
        {
            _options.Add(new(name, Decode(encoded, name)));
        }
    }

    private string Until(params ReadOnlySpan<char> ends)
    {
        var length = _text.AsSpan(_at).IndexOfAny(ends);
        var part = length < 0 ? _text[_at..] : _text.Substring(_at, length);
        _at += part.Length;
        return part;
    }

    private bool Skip(char expected)
    {
        if (_at >= _text.Length || _text[_at] != expected)
        {
            return false;
        }

        _at++;
        return true;
    }

    /// <summary>Percent-decoding as libpq does it: a plus sign is a plus sign.</summary>
    private static string Decode(string encoded, string part)
    {
        if (!encoded.Contains('%'))
        {
            return encoded;
        }

        var bytes = new List<byte>(Encoding.UTF8.GetBytes(encoded));
        for (var i = 0; i < bytes.Count; i++)
        {
            if (bytes[i] != '%')
            {
                continue;
            }

            if (i + 2 >= bytes.Count || !char.IsAsciiHexDigit((char)bytes[i + 1]) || !char.IsAsciiHexDigit((char)bytes[i + 2]))
            {
                throw new ConnectionStringException($"The {part} in it has a '%' that two hexadecimal digits do not follow; a percent sign is written %25.");
            }

            bytes[i] = Convert.FromHexString([(char)bytes[i + 1], (char)bytes[i + 2]])[0];
            bytes.RemoveRange(i + 1, 2);
            if (bytes[i] == 0)
            {
                throw new ConnectionStringException($"The {part} in it holds %00, which is forbidden.");
            }
        }

        try
        {
            return StrictUtf8.GetString([.. bytes]);
        }
        catch (DecoderFallbackException)
        {
            throw new ConnectionStringException($"The {part} in it is not UTF-8 once its percent signs are decoded.");
        }
    }
}
