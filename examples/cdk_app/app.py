"""The CDK app of a shop, which sends its mail with Mailbus."""

from __future__ import annotations

from aws_cdk import App, Environment
from infra.shop import Shop

REGION = "eu-west-1"

app = App()
Shop(app, "Shop", env=Environment(region=REGION))
app.synth()
