using System.Security.Authentication;
using Heimdall.Core.ConnectionStrings;
using NUnit.Framework;
using Npgsql;

namespace Heimdall.Tests.ConnectionStrings;

[Parallelizable(ParallelScope.All)]
public sealed class ConnectionStringTests
{
    private const string Secret = "s3cret";

    [TestCase("postgresql://u:s3cret@db.example:5433/shop", "db.example", 5433, "u", "s3cret", "shop", SslMode.VerifyFull)]
    [TestCase("postgres://u:s3cret@localhost/shop", "localhost", 5432, "u", "s3cret", "shop", SslMode.Prefer)]
    [TestCase("postgresql://u@127.0.0.1", "127.0.0.1", 5432, "u", null, "u", SslMode.Prefer)]
    [TestCase("postgresql://u@[::1]:5433/d", "::1", 5433, "u", null, "d", SslMode.Prefer)]
    [TestCase("postgresql://u@[2001:db8::1]/d", "2001:db8::1", 5432, "u", null, "d", SslMode.VerifyFull)]
    [TestCase("postgresql://u@h1:1,h2:2/d", "h1:1,h2:2", 5432, "u", null, "d", SslMode.VerifyFull)]
    [TestCase("postgresql://u@h1,h2/d?port=6000", "h1:6000,h2:6000", 5432, "u", null, "d", SslMode.VerifyFull)]
    [TestCase("postgresql://u@[::1]:1,localhost/d", "[::1]:1,localhost:5432", 5432, "u", null, "d", SslMode.Prefer)]
    [TestCase("postgresql://u:p%40ss%2Fw%25rd@h/a%20b", "h", 5432, "u", "p@ss/w%rd", "a b", SslMode.VerifyFull)]
    [TestCase("postgresql://u:a+b@h/d", "h", 5432, "u", "a+b", "d", SslMode.VerifyFull)]
    [TestCase("postgresql://%C3%BC@h/d", "h", 5432, "ü", null, "d", SslMode.VerifyFull)]
    [TestCase("postgresql://u@%2Fvar%2Frun/d", "/var/run", 5432, "u", null, "d", SslMode.Prefer)]
    [TestCase("postgresql:///d?host=/tmp&port=5444&user=u", "/tmp", 5444, "u", null, "d", SslMode.Prefer)]
    [TestCase("postgresql://a:b@c/d?user=u&password=s3cret&dbname=e&host=h", "h", 5432, "u", "s3cret", "e", SslMode.VerifyFull)]
    [TestCase("postgresql://u@h/d?sslmode=disable", "h", 5432, "u", null, "d", SslMode.Disable)]
    [TestCase("postgresql://u@h/d?sslmode=verify-ca", "h", 5432, "u", null, "d", SslMode.VerifyCA)]
    [TestCase("postgresql://u@h/d?sslmode=require&sslrootcert=/ca.pem", "h", 5432, "u", null, "d", SslMode.VerifyCA)]
    [TestCase("postgresql://u@h/d?ssl=true", "h", 5432, "u", null, "d", SslMode.Require)]
    [TestCase(@"host=h user = u password='it\'s \\ x' dbname=d", "h", 5432, "u", @"it's \ x", "d", SslMode.VerifyFull)]
    [TestCase("host=localhost user=u", "localhost", 5432, "u", null, "u", SslMode.Prefer)]
    [TestCase("host=h user=u password=a;b dbname=d", "h", 5432, "u", "a;b", "d", SslMode.VerifyFull)]
    [TestCase("Host=h;Port=5433;Username=u;Password=s3cret;Database=d", "h", 5433, "u", "s3cret", "d", SslMode.VerifyFull)]
    [TestCase("host=h;user id=u;database=d;ssl mode=Require", "h", 5432, "u", null, "d", SslMode.Require)]
    [TestCase("Server=localhost;Username=u;Password='a;b'", "localhost", 5432, "u", "a;b", "u", SslMode.Prefer)]
    public void Reads(string text, string host, int port, string user, string? password, string database, SslMode sslMode)
    {
        var read = ConnectionString.Parse(text);

        Assert.That(
            (read.Host, read.Port, read.Username, read.Password, read.Database, read.SslMode),
            Is.EqualTo((host, port, user, password, database, sslMode)));
    }

