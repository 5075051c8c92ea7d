#!/bin/sh
# Starts the device command on the Node that install.sh found fit for it.
here=$(dirname "$(readlink -f "$0")")
if [ ! -x "$here/node" ]; then
  echo "beltsight-device: there is no Node at $here/node any more. Install Node 20.19 or later, or 22.12 or later, and run $(dirname "$here")/install.sh again." >&2
  exit 127
fi
exec "$here/node" "$here/../lib/cli.mjs" "$@"
