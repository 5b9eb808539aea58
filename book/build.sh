#!/usr/bin/env bash
# Builds the book: a folder of static files that can be read without a network. `just book` calls it.
#
#   book/build.sh MDBOOK [FOLDER]     target/book if none is named; its files are replaced
#
# The playground is in it where `playground/build.sh` has built one before: it needs a compiler of WebAssembly.
set -euo pipefail
cd "$(dirname "$0")/.."

mdbook=$1
site=${2:-target/book}
case $site in /*) ;; *) site=$PWD/$site ;; esac

"$mdbook" build book --dest-dir "$site"

# Pages link to files of the repository by their place in it. A copy of each comes with the book, as a text.
for page in "$site"/*.html; do
    { grep -o 'href="\.\./\.\./[^"#]*' "$page" || true; } | sed 's|^href="../../||' | sort -u | while read -r linked; do
        file=$linked
        # mdBook has taken links to pages of docs/ for links to its own.
        [ -e "$file" ] || file=${linked%.html}.md
        mkdir -p "$(dirname "$site/source/$file")"
        cp "$file" "$site/source/$file.txt"
        sed -i "s|href=\"../../$linked\(#[^\"]*\)\{0,1\}\"|href=\"source/$file.txt\"|g" "$page"
    done
done

if [ -e target/playground/site/engine.wasm ]; then
    mkdir -p "$site/playground"
    cp target/playground/site/* "$site/playground/"
else
    echo 'without the playground: "just playground-build" makes it, then build the book again' >&2
fi
printf '%s/index.html: %d pages, %d kB\n' "$site" "$(find "$site" -name '*.html' | wc -l)" $(($(du -sk "$site" | cut -f1)))
