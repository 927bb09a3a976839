// Follow a log by its tiles with golang.org/x/mod/sumdb, which knows nothing of the gateway:
//
//	follow VKEY FOLDER SEEN
//
// FOLDER is what a web server gives out (C2SP tlog-tiles). SEEN keeps the last head; a head that does not
// continue it ends with status 1. Debian: golang-go, golang-golang-x-mod-dev; GO111MODULE=off.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
}

// tiles reads tiles of height 8 under the names of C2SP: tile/LEVEL/x001/002 and .p/WIDTH.
type tiles struct{ folder string }

func (tiles) Height() int                     { return 8 }
func (tiles) SaveTiles([]tlog.Tile, [][]byte) {}
func (t tiles) ReadTiles(of []tlog.Tile) (found [][]byte, err error) {
	for _, one := range of {
		whole := one
		whole.W = 256
		// x/mod: tile/8/LEVEL/N; C2SP leaves the height out.
		name := strings.Replace(whole.Path(), "tile/8/", "tile/", 1)
		data, err := os.ReadFile(filepath.Join(t.folder, name))
		if err != nil {
			name = strings.Replace(one.Path(), "tile/8/", "tile/", 1)
			if data, err = os.ReadFile(filepath.Join(t.folder, name)); err != nil {
				return nil, err
			}
		}
		found = append(found, data[:one.W*tlog.HashSize])
	}
	return found, nil
}

func head(verifier note.Verifier, text []byte) tlog.Tree {
	opened, err := note.Open(text, note.VerifierList(verifier))
	check(err)
	lines := strings.SplitN(opened.Text, "\n", 4)
	var size int64
	_, err = fmt.Sscanf(lines[1], "%d", &size)
	check(err)
	root, err := tlog.ParseHash(lines[2])
	check(err)
	return tlog.Tree{N: size, Hash: root}
}

func main() {
	verifier, err := note.NewVerifier(os.Args[1])
	check(err)
	text, err := os.ReadFile(filepath.Join(os.Args[2], "checkpoint"))
	check(err)
	now := head(verifier, text)
	reader := tlog.TileHashReader(now, tiles{os.Args[2]})
	root, err := tlog.TreeHash(now.N, reader) // Each tile is checked against the signed root.
	check(err)
	if root != now.Hash {
		check(fmt.Errorf("the tiles are not those of the signed head"))
	}
	// The reader of x/mod 0.19 does not hold every tile against its parent: hash all anew, from the leaves.
	var stored []tlog.Hash
	var leaves []byte
	own := tlog.HashReaderFunc(func(indexes []int64) (found []tlog.Hash, err error) {
		for _, one := range indexes {
			found = append(found, stored[one])
		}
		return found, nil
	})
	for at := int64(0); at < now.N; at++ {
		tile := tlog.TileForIndex(8, tlog.StoredHashIndex(0, at))
		tile.W = int(min(256, now.N-tile.N*256))
		if at%256 == 0 {
			read, err := tiles{os.Args[2]}.ReadTiles([]tlog.Tile{tile})
			check(err)
			leaves = read[0]
		}
		var leaf tlog.Hash
		copy(leaf[:], leaves[(at%256)*tlog.HashSize:])
		hashes, err := tlog.StoredHashesForRecordHash(at, leaf, own)
		check(err)
		stored = append(stored, hashes...)
	}
	root, err = tlog.TreeHash(now.N, own)
	check(err)
	if root != now.Hash {
		check(fmt.Errorf("the leaves are not those of the signed head"))
	}
	if before, err := os.ReadFile(os.Args[3]); err == nil {
		old := head(verifier, before)
		if old.N > now.N {
			check(fmt.Errorf("the log has %d entries and had %d: it was cut", now.N, old.N))
		}
		proof, err := tlog.ProveTree(now.N, old.N, own)
		check(err)
		check(tlog.CheckTree(proof, now.N, now.Hash, old.N, old.Hash))
	}
	check(os.WriteFile(os.Args[3], text, 0o600))
	fmt.Printf("follows: %d entries\n", now.N)
}
