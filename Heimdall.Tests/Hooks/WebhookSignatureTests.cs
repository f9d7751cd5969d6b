using System.Text;
using Heimdall.Core.Configuration.Validation;
using Heimdall.Core.Hooks;
using NUnit.Framework;

namespace Heimdall.Tests.Hooks;

public sealed class WebhookSignatureTests
{
    // The test vector of the libraries at https://github.com/standard-webhooks/standard-webhooks
    private const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private const string Signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    private static readonly DateTimeOffset _sentAt = DateTimeOffset.FromUnixTimeSeconds(1614265330);

    [Test]
    public void It_is_that_of_the_test_vector_of_Standard_Webhooks()
    {
        Assert.That(Sign("{\"test\": 2432232314}", Secret), Is.EqualTo(Signature));
        Assert.That(WebhookSignature.TimestampOf(_sentAt), Is.EqualTo("1614265330"));
    }

    [Test]
    public void While_a_secret_is_replaced_both_sign()
    {
        const string Next = "whsec_bmV4dC1uZXh0LW5leHQtbmV4dC1uZXh0LW5leHQ=";

        var both = Sign("{\"test\": 2432232314}", Next, Secret).Split(' ');

        Assert.That(both, Is.EqualTo(new[] { Sign("{\"test\": 2432232314}", Next), Signature }));
    }

    [Test]
    public void Another_body_has_another_signature() =>
        Assert.That(Sign("{\"test\": 2432232315}", Secret), Is.Not.EqualTo(Signature));

    [TestCase("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    [TestCase("whsec_not base64")]
    public void A_secret_without_prefix_or_base64_is_none(string secret) =>
        Assert.That(HookConfigValidator.ReadSecret(secret), Is.Null);

    private static string Sign(string body, params string[] secrets) =>
        WebhookSignature.Sign(secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", _sentAt, Encoding.UTF8.GetBytes(body));
}
