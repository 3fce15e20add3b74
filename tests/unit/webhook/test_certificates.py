"""Signing certificates come from SNS's own host alone, and are cached."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus

import pytest

from tests.unit.webhook.world import (
    CERTIFICATE_URL,
    NOW,
    World,
    certificate,
    notification,
    rsa_key,
    signed,
)
from webhook.certificates import CACHED_CERTIFICATES, Unreachable

OK = HTTPStatus.OK


FORBIDDEN = HTTPStatus.FORBIDDEN


LATER = HTTPStatus.SERVICE_UNAVAILABLE


REGION_CERTIFICATE = "SimpleNotificationService-7506a1e35b36ef5a444dd1a8e7cc3ed8.pem"


SNS = "sns.us-east-1.amazonaws.com"


def test_a_certificate_is_fetched_once() -> None:
    world = World()
    for _ in range(3):
        world.post(signed(notification()))
    assert world.fetched == [CERTIFICATE_URL]


def test_the_cache_of_certificates_is_bounded() -> None:
    world = World()
    urls = [
        f"https://{SNS}/SimpleNotificationService-{number:032x}.pem"
        for number in range(CACHED_CERTIFICATES + 1)
    ]
    messages = [signed(notification(SigningCertURL=url)) for url in urls]
    world.files |= dict.fromkeys(urls, certificate(rsa_key()))
    for message in [*messages[:CACHED_CERTIFICATES], messages[0]]:
        world.post(message)
    assert world.fetched == urls[:CACHED_CERTIFICATES]
    world.post(messages[-1])
    world.post(messages[0])
    assert world.fetched == [*urls, urls[0]]


ELSEWHERE = {
    "another host": f"https://example.com/{REGION_CERTIFICATE}",
    "http": f"http://sns.us-east-1.amazonaws.com/{REGION_CERTIFICATE}",
    "file": f"file:///{REGION_CERTIFICATE}",
    "no scheme": f"//sns.us-east-1.amazonaws.com/{REGION_CERTIFICATE}",
    "a longer host": f"https://sns.us-east-1.amazonaws.com.example.com/{REGION_CERTIFICATE}",
    "a host that ends alike": f"https://evilsns.us-east-1.amazonaws.com/{REGION_CERTIFICATE}",
    "a domain that ends alike": f"https://sns.us-east-1.evilamazonaws.com/{REGION_CERTIFICATE}",
    "a subdomain": f"https://evil.sns.us-east-1.amazonaws.com/{REGION_CERTIFICATE}",
    "a bucket called sns": f"https://sns.s3-us-west-2.amazonaws.com/{REGION_CERTIFICATE}",
    "a bucket called sns, in another style": f"https://sns.s3.us-west-2.amazonaws.com/{REGION_CERTIFICATE}",
    "another service": f"https://sqs.us-east-1.amazonaws.com/{REGION_CERTIFICATE}",
    "no region": f"https://sns.amazonaws.com/{REGION_CERTIFICATE}",
    "China's domain elsewhere": f"https://sns.us-east-1.amazonaws.com.cn/{REGION_CERTIFICATE}",
    "China without its domain": f"https://sns.cn-north-1.amazonaws.com/{REGION_CERTIFICATE}",
    "the sovereign cloud without its domain": f"https://sns.eusc-de-east-1.amazonaws.com/{REGION_CERTIFICATE}",
    "the sovereign cloud's domain elsewhere": f"https://sns.eu-west-1.amazonaws.eu/{REGION_CERTIFICATE}",
    "a region that the sovereign cloud cannot have": f"https://sns.eusc-xx-east-1.amazonaws.eu/{REGION_CERTIFICATE}",
    "a domain that only looks like the sovereign cloud's": f"https://sns.eusc-de-east-1.amazonaws.eu.com/{REGION_CERTIFICATE}",
    "an isolated region's domain elsewhere": f"https://sns.us-east-1.c2s.ic.gov/{REGION_CERTIFICATE}",
    "an underscore in a region": f"https://sns.us-we_st-1.amazonaws.com/{REGION_CERTIFICATE}",
    "another country's domain": f"https://sns.us-east-1.amazonaws.com.co/{REGION_CERTIFICATE}",
    "a dot that is any character": f"https://sns.us-east-1xamazonaws.com/{REGION_CERTIFICATE}",
    "a Cyrillic letter": f"https://sns.us-east-1.am\u0430zonaws.com/{REGION_CERTIFICATE}",
    "fullwidth dots": f"https://sns\uff0eus-east-1\uff0eamazonaws\uff0ecom/{REGION_CERTIFICATE}",
    "a digit of another script": f"https://sns.us-east-\u0661.amazonaws.com/{REGION_CERTIFICATE}",
    "a long s that folds": f"https://\u017fns.us-east-1.amazonaws.com/{REGION_CERTIFICATE}",
    "capitals": f"https://SNS.us-east-1.amazonaws.com/{REGION_CERTIFICATE}",
    "a trailing dot": f"https://sns.us-east-1.amazonaws.com./{REGION_CERTIFICATE}",
    "a user": f"https://sns.us-east-1.amazonaws.com@example.com/{REGION_CERTIFICATE}",
    "a user before it": f"https://user:pw@sns.us-east-1.amazonaws.com/{REGION_CERTIFICATE}",
    "a port": f"https://sns.us-east-1.amazonaws.com:8443/{REGION_CERTIFICATE}",
    "the port of https": f"https://sns.us-east-1.amazonaws.com:443/{REGION_CERTIFICATE}",
    "a backslash": f"https://example.com\\@sns.us-east-1.amazonaws.com/{REGION_CERTIFICATE}",
    "a backslash for a slash": f"https://sns.us-east-1.amazonaws.com\\{REGION_CERTIFICATE}",
    "an encoded slash": f"https://example.com%2f.sns.us-east-1.amazonaws.com/{REGION_CERTIFICATE}",
    "an encoded host": f"https://sns%2eus-east-1.amazonaws.com/{REGION_CERTIFICATE}",
    "another path": "https://sns.us-east-1.amazonaws.com/?Action=GetEndpointAttributes",
    "another file": "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-7506.exe",
    "a folder": f"https://sns.us-east-1.amazonaws.com/uploads/{REGION_CERTIFICATE}",
    "a path that goes up": f"https://sns.us-east-1.amazonaws.com/../{REGION_CERTIFICATE}",
    "an encoded path": "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-75%30.pem",
    "a query": f"{CERTIFICATE_URL}?x=1",
    "a fragment": f"{CERTIFICATE_URL}#x",
    "a line feed at the end": f"{CERTIFICATE_URL}\n",
    "a line feed inside": f"https://sns.us-east-1\n.amazonaws.com/{REGION_CERTIFICATE}",
    "a space before": f" {CERTIFICATE_URL}",
    "a tab inside": f"https://sns.us-east-1.amaz\tonaws.com/{REGION_CERTIFICATE}",
    "nothing": "",
    "very long": "https://sns." + "a-" * 50_000,
}


@pytest.mark.parametrize("url", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_certificate_url_that_is_not_snss_is_refused_and_not_fetched(url: str) -> None:
    world = World()
    world.files[url] = certificate(rsa_key())
    assert world.post(signed(notification(SigningCertURL=url))).status == FORBIDDEN
    assert world.fetched == []
    assert world.refusal_reason().startswith("SigningCertURL is not one of SNS's")


@pytest.mark.parametrize(
    "host",
    [
        "sns.us-east-1.amazonaws.com",
        "sns.ap-southeast-7.amazonaws.com",
        "sns.us-gov-west-1.amazonaws.com",
        "sns.mx-central-1.amazonaws.com",
        "sns.zz-future-1.amazonaws.com",
        "sns.cn-northwest-1.amazonaws.com.cn",
        "sns.eusc-de-east-1.amazonaws.eu",
        "sns.us-iso-east-1.c2s.ic.gov",
        "sns.us-isob-east-1.sc2s.sgov.gov",
        "sns.eu-isoe-west-1.cloud.adc-e.uk",
        "sns.us-isof-south-1.csp.hci.ic.gov",
    ],
)
def test_a_certificate_may_be_of_any_region(host: str) -> None:
    world = World()
    url = f"https://{host}/{REGION_CERTIFICATE}"
    world.files[url] = certificate(rsa_key())
    assert world.post(signed(notification(SigningCertURL=url))).status == OK


def test_a_cached_certificate_that_expires_is_refused() -> None:
    world = World()
    world.files[CERTIFICATE_URL] = certificate(rsa_key(), ends=NOW + timedelta(minutes=1))
    message = signed(notification())
    assert world.post(message).status == OK
    world.now += timedelta(minutes=2)
    assert world.post(message).status == FORBIDDEN


def test_a_certificate_that_sns_renews_at_its_url_is_fetched_again() -> None:
    world = World()
    world.files[CERTIFICATE_URL] = certificate(rsa_key(), ends=NOW + timedelta(minutes=1))
    message = signed(notification())
    world.post(message)
    world.now += timedelta(minutes=2)
    world.files[CERTIFICATE_URL] = certificate(rsa_key())
    assert world.post(message).status == OK


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(Unreachable(reason="status 404"), id="not found"),
        pytest.param(Unreachable(reason="TimeoutError"), id="too slow"),
        pytest.param(b"<html>Service Unavailable</html>", id="a page"),
        pytest.param(b"", id="nothing"),
        pytest.param(certificate(rsa_key())[:700], id="half of it"),
        pytest.param(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", id="junk in PEM"),
    ],
)
def test_without_a_certificate_sns_retries_and_nothing_is_cached(
    file: bytes | Unreachable,
) -> None:
    world = World()
    good = world.files[CERTIFICATE_URL]
    world.files[CERTIFICATE_URL] = file
    message = signed(notification())
    assert world.post(message).status == LATER
    assert world.nothing_happened()
    assert world.measured == []
    assert world.log[0]["unavailable"] == "signing certificate"
    world.files[CERTIFICATE_URL] = good
    assert world.post(message).status == OK
