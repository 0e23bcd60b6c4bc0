"""The platforms that foresee runs on."""

# Name, as in a release's file names, to constraints and the Rust target of the static runner.
PLATFORMS = {
    "aarch64-linux": struct(
        constraints = ["@platforms//cpu:aarch64", "@platforms//os:linux"],
        triple = "aarch64-unknown-linux",
    ),
    "x86_64-linux": struct(
        constraints = ["@platforms//cpu:x86_64", "@platforms//os:linux"],
        triple = "x86_64-unknown-linux",
    ),
}

def host_platform(rctx):
    """The platform that Bazel itself runs on.

    Args:
      rctx: a repository context.

    Returns:
      A key of PLATFORMS.
    """
    arch = getattr(rctx.os, "arch", None) or rctx.execute(["uname", "-m"]).stdout.strip()
    arch = {"amd64": "x86_64", "arm64": "aarch64"}.get(arch, arch)
    name = "%s-%s" % (arch, "linux" if rctx.os.name.startswith("linux") else rctx.os.name.replace(" ", "_"))
    if name not in PLATFORMS:
        fail("foresee runs on %s, not on %s" % (" and ".join(PLATFORMS), name))
    return name
