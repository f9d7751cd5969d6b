using System.CommandLine;
using Heimdall.Client;

namespace Heimdall.Cli;

/// <summary><c>heimdall login</c>.</summary>
internal static class LoginCommand
{
    public static Command Create(CliSession session)
    {
        var url = new Argument<string>("ADDRESS")
        {
            Description = "The address of Heimdall, such as https://heimdall.example.com.",
        };
        var cluster = CliOptions.Text("--cluster", "TAG", "The usual cluster: a tag or an id.");
        var login = new Command(
            "login",
            "Ask for a key, try it, and store it with the address as a profile. "
            + "Without a terminal the key comes from stdin.")
        {
            url, cluster,
        };
        login.SetAction(async (result, cancellationToken) =>
        {
            var address = CliSession.ToAddress(result.GetRequiredValue(url));
            var typed = session.Terminal.ReadSecret("Key (empty for none): ").Trim();
            var key = typed.Length > 0 ? typed : null;
            if (key is not null && CliSession.IsReadableByOthers(address))
            {
                throw new UsageException(
                    $"A key for another machine needs https: {address} would send it unencrypted.");
            }
            var options = new HeimdallOptions { Address = address, Key = key, RetryFor = TimeSpan.Zero };
            using var client = new HeimdallClient(options);
            await client.ClustersAsync(cancellationToken);
            var profile = result.GetValue(session.Profile) ?? ProfileStore.DefaultName;
            session.Profiles.Write(profile, new StoredProfile(address.AbsoluteUri, key, result.GetValue(cluster)));
            session.Terminal.Say($"Stored as profile '{profile}' in {session.Profiles.File}.");
            return CliExitCode.Succeeded;
        });
        return login;
    }
}
