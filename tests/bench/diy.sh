#!/bin/bash
# What an administrator would write instead: watch a folder, decrypt, check, sort, note, move.
# Usage: diy.sh ROOT. In ROOT: in/ (watched; the name of a file begins with its school's number), signers/ (the
# fingerprint of each school), gnupg/ (keys, with an agent), transfers.db and done/, refused/, teams/, receipts/. It works on as many files at once as there are cores.
# Unlike the gateway it keeps plaintext on the disk, signs nothing, and proves nothing.
set -u
export ROOT=$1 GNUPGHOME=$1/gnupg

handle() {
    local name=$1 plain status sum kind signer
    signer=$(<"$ROOT/signers/${name%%-*}")
    plain=$ROOT/teams/$name.xml
    status=$(gpg --batch --quiet --status-fd 1 --trust-model always --output "$plain" --decrypt "$ROOT/in/$name" 2>/dev/null)
    if ! grep -q "^\[GNUPG:\] VALIDSIG .*$signer" <<<"$status" || ! xmllint --noout --nonet "$plain" 2>/dev/null; then
        rm -f "$plain"
        mv "$ROOT/in/$name" "$ROOT/refused/"
        return
    fi
    kind=unknown
    grep -q -m1 '<CTfile' "$plain" && kind=student-core
    grep -q -m1 '<Message' "$plain" && kind=school-census
    sum=$(sha256sum "$ROOT/in/$name")
    sqlite3 -cmd '.timeout 60000' "$ROOT/transfers.db" \
        "INSERT INTO transfer VALUES ('$name', '${sum%% *}', '$kind', datetime('now'))"
    mv "$ROOT/in/$name" "$ROOT/done/"
    printf 'Your file %s was accepted as %s.\nSHA-256 %s\n' "$name" "$kind" "${sum%% *}" >"$ROOT/receipts/$name.txt"
}
export -f handle

sqlite3 "$ROOT/transfers.db" 'PRAGMA journal_mode=WAL' \
    'CREATE TABLE transfer (name TEXT PRIMARY KEY, sha256 TEXT, kind TEXT, at TEXT)' >/dev/null
inotifywait --quiet --monitor --event close_write --event moved_to --format '%f' "$ROOT/in" |
    xargs -P "$(nproc)" -I{} bash -c 'handle "$1"' handle {}
