#!/bin/bash
# Every relative link of a Markdown file points at a file of the repository, every #anchor at a heading.
set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit
bad=0

# The anchors of a file, as GitHub makes them from headings.
anchors() {
    sed -n -e '/^```/,/^```/d' -e 's/^##* //p' "$1" | tr '[:upper:]' '[:lower:]' |
        sed -e 's/[^[:alnum:] _-]//g' -e 's/ /-/g'
}

while IFS= read -r file; do
    directory=$(dirname "$file")
    while IFS= read -r link; do
        case $link in *://* | mailto:* | '') continue ;; esac
        path=${link%%#*}
        anchor=${link#"$path"}
        anchor=${anchor#\#}
        to=$file
        [ -z "$path" ] || to=$directory/$path
        if [ ! -e "$to" ]; then
            echo "$file: no such file: $link"
            bad=1
        elif [ -n "$anchor" ] && [ -f "$to" ] && ! anchors "$to" | grep -qxF -- "$anchor"; then
            echo "$file: no such heading: $link"
            bad=1
        fi
    done < <(sed -e '/^```/,/^```/d' -e 's/`[^`]*`//g' "$file" | grep -oE '\]\([^) ]+\)' | sed -e 's/^](//' -e 's/)$//')
done < <(git ls-files -- '*.md')
exit $bad
