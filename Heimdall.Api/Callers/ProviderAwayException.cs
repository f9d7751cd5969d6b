namespace Heimdall.Api.Callers;

/// <summary>The identity provider does not answer, and has not told its keys before: no token can be checked.</summary>
internal sealed class ProviderAwayException() : Exception(
    "The identity provider in auth.jwt.authority does not answer, so the token of this request was neither accepted nor "
    + "refused. Send it again later, or use an API key.");
