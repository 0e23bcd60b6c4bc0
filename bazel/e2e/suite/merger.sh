#!/bin/sh
# Puts together what the programs of a test wrote: cat DIRECTORY/*.dat >OUTPUT.
for argument; do
  case $argument in
    --coverage_dir=*) from=${argument#*=} ;;
    --output_file=*) to=${argument#*=} ;;
  esac
done
cat "$from"/*.dat >"$to"
