#!/bin/sh
# Says what its environment tells it to, and the text of a file among its runfiles.
echo "${GREETING-no greeting}"
cat "$RUNFILES_DIR/$1"
