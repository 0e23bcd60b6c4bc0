"""Turns the ways to name a runner into repositories, for the module extension and for WORKSPACE alike."""

load(":platforms.bzl", "PLATFORMS")
load(":runner.bzl", "runner_archive", "runner_local", "runner_source")
load(":toolchains.bzl", "foresee_toolchains")

def declare_runners(archives, local_path, profile):
    """Declares @foresee_toolchains and the repositories of the runners.

    Args:
      archives: structs or tags with the fields of `foresee.archive`.
      local_path: the path of a runner for the host, or None.
      profile: the cargo profile to build a runner for the host in, or None.
    """
    if local_path and profile:
        fail("foresee: both a local runner (%s) and one from source: keep the one that is meant" % local_path)
    runners = {}
    for archive in archives:
        if archive.platform not in PLATFORMS:
            fail("foresee: platform = %r: write one of %s" % (archive.platform, ", ".join(PLATFORMS)))
        repository = "foresee_" + archive.platform.replace("-", "_")
        if repository in runners:
            fail("foresee: two archives for %s: keep the one that is meant" % archive.platform)
        runner_archive(
            name = repository,
            integrity = archive.integrity,
            runner = archive.runner,
            strip_prefix = archive.strip_prefix,
            urls = archive.urls,
        )
        runners[repository] = archive.platform
    if local_path:
        runner_local(name = "foresee_local", path = local_path)
        runners["foresee_local"] = ""
    if profile:
        runner_source(name = "foresee_source", profile = profile)
        runners["foresee_source"] = ""
    foresee_toolchains(name = "foresee_toolchains", runners = runners)
