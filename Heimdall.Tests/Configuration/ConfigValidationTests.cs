using Heimdall.Core.Configuration;
using NUnit.Framework;

namespace Heimdall.Tests.Configuration;

/// <summary>The validators, through the front door: a file with one thing in it.</summary>
public sealed class ConfigValidationTests
{
    private const string Database = """
        database:
          connection_string: postgresql://heimdall@127.0.0.1/heimdall

        """;

    private const string Salt = "c2FsdHNhbHRzYWx0c2FsdA==";
    private const string Digest = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    private const string Key = $"api_keys: [{{ user: a, hash: 'sha256:{Salt}:{Digest}' }}]";
    private const string ProxyExpected =
        "auth.trusted_proxies[0]: must be an address or a network without host bits, such as 10.0.0.5 or 10.1.0.0/16";

    private const string Provider = "client_id: a, authority: 'https://login.example'";

    private const string ProviderExpected = "auth.oidc.authority: must be an absolute https URL, such as "
        + "https://login.example.org/realm; http is taken of a loopback address only";

    private const string NobodyExpected = "auth: needs api_keys, header, jwt or oidc: without one of them everybody on "
        + "this machine is an admin. Leave the section out if that is meant";

    private const string HashExpected = "auth.api_keys[0].hash: must be sha256:<salt>:<hash>, as Heimdall.Api --new-key prints it";
    private const string ListenExpected = "server.listen: must be an absolute http or https URL without a path, such as http://127.0.0.1:9090";
    private const string PublicExpected =
        "server.public_url: must be an absolute http or https URL without a query or //, "
        + "such as https://example.org/heimdall";

    private const string OriginExpected = "server.cors_origins[0]: must be the origin of a page as browsers send it, "
        + "such as https://example.org or http://localhost:3000: no path, no slash at its end, no *";

    private const string TlsExpected = "server.tls: is required, because server.listen is https: "
        + "{certificate: server.pem, key: server.key}; or listen at http behind a proxy with TLS";
    private const string SchemaExpected =
        "must be a schema name of at most 63 lower-case letters, digits and underscores, that begins with a letter or underscore and not with pg_";

    [TestCase("server: { listen: 'http://0.0.0.0:80' }\nauth: { header: X-Heimdall-User, trusted_proxies: [10.0.0.0/8] }")]
    [TestCase("server: { listen: 'https://[::1]:9443/', tls: { certificate: a.pem, key: a.key } }")]
    [TestCase("server: { public_url: 'https://example.org' }\nauth: { header: X-Heimdall-User, trusted_proxies: [10.0.0.0/8] }")]
    [TestCase(
        "server: { public_url: 'https://example.org:8443/team/heimdall/' }\nauth: { header: X-Heimdall-User, trusted_proxies: [10.0.0.0/8] }")]
    [TestCase("server: { public_url: 'http://localhost:8080/heimdall' }")]
    [TestCase("server: { cors_origins: ['https://app.example.org', 'http://localhost:3000'], max_connections: 1 }")]
    [TestCase("auth: { header: X-Heimdall-User, trusted_proxies: [10.0.0.0/8, 192.0.2.1, '2001:db8::/32'] }")]
    [TestCase("server: { listen: 'http://0.0.0.0' }\nauth: { oidc: { client_id: a, authority: 'https://a.example' } }")]
    [TestCase("auth: { oidc: { client_id: a, client_secret: s, authority: 'http://[::1]:80', scopes: [openid, x] } }")]
    [TestCase($"auth: {{ api_keys: [{{ user: alice, hash: 'sha256:{Salt}:{Digest}' }}] }}")]
    [TestCase("worker: { concurrency: 1, lease: 2s }")]
    [TestCase("worker: { concurrency: 256, lease: 5m }")]
    [TestCase("results: { enabled: false, retention: 365d, max_bytes: 1 }")]
    [TestCase("sql_uploads: { enabled: true, max_bytes: 1 }")]
    [TestCase("metrics: { api_listen: 'http://0.0.0.0:9464', worker_listen: 'http://[::1]:9465/', caller_classes: [{ name: etl, callers: [a, b.*] }] }")]
    [TestCase("otlp: { endpoint: 'https://collector:4318', protocol: http, headers: 'api-key=a%20b,x-tenant=7', metrics_interval: 1s }\ntracing: { sample_percent: 0 }")]
    [TestCase("logging: { format: json, levels: { default: Debug, Npgsql: none, Heimdall.Core: trace } }")]
    public void Accepts_settings(string yaml)
    {
        using var folder = new ConfigFolder();

        Assert.That(() => folder.Load(Database + yaml), Throws.Nothing);
    }

