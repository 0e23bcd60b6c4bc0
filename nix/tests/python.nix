# Python with its C libraries beside it: the sandbox has no /lib, so the loader is called by its path. `parts` are what
# programs.py copied.
{
  system,
  busybox,
  parts,
}:
derivation {
  name = "python3";
  inherit system;
  builder = "${busybox}/bin/busybox";
  args = [
    "sh"
    "-euc"
    ''
      ${busybox}/bin/mkdir -p $out/bin
      cat >$out/bin/python3 <<'END'
      #!${busybox}/bin/sh
      export PYTHONHOME=${parts}/home
      exec ${parts}/lib/loader --library-path ${parts}/lib --argv0 python3 ${parts}/python "$@"
      END
      ${busybox}/bin/chmod 755 $out/bin/python3
    ''
  ];
}
