using System.Security.Cryptography;
using Heimdall.Core.Database;

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

    // Where the key ring was lost. Fingerprints of before then match nothing any more.
    private const string ReplaceSql = "update shared_setting set value = $2 where name = $1 and value = $3";

    private byte[]? _key;

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
                catch (SecretLostException)
                {
                    await ExecuteAsync(ReplaceSql, cancellationToken, Name, MakeKey(), found);
                    continue;
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
