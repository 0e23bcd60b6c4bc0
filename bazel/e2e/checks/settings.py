"""What the command line says: which Bazel to use, and how."""

from dataclasses import dataclass, field

from bazel import Workspace


@dataclass
class Settings:
    """The Bazel under test."""

    program: list[str] = field(default_factory=lambda: ["bazel"])
    flags: list[str] = field(default_factory=list)
    # A runner to use instead of the one built from source.
    runner: str | None = None
    # Where to put the runner that was built from source.
    keep_runner: str | None = None
    # A Bazel without RunEnvironmentInfo: no env_inherit, no environment of wrapped programs.
    oldest: bool = False

    def __post_init__(self):
        self._suite = None

    def suite(self):
        """A copy of bazel/e2e/suite with the runner at hand. All tests share it, as a Bazel server takes long to start."""
        if self._suite is None:
            self._suite = Workspace("suite", self.program, self.flags)
            use_local_runner(self._suite, self.runner)
        return self._suite

    def close(self):
        """Ends what the tests shared."""
        if self._suite is not None:
            self._suite.close()


def use_local_runner(workspace, path):
    """Makes a workspace use a runner that is on this machine, by both ways to say so."""
    module = workspace.path / "MODULE.bazel"
    if module.exists():
        use_extension(workspace, f'foresee.local(path = "{path}")')
    legacy = workspace.path / "WORKSPACE"
    if legacy.exists():
        legacy.write_text(
            legacy.read_text().replace("foresee_repositories()", f'foresee_repositories(local_path = "{path}")')
        )


def use_extension(workspace, tags):
    """Adds a use of the module extension to a MODULE.bazel."""
    module = workspace.path / "MODULE.bazel"
    module.write_text(
        module.read_text() + f'\nforesee = use_extension("@foresee//bazel:extensions.bzl", "foresee")\n{tags}\n'
    )


SETTINGS = Settings()