    [Test]
    public void Reads_the_options_of_libpq()
    {
        var read = ConnectionString.Parse(
            "postgresql://u@h1,h2/d?application_name=me&options=-c%20geqo%3Doff&connect_timeout=1&target_session_attrs=read-write"
            + "&keepalives=1&keepalives_idle=7&channel_binding=require&gssencmode=disable&passfile=/p&sslcert=/c&sslkey=/k&load_balance_hosts=random");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(read.ApplicationName, Is.EqualTo("me"));
            Assert.That(read.Options, Is.EqualTo("-c geqo=off"));
            Assert.That(read.Timeout, Is.EqualTo(2));
            Assert.That(read.TargetSessionAttributes, Is.EqualTo("read-write"));
            Assert.That(read.TcpKeepAlive, Is.True);
            Assert.That(read.TcpKeepAliveTime, Is.EqualTo(7));
            Assert.That(read.ChannelBinding, Is.EqualTo(ChannelBinding.Require));
            Assert.That(read.GssEncryptionMode, Is.EqualTo(GssEncryptionMode.Disable));
            Assert.That(read.Passfile, Is.EqualTo("/p"));
            Assert.That(read.SslCertificate, Is.EqualTo("/c"));
            Assert.That(read.SslKey, Is.EqualTo("/k"));
            Assert.That(read.LoadBalanceHosts, Is.True);
        }
    }

    [Test]
    public void Missing_parts_are_those_of_libpq()
    {
        var read = ConnectionString.Parse("postgresql://");

        Assert.That(read.Username, Is.EqualTo(Environment.GetEnvironmentVariable("PGUSER") ?? Environment.UserName));
        Assert.That(read.Database, Is.EqualTo(read.Username));
        Assert.That(read.Host, Does.StartWith("/").Or.EqualTo("localhost"));
    }

    [TestCase("postgresql://u@localhost/d?sslmode=disable&")]
    [TestCase("postgresql://u@localhost/d?")]
    [TestCase("User ID=u;Host=localhost;Database=d;Pooling=true;Minimum Pool Size=0;Maximum Pool Size=100;Connection Lifetime=0;")]
    [TestCase("Host=localhost;Username=u;Database=d;Multiplexing=false;Enlist=false;Persist Security Info=false")]
    [TestCase("postgresql://u@localhost/d?gsslib=gssapi&gssdelegation=0&max_protocol_version=3.2&requiressl=0")]
    public void Takes_what_changes_nothing(string text)
    {
        var read = ConnectionString.Parse(text);

        Assert.That((read.Host, read.Username, read.Database), Is.EqualTo(("localhost", "u", "d")));
    }

    [TestCase("scram-sha-256", "ScramSHA256")]
    [TestCase("password,md5,gss,sspi,none", "Password,MD5,GSS,SSPI,None")]
    [TestCase("!password,!md5", "!Password,!MD5")]
    public void Takes_the_methods_of_require_auth_as_libpq_spells_them(string value, string expected) =>
        Assert.That(
            ConnectionString.Parse($"postgresql://u@h/d?require_auth={value}").RequireAuth,
            Is.EqualTo(new NpgsqlConnectionStringBuilder { RequireAuth = expected }.RequireAuth));

    [TestCase("postgresql://u@h,%2Frun%2Fpg/d?port=1,2", "h:1,/run/pg:2")]
    [TestCase("host=/run/pg,h user=u dbname=d", "/run/pg:5432,h:5432")]
    [TestCase("host=10.0.0.1 user=u dbname=d", "10.0.0.1")]
    [TestCase("hostaddr=10.0.0.1 user=u dbname=d", "10.0.0.1")]
    public void Takes_sockets_and_addresses_among_hosts(string text, string host) =>
        Assert.That(ConnectionString.Parse(text).Host, Is.EqualTo(host));

    [Test]
    public void Reads_what_npgsql_has_no_words_for()
    {
        var read = ConnectionString.Read(
            "postgresql://u@db.example/d?hostaddr=10.0.0.1&keepalives_count=3&tcp_user_timeout=5000&sslsni=0&sslmode=require"
            + "&sslcertmode=disable&ssl_min_protocol_version=TLSv1.3&ssl_max_protocol_version=TLSv1.3");

        using (Assert.EnterMultipleScope())
        {
            Assert.That((read.Npgsql.Host, read.ServerName), Is.EqualTo(("10.0.0.1", "db.example")));
            Assert.That(read.KeepAliveCount, Is.EqualTo(3));
            Assert.That(read.TcpUserTimeout, Is.EqualTo(TimeSpan.FromSeconds(5)));
            Assert.That((read.SendsServerName, read.SendsCertificate), Is.EqualTo((false, false)));
            Assert.That((read.OldestTls, read.NewestTls), Is.EqualTo((SslProtocols.Tls13, SslProtocols.Tls13)));
        }
    }

    [TestCase("ssl_min_protocol_version=TLSv1.2", SslProtocols.Tls12 | SslProtocols.Tls13)]
    [TestCase("ssl_min_protocol_version=TLSv1.3", SslProtocols.Tls13)]
    [TestCase("ssl_max_protocol_version=TLSv1.2", SslProtocols.Tls12)]
    [TestCase("ssl_max_protocol_version=TLSv1.3", SslProtocols.Tls12 | SslProtocols.Tls13)]
    [TestCase("sslmode=require", SslProtocols.None)]
    public void Speaks_the_versions_of_tls_that_are_allowed(string option, SslProtocols versions) =>
        Assert.That(ConnectionString.Read($"postgresql://u@h/d?{option}").TlsVersions, Is.EqualTo(versions));

    [TestCase("host=/run/pg user=u dbname=d sslmode=verify-full")]
    [TestCase("postgresql:///d?host=/run/pg&sslmode=require")]
    public void Asks_a_socket_for_no_tls(string text) =>
        Assert.That(ConnectionString.Parse(text).SslMode, Is.EqualTo(SslMode.Disable));

    [TestCase("", "empty")]
    [TestCase("postgresql://user:password@host:port/database", "port")]
    [TestCase("postgresql://u:s3cret@h:99999/d", "port")]
    [TestCase("postgresql://u:s3cret/x@h/d", "port")]
    [TestCase("postgresql://u:s3cret@[::1/d", "]")]
    [TestCase("postgresql://u:s3cret@[]/d", "empty")]
    [TestCase("postgresql://u:s3cret@[::1]x/d", "IPv6")]
    [TestCase("postgresql://u:s3cret%4@h/d", "password")]
    [TestCase("postgresql://u:s3cret%00@h/d", "%00")]
    [TestCase("postgresql://u:s3cret%ff@h/d", "UTF-8")]
    [TestCase("postgresql://u:s3cret@h/d?nonsense=1", "\"nonsense\"")]
    [TestCase("postgresql://u:s3cret@h/d?service=x", "\"service\" is not supported: no file of services")]
    [TestCase("postgresql://u:s3cret@h/d?sslcrl=x", "revoked certificates")]
    [TestCase("postgresql://u:s3cret@h/d?requirepeer=x", "other end")]
    [TestCase("postgresql://u:s3cret@h/d?a=b&&c=d", "name=value")]
    [TestCase("postgresql://u:s3cret@h/d?sslsni=0", "verify-full")]
    [TestCase("postgresql://u:s3cret@h/d?ssl_max_protocol_version=TLSv1.1", "TLSv1.2 or TLSv1.3")]
    [TestCase("postgresql://u:s3cret@h/d?ssl_min_protocol_version=TLSv1.3&ssl_max_protocol_version=TLSv1.2", "no version is left")]
    [TestCase("hostaddr=db.example user=u password=s3cret dbname=d", "must be an IP address")]
    [TestCase("hostaddr=/run/pg user=u password=s3cret dbname=d", "must be an IP address")]
    [TestCase("postgresql://u:s3cret@h/d?require_auth=ScramSHA256", "scram-sha-256")]
    [TestCase("postgresql://u:s3cret@h/d?require_auth=oauth", "scram-sha-256")]
    [TestCase("postgresql://u:s3cret@h/d?tcp_user_timeout=1", "for clusters only")]
    [TestCase("postgresql://u:s3cret@h1,h2/d?hostaddr=10.0.0.1,10.0.0.2", "hostaddr")]
    [TestCase("Host=h;Username=u;Password=s3cret;Pooling=false", "it is true")]
    [TestCase("postgresql://u:s3cret@h/d?sslmode=sometimes", "verify-full")]
    [TestCase("postgresql://u:s3cret@h/d?sslmode", "name=value")]
    [TestCase("postgresql://u:x@y?s3cret=1@h/d", "percent-encoded")]
    [TestCase("postgresql://u:s3cret@h1,h2,h3:1/d?port=1,2", "3 hosts and 2 ports")]
    [TestCase("mysql://u:s3cret@h/d", "scheme")]
    [TestCase("host=h password=s3cret nonsense=1", "not known")]
    [TestCase("host=h nonsense=1 password=s3cret", "\"nonsense\"")]
    [TestCase("Host=h;Nonsense=1;Password=s3cret", "\"Nonsense\"")]
    [TestCase("Host=h;Password=x;s3cret=y", "not known")]
    [TestCase("Host=h;Port=s3cret", "Port")]
    [TestCase("Host=h;Multiplexing=true;Password=s3cret", "Multiplexing")]
    [TestCase("Host=h Password=s3cret", "host")]
    [TestCase("s3cret", "neither")]
    public void Refuses_and_never_repeats_a_value(string text, string says)
    {
        var refusal = Assert.Throws<ConnectionStringException>(() => ConnectionString.Parse(text));

        Assert.That(refusal.ToString(), Does.Contain(says).IgnoreCase);
        Assert.That(refusal.Message, Does.Not.Contain(Secret));
    }
}
