namespace Heimdall.Tests.Chaos;

/// <summary>What a message between a client and PostgreSQL is about.</summary>
internal enum TransactionStep
{
    Other,
    Begin,
    Commit,
}

/// <summary>Where a message is when a proxy looks at it.</summary>
internal enum MessageMoment
{
    BeforeRequest,
    AfterRequest,
    BeforeAnswer,
    AfterAnswer,
}