    [TestCase("server: { listen: 'localhost:9090' }", ListenExpected)]
    [TestCase("server: { listen: 'ftp://localhost' }", ListenExpected)]
    [TestCase("server: { listen: /api }", ListenExpected)]
    [TestCase("server: { listen: 'http://localhost/api' }", ListenExpected)]
    [TestCase("server: { listen: 'https://127.0.0.1:9443' }", TlsExpected)]
    [TestCase("server: { tls: { certificate: a.pem, key: a.key } }", "server.listen: must begin with https://, because server.tls is configured")]
    [TestCase("server: { listen: 'https://127.0.0.1', tls: { key: a.key } }", "server.tls.certificate: is required")]
    [TestCase("server: { listen: 'https://127.0.0.1', tls: { certificate: a.pem } }", "server.tls.key: is required")]
    [TestCase("server: { cors_origins: ['*'] }", OriginExpected)]
    [TestCase("server: { cors_origins: ['https://*.example.org'] }", OriginExpected)]
    [TestCase("server: { cors_origins: ['https://example.org/'] }", OriginExpected)]
    [TestCase("server: { cors_origins: ['https://example.org:443'] }", OriginExpected)]
    [TestCase("server: { cors_origins: ['https://Example.org'] }", OriginExpected)]
    [TestCase("server: { cors_origins: ['null'] }", OriginExpected)]
    [TestCase("server: { max_connections: 0 }", "server.max_connections: must be greater than 0")]
    [TestCase("server: { max_watchers_per_caller: 0 }", "server.max_watchers_per_caller: must be greater than 0")]
    [TestCase("server: { public_url: example.org/heimdall }", PublicExpected)]
    [TestCase("server: { public_url: 'ftp://localhost' }", PublicExpected)]
    [TestCase("server: { public_url: 'https://localhost/?a=b' }", PublicExpected)]
    [TestCase("server: { public_url: 'http://localhost//x' }", PublicExpected)]
    [TestCase(
        "server: { public_url: 'https://localhost/api' }",
        "server.public_url: has a path that begins like Heimdall's own "
        + "(/api, /hangfire, /openapi, /healthz, /readyz, /metrics, /docs, /console, /signin, /signout): take another")]
    [TestCase(
        "server: { public_url: 'https://example.org' }",
        "server.public_url: needs 'auth:': through the proxy others than this machine reach the API, "
        + "and could run SQL on every cluster")]
    [TestCase("server: { max_body_bytes: 0 }", "server.max_body_bytes: must be greater than 0")]
    [TestCase("worker: { max_lost_attempts: 0 }", "worker.max_lost_attempts: must be 1 to 100")]
    [TestCase("server: { max_inline_per_caller: -1 }", "server.max_inline_per_caller: must be greater than 0")]
    [TestCase("server: { max_queued_per_caller: 0 }", "server.max_queued_per_caller: must be greater than 0")]
    [TestCase("server: { health_timeout: 0s }", "server.health_timeout: must be longer than nothing")]
    [TestCase("server: { health_timeout: 25h }", "server.health_timeout: must not be longer than a day")]
    [TestCase("metrics: { api_listen: 'https://127.0.0.1:9464' }", "metrics.api_listen: must be an absolute http URL without a path, such as http://127.0.0.1:9464")]
    [TestCase("metrics: { worker_listen: 'http://127.0.0.1:9464/metrics' }", "metrics.worker_listen: must be an absolute http URL without a path, such as http://127.0.0.1:9465")]
    [TestCase(
        "metrics: { api_listen: 'http://metrics.internal:9464' }",
        "metrics.api_listen: must have an IP address or localhost as its host: "
            + "at any other name all addresses are open")]
    [TestCase(
        "logging: { levels: { '*gsql.Command': debug } }",
        "logging.levels: holds a key that is not a plain word (is a blank missing after a colon?)")]
    [TestCase(
        "metrics: { api_listen: 'http://127.0.0.1:9464', worker_listen: 'http://127.0.0.1:9464' }",
        "metrics.worker_listen: must be another address than metrics.api_listen: only one process can listen there")]
    [TestCase("metrics: { caller_classes: [{ callers: [a] }] }", "metrics.caller_classes[0].name: is required")]
    [TestCase("metrics: { caller_classes: [{ name: A b, callers: [a] }] }", "metrics.caller_classes[0].name: must be up to 40 of a-z, 0-9, _ and -")]
    [TestCase(
        "metrics: { caller_classes: [{ name: other, callers: [a] }] }",
        "metrics.caller_classes[0].name: must not be schedule or other: these count the jobs of schedules, and all other callers")]
    [TestCase("metrics: { caller_classes: [{ name: a }] }", "metrics.caller_classes[0].callers: is required: the patterns of the users that it counts")]
    [TestCase("metrics: { caller_classes: [{ name: a, callers: ['('] }] }", "metrics.caller_classes[0].callers[0]: must be a regular expression")]
    [TestCase("metrics: { caller_classes: [{ name: a, callers: [a] }, { name: a, callers: [b] }] }", "metrics.caller_classes: must name each class once")]
    [TestCase("tracing: { sample_percent: 101 }", "tracing.sample_percent: must be 0 to 100")]
    [TestCase(
        "otlp: { endpoint: 'collector:4317' }",
        "otlp.endpoint: must be an absolute http or https URL without a user, such as http://127.0.0.1:4317")]
    [TestCase("otlp: { protocol: udp }", "otlp.protocol: must be grpc or http")]
    [TestCase(
        "otlp: { headers: 'Bearer secret' }",
        "otlp.headers: must be name=value, with commas between several and values encoded as in a URL")]
    [TestCase("otlp: { metrics_interval: 10ms }", "otlp.metrics_interval: must not be shorter than 1s")]
    [TestCase("logging: { format: xml }", "logging.format: must be text or json")]
    [TestCase(
        "logging: { levels: { default: loud } }",
        "logging.levels.default: must be one of trace, debug, information, warning, error, critical, none")]
    [TestCase(
        "logging: { levels: { Npgsql.Command: information } }",
        "logging.levels.Npgsql.Command: must not be below warning: at lower levels Npgsql writes SQL, and no log holds that")]
    [TestCase("auth: { header: 'X User', trusted_proxies: [10.0.0.1] }",
        "auth.header: must be the name of an HTTP header, such as X-Heimdall-User")]
    [TestCase("auth: { header: '', trusted_proxies: [10.0.0.1] }",
        "auth.header: must be the name of an HTTP header, such as X-Heimdall-User")]
    [TestCase(
        "auth: { header: X-Heimdall-User }",
        "auth.trusted_proxies: must list the addresses of the proxies that set auth.header, such as [10.0.0.5, 10.1.0.0/16]: "
        + "anybody else who reaches the API could name any user")]
    [TestCase("auth: { trusted_proxies: [10.0.0.1] }",
        "auth.trusted_proxies: needs auth.header: the header in which these proxies name the user")]
    [TestCase("auth: { header: X-User, trusted_proxies: [10.0.0.1/8] }", ProxyExpected)]
    [TestCase("auth: { header: X-User, trusted_proxies: [proxy] }", ProxyExpected)]
    [TestCase("auth: { header: X-User, trusted_proxies: ['10'] }", ProxyExpected)]
    [TestCase($"auth: {{ {Key}, roles: [{{ role: boss, users: [a] }}] }}",
        "auth.roles[0].role: must be one of reader, submitter, operator, admin")]
    [TestCase($"auth: {{ {Key}, roles: [{{ users: [a] }}] }}", "auth.roles[0].role: is required")]
    [TestCase($"auth: {{ {Key}, roles: [{{ role: admin }}] }}",
        "auth.roles[0].users: must name the users, or claims must; [.*] is everybody")]
    [TestCase($"auth: {{ {Key}, roles: [{{ role: admin, users: ['('] }}] }}",
        "auth.roles[0].users[0]: must be a regular expression")]
    [TestCase($"auth: {{ {Key}, roles: [{{ role: admin, claims: {{ level: 3 }} }}] }}",
        "auth.roles[0].claims: must have texts as values; write numbers in quotes")]
    [TestCase($"auth: {{ {Key}, roles: [{{ role: admin, users: [a], cluster_tags: [''] }}] }}",
        "auth.roles[0].cluster_tags[0]: must not be an empty tag")]
    [TestCase($"auth: {{ {Key}, default_role: boss }}",
        "auth.default_role: must be one of reader, submitter, operator, admin, none")]
    [TestCase("auth: { roles: [{ role: admin, users: [a] }] }", NobodyExpected)]
    [TestCase("auth: { api_keys: [] }", NobodyExpected)]
    [TestCase("auth: { api_keys: }", NobodyExpected)]
    [TestCase("auth: { default_role: none }", NobodyExpected)]
    [TestCase("auth: { jwt: ~ }", NobodyExpected)]
    [TestCase("auth: { jwt: { keys_file: k.json, issuer: i } }", "auth.jwt.audience: is required")]
    [TestCase("auth: { jwt: { audience: a, issuer: i } }",
        "auth.jwt.keys_file: must be there where authority is not, and only there: the keys come from one of both")]
    [TestCase("auth: { jwt: { audience: a, keys_file: k.json } }",
        "auth.jwt.issuer: must name the issuer (iss) of the tokens, because there is no authority to ask for it")]
    [TestCase("auth: { jwt: { audience: a, authority: 'https://login.example/' }, "
        + "oidc: { client_id: a, authority: 'https://login.example' } }",
        "auth.jwt: must have another audience than auth.oidc.client_id: the ID token of each sign-in would be taken as "
        + "a bearer token, also after the sign-out")]
    [TestCase("auth: { jwt: { audience: a, authority: 'http://login.example' } }",
        "auth.jwt.authority: must be an absolute https URL, such as https://login.example.org/realm")]
    [TestCase("auth: { oidc: ~ }", NobodyExpected)]
    [TestCase("auth: { oidc: { authority: 'https://login.example' } }", "auth.oidc.client_id: is required")]
    [TestCase("auth: { oidc: { client_id: a } }", "auth.oidc.authority: is required")]
    [TestCase("auth: { oidc: { client_id: a, authority: 'http://login.example' } }", ProviderExpected)]
    [TestCase("auth: { oidc: { client_id: a, authority: 'https://u:p@login.example' } }", ProviderExpected)]
    [TestCase("auth: { oidc: { client_id: a, authority: login.example } }", ProviderExpected)]
    [TestCase($"auth: {{ oidc: {{ {Provider}, client_secret: '${{env:HEIMDALL_NO_SUCH_SECRET}}' }} }}",
        "auth.oidc.client_secret: ${env:HEIMDALL_NO_SUCH_SECRET}: the environment variable is not set")]
    [TestCase($"auth: {{ oidc: {{ {Provider}, client_secret: ' ' }} }}",
        "auth.oidc.client_secret: must not be blank; leave it out for a client without a secret")]
    [TestCase($"auth: {{ oidc: {{ {Provider}, scopes: [profile] }} }}",
        "auth.oidc.scopes: must contain openid: without it the provider tells no identity")]
    [TestCase($"auth: {{ oidc: {{ {Provider}, scopes: [openid, 'a b'] }} }}",
        "auth.oidc.scopes[1]: must be a scope without blanks, such as profile")]
    [TestCase($"auth: {{ oidc: {{ {Provider}, user_claim: '' }} }}", "auth.oidc.user_claim: is required")]
    [TestCase($"auth: {{ oidc: {{ {Provider}, roles_claim: '' }} }}",
        "auth.oidc.roles_claim: must be the name of a claim; leave it out where tokens name no roles")]
    [TestCase($"auth: {{ oidc: {{ {Provider}, idle_timeout: 59s }} }}", "auth.oidc.idle_timeout: must be at least 1m")]
    [TestCase($"auth: {{ oidc: {{ {Provider}, idle_timeout: 2h, session_lifetime: 1h }} }}",
        "auth.oidc.session_lifetime: must be at least auth.oidc.idle_timeout and at most 30d")]
    [TestCase($"auth: {{ oidc: {{ {Provider}, session_lifetime: 31d }} }}",
        "auth.oidc.session_lifetime: must be at least auth.oidc.idle_timeout and at most 30d")]
    [TestCase($"auth: {{ api_keys: [{{ user: a, hash: 'sha256:{Salt}:{Digest}', expires: tomorrow }}] }}",
        "auth.api_keys[0].expires: must be a time as in RFC 3339, with its offset: 2026-01-31T12:00:00Z")]
    [TestCase($"auth: {{ api_keys: [{{ hash: 'sha256:{Salt}:{Digest}' }}] }}", "auth.api_keys[0].user: is required")]
    [TestCase("auth: { api_keys: [{ user: alice }] }", "auth.api_keys[0].hash: is required")]
    [TestCase("auth: { api_keys: [{ user: alice, hash: plain }] }", HashExpected)]
    [TestCase($"auth: {{ api_keys: [{{ user: alice, hash: 'md5:{Salt}:{Digest}' }}] }}", HashExpected)]
    [TestCase($"auth: {{ api_keys: [{{ user: alice, hash: 'sha256:c2FsdA==:{Digest}' }}] }}", HashExpected)]
    [TestCase($"auth: {{ api_keys: [{{ user: alice, hash: 'sha256:{Salt}:{Salt}' }}] }}", HashExpected)]
    [TestCase($"auth: {{ api_keys: [{{ user: alice, hash: 'sha256:{Salt}:not base64' }}] }}", HashExpected)]
    [TestCase("auth: { api_keys: [{ user: alice, hash: '${env:HEIMDALL_UNSET}' }] }", "auth.api_keys[0].hash: ${env:HEIMDALL_UNSET}: the environment variable is not set")]
    [TestCase("worker: { concurrency: 0 }", "worker.concurrency: must be between 1 and 256")]
    [TestCase("worker: { concurrency: 257 }", "worker.concurrency: must be between 1 and 256")]
    [TestCase("worker: { lease: 1999ms }", "worker.lease: must be between 2s and 5m")]
    [TestCase("worker: { lease: 301s }", "worker.lease: must be between 2s and 5m")]
    [TestCase("worker: { drain_timeout: 0s }", "worker.drain_timeout: must be longer than nothing")]
    [TestCase("results: { retention: 0d }", "results.retention: must be longer than nothing")]
    [TestCase("results: { retention: 36501d }", "results.retention: must not be longer than 36500d")]
    [TestCase("results: { max_bytes: 0 }", "results.max_bytes: must be greater than 0")]
    [TestCase("retention: { audit: 23h }",
        "retention.audit: must be at least 1d: the database deletes no younger records")]
    [TestCase("sql_uploads: { max_bytes: 0 }", "sql_uploads.max_bytes: must be greater than 0")]
    public void Rejects_settings(string yaml, string expected)
    {
        using var folder = new ConfigFolder();

        Assert.That(folder.ProblemsOf(Database + yaml), Is.EqualTo(new[] { $"test.yaml:3: {expected}" }));
    }

