"""What docs/nix.md says is what the files say."""

import subprocess

from conftest import REPOSITORY


def test_the_reference_is_fresh():
    reference = subprocess.check_output([REPOSITORY / "nix/reference"], text=True)
    assert reference in (REPOSITORY / "docs/nix.md").read_text(), "run nix/reference --write"
