#!/usr/bin/env bash
# Builds the book and follows every link in it: each file and each heading must be there, and nothing may come from a
# network, or the book could not be read without one. What the commands in it print is compared by tests/book.rs.
#
#   .ci/book.sh MDBOOK
set -euo pipefail
cd "$(dirname "$0")/.."

site=target/book
rm -rf "$site"
book/build.sh "$1" "$site"

wrong=0
fault() {
    printf '%s\n' "$*"
    wrong=$((wrong + 1))
}

links=0
while IFS=: read -r page link; do
    name=${page##*/}
    link=${link#*\"}
    links=$((links + 1))
    file=${link%%#*}
    case $link in
        *://* | mailto:* | data:*) continue ;;
        # Its parts after # are an experiment and no heading; tests/documentation.rs looks at them.
        playground/*)
            [ ! -e "$site/playground" ] || [ -e "$site/${file%%\?*}" ] || fault "$name: $link does not exist"
            continue
            ;;
    esac
    place=$site/$file
    [ -n "$file" ] || place=$page
    if [ ! -e "$place" ]; then
        fault "$name: $link does not exist"
    elif [[ $link == *'#'?* ]] && ! grep -qF "id=\"${link#*#}\"" "$place"; then
        fault "$name: $link has no such heading"
    fi
done < <(grep -oHE '(href|src)="[^"]*' "$site"/*.html | sort -u)

if grep -lE '<(script|img|link)[^>]*(src|href)="https?://' "$site"/*.html; then
    fault 'these pages load something from a network'
fi
printf '%d links, %d faults\n' "$links" "$wrong"
# A book without links has not been looked at.
[ "$links" -gt 100 ] && [ "$wrong" = 0 ]
