#!/bin/sh
# Says what its environment tells it to, and the text of a file.
echo "${GREETING-no greeting}"
cat "$1"