    [TestCase("{}", "connection_string: is required")]
    [TestCase("{ connection_string: ' ' }", "connection_string: is required")]
    [TestCase("{ connection_string: '${env:HEIMDALL_UNSET}' }", "connection_string: ${env:HEIMDALL_UNSET}: the environment variable is not set")]
    [TestCase("{ connection_string: host=x, schema: '' }", "schema: " + SchemaExpected)]
    [TestCase("{ connection_string: host=x, schema: Heimdall }", "schema: " + SchemaExpected)]
    [TestCase("{ connection_string: host=x, schema: pg_heimdall }", "schema: " + SchemaExpected)]
    [TestCase("{ connection_string: host=x, schema: 1st }", "schema: " + SchemaExpected)]
    [TestCase("{ connection_string: host=x, schema: a-b }", "schema: " + SchemaExpected)]
    [TestCase("{ connection_string: host=x, schema: a234567890123456789012345678901234567890123456789012345678901234 }", "schema: " + SchemaExpected)]
    [TestCase("{ connection_string: host=x, hangfire_schema: pg_jobs }", "hangfire_schema: " + SchemaExpected)]
    [TestCase("{ connection_string: host=x, schema: jobs, hangfire_schema: jobs }", "hangfire_schema: must not be the same as database.schema")]
    public void Rejects_databases(string database, string expected)
    {
        using var folder = new ConfigFolder();

        Assert.That(folder.ProblemsOf($"database: {database}"), Is.EqualTo(new[] { $"test.yaml:1: database.{expected}" }));
    }

    [Test]
    public void A_database_is_required_even_where_none_is_written()
    {
        using var folder = new ConfigFolder();

        Assert.That(folder.ProblemsOf("server: {}"), Is.EqualTo(new[] { "test.yaml: database.connection_string: is required" }));
    }
}
