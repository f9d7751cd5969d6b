using System.Text.Json;
using Heimdall.Api.Callers;
using Heimdall.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Rights;

/// <summary>When API keys were last used, and who may know.</summary>
[CancelAfter(120_000)]
public sealed class KeyUseTests
{
    private RoleInstance _api = null!;

    private KeyUses Uses => _api.Heimdall.ApiServices.GetRequiredService<KeyUses>();

    [OneTimeSetUp]
    public async Task Start() => _api = await RoleInstance.StartAsync(worker: false, users: ["alice", "bob", "carol"]);

    [OneTimeTearDown]
    public async Task Stop() => await _api.DisposeAsync();

    [Test]
    public async Task A_use_is_noted_with_its_time_and_address(CancellationToken cancellationToken)
    {
        var before = DateTime.UtcNow.AddSeconds(-1);
        (await _api.SendAsync("alice", "GET", "/api/v1/me", cancellationToken)).AssertStatus(200);
        await Uses.WriteAsync(cancellationToken);

        var own = await KeysAsync("alice", cancellationToken);

        Assert.That(own, Has.Length.EqualTo(1), "her own and nobody else's");
        Assert.That(own[0].GetProperty("user").GetString(), Is.EqualTo("alice"));
        Assert.That(
            own[0].GetProperty("last_used_at").GetDateTime(), Is.InRange(before, DateTime.UtcNow.AddSeconds(1)));
        Assert.That(own[0].GetProperty("last_used_from").GetString(), Is.EqualTo("127.0.0.1"));
        Assert.That(own[0].GetProperty("id").GetString(), Does.Match("^[0-9a-f]{16}$"));
    }

    [Test]
    public async Task Admins_see_which_keys_nobody_uses(CancellationToken cancellationToken)
    {
        var all = await KeysAsync("admin", cancellationToken);

        var carol = all.Single(key => key.GetProperty("user").GetString() == "carol");
        Assert.That(carol.TryGetProperty("last_used_at", out _), Is.False);
        Assert.That(all.Select(key => key.GetProperty("user").GetString()), Does.Contain("alice").And.Ordered);
        var expired = all.Single(key => key.TryGetProperty("expires_at", out _));
        Assert.That(expired.GetProperty("user").GetString(), Is.EqualTo("admin"));
    }

    [Test]
    public async Task Of_two_processes_the_later_use_counts(CancellationToken cancellationToken)
    {
        (await _api.SendAsync("reader", "GET", "/api/v1/me", cancellationToken)).AssertStatus(200);
        await Uses.WriteAsync(cancellationToken);
        var id = (await KeysAsync("reader", cancellationToken))[0].GetProperty("id").GetString()!;
        await _api.Heimdall.Store.ExecuteAsync(
            "update heimdall.api_key_use set last_used_at = '2999-01-01', address = '::1' where key = $1",
            cancellationToken, id);

        (await _api.SendAsync("reader", "GET", "/api/v1/me", cancellationToken)).AssertStatus(200);
        await Uses.WriteAsync(cancellationToken);

        var key = (await KeysAsync("reader", cancellationToken))[0];
        Assert.That(key.GetProperty("last_used_at").GetDateTime().Year, Is.EqualTo(2999));
        Assert.That(key.GetProperty("last_used_from").GetString(), Is.EqualTo("::1"));
    }

    [Test]
    public async Task A_store_that_refuses_gets_it_later(CancellationToken cancellationToken)
    {
        (await _api.SendAsync("bob", "GET", "/api/v1/me", cancellationToken)).AssertStatus(200);
        await _api.Heimdall.Store.ExecuteAsync(
            "alter table heimdall.api_key_use rename column address to elsewhere", cancellationToken);
        try
        {
            Assert.That(() => Uses.WriteAsync(cancellationToken), Throws.InstanceOf<PostgresException>());
            await Uses.TryWriteAsync(cancellationToken);
        }
        finally
        {
            await _api.Heimdall.Store.ExecuteAsync(
                "alter table heimdall.api_key_use rename column elsewhere to address", cancellationToken);
        }
        await Uses.WriteAsync(cancellationToken);

        var key = (await KeysAsync("bob", cancellationToken))[0];
        Assert.That(key.TryGetProperty("last_used_at", out _), Is.True);
    }

    [Test]
    public async Task A_refused_key_is_no_use(CancellationToken cancellationToken)
    {
        (await _api.SendFromAsync(910, _api.ExpiredKey, "GET", "/api/v1/me", cancellationToken)).AssertStatus(401);
        await Uses.WriteAsync(cancellationToken);

        var expired = (await KeysAsync("admin", cancellationToken))
            .Single(key => key.TryGetProperty("expires_at", out _));

        Assert.That(expired.TryGetProperty("last_used_at", out _), Is.False);
    }

    private async Task<JsonElement[]> KeysAsync(string caller, CancellationToken cancellationToken) =>
        [.. (await _api.SendAsync(caller, "GET", "/api/v1/keys", cancellationToken)).AssertStatus(200)
            .Json.GetProperty("data").EnumerateArray()];
}
