using System.Security.Cryptography;
using Heimdall.Core.Database;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Secrets;

/// <summary>
/// Tells whether two secrets are the same without keeping either: a hash under a key of the store, so that nobody who
/// reads the hash can find out a short secret by trying. The key is sealed itself.
/// </summary>
public sealed class SecretFingerprints(StoreDatabase database, SecretBox box)
{
    private const string Name = "secrets.fingerprint_key";

    private const int KeyLength = 32;

    private const string FindSql = "select value from shared_setting where name = $1";

    private const string AddSql = "insert into shared_setting (name, value) values ($1, $2) on conflict do nothing";

    // Where the key ring was lost, not where only this process cannot use it. Fingerprints of before then match nothing
    // any more.
    private const string ReplaceSql = "update shared_setting set value = $2 where name = $1 and value = $3";

    private byte[]? _key;

    /// <exception cref="JobFailedException">This process cannot use the key, which others can.</exception>
    public async Task<byte[]> OfAsync(ReadOnlyMemory<byte> secret, CancellationToken cancellationToken)
    {
        _key ??= await ReadKeyAsync(cancellationToken);
        return HMACSHA256.HashData(_key, secret.Span);
    }

    private async Task<byte[]> ReadKeyAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var found = await FindAsync(cancellationToken);
            if (found is not null)
            {
                try
                {
                    return Convert.FromBase64String(box.Open(new SealedText(Name, found)));
                }
                catch (SecretLostException lost) when (lost.IsForGood)
                {
                    await ExecuteAsync(ReplaceSql, cancellationToken, Name, MakeKey(), found);
                    continue;
                }
                catch (SecretLostException lost)
                {
                    throw new JobFailedException(
                        JobFailureKind.Unavailable,
                        "This process cannot use the key by which secrets are compared. Give it the certificate or the "
                        + "directory that the others have (secrets).", lost);
                }
            }
            await ExecuteAsync(AddSql, cancellationToken, Name, MakeKey());
        }
    }

    private string MakeKey() =>
        box.Seal(Name, Convert.ToBase64String(RandomNumberGenerator.GetBytes(KeyLength))).Text;

    private async Task<string?> FindAsync(CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(FindSql);
        command.Parameters.Add(new() { Value = Name });
        return (string?)await command.ExecuteScalarAsync(cancellationToken);
    }

    private async Task ExecuteAsync(string sql, CancellationToken cancellationToken, params string[] values)
    {
        await using var command = database.DataSource.CreateCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(new() { Value = value });
        }
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
