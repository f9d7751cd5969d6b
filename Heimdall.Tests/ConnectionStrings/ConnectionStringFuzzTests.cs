using Heimdall.Core.ConnectionStrings;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.ConnectionStrings;

/// <summary>Connection strings that nobody would write: each is read, or refused without its password.</summary>
[CancelAfter(1_800_000)]
public sealed class ConnectionStringFuzzTests
{
    private const string Secret = "s3cret-canary";

    private static readonly string[] Whole =
    [
        $"postgresql://u:{Secret}@db.example:5433/shop", $"postgres://u:{Secret}@h1:1,h2:2/d?sslmode=require",
        $"postgresql://u:{Secret}@[2001:db8::1]:1/d?application_name=me&options=-c%20geqo%3Doff",
        $"postgresql:///d?host=/tmp&port=5444&user=u&password={Secret}", $"host=h user=u password='{Secret}' dbname=d",
        $"Host=h;Port=5433;Username=u;Password={Secret};Database=d", $"host=h,i port=1,2 password={Secret}",
    ];

    private static readonly string[] Words =
    [
        "postgresql://", "postgres:", "@", "@@", ":", "/", "//", "?", "&", "&&", "=", "%", "%00", "%zz", "%C3", "[",
        "]", "[::1]", ",", ",,", ";", "'", "\\", "\"", " ", "\n", "\0", "é", "😀", "port=99999", "port=-1",
        "connect_timeout=1e9",
        "sslmode=bogus", "target_session_attrs=any", "host=", "password=", "keepalives=x", "options=", "\ud800",
    ];

    [Test]
    public void It_is_read_or_refused() => Fuzzing.Run(
        5_000,
        random => Fuzzing.Change(random, Whole[random.Next(Whole.Length)], Words),
        text =>
        {
            try
            {
                _ = ConnectionString.Parse(text);
                return true;
            }
            catch (ConnectionStringException refusal)
            {
                Assert.That(refusal.Message, Is.Not.Empty.And.Not.Contains(Secret));
                return false;
            }
        });
}
