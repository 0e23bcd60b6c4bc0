"""Programs for the build sandbox, made of this machine's: there is no nixpkgs to take them from."""

import compileall
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from py_compile import PycInvalidationMode

import pytest

# Of Python's library, what no test needs and is large.
LEFT_OUT = (
    "__pycache__",
    "config-*",
    "dist-packages",
    "distutils",
    "ensurepip",
    "idlelib",
    "lib2to3",
    "pydoc_data",
    "site-packages",
    "test",
)


def busybox(package: Path):
    """The static busybox, under each of its names."""
    (package / "bin").mkdir(parents=True)
    executable = shutil.which("busybox")
    if executable is None:
        pytest.exit("no busybox: apt-get install busybox-static", returncode=2)
    shutil.copy(executable, package / "bin/busybox")
    for applet in subprocess.check_output([executable, "--list"], text=True).split():
        if applet != "busybox":
            (package / "bin" / applet).symlink_to("busybox")


def python(parts: Path):
    """The Python that runs this, as parts of which python.nix makes a package: it needs to know its path in the store."""
    stdlib = Path(sysconfig.get_path("stdlib"))
    # Where the executable looks for its library beneath PYTHONHOME.
    home = parts / "home/lib" / stdlib.name
    shutil.copytree(stdlib, home, ignore=shutil.ignore_patterns(*LEFT_OUT))
    # By hash, since Nix sets all times to the same.
    compileall.compile_dir(home, quiet=2, workers=0, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)

    executable = parts / "python"
    shutil.copy(Path(sys.executable).resolve(), executable)
    libraries = parts / "lib"
    libraries.mkdir()
    for linked in (executable, *home.glob("lib-dynload/*.so")):
        for line in subprocess.check_output(["ldd", linked], text=True).splitlines():
            # `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x…)`, and the loader without an arrow.
            library = next((Path(word) for word in line.split() if word.startswith("/")), None)
            if library is not None and not (libraries / library.name).exists():
                shutil.copy(library, libraries / library.name)
    (loader,) = libraries.glob("ld-*.so*")
    loader.rename(libraries / "loader")
