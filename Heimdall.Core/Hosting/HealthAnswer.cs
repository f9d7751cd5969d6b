namespace Heimdall.Core.Hosting;

/// <summary>What a running process answers when it is asked how it is.</summary>
/// <param name="IsReady">Whether it works.</param>
/// <param name="Text">A line for people: <c>ready</c>, or why it is not.</param>
public sealed record HealthAnswer(bool IsReady, string Text);
