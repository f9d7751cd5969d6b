using Heimdall.Core.Configuration;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace Heimdall.Api.SignIn;

/// <summary>Why a sign-in was refused. Users see a sentence; the word is in the audit and in the address.</summary>
internal enum SignInProblem
{
    /// <summary>The reply is to no sign-in that this browser has begun, was used before, or took too long.</summary>
    State,

    /// <summary>The token is one of another sign-in.</summary>
    Nonce,

    /// <summary>The token is for another client.</summary>
    Audience,

    /// <summary>The token is of another provider.</summary>
    Issuer,

    /// <summary>The token is over, or not valid yet.</summary>
    Time,

    /// <summary>The token's form or signature is not as it must be.</summary>
    Token,

    /// <summary>The token does not name a user who may have an account here.</summary>
    User,

    /// <summary>The user or the provider has said no.</summary>
    Denied,

    /// <summary>The provider does not answer, or does not take what this server sends.</summary>
    Provider,

    /// <summary>This address has sent too many wrong credentials.</summary>
    TooMany,
}

/// <summary>A sign-in that the framework would take, and Heimdall does not.</summary>
internal sealed class SignInRefusedException(SignInProblem problem, string message) : Exception(message)
{
    public SignInProblem Problem => problem;
}

internal static class SignInProblems
{
    private const string Again = "Sign in again; if that does not help, tell an administrator.";

    public static string ToWord(this SignInProblem problem) => problem switch
    {
        SignInProblem.TooMany => "too-many",
        _ => problem.ToString().ToLowerInvariant(),
    };

    public static SignInProblem? Find(string? name) =>
        Enum.GetValues<SignInProblem>().Cast<SignInProblem?>().FirstOrDefault(one => one!.Value.ToWord() == name);

    /// <summary>For the user's eyes.</summary>
    public static string ToSentence(this SignInProblem problem) => problem switch
    {
        SignInProblem.State =>
            "The reply of the identity provider belongs to no sign-in that this browser has begun within 15 minutes, "
            + "or it was used before. Sign in again.",
        SignInProblem.User =>
            "The identity provider has not named a user whom this server can know. Tell an administrator.",
        SignInProblem.Denied => "The identity provider has refused the sign-in.",
        SignInProblem.Provider =>
            "The identity provider does not answer, or does not take what this server sends. Try again later.",
        SignInProblem.TooMany => "Too many sign-ins from your address were refused. Try again in a minute.",
        SignInProblem.Time =>
            $"The token of the identity provider is over, or not valid yet: a clock may be wrong. {Again}",
        _ => $"The token of the identity provider is not one for this sign-in. {Again}",
    };

    /// <summary>Whether nobody is to blame but the provider, which has not answered, or this server.</summary>
    public static bool IsAway(Exception? failure) => failure is HttpRequestException or IOException
        or InvalidOperationException or OperationCanceledException or SecretReferenceException;

    public static SignInProblem Of(Exception? failure) => failure switch
    {
        SignInRefusedException refused => refused.Problem,
        OpenIdConnectProtocolInvalidNonceException => SignInProblem.Nonce,
        SecurityTokenExpiredException or SecurityTokenNotYetValidException or SecurityTokenNoExpirationException
            or SecurityTokenInvalidLifetimeException => SignInProblem.Time,
        SecurityTokenInvalidAudienceException => SignInProblem.Audience,
        SecurityTokenInvalidIssuerException => SignInProblem.Issuer,
        SecurityTokenException => SignInProblem.Token,
        OpenIdConnectProtocolException { InnerException: SecurityTokenException inner } => Of(inner),
        OpenIdConnectProtocolException => SignInProblem.Provider,
        _ when IsAway(failure) => SignInProblem.Provider,
        ArgumentException => SignInProblem.Token, // what is no token at all
        _ => SignInProblem.State,
    };
}
