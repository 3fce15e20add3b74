from __future__ import annotations

import json
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.stub import Stubber

from mailbus_local.cdk_app import CdkApp, check_regions, own_outputs, stage_outputs
from mailbus_local.errors import EmbeddedAwsError

if TYPE_CHECKING:
    from pathlib import Path


def outputs_of(*names: str) -> dict[str, str]:
    """Return the outputs that are found with these parameters."""
    ssm = boto3.client("ssm", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test")
    with Stubber(ssm) as stub:
        stub.add_response(
            "get_parameters_by_path",
            {"Parameters": [{"Name": name, "Value": f"value of {name}"} for name in names]},
            {"Path": "/mailbus/", "Recursive": True},
        )
        return stage_outputs(ssm)


def test_the_outputs_of_the_only_stage_have_their_own_names() -> None:
    assert outputs_of("/mailbus/shop/SendQueueUrl", "/mailbus/shop/EventBusName") == {
        "stage": "shop",
        "SendQueueUrl": "value of /mailbus/shop/SendQueueUrl",
        "EventBusName": "value of /mailbus/shop/EventBusName",
    }


@pytest.mark.parametrize("names", [(), ("/mailbus/dev/SendQueueUrl", "/mailbus/prod/SendQueueUrl")])
def test_no_output_is_of_one_of_several_stages(names: tuple[str, ...]) -> None:
    assert outputs_of(*names) == {}


def test_the_outputs_that_the_stage_has_are_not_repeated_by_the_names_of_the_stacks() -> None:
    stacks = {"MailSendQueueUrl1A2B3C4D": "url", "ShopUrl": "https://", "ShopRoleArn0123ABCD": "arn"}
    stage = {"stage": "shop", "SendQueueUrl": "url", "SendQueueArn": "arn"}
    assert own_outputs(stacks, stage) == {"ShopUrl": "https://", "ShopRoleArn0123ABCD": "arn"}
    assert own_outputs(stage, stage) == stage
    assert own_outputs(stacks, {}) == stacks


def test_a_stack_for_another_region_is_an_error_that_names_the_option(tmp_path: Path) -> None:
    artifact = {"type": "aws:cloudformation:stack", "environment": "aws://unknown-account/eu-west-1"}
    (tmp_path / "manifest.json").write_text(json.dumps({"artifacts": {"Shop": artifact}}))
    app = CdkApp(command="python3 app.py", folder=tmp_path, region="us-east-1")
    with pytest.raises(EmbeddedAwsError) as error:
        check_regions(app, tmp_path)
    assert str(error.value) == "the stack Shop is for eu-west-1, not us-east-1; use --region eu-west-1"
