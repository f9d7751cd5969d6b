using System.Text;
using Heimdall.Core.Configuration.Validation;
using Heimdall.Core.Configuration.Yaml;
using Heimdall.Core.Plugins;
using YamlDotNet.Core;

namespace Heimdall.Core.Configuration.Loading;

/// <summary>The one point where YAML is read.</summary>
public static class ConfigFile
{
    private static readonly UTF8Encoding _strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads a configuration and checks all of it, secrets' references and the plugins' contexts included.</summary>
    /// <exception cref="ConfigException">Something is wrong; it carries every problem at once.</exception>
    public static HeimdallConfig Load(string path, PluginCatalog plugins)
    {
        var problems = new ConfigProblemList(path);

        if (Read(path, problems) is { } root)
        {
            var config = new ConfigBinder(problems).Bind(root);
            config = config with
            {
                SqlDirectory = MakeAbsolute(config.SqlDirectory, path),
                Server = config.Server with { Tls = MakeAbsolute(config.Server.Tls, path) },
                Auth = config.Auth with { Jwt = MakeAbsolute(config.Auth.Jwt, path) },
                Worker = config.Worker with { HealthSocket = MakeAbsoluteIfAny(config.Worker.HealthSocket, path) },
                Secrets = config.Secrets with
                {
                    Directory = MakeAbsoluteIfAny(config.Secrets.Directory, path),
                    Certificate = MakeAbsoluteIfAny(config.Secrets.Certificate, path),
                    FormerCertificates = Array.ConvertAll(
                        config.Secrets.FormerCertificates, file => MakeAbsolute(file, path)),
                },
                Results = config.Results with { Directory = MakeAbsoluteIfAny(config.Results.Directory, path) },
            };
            problems.AddFailures(new HeimdallConfigValidator(plugins).Validate(config));
            if (!config.Auth.IsConfigured && WantsCallersKnown(root))
            {
                problems.Add(
                    "auth",
                    "needs api_keys, header, jwt or oidc: without one of them everybody on this machine is an admin. "
                    + "Leave the section out if that is meant");
            }

            if (problems.IsEmpty)
            {
                return config.ReadFrom(Path.GetFullPath(path));
            }
        }

        throw new ConfigException(problems.InOrder());
    }

    /// <summary>
    /// Whether the section is meant to keep others out, as when its last key has been taken out of it. Proxies without
    /// their header are a problem of their own.
    /// </summary>
    private static bool WantsCallersKnown(YamlMap root) => root.Entries
        .Where(entry => entry.Key is YamlScalar { Text: "auth" })
        .Select(entry => entry.Value).OfType<YamlMap>()
        .SelectMany(auth => auth.Entries)
        .Any(entry => entry.Key is YamlScalar
        {
            Text: "api_keys" or "header" or "jwt" or "oidc" or "roles" or "default_role",
        });

    private static YamlMap? Read(string path, ConfigProblemList problems)
    {
        try
        {
            switch (YamlTree.Read(File.ReadAllText(path, _strictUtf8)))
            {
                case YamlMap map:
                    return map;
                case null or YamlScalar { IsNull: true }:
                    problems.Add("", "the file is empty");
                    break;
                case var other:
                    problems.Add("", "the file must be a mapping of keys to values", other.Line);
                    break;
            }
        }
        catch (YamlException e)
        {
            problems.Add("", $"the file is not a YAML document: {e.Message}", checked((int)e.Start.Line));
        }
        catch (DecoderFallbackException)
        {
            problems.Add("", "the file is not UTF-8 text");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            problems.Add("", "the file does not exist");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            problems.Add("", "the file cannot be read");
        }

        return null;
    }

    private static TlsConfig? MakeAbsolute(TlsConfig? tls, string configFile) => tls is null ? null : tls with
    {
        Certificate = MakeAbsolute(tls.Certificate, configFile),
        Key = MakeAbsolute(tls.Key, configFile),
    };

    private static JwtConfig? MakeAbsolute(JwtConfig? jwt, string configFile) =>
        jwt is null ? null : jwt with { KeysFile = MakeAbsoluteIfAny(jwt.KeysFile, configFile) };

    private static string? MakeAbsoluteIfAny(string? file, string configFile) =>
        file is null ? null : MakeAbsolute(file, configFile);

    private static string MakeAbsolute(string file, string configFile) =>
        string.IsNullOrWhiteSpace(file) || file.Contains('\0')
            ? file
            : Path.GetFullPath(file, Path.GetDirectoryName(Path.GetFullPath(configFile))!);
}
