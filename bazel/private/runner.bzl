"""Repository rules that each bring one runner: by URL, from a local path, or built from source."""

load(":platforms.bzl", "PLATFORMS", "host_platform")

_BUILD = """load({toolchain_bzl}, "foresee_toolchain")

foresee_toolchain(
    name = "toolchain",
    runner = "{runner}",
    visibility = ["//visibility:public"],
)
"""

def _build_file(rctx, runner):
    rctx.file("BUILD.bazel", _BUILD.format(
        runner = runner,
        toolchain_bzl = json.encode(str(Label("//bazel/toolchain:toolchain.bzl"))),
    ))

def _runner_archive_impl(rctx):
    rctx.download_and_extract(
        rctx.attr.urls,
        integrity = rctx.attr.integrity,
        stripPrefix = rctx.attr.strip_prefix,
    )
    if not rctx.path(rctx.attr.runner).exists:
        fail("the archive %s has no file %r: say `runner` or `strip_prefix`" % (rctx.attr.urls[0], rctx.attr.runner))
    _build_file(rctx, rctx.attr.runner)

runner_archive = repository_rule(
    implementation = _runner_archive_impl,
    doc = "Downloads a prebuilt runner.",
    attrs = {
        "integrity": attr.string(mandatory = True),
        "runner": attr.string(default = "foresee"),
        "strip_prefix": attr.string(),
        "urls": attr.string_list(mandatory = True),
    },
)

def _runner_local_impl(rctx):
    path = rctx.attr.path
    if not path.startswith("/"):
        if not hasattr(rctx, "workspace_root"):
            fail("foresee: path = %r: this Bazel wants an absolute path" % path)
        path = str(rctx.workspace_root) + "/" + path
    if not rctx.path(path).exists:
        fail("foresee: there is no runner at %s" % path)
    rctx.symlink(path, "foresee")
    _build_file(rctx, "foresee")

runner_local = repository_rule(
    implementation = _runner_local_impl,
    doc = "Takes a runner that is on this machine.",
    attrs = {"path": attr.string(mandatory = True)},
    local = True,
)

def _static_triple(rctx, rustc, triple):
    """The Rust target to build for, and the flags that make the binary static."""
    musl = triple + "-musl"
    libdir = rctx.execute([rustc, "--print", "target-libdir", "--target", musl])
    if libdir.return_code == 0 and rctx.path(libdir.stdout.strip()).exists:
        return musl, ""

    # Without a musl target (`rustup target add`), glibc is linked statically, if the machine has its static library.
    return triple + "-gnu", "-C target-feature=+crt-static"

def _runner_source_impl(rctx):
    manifest = rctx.path(Label("//:Cargo.toml"))
    if hasattr(rctx, "watch_tree"):
        for crate in ["cli", "rules"]:
            rctx.watch_tree(manifest.dirname.get_child(crate))
    rctx.path(Label("//:Cargo.lock"))

    cargo, rustc = rctx.which("cargo"), rctx.which("rustc")
    if not cargo or not rustc:
        fail("foresee is built from source, and there is no cargo on PATH. Install Rust (https://rustup.rs), " +
             "or name a prebuilt runner by foresee.archive or foresee.local: see docs/bazel.md")
    triple, flags = _static_triple(rctx, rustc, PLATFORMS[host_platform(rctx)].triple)
    rctx.report_progress("Building the foresee runner with cargo")
    environment = {"CARGO_TARGET_DIR": str(rctx.path("target"))}
    if flags:
        environment["RUSTFLAGS"] = flags
    result = rctx.execute(
        [
            cargo,
            "build",
            "--locked",
            "--package=foresee",
            "--profile=" + rctx.attr.profile,
            "--target=" + triple,
            "--manifest-path=" + str(manifest),
        ],
        environment = environment,
        timeout = 1800,
    )
    if result.return_code:
        fail("cargo could not build foresee for %s:\n%s" % (triple, result.stderr))
    moved = rctx.execute(["mv", "target/%s/%s/foresee" % (triple, rctx.attr.profile), "foresee"])
    if moved.return_code:
        fail("cargo built no runner: " + moved.stderr)
    rctx.delete("target")
    _build_file(rctx, "foresee")

runner_source = repository_rule(
    implementation = _runner_source_impl,
    doc = "Builds the runner from this module's source with the host's cargo.",
    attrs = {"profile": attr.string(default = "release", values = ["dist", "release"])},
    environ = ["CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"],
)
