"""For a WORKSPACE file: where the runner comes from. With Bzlmod, use the extension in `extensions.bzl`."""

load("//bazel/private:runners.bzl", "declare_runners")

def foresee_archive(platform, urls, integrity, strip_prefix = "", runner = "foresee"):
    """A prebuilt runner for one platform, for `foresee_repositories`.

    Args:
      platform: `x86_64-linux` or `aarch64-linux`.
      urls: where the archive is, one mirror after the other.
      integrity: the archive's checksum: `sha256-` and base64.
      strip_prefix: a directory of the archive to take as its root.
      runner: the path of the runner in the archive.

    Returns:
      An element of `archives`.
    """
    return struct(platform = platform, urls = urls, integrity = integrity, strip_prefix = strip_prefix, runner = runner)

# buildifier: disable=unnamed-macro
def foresee_repositories(archives = [], local_path = None, source_profile = None):
    """Says where the runner comes from, and registers its toolchains.

    Without arguments it is built from source by the host's cargo.

    Args:
      archives: prebuilt runners, each by `foresee_archive`.
      local_path: a runner for the host's platform that is on this machine: an absolute path.
      source_profile: build a runner for the host's platform from source, in this cargo profile: `release` or `dist`.
    """
    if not archives and not local_path:
        source_profile = source_profile or "release"
    declare_runners(archives, local_path, source_profile)
    native.register_toolchains("@foresee_toolchains//:all")
