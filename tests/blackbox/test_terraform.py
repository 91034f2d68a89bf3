"""Terraform with the real AWS provider: each stack of tests/terraform applies, shows no drift, is destroyed.

Needs the `terraform` program and a folder that mirrors the provider (TF_PLUGIN_MIRROR, or where
distributions put it); without them the stacks are skipped.
"""

import glob
import os
import pathlib
import shutil
import subprocess
import uuid

import pytest

STACKS = sorted(path.parent for path in (pathlib.Path(__file__).parents[1] / "terraform").glob("*/main.tf"))
PROVIDER = "hashicorp/aws"


def provider_mirror():
    """The folder whose layout is HOST/hashicorp/aws, or None."""
    places = [os.environ.get("TF_PLUGIN_MIRROR"), os.path.expanduser("~/.terraform.d/plugins"),
              "/usr/share/terraform/plugins", "/usr/local/share/terraform/plugins", *glob.glob("/opt/*")]
    return next((place for place in places if place and glob.glob(f"{place}/*/{PROVIDER}")), None)


MIRROR = provider_mirror()
pytestmark = [
    pytest.mark.skipif(not shutil.which("terraform"), reason="terraform is not installed"),
    pytest.mark.skipif(not MIRROR, reason="no mirror of the AWS provider: set TF_PLUGIN_MIRROR"),
]

COMMON = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
variable "tag" { type = string }
provider "aws" {
  region                  = "us-east-1"
  s3_use_path_style       = true
  skip_metadata_api_check = true
  max_retries             = 2
}
"""


@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: stack.name)
def test_stack(region, stack, tmp_path):
    folder = tmp_path / stack.name
    shutil.copytree(stack, folder)
    (folder / "common.tf").write_text(COMMON)
    (folder / "terraform.tfvars").write_text(f'tag = "{uuid.uuid4().hex[:6]}"\n')
    settings = tmp_path / "terraformrc"
    settings.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{MIRROR}"\n  }}\n}}\n')
    environment = dict(region.environment(), TF_CLI_CONFIG_FILE=str(settings), CHECKPOINT_DISABLE="1", TF_IN_AUTOMATION="1")

    def terraform(*arguments):
        done = subprocess.run(["terraform", *arguments, "-no-color"], cwd=folder, env=environment, timeout=180,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    for step in (["init", "-input=false"], ["apply", "-auto-approve", "-input=false"]):
        code, text = terraform(*step)
        assert code == 0, f"terraform {step[0]}\n{text}"
    code, text = terraform("plan", "-detailed-exitcode", "-input=false")
    assert code == 0, f"a second plan finds something to change\n{text}"
    code, text = terraform("destroy", "-auto-approve", "-input=false")
    assert code == 0, f"terraform destroy\n{text}"
