#!/usr/bin/env bash
# The root directory of the containers of `make test-containers`: a small Debian and the libraries that a Python needs, 220 MB.
#   install_root.sh FOLDER
set -euo pipefail
libraries=libssl3,libsqlite3-0,libffi8,libbz2-1.0,liblzma5,zlib1g,libexpat1,libncursesw6,libreadline8,libuuid1
debootstrap --variant=minbase --include="$libraries" bookworm "$1"
