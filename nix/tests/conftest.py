"""What the tests of the Nix side share: the ways in which Nix is set up, and the files that the flakes under test need.

`.ci/nix` calls pytest with these in the environment:

* `FORESEE`: the static binary;
* `FORESEE_NIX_WORK`: a directory that all set-ups see at the same path. Its `versions.json` has the versions of Nix, each with
  the command that leads to where it is installed.
"""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import programs
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
WORK = Path(os.environ.get("FORESEE_NIX_WORK", "/nonexistent"))
SYSTEM = f"{os.uname().machine}-linux"
# Some user who isn't root and owns nothing.
USER = 12345
# No step of a test takes longer on a slow machine; a test that hangs ends there.
TIMEOUT = 120


@dataclass(frozen=True)
class Nix:
    """One way in which Nix is set up: a version, as one user or for several, with a store of its own."""

    version: str
    enter: tuple[str, ...]
    several_users: bool

    @property
    def name(self):
        return f"{self.version}-{'users' if self.several_users else 'single'}"

    @property
    def home(self) -> Path:
        return WORK / self.name

    @property
    def root(self) -> Path:
        """What /nix is beneath of."""
        return self.home / "rootfs"

    @property
    def has_own_nix(self) -> bool:
        """Whether /nix is this set-up's own, by a mount; else Nix itself maps it into `root`, which old versions do badly.

        Only root can mount, and a Nix that lies in /nix would vanish.
        """
        return os.geteuid() == 0 and (bool(self.enter) or not os.path.realpath(shutil.which("nix")).startswith("/nix/"))

    def real(self, path: str | Path) -> Path:
        """The file behind a path of the store, through its symlinks, which lead into /nix/store as well."""
        current = Path(path) if Path(path).is_relative_to(self.root) else self.root / str(path).lstrip("/")
        while current.is_symlink() and str(target := current.readlink()).startswith("/nix/"):
            current = self.root / str(target).lstrip("/")
        return current

    def set_up(self):
        (self.home / "conf").mkdir(parents=True)
        # Without it a user's Nix would fall back to a store in the home directory.
        (self.root / "nix/var/nix").mkdir(parents=True)
        (self.home / "conf/nix.conf").write_text(
            ("" if self.has_own_nix else f"store = {self.root}\n") + "sandbox = true\n"
            "sandbox-fallback = false\n"
            f"build-users-group = {'nixbld' if self.several_users else ''}\n"
            "experimental-features = nix-command flakes\n"
            "substituters =\n"
            "flake-registry =\n"
            "fsync-metadata = false\n"
            "max-jobs = 2\n"
        )
        if not self.several_users and os.geteuid() == 0:
            for directory in (self.home, *self.home.rglob("*")):
                os.chown(directory, USER, USER)

    def run(self, *command: str | Path, cwd: Path | None = None, fails: bool = False) -> subprocess.CompletedProcess:
        """Runs a command as this set-up's user and expects that it succeeds, or `fails`."""
        become: tuple[str, ...] = ()
        if self.has_own_nix:
            become = (str(REPOSITORY / "nix/tests/in-nix"), str(self.home))
        if os.geteuid() == 0 and not self.several_users:
            become += ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups")
        environment = (
            "env",
            "--chdir",
            str(cwd or self.home),
            f"HOME={self.home}",
            f"NIX_CONF_DIR={self.home}/conf",
            f"XDG_CACHE_HOME={self.home}/cache",
            "USER=tester",
        )
        done = subprocess.run(
            [*self.enter, *become, *environment, *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            timeout=TIMEOUT,
        )
        if (done.returncode != 0) != fails:
            pytest.fail(
                f"{self.name}: exit status {done.returncode} of {' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}"
            )
        return done

    def evaluate(self, expression: str):
        """The value of an expression in which `lib` is the library and `test` the library with its runner."""
        return json.loads(self.run("nix", "eval", "--impure", "--json", "--expr", in_scope(expression)).stdout)

    def error(self, expression: str) -> str:
        """What Nix says to an expression that can't be evaluated."""
        return self.run("nix", "eval", "--impure", "--json", "--expr", in_scope(expression), fails=True).stderr

    def build(self, flake: Path, *attributes: str, fails: bool = False, options: tuple = ()) -> subprocess.CompletedProcess:
        """`nix build` of attributes of a flake, none of which is fetched from anywhere."""
        installables = [f"path:{flake}#{attribute}" for attribute in attributes]
        return self.run("nix", "build", "--no-link", *OFFLINE, *options, *installables, fails=fails)

    def path_of(self, flake: Path, attribute: str) -> Path:
        """The files of an attribute that has been built."""
        path = self.run("nix", "eval", "--raw", *OFFLINE, f"path:{flake}#{attribute}.outPath").stdout
        return self.real(path)


OFFLINE = (
    "--no-write-lock-file",
    "--override-input",
    "foresee",
    f"path:{WORK}/foresee",
    "--override-input",
    "nixpkgs",
    f"path:{WORK}/nixpkgs",
)


def in_scope(expression: str) -> str:
    return (
        f"let lib = import {WORK}/foresee/nix/lib;"
        f' test = lib.mkLib {{ runner = {WORK}/nixpkgs/foresee; system = "{SYSTEM}"; }};'
        f" busybox = {WORK}/nixpkgs/busybox; in {expression}"
    )


def ways() -> list[Nix]:
    """Both versions, as one user and, where the tests are run by root, for several."""
    versions = WORK / "versions.json"
    return [
        Nix(version, tuple(enter), several_users)
        for version, enter in (json.loads(versions.read_text()) if versions.exists() else {}).items()
        for several_users in ([True, False] if os.geteuid() == 0 else [False])
    ]


@pytest.fixture(scope="session", autouse=True)
def staged():
    """The parts of the repository that its users get, and a nixpkgs of what this machine has: foresee and busybox."""
    missing = [name for name in ("FORESEE", "FORESEE_NIX_WORK") if name not in os.environ]
    if missing:
        pytest.exit(f"{', '.join(missing)} not set: run .ci/nix", returncode=2)
    WORK.chmod(0o755)
    foresee = WORK / "foresee"
    foresee.mkdir()
    for name in ("flake.nix", "default.nix", "nix", "Cargo.toml", "Cargo.lock"):
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, foresee / name, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
        else:
            shutil.copy(source, foresee / name)
    for crate in ("cli", "rules"):
        shutil.copytree(REPOSITORY / crate / "src", foresee / crate / "src")

    nixpkgs = WORK / "nixpkgs"
    shutil.copytree(REPOSITORY / "nix/tests/nixpkgs", nixpkgs)
    (nixpkgs / "foresee/bin").mkdir(parents=True)
    shutil.copy(os.environ["FORESEE"], nixpkgs / "foresee/bin/foresee")
    programs.busybox(nixpkgs / "busybox")


def set_up(nix: Nix) -> Nix:
    if not nix.home.exists():
        nix.set_up()
    return nix


@pytest.fixture(scope="session", params=ways(), ids=lambda nix: nix.name)
def nix(request, staged) -> Nix:
    return set_up(request.param)


@pytest.fixture(scope="session", params=[nix for nix in ways() if not nix.several_users], ids=lambda nix: nix.version)
def evaluator(request, staged) -> Nix:
    """Each version, for tests that build nothing: evaluation knows no users."""
    return set_up(request.param)


def pytest_unconfigure(config):
    """Ends with the line that the test command adds up."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        count = {outcome: len(reporter.stats.get(outcome, [])) for outcome in ("passed", "failed", "error", "skipped")}
        if count["skipped"]:
            print(f"{count['skipped']} skipped")
        print(f"{count['passed']} passed, {count['failed'] + count['error']} failed")
